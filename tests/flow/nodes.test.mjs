/*
 * Several managers on one PostgreSQL: any of them serves any request, and what one of them takes back
 * stops working on the others within two seconds (docs/mechanisms/store.md), whatever becomes of the
 * notification that tells them.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { openStream } from '../lib/events.mjs';
import { startHook } from '../lib/hook.mjs';
import { managerClient, managerVisitor, programGet } from '../lib/http.mjs';
import { connectToken, consent, freePort, makeKey, openCallback, startAttempt } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startProvider } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';
import { assertWithin, took } from '../lib/soon.mjs';

const BOUND_MS = 2000;
const LATE_MS = 20000;

let pg;
let provider;
let wire; /* between the second node and the database */
let one;
let two;
let ann; /* at the first node */
let there; /* the same browser at the second node */

/* A data directory that holds another's master key and nothing else. */
function dataWithKeyOf(node) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-node-'));
	copyFileSync(path.join(node.data, 'master.key'), path.join(dir, 'master.key'));
	return dir;
}

/* Browsers know one address, as behind a load balancer: the first node's. */
async function startNode(store, publicUrl, data) {
	const port = await freePort();
	const url = `http://127.0.0.1:${port}`;
	const env = { VALETKEY_STORE: store, VALETKEY_DROPBOX_URL: provider.url };
	const node = await startServe({ env, data, listen: `127.0.0.1:${port}`, args: ['--public-url', publicUrl ?? url] });
	return Object.assign(node, { port, url });
}

before(async () => {
	pg = await startPostgres();
	provider = await startProvider();
	wire = await pg.relay();
	one = await startNode(pg.url());
	two = await startNode(wire.url(), one.url, dataWithKeyOf(one));
	ann = await managerClient(one);
	there = Object.assign(managerVisitor(two), { cookies: ann.cookies, csrf: ann.csrf, origin: one.url });
});
after(async () => {
	await one.stop();
	await two.stop({ keep: false });
	await provider.stop();
	wire.close();
	await pg.stop();
});

const token = (node, name, key) => programGet(node.url, `/api/v1/tokens/${name}/access-token`, key);

/* With what the node answers once it is no longer 200. Nothing that is asked after the bound gets 200. */
async function untilRefused(node, name, key) {
	const began = Date.now();
	for (;;) {
		const asked = Date.now() - began;
		const { status } = await token(node, name, key);
		if (status !== 200) return { status };
		assert.ok(asked < BOUND_MS, `it still works after ${asked} ms`);
		await pause(20);
	}
}

async function workingKey(name, fields) {
	const key = await makeKey(ann, fields);
	for (const node of [one, two]) {
		const began = Date.now();
		while ((await token(node, name, key.key)).status !== 200) {
			assert.ok(Date.now() - began < LATE_MS, 'a new key works on every node');
			await pause(20);
		}
	}
	return key;
}

async function revoke(key) {
	assert.equal((await ann.del(`/api/console/keys/${key.id}`)).status, 204);
}

test('any node serves any request of a browser: what one began, another ends', async () => {
	const attempt = await startAttempt(ann);
	const page = await openCallback(there, await consent(attempt.url));
	assert.equal(page.boot?.outcome, 'connected', page.text);
	const saved = await ann.post('/api/console/tokens', { connection: attempt.id, name: 'Shared', description: '' });
	assert.equal(saved.status, 201, saved.text);
	const list = await there.get('/api/console/tokens');
	assert.deepEqual(list.body.tokens.map((t) => t.name), ['Shared']);
	const described = await there.patch(`/api/console/tokens/${saved.body.token.id}`, { description: 'by the other' });
	assert.equal(described.status, 200, described.text);
});

test('a revoked key stops working on the other node within two seconds', async () => {
	const key = await workingKey('Shared');
	await revoke(key);
	assert.equal((await untilRefused(two, 'Shared', key.key)).status, 401);
	assert.equal((await token(one, 'Shared', key.key)).status, 401);
});

test('so it does when every connection of both was cut just before', async () => {
	const key = await workingKey('Shared');
	pg.endAll();
	await revoke(key);
	assert.equal((await untilRefused(two, 'Shared', key.key)).status, 401);
});

test('and when the node\'s connections fell silent, with nobody told', async () => {
	const key = await workingKey('Shared');
	wire.silence();
	await revoke(key);
	assert.equal((await untilRefused(two, 'Shared', key.key)).status, 401);
	assert.equal((await (await fetch(`${two.url}/healthz`)).json()).status, 'ok');
});

