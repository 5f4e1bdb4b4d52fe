/* Requests that write at the same time share one commit; each is whole or not at all, and none is
 * answered before it is kept. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

/* The program, in which no file may grow beyond FILE_KIB when that is given. */
const real = path.resolve(process.env.VALETKEY_BIN ?? 'build/valetkey');
const scratch = mkdtempSync(path.join(tmpdir(), 'valetkey-together-'));
const wrapper = path.join(scratch, 'valetkey');
writeFileSync(wrapper, `#!/bin/bash\ntrap '' XFSZ\n[ -n "$FILE_KIB" ] && ulimit -f "$FILE_KIB"\nexec '${real}' "$@"\n`);
chmodSync(wrapper, 0o755);
process.env.VALETKEY_BIN = wrapper;
const { startSandbox } = await import('../lib/server.mjs');
after(() => rmSync(scratch, { recursive: true, force: true }));

const GRANTS = 24;
const app = { key: 'togetherkey0001', secret: 'togethersecret1' };
const refreshTokens = Array.from({ length: GRANTS }, (_, i) => `together_${i}_`.padEnd(64, 'x'));
const seedFile = path.join(scratch, 'seed.json');
writeFileSync(seedFile, JSON.stringify({
	accounts: [
		{ email: 'ann@example.com', password: 'not a secret 1', given_name: 'Ann', surname: 'Example' },
		{ email: 'bob@example.com', password: 'not a secret 2', given_name: 'Bob', surname: 'Example', type: 'business' },
	],
	apps: [{ owner: 'ann@example.com', name: 'Together', app_key: app.key, app_secret: app.secret, redirect_uris: ['http://localhost/cb'] }],
	grants: refreshTokens.map((refresh_token) => ({ app: app.key, account: 'ann@example.com', offline: true, refresh_token })),
}));

const start = (opt = {}) => startSandbox({ log: 'warn', ...opt, args: ['--seed', seedFile] });

async function post(box, params) {
	const res = await fetch(`${box.url}/oauth2/token`, {
		method: 'POST',
		headers: { 'content-type': 'application/x-www-form-urlencoded' },
		body: new URLSearchParams({ client_id: app.key, client_secret: app.secret, ...params }).toString(),
	});
	return { status: res.status, body: await res.json() };
}
const refresh = (box, refresh_token, more) => post(box, { grant_type: 'refresh_token', refresh_token, ...more });
const exchange = (box, code) => post(box, { grant_type: 'authorization_code', code, redirect_uri: 'http://localhost/cb' });

async function code(box) {
	const query = new URLSearchParams({ client_id: app.key, response_type: 'code', redirect_uri: 'http://localhost/cb', token_access_type: 'offline' });
	const { redirect } = await box.control('POST', '/_sandbox/consent', { query: `${query}`, email: 'ann@example.com', decision: 'allow' });
	return new URL(redirect).searchParams.get('code');
}

async function works(box, access) {
	const res = await fetch(`${box.url}/2/users/get_current_account`, { method: 'POST', headers: { authorization: `Bearer ${access}` } });
	await res.arrayBuffer();
	return res.status;
}

const detail = async (box) => (await box.state()).grants_detail;

test('those that fail among others fail alone, and what they must leave behind stays', async () => {
	const box = await start();
	await box.control('PUT', `/_sandbox/apps/${app.key}/personality`, { rotation: 'single' });
	const guessed = await code(box);
	const calls = refreshTokens.flatMap((token) => [
		refresh(box, token),
		refresh(box, 'nobody_has_this'.padEnd(64, '0')),
		refresh(box, token, { scope: 'files.everything' }),
		post(box, { grant_type: 'authorization_code', code: guessed, redirect_uri: 'http://localhost/other' }),
	]);
	const replies = await Promise.all(calls);
	const fresh = replies.filter((r) => r.status === 200).map((r) => r.body);
	assert.equal(fresh.length, GRANTS);
	assert.equal(replies.filter((r) => r.status === 400).length, 3 * GRANTS);
	for (const got of fresh) {
		assert.equal(await works(box, got.access_token), 200);
		assert.equal((await refresh(box, got.refresh_token)).status, 200);
	}
	const grants = (await detail(box)).filter((g) => g.refreshes > 0);
	assert.deepEqual(grants.map((g) => g.refreshes), Array(GRANTS).fill(2));
	/* A refused guess is counted although its request failed: five and the code is dead. */
	assert.equal((await exchange(box, guessed)).body.error, 'invalid_grant');
	await box.stop();
});

test('a reply that a fault takes away belongs to a request that was kept, among others that were answered', async () => {
	const box = await start();
	await box.control('POST', '/_sandbox/faults', { path: '/oauth2/token', mode: 'lose_reply', count: GRANTS / 2 });
	const ends = await Promise.allSettled(refreshTokens.map((t) => refresh(box, t)));
	assert.equal(ends.filter((e) => e.status === 'rejected').length, GRANTS / 2);
	const counts = (await detail(box)).map((g) => g.refreshes);
	assert.deepEqual(counts, Array(GRANTS).fill(1));
	await box.stop();
});

/* Many clients until the program is gone, or refuses; -> what was acknowledged. */
async function load(box, { enough = Infinity, onEnough }) {
	const kept = { access: [], used: [], refresh: [], refused: 0 };
	async function client(token) {
		for (;;) {
			const mine = await code(box).catch(() => null); /* refused, or the program is gone */
			if (mine === null) kept.refused++;
			if (kept.refused > 0) return;
			const first = await exchange(box, mine);
			if (first.status === 200) {
				kept.used.push(mine);
				kept.refresh.push(first.body.refresh_token);
				kept.access.push(first.body.access_token);
			}
			const again = await refresh(box, token);
			if (again.status === 200) kept.access.push(again.body.access_token);
			if (first.status >= 500 || again.status >= 500) kept.refused++;
			if (kept.access.length >= enough) onEnough();
			if (kept.refused > 0) return;
		}
	}
	await Promise.allSettled(refreshTokens.map(client));
	return kept;
}

async function checkKept(box, kept) {
	for (const access of kept.access) assert.equal(await works(box, access), 200);
	for (const token of kept.refresh) assert.equal((await refresh(box, token)).status, 200);
	for (const mine of kept.used) assert.equal((await exchange(box, mine)).body.error_description, 'code has already been used');
}

test('what was acknowledged holds after the program is killed in the midst of it', async () => {
	const data = mkdtempSync(path.join(scratch, 'killed-'));
	for (const enough of [20, 150]) {
		const box = await start({ data });
		const kept = await load(box, { enough, onEnough: () => box.program.child.kill('SIGKILL') });
		await box.kill();
		assert.ok(kept.access.length >= enough && kept.used.length > 0);
		const again = await start({ data });
		await checkKept(again, kept);
		await again.stop({ keep: true });
	}
});

test('when the commit of several fails nobody is told that it worked', async () => {
	const data = mkdtempSync(path.join(scratch, 'full-'));
	const box = await start({ data, env: { FILE_KIB: '1500' } });
	const kept = await load(box, {});
	assert.ok(kept.refused > 0 && kept.access.length > 0);
	await box.kill();
	const again = await start({ data });
	await checkKept(again, kept);
	const counted = (await detail(again)).reduce((n, g) => n + g.refreshes, 0);
	/* One for each refresh that was acknowledged, here and above. */
	assert.equal(counted, kept.access.length - kept.used.length + kept.refresh.length);
	await again.stop({ keep: true });
});
