/* Callers that the provider refused: one refresh however many report, nothing for an old token. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';

import { binary, cleanEnv } from '../lib/binary.mjs';
import { testClock } from '../lib/clock.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider, tokenReply, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const clock = testClock();
let p, manager, ann, key;
const sha = (text) => createHash('sha256').update(text).digest('hex');
const refreshes = () => p.requests.filter((r) => r.form.grant_type === 'refresh_token').length;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, ...clock.env } });
	ann = await managerClient(manager);
	({ key } = await makeKey(ann));
});
after(async () => {
	await manager?.stop();
	await p?.stop();
});
beforeEach(() => p.reset());

async function report(name, fingerprint, as = key) {
	const res = await fetch(`${manager.url}/api/v1/tokens/${encodeURIComponent(name)}/access-token/rejected`, {
		method: 'POST',
		headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
		body: JSON.stringify({ fingerprint }),
	});
	return { status: res.status, headers: res.headers, body: await res.json() };
}
const live = async (name) =>
	(await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token?min_ttl=0`, key)).body.access_token;

test('one refresh however many report a refused token, and none for an old one', async () => {
	const t = await connectToken(ann, 'Many');
	const old = await live('Many');
	await clock.advance(manager, 60);
	let open;
	const gate = new Promise((resolve) => (open = resolve));
	p.on.token = async (req) => {
		await gate;
		return usual.token(req);
	};
	const reports = Array.from({ length: 10 }, (_, i) => report('Many', sha(old).slice(0, i % 2 ? 16 : 64)));
	await new Promise((resolve) => setTimeout(resolve, 300));
	open();
	const answers = await Promise.all(reports);
	const fresh = await live('Many');
	assert.notEqual(fresh, old);
	for (const a of answers) assert.deepEqual([a.status, a.body.access_token], [200, fresh], JSON.stringify(a.body));
	assert.equal(refreshes(), 1);
	/* Late comers, who were refused with the one before. */
	assert.equal((await report('Many', sha(old))).body.access_token, fresh);
	assert.equal(refreshes(), 1);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a token that was given a moment ago is not mended by another', async () => {
	const t = await connectToken(ann, 'Young');
	const got = await report('Young', sha(await live('Young')));
	assert.equal(got.status, 502, JSON.stringify(got.body));
	assert.equal(got.body.code, 'rejected-again');
	assert.ok(Number(got.headers.get('retry-after')) > 0);
	assert.equal(refreshes(), 0);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a life that nobody tells is learned from refusals', async () => {
	const silent = { expires_in: undefined };
	p.on.token = (req) => ({
		json: tokenReply(req.form.grant_type === 'refresh_token' ? { ...silent, refresh_token: undefined } : silent),
	});
	const t = await connectToken(ann, 'Silent');
	const first = await programGet(manager.url, '/api/v1/tokens/Silent/access-token', key);
	assert.equal(first.body.expires_at, null);
	await clock.advance(manager, 7200);
	assert.equal(refreshes(), 0, 'nobody knows when it ends');
	p.on.account = () => ({ status: 401, json: { error_summary: 'expired_access_token/' } });
	const got = await report('Silent', sha(first.body.access_token));
	assert.equal(got.status, 200, JSON.stringify(got.body));
	assert.ok(Math.abs(got.body.expires_in - 7200) < 30, `${got.body.expires_in}`);
	/* Refused younger than that: what is learned becomes shorter, never longer. */
	await clock.advance(manager, 3600);
	const again = await report('Silent', sha(got.body.access_token));
	assert.ok(Math.abs(again.body.expires_in - 3600) < 30, `${again.body.expires_in}`);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('who may not read a token may not report it, and learns nothing from trying', async () => {
	const t = await connectToken(ann, 'Secret one');
	const other = await connectToken(ann, 'Other');
	const limited = await makeKey(ann, { tokens: [other] });
	const there = await report('Secret one', 'a'.repeat(64), limited.key);
	const absent = await report('Nothing', 'a'.repeat(64), limited.key);
	assert.deepEqual([there.status, there.body.code], [403, 'token-not-permitted']);
	assert.deepEqual([absent.status, absent.body.code], [403, 'token-not-permitted']);
	for (const bad of ['', 'abc', 'A'.repeat(64), 'g'.repeat(64), 'a'.repeat(65), 7, null])
		assert.equal((await report('Secret one', bad)).status, 400, `${bad}`);
	for (const x of [t, other]) await ann.del(`/api/console/tokens/${x.id}`);
});

test('valetkey token rejected reads the refused token and prints one that works', async () => {
	const t = await connectToken(ann, 'By command');
	const old = await live('By command');
	await clock.advance(manager, 60);
	const command = (args, input) =>
		new Promise((resolve) => {
			const child = spawn(binary, ['token', 'rejected', ...args], {
				env: cleanEnv({ VALETKEY_URL: manager.url, VALETKEY_API_KEY: key }),
			});
			let out = '', err = '';
			child.stdout.on('data', (d) => (out += d));
			child.stderr.on('data', (d) => (err += d));
			child.on('close', (code) => resolve({ code, out, err }));
			child.stdin.end(input);
		});
	const got = await command(['By command'], `${old}\n`);
	assert.equal(got.code, 0, got.err);
	assert.notEqual(got.out.trim(), old);
	assert.equal(got.out.trim(), await live('By command'));
	assert.equal((await command(['By command', '--fingerprint', sha(old)], '')).out, got.out);
	assert.match((await command(['By command'], '')).err, /no access token/);
	assert.equal(refreshes(), 1);
	await ann.del(`/api/console/tokens/${t.id}`);
});
