/* The stream of events: who hears what, for how long, and what it costs. docs/mechanisms/events.md */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { openStream } from '../lib/events.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';
import { assertWithin, took } from '../lib/soon.mjs';

const BOUND_MS = 2000;
const CONSOLE = '/api/console/events/stream';
const API = '/api/v1/events/stream';
let p, manager, ann, one, two;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	one = await connectToken(ann, 'One');
	two = await connectToken(ann, 'Two');
});
after(async () => {
	await manager?.stop();
	await p?.stop();
});

const reveal = (t) => ann.post(`/api/console/tokens/${t.id}/reveal`);

test('a stream tells what happens, as it happens, with an id to go on from', async () => {
	const stream = await openStream(ann, CONSOLE);
	assert.equal(stream.status, 200);
	assert.equal(stream.headers.get('content-type'), 'text/event-stream');
	assert.equal(stream.headers.get('cache-control'), 'no-store');
	await reveal(one);
	const e = await stream.next();
	assert.deepEqual([e.event, e.data.type, e.data.about.name, e.data.from], ['token.revealed', 'token.revealed', 'One', '127.0.0.1']);
	const { id } = e;
	stream.close();
	await reveal(two);
	await reveal(one);
	const again = await openStream(ann, CONSOLE, { headers: { 'last-event-id': id } });
	assert.deepEqual([(await again.next()).data.about.name, (await again.next()).data.about.name], ['Two', 'One']);
	again.close();
	const tokens = await openStream(ann, `${CONSOLE}?token=${two.id}&type=token&after=${id}`);
	assert.equal((await tokens.next()).data.about.name, 'Two');
	tokens.close();
	assert.equal((await openStream(ann, CONSOLE, { headers: { 'last-event-id': 'x' } })).status, 400);
});

test('S-120 signing out ends the session\'s open stream, and no other\'s', async () => {
	const mine = await openStream(ann, CONSOLE);
	await assertWithin(BOUND_MS, async () => {
		const bob = await managerClient(manager);
		const theirs = await openStream(bob, CONSOLE);
		const cookies = new Map(bob.cookies);
		const out = bob.post('/api/console/sign-out');
		const ms = await took(theirs.ended);
		assert.equal((await out).status, 200);
		bob.cookies = cookies;
		assert.equal((await openStream(bob, CONSOLE)).status, 401);
		return ms;
	});
	let e;
	do e = await mine.next();
	while (e && e.event !== 'user.signed_out');
	assert.equal(e.data.type, 'user.signed_out', 'the other stream goes on, and tells it');
	mine.close();
});

test('S-132 a revoked key ends its open stream within two seconds', async () => {
	const other = await makeKey(ann);
	const stays = await openStream(manager.url, API, { key: other.key });
	await assertWithin(BOUND_MS, async () => {
		const k = await makeKey(ann);
		const stream = await openStream(manager.url, API, { key: k.key });
		assert.equal(stream.status, 200);
		await ann.del(`/api/console/keys/${k.id}`);
		const ms = await took(stream.ended);
		assert.equal((await openStream(manager.url, API, { key: k.key })).status, 401);
		return ms;
	});
	await reveal(one);
	assert.equal((await stays.next()).event, 'token.revealed');
	stays.close();
});

test('a new password ends the streams of the other sessions', async () => {
	await assertWithin(BOUND_MS, async () => {
		const bob = await managerClient(manager);
		const theirs = await openStream(bob, CONSOLE);
		await ann.post('/api/console/password', { current: manager.password, new: 'a sentence of words' });
		const ms = await took(theirs.ended);
		await ann.post('/api/console/password', { current: 'a sentence of words', new: manager.password });
		return ms;
	});
});

