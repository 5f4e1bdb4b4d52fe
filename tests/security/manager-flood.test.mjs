/* Sign-in under a flood of strangers, and whose request it is behind a proxy. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { managerClient, managerVisitor, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

const peakMiB = (m) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${m.pid}/status`, 'utf8'))[1]) / 1024;
const count = (replies) => replies.reduce((n, r) => ({ ...n, [r.status]: (n[r.status] ?? 0) + 1 }), {});
const attempt = (visitor, username, password, headers) => visitor.post('/api/console/sign-in', { username, password }, headers);

test('S-249 a flood of made-up names takes little memory, and no other request waits for it', async () => {
	const p = await startProvider();
	const m = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	try {
		const ann = await managerClient(m);
		const t = await connectToken(ann, 'Archive');
		const { key } = await makeKey(ann);
		const visitor = managerVisitor(m);
		await visitor.session();
		const before = peakMiB(m);
		const flood = Promise.all(Array.from({ length: 64 }, (_, i) => attempt(visitor, `name${i}`, 'x')));
		const meanwhile = await Promise.all([
			ann.get(`/api/console/tokens/${t.id}`),
			programGet(m.url, '/api/v1/tokens', key),
			/* who is signed in is not kept from a password either */
			ann.post('/api/console/password', { current: m.password, new: 'five words are long enough' }),
		]);
		assert.deepEqual(meanwhile.map((r) => r.status), [200, 200, 204]);
		const got = await flood;
		const statuses = count(got);
		assert.deepEqual(Object.keys(statuses), ['401', '503'], JSON.stringify(statuses));
		const busy = got.find((r) => r.status === 503);
		assert.equal(busy.body.code, 'sign-in-busy');
		assert.ok(Number(busy.headers.get('retry-after')) > 0);
		/* two hashes of 64 MiB; unbounded it was one for each of sixteen workers */
		assert.ok(peakMiB(m) - before < 400, `${peakMiB(m) - before} MiB`);
		/* what was told to come later was no failed attempt */
		assert.equal((await attempt(visitor, 'admin', 'five words are long enough')).status, 200);
	} finally {
		await m.stop();
		await p.stop();
	}
});

test('S-122 of many wrong passwords at once no more than ten reach the hash', async () => {
	const m = await startServe();
	try {
		const visitor = managerVisitor(m);
		await visitor.session();
		const got = [];
		for (let i = 0; i < 10; i++)
			got.push(...(await Promise.all(Array.from({ length: 5 }, (_, n) => attempt(visitor, 'admin', `wrong ${i} ${n}`)))));
		const statuses = count(got);
		assert.equal(statuses[401], 10, JSON.stringify(statuses));
		assert.ok(statuses[429] >= 30, JSON.stringify(statuses));
	} finally {
		await m.stop();
	}
});

test('S-122 the current password is not guessed by a stolen session either', async () => {
	const m = await startServe();
	try {
		const ann = await managerClient(m);
		const got = [];
		for (let i = 0; i < 14; i++)
			got.push(await ann.post('/api/console/password', { current: `wrong ${i}`, new: 'five words are long enough' }));
		assert.deepEqual(count(got), { 400: 10, 429: 4 });
		assert.ok(Number(got.at(-1).headers.get('retry-after')) > 0);
	} finally {
		await m.stop();
	}
});

/* The manager behind a proxy on this machine, which says who asks. */
const from = (address) => ({ 'x-forwarded-for': address });

test('S-157 behind a trusted proxy nobody elsewhere locks the owner out, and events say who it was', async () => {
	const m = await startServe({ args: ['--trusted-proxy', '127.0.0.1,10.0.0.7'] });
	try {
		const visitor = managerVisitor(m);
		await visitor.session();
		/* what stands to the left is an invention: it dodges nothing */
		for (let i = 0; i < 10; i++)
			assert.equal((await attempt(visitor, 'admin', 'wrong', from(`10.1.1.${i}, 203.0.113.9, 10.0.0.7`))).status, 401);
		assert.equal((await attempt(visitor, 'admin', m.password, from('198.51.100.1, 203.0.113.9'))).status, 429);
		const got = await attempt(visitor, 'admin', m.password, from('192.0.2.1'));
		assert.equal(got.status, 200, got.text);
		visitor.csrf = got.body.csrf;
		const { events } = (await visitor.get('/api/console/events?type=user&limit=20')).body;
		const seen = (type) => events.find((e) => e.type === type).from;
		assert.deepEqual([seen('user.signed_in'), seen('user.sign_in_refused')], ['192.0.2.1', '203.0.113.9']);
		await m.program.until(() => /event=user\.signed_in user=admin peer=192\.0\.2\.1\n/.exec(m.log()), 'the log does not say who it was');
	} finally {
		await m.stop();
	}
});

test('S-157 without the setting, or from an address that is none of the proxies, no header counts', async () => {
	for (const args of [[], ['--trusted-proxy', '10.0.0.7']]) {
		const m = await startServe({ args });
		try {
			const visitor = managerVisitor(m);
			await visitor.session();
			for (let i = 0; i < 10; i++)
				assert.equal((await attempt(visitor, 'admin', 'wrong', { ...from(`192.0.2.${i}`), 'x-real-ip': `192.0.2.${i}`, forwarded: `for=192.0.2.${i}` })).status, 401);
			assert.equal((await attempt(visitor, 'admin', m.password, from('192.0.2.77'))).status, 429);
			assert.doesNotMatch(m.log(), /192\.0\.2\./);
		} finally {
			await m.stop();
		}
	}
});

test('S-157 what is no list of addresses is refused at the start', async () => {
	const data = mkdtempSync(path.join(tmpdir(), 'valetkey-flood-'));
	try {
		for (const list of ['localhost', '127.0.0.1:80', '*', '10.0.0.0/8']) {
			const got = await run(['serve', '--data', data, '--listen', '127.0.0.1:0', '--trusted-proxy', list]);
			assert.equal(got.err.includes(`"${list}" is not the address of a trusted proxy`), true, got.err);
			assert.notEqual(got.code, 0);
		}
	} finally {
		rmSync(data, { recursive: true, force: true });
	}
});