test('while the database is down, live tokens come from memory, and health says degraded', async () => {
	const key = await workingKey('Shared');
	const state = async (node) => (await (await fetch(`${node.url}/healthz`)).json()).status;
	const until = async (want) => {
		const began = Date.now();
		while ((await state(one)) !== want || (await state(two)) !== want) {
			assert.ok(Date.now() - began < LATE_MS, `health is not ${want}`);
			await pause(50);
		}
	};
	await pg.crash();
	await until('degraded');
	for (const node of [one, two]) assert.equal((await token(node, 'Shared', key.key)).status, 200);
	const write = await ann.post('/api/console/keys', { label: 'no', all_tokens: true, token_ids: [] });
	assert.equal(write.status, 503, write.text);
	assert.equal(write.body.code, 'store-unavailable');
	assert.ok(Number(write.headers.get('retry-after')) > 0);
	await pg.start();
	await until('ok');
	await revoke(key);
	assert.equal((await untilRefused(two, 'Shared', key.key)).status, 401);
});

test('a deleted token stops working on the other node within two seconds', async () => {
	const doomed = await connectToken(ann, 'Doomed');
	const key = await workingKey('Doomed');
	wire.silence();
	assert.equal((await ann.del(`/api/console/tokens/${doomed.id}`)).status, 204);
	assert.equal((await untilRefused(two, 'Doomed', key.key)).status, 404);
});

test('a node with another master key says so and changes nothing', async () => {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-node-'));
	const args = ['serve', '--data', dir, '--listen', '127.0.0.1:0', '--store', pg.url()];
	const missing = await run(args);
	assert.notEqual(missing.code, 0);
	assert.match(missing.err, /master\.key is missing, but there is data sealed with it/);
	writeFileSync(path.join(dir, 'master.key'), Buffer.alloc(32, 7), { mode: 0o600 });
	const other = await run(args);
	assert.notEqual(other.code, 0);
	assert.match(other.err, /The master key is not the one this data was made with/);
	rmSync(dir, { recursive: true });
});

test('a store that is no PostgreSQL address is refused without telling the password', async () => {
	for (const store of ['mysql://me:hunter2@h/db', 'postgres://me:hunter2@127.0.0.1:1/db', 'postgres://me:hunter2@h:x/db']) {
		const got = await run(['serve', '--data', one.data + '-none', '--listen', '127.0.0.1:0'], { env: { VALETKEY_STORE: store } });
		assert.notEqual(got.code, 0, store);
		assert.doesNotMatch(got.out + got.err, /hunter2/);
		rmSync(one.data + '-none', { recursive: true, force: true });
	}
});

test('a stream at one node tells what happens at another, once', async () => {
	const t = await connectToken(ann, 'Streamed');
	const open = async () => {
		const k = await workingKey('Streamed', { tokens: [t] });
		const stream = await openStream(two.url, '/api/v1/events/stream', { key: k.key });
		assert.equal(stream.status, 200);
		return { k, stream };
	};
	const { stream } = await open();
	let e;
	await assertWithin(BOUND_MS, async () => {
		const next = stream.next();
		const [ms] = await Promise.all([took(next), ann.post(`/api/console/tokens/${t.id}/reveal`)]);
		e = await next;
		assert.equal(e.event, 'token.revealed');
		return ms;
	});
	await there.post(`/api/console/tokens/${t.id}/reveal`);
	assert.notEqual((await stream.next()).data.id, e.data.id);
	stream.close();
	/* S-132: the key is revoked at the other node */
	await assertWithin(BOUND_MS, async () => {
		const { k, stream: its } = await open();
		const [ms] = await Promise.all([took(its.ended), revoke(k)]);
		return ms;
	});
});

test('S-120 signing out at one node ends the stream at another', async () => {
	await assertWithin(BOUND_MS, async () => {
		const bob = await managerClient(one);
		const far = Object.assign(managerVisitor(two), { cookies: bob.cookies });
		const stream = await openStream(far, '/api/console/events/stream');
		assert.equal(stream.status, 200);
		const [ms] = await Promise.all([took(stream.ended), bob.post('/api/console/sign-out')]);
		return ms;
	});
});

test('each event is told to a webhook once, whichever node it happened at', async () => {
	const hook = await startHook();
	hook.answer = (req, res) => res.writeHead(200).end();
	const t = await connectToken(ann, 'Told once');
	const made = await ann.post('/api/console/webhooks', { name: 'x', url: hook.url, types: ['token.revealed', 'key'] });
	assert.equal(made.status, 201, made.text);
	const ids = new Set();
	for (let i = 0; i < 20; i++) {
		const node = i % 2 ? ann : there;
		assert.equal((await node.post(`/api/console/tokens/${t.id}/reveal`)).status, 200);
	}
	for (let i = 0; i < 20; i++) ids.add((await hook.next()).body.data.id);
	assert.equal(ids.size, 20);
	/* what comes after them has come: nothing more of them is under way */
	const key = await makeKey(ann, { label: 'the last' });
	while ((await hook.next()).body.data.about.id !== key.id);
	assert.equal(hook.heard.length, 0);
	assert.equal(hook.requests.length, 21);
	await ann.del(`/api/console/webhooks/${made.body.webhook.id}`);
	await hook.stop();
});