test('S-202 a narrow key\'s stream has its own tokens only, also from another\'s last id', async () => {
	const narrow = await makeKey(ann, { tokens: [one] });
	const wide = await openStream(ann, CONSOLE);
	const stream = await openStream(manager.url, API, { key: narrow.key });
	await reveal(two);
	await makeKey(ann, { label: 'somebody else\'s' });
	const foreign = await wide.next();
	await reveal(one);
	const e = await stream.next();
	assert.equal(e.data.about.id, one.id);
	assert.ok(!('from' in e.data));
	stream.close();
	wide.close();
	const again = await openStream(manager.url, API, { key: narrow.key, headers: { 'last-event-id': foreign.id } });
	assert.equal((await again.next()).data.about.id, one.id);
	again.close();
	assert.equal((await openStream(manager.url, `${API}?token=Two`, { key: narrow.key })).status, 403);
	/* what the key may no longer read is no longer told */
	const left = await openStream(manager.url, API, { key: narrow.key });
	assert.equal((await openStream(manager.url, CONSOLE, { key: narrow.key })).status, 401, 'a key is no session');
	left.close();
});

/* Streams that were closed just now may still be counted for a moment. */
async function openSoon(...args) {
	let stream;
	for (let tries = 0; tries < 600; tries++) {
		stream = await openStream(...args);
		if (stream.status !== 503) break;
		await new Promise((resolve) => setTimeout(resolve, 30));
	}
	return stream;
}

test('streams are few for each, hold no thread, and are counted when they end', async () => {
	const k = await makeKey(ann);
	const streams = [];
	for (let i = 0; i < 16; i++) streams.push(await openSoon(manager.url, API, { key: k.key }));
	for (let i = 0; i < 16; i++) streams.push(await openSoon(ann, CONSOLE));
	assert.deepEqual(streams.filter((s) => s.status !== 200).map((s) => [s.status, s.body]), []);
	const refused = await openStream(manager.url, API, { key: k.key });
	assert.equal(refused.body.code, 'too-many-streams');
	assert.ok(Number(refused.headers.get('retry-after')) > 0);
	/* more streams than there are workers, and all of them hear */
	assert.equal((await programGet(manager.url, '/api/v1/tokens', k.key)).status, 200);
	await reveal(one);
	for (const s of streams) assert.equal((await s.next()).event, 'token.revealed');
	for (const s of streams) s.close();
	const free = await openSoon(manager.url, API, { key: k.key });
	assert.equal(free.status, 200, 'whoever went away has made room');
	free.close();
});

/* Everything that comes of a raw request until isOver(all of it) or the end. */
function raw(head, isOver = () => false) {
	return new Promise((resolve) => {
		const socket = net.connect(manager.port, '127.0.0.1', () => socket.write(head));
		let got = '';
		socket.on('data', (d) => isOver((got += d)) && socket.destroy());
		socket.on('close', () => resolve(got));
		socket.on('error', () => {});
	});
}

test('the pieces are framed as chunks; HTTP/1.0 and HEAD get a whole reply', async () => {
	const { key } = await makeKey(ann);
	const head = (line) => `${line}\r\nHost: 127.0.0.1:${manager.port}\r\nAuthorization: Bearer ${key}\r\n`;
	let asked;
	const text = await raw(`${head(`GET ${API} HTTP/1.1`)}\r\n`, (so_far) => {
		if (so_far.includes('retry: ')) asked ??= reveal(one);
		return /\ndata: .*\n\n\r\n$/.test(so_far);
	});
	await asked;
	assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
	assert.match(text, /\r\nTransfer-Encoding: chunked\r\n/);
	assert.doesNotMatch(text, /Content-Length/);
	let body = text.slice(text.indexOf('\r\n\r\n') + 4);
	let pieces = 0;
	for (; body.length > 0; pieces++) {
		const [, size] = /^([0-9a-f]+)\r\n/.exec(body);
		body = body.slice(size.length + 2);
		assert.equal(body.slice(parseInt(size, 16), parseInt(size, 16) + 2), '\r\n');
		body = body.slice(parseInt(size, 16) + 2);
	}
	assert.equal(pieces, 2);
	const old = await raw(`${head(`GET ${API} HTTP/1.0`)}\r\n`);
	assert.match(old, /\r\nContent-Length: 13\r\n[^]*\r\n\r\nretry: 2000\n\n$/);
	const only = await raw(`${head(`HEAD ${API} HTTP/1.1`)}Connection: close\r\n\r\n`);
	assert.match(only, /^HTTP\/1\.1 200 OK\r\n/);
	assert.ok(only.endsWith('\r\n\r\n'));
});
