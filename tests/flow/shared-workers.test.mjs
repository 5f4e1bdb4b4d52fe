/* One caller, one provider, one webhook cannot hold up the others; and small things that were told wrongly. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { test } from 'node:test';

import { startDesk } from '../lib/desk.mjs';
import { startHook } from '../lib/hook.mjs';
import { programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { tokenReply } from '../lib/provider.mjs';

const { p, manager, ann, key, clock } = await startDesk();

const at = (name, rest = '') => `/api/v1/tokens/${encodeURIComponent(name)}/access-token${rest}`;
const refreshes = () => p.requests.filter((r) => r.path === '/oauth2/token' && r.form.grant_type === 'refresh_token').length;

/* A provider that does not answer, until let go. */
function hanging() {
	let go;
	const held = new Promise((resolve) => (go = resolve));
	return { go: () => go(), wait: (reply) => () => held.then(() => reply) };
}

test('S-250 reports of one key that wait for a witness hold up neither the console nor other keys', async () => {
	/* a life that nobody tells: each report is looked into */
	p.on.token = () => ({ json: tokenReply({ expires_in: undefined }) });
	const list = [];
	for (let i = 0; i < 6; i++) list.push(await connectToken(ann, `Slow ${i}`));
	const limited = await makeKey(ann, { tokens: list });
	const prints = {};
	for (const t of list) {
		const { access_token } = (await programGet(manager.url, at(t.name, '?min_ttl=0'), key)).body;
		prints[t.name] = createHash('sha256').update(access_token).digest('hex');
	}
	await clock.advance(manager, 600);
	const stuck = hanging();
	p.on.account = stuck.wait({ status: 401, json: {} });
	const report = (name) => fetch(manager.url + at(name, '/rejected'), {
		method: 'POST', headers: { authorization: `Bearer ${limited.key}`, 'content-type': 'application/json' },
		body: JSON.stringify({ fingerprint: prints[name] }),
	}).then(async (r) => ({ status: r.status, retry: r.headers.get('retry-after'), body: await r.json() }));
	const reports = list.flatMap((t) => Array.from({ length: 4 }, () => report(t.name)));
	/* Three questions are out at most, one for each token; the others are told to come later meanwhile. */
	const early = await Promise.race(reports);
	assert.deepEqual([early.status, early.body.code], [503, 'reports-busy']);
	assert.ok(Number(early.retry) > 0);
	const others = await Promise.all([ann.get('/api/console/tokens'), programGet(manager.url, '/api/v1/tokens', key),
		programGet(manager.url, at('Slow 5', '?min_ttl=0'), key)]);
	assert.deepEqual(others.map((r) => r.status), [200, 200, 200]);
	assert.ok(p.count('/2/users/get_current_account') - list.length <= 3, 'witness calls');
	stuck.go();
	p.on.account = () => ({ status: 401, json: {} });
	const ends = (await Promise.all(reports)).map((r) => r.status);
	assert.ok(ends.every((s) => s === 200 || s === 503), `${ends}`);
	assert.ok(ends.filter((s) => s === 503).length >= 12, `${ends}`);
	assert.ok(ends.includes(200), 'who asked got one that works');
});

test('a life shorter than min_ttl is said, and not refreshed again before half of it', async () => {
	await connectToken(ann, 'Short Life');
	const read = () => programGet(manager.url, at('Short Life', '?min_ttl=80000'), key);
	p.requests.length = 0;
	for (let i = 0; i < 5; i++) {
		await clock.advance(manager, 11);
		const got = await read();
		assert.equal(got.status, 200);
		assert.equal(got.body.warning.code, 'shorter-than-asked');
		assert.match(got.body.warning.detail, /for 144\d\d seconds; 80000 were asked for/);
	}
	assert.equal(refreshes(), 1);
	const { refresh_token } = p.last('/oauth2/token').form;
	assert.equal((await programGet(manager.url, at('Short Life'), key)).body.warning, undefined);
	await clock.advance(manager, 7200);
	const later = await read();
	assert.equal(p.requests.filter((r) => r.form.refresh_token === refresh_token).length, 2);
	assert.ok(later.body.expires_in > 14000);
});

test('S-132 a revoked key gets nothing, also when it was waiting for a refresh', async () => {
	await connectToken(ann, 'Awaited');
	for (const which of ['all', 'some']) {
		const made = await makeKey(ann, which === 'all' ? {} : { tokens: [(await ann.get('/api/console/tokens')).body.tokens.find((t) => t.name === 'Awaited')] });
		await clock.advance(manager, 5 * 3600 * (which === 'all' ? 1 : 2));
		const stuck = hanging();
		p.on.token = stuck.wait({ json: tokenReply({ refresh_token: undefined }) });
		p.requests.length = 0;
		const waiting = programGet(manager.url, at('Awaited', '?min_ttl=14399'), made.key);
		while (refreshes() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
		assert.equal((await ann.del(`/api/console/keys/${made.id}`)).status, 204);
		stuck.go();
		const got = await waiting;
		assert.deepEqual([got.status, got.body.code], [401, 'invalid-api-key'], which);
	}
});

test('a token that is named twice is allowed once', async () => {
	const t = await connectToken(ann, 'Twice Named');
	const made = await makeKey(ann, { tokens: [t, t] });
	assert.deepEqual(made.tokens.map((x) => x.name), ['Twice Named']);
});

test('a webhook whose secret does not open holds up no other', async () => {
	const hook = await startHook();
	hook.answer = (req, res) => res.writeHead(204).end();
	try {
		const t = await connectToken(ann, 'Announced');
		const made = [];
		for (const name of ['first', 'second', 'third'])
			made.push((await ann.post('/api/console/webhooks', { name, url: `${hook.url}/${name}`, types: ['token.revealed'] })).body.webhook);
		const spoil = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=60) as db: db.execute("UPDATE webhook SET secret = ? WHERE id = ?", (bytes(90), sys.argv[2]))';
		execFileSync('python3', ['-c', spoil, path.join(manager.data, 'valetkey.db'), made[0].id]);
		assert.equal((await ann.post(`/api/console/tokens/${t.id}/reveal`)).status, 200);
		const told = [await hook.next(), await hook.next()].map((r) => r.url).sort();
		assert.deepEqual(told, ['/hook/second', '/hook/third']);
		await manager.program.until(() => (manager.log().includes(`event=webhook.not_sent webhook=${made[0].id}`) ? true : null), 'nothing was said of it');
		for (const w of made) await ann.del(`/api/console/webhooks/${w.id}`);
	} finally {
		await hook.stop();
	}
});
