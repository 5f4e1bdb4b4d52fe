// Bodies that go to files, replies that come from files, and requests that wait: in bounded memory,
// in bounded time, and with nothing left behind.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { hiddenCount, request, socketCount, startTarget, talk, until } from './target.mjs';

async function withSite(opts, fn) {
	const dir = mkdtempSync(path.join(tmpdir(), 'bodies-'));
	const site = await startTarget({ 'body-dir': dir, 'linger-ms': 200, ...opts });
	try {
		await fn(site, dir);
	} finally {
		await site.stop();
		rmSync(dir, { recursive: true });
	}
}

const get = (site, target, headers = []) => request(site, `GET ${target}`, headers);
const statuses = (got) => got.replies.map((r) => r.status);

// What a descriptor leads to.
function fileOf(pid, fd) {
	try {
		return readlinkSync(`/proc/${pid}/fd/${fd}`);
	} catch {
		return ''; // closed meanwhile
	}
}

const rssKb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const threads = (pid) => readdirSync(`/proc/${pid}/task`).length;

const pattern = (len) => Buffer.from(Array.from({ length: len }, (_, i) => (i + Math.floor(i / 251)) & 0xff));

function sumOf(bytes) {
	let sum = 1;
	for (const b of bytes) sum = (Math.imul(sum, 31) + b) >>> 0;
	return `${bytes.length} ${sum}`;
}

const post = (site, target, bytes, headers = []) => [request(site, `POST ${target}`, [`Content-Length: ${bytes.length}`, ...headers]), bytes];

function chunked(bytes, size) {
	const parts = [];
	for (let i = 0; i < bytes.length; i += size) {
		const part = bytes.subarray(i, i + size);
		parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
	}
	return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

test('a body goes to a file of its own, whatever its length and framing', () => withSite({}, async (site, dir) => {
	for (const len of [0, 1, 2047, 65535, 65536, 98304, 1 << 20]) {
		const bytes = pattern(len);
		const one = await talk(site.port, post(site, '/upload', bytes, ['Connection: close']), { quiet: 4000 });
		assert.deepEqual(one.replies.map((r) => [r.status, r.body]), [[200, sumOf(bytes)]], `${len}`);
		if (len === 0) continue;
		const head = request(site, 'POST /upload', ['Transfer-Encoding: chunked', 'Connection: close']);
		const two = await talk(site.port, [head, chunked(bytes, 7001)], { quiet: 4000 });
		assert.deepEqual(two.replies.map((r) => [r.status, r.body]), [[200, sumOf(bytes)]], `chunked ${len}`);
	}
	assert.deepEqual(readdirSync(dir), [], 'files are removed');
}));

test('requests behind a body in the same bytes are answered in order', () => withSite({}, async (site) => {
	const bytes = pattern(5000);
	const all = Buffer.concat([0, 1, 2].flatMap(() => [...post(site, '/upload', bytes).map((p) => Buffer.from(p)), Buffer.from(get(site, '/hello'))]));
	const got = await talk(site.port, [all, get(site, '/hello', ['Connection: close'])], { quiet: 3000 });
	assert.deepEqual(statuses(got), [200, 200, 200, 200, 200, 200, 200]);
	for (const i of [0, 2, 4]) assert.equal(got.replies[i].body, sumOf(bytes));
	const long = await talk(site.port, [request(site, 'POST /upload', [`X-A: ${'a'.repeat(15000)}`, 'Content-Length: 5000', 'Connection: close']), bytes], { quiet: 3000 });
	assert.equal(long.replies[0].body, sumOf(bytes), 'behind a long head');
}));

test('a handler keeps the file by renaming it; it has mode 0600', () => withSite({}, async (site, dir) => {
	const bytes = pattern(3000);
	await talk(site.port, post(site, '/upload?keep=1', bytes, ['Connection: close']), { quiet: 3000 });
	assert.deepEqual(readdirSync(dir), ['kept']);
	assert.equal(statSync(path.join(dir, 'kept')).mode & 0o777, 0o600);
	assert.deepEqual(readFileSync(path.join(dir, 'kept')), bytes);
}));

test('S-150 the gate decides before a byte of the body is asked for', () => withSite({}, async (site, dir) => {
	const expect = 'Expect: 100-continue';
	const ask = (headers) => talk(site.port, [request(site, 'POST /private-upload', ['Content-Length: 1000', expect, ...headers])], { quiet: 2000 });
	const refused = await ask([]);
	assert.deepEqual([...statuses(refused), refused.closed], [401, true]);
	assert.deepEqual(readdirSync(dir), []);
	const body = await talk(site.port, [request(site, 'POST /private-upload', ['Content-Length: 100000']), Buffer.alloc(1000), get(site, '/hidden')], { quiet: 2000 });
	assert.deepEqual([...statuses(body), body.closed], [401, true], 'what comes behind is not parsed');
	const asked = await talk(site.port, [request(site, 'POST /private-upload', ['Content-Length: 5', expect, 'Authorization: Bearer vk_test']), /^HTTP\/1\.1 100 /, 'hello'], { replies: 2 });
	assert.deepEqual(statuses(asked), [100, 200]);
	const large = await talk(site.port, request(site, 'POST /upload', [`Content-Length: ${(256 << 20) + 1}`, expect]), { quiet: 2000 });
	assert.deepEqual([...statuses(large), large.closed], [413, true]);
	const creeping = await talk(site.port, [request(site, 'POST /private-upload', ['Transfer-Encoding: chunked', 'Authorization: Bearer vk_test']), chunked(pattern((1 << 20) + 1), 65536)], { quiet: 3000 });
	assert.deepEqual([...statuses(creeping), creeping.closed], [413, true]);
	assert.deepEqual(readdirSync(dir), []);
}));

test('S-150 an upload that finds no worker is refused with its body unread, and that is not parsed', () => withSite({ workers: 1, loops: 1 }, async (site, dir) => {
	const sockets = [];
	const ask = (target, i) => new Promise((resolve) => {
		const socket = net.connect({ port: site.port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % 20)}` }, () => socket.write(get(site, target), resolve));
		socket.on('error', () => {}).on('data', (d) => (socket.status = /^HTTP\/1\.1 (\d+)/.exec(d)[1]));
		sockets.push(socket);
	});
	await ask('/hold', 0);
	for (let i = 0; i < 11; i++) await Promise.all(Array.from({ length: 100 }, (_, k) => ask('/slow?ms=0', k)));
	await until(() => sockets.some((s) => s.status === '503'), 'the queue does not fill');
	const body = get(site, '/hidden');
	const got = await talk(site.port, request(site, 'POST /upload', [`Content-Length: ${body.length}`], body), { quiet: 2000 });
	assert.deepEqual([statuses(got), got.closed], [[503], true]);
	sockets.forEach((s) => s.destroy());
	await talk(site.port, get(site, '/release', ['Connection: close']));
	assert.deepEqual(readdirSync(dir), []);
	assert.equal(await hiddenCount(site), 0);
}));

test('a full disk is 507, and the file is gone', () => withSite({ 'file-max': 100000 }, async (site, dir) => {
	const full = await talk(site.port, post(site, '/upload', pattern(300000)), { quiet: 3000 });
	assert.deepEqual([...statuses(full), full.closed], [507, true]);
	assert.equal(JSON.parse(full.replies[0].body).code, 'insufficient-storage');
	assert.deepEqual(readdirSync(dir), []);
	const fits = await talk(site.port, post(site, '/upload', pattern(90000)), { quiet: 300 });
	assert.deepEqual(statuses(fits), [200]);
}));

test('a directory that is not there is a failure of ours, not an end', () => withSite({ 'body-dir': '/nonexistent' }, async (site) => {
	const got = await talk(site.port, post(site, '/upload', pattern(10)), { quiet: 2000 });
	assert.deepEqual(statuses(got), [500]);
	assert.ok(!got.replies[0].body.includes('nonexistent'));
	assert.deepEqual(statuses(await talk(site.port, get(site, '/hello'))), [200]);
}));

test('an upload takes no memory to speak of', () => withSite({ loops: 1 }, async (site, dir) => {
	const part = Buffer.alloc(1 << 20, 'x');
	await talk(site.port, post(site, '/upload', part), { quiet: 300 });
	const before = rssKb(site.pid);
	let most = 0;
	const timer = setInterval(() => (most = Math.max(most, rssKb(site.pid))), 5);
	const got = await talk(site.port, [request(site, 'POST /upload', [`Content-Length: ${64 << 20}`, 'Connection: close']), ...Array(64).fill(part)], { timeout: 60000, quiet: 60000 });
	clearInterval(timer);
	assert.match(got.replies[0].body, /^67108864 /);
	assert.ok(most - before < 8000, `memory grew by ${most - before} kB`);
	assert.deepEqual(readdirSync(dir), []);
}));

test('S-152 a body that crawls or stops is ended, and its file removed', () => withSite({ 'body-ms': 600, 'linger-ms': 100 }, async (site, dir) => {
	const slow = [request(site, 'POST /upload', ['Content-Length: 10000000']), ...'x'.repeat(250).split('').flatMap((c) => [c, 40])];
	const got = await talk(site.port, slow, { quiet: 3000 });
	assert.ok(got.closed && got.ms < 8000, `${got.ms} ms`);
	assert.deepEqual(statuses(got), [408]);
	const chunks = [request(site, 'POST /upload', ['Transfer-Encoding: chunked']), ...Array(250).fill(['1\r\nx\r\n', 40]).flat()];
	assert.deepEqual(statuses(await talk(site.port, chunks, { quiet: 3000 })), [408]);
	await until(() => readdirSync(dir).length === 0, 'the files stay');
}));

test('S-153 clients that leave in the middle of a body leave no file and no descriptor', () => withSite({ loops: 1 }, async (site, dir) => {
	const files = () => readdirSync(`/proc/${site.pid}/fd`).map((fd) => fileOf(site.pid, fd)).filter((f) => f.startsWith(dir)).length;
	const before = socketCount(site.pid);
	for (let round = 0; round < 40; round++) {
		const socket = net.connect({ port: site.port, host: '127.0.0.1' });
		socket.on('error', () => {});
		await new Promise((resolve) => socket.write(Buffer.concat(post(site, '/upload', Buffer.alloc(50000 * (round % 5))).map((p) => Buffer.from(p)).concat(Buffer.alloc(100))).subarray(0, 100 + round * 3000), resolve));
		if (round % 2) socket.resetAndDestroy();
		else socket.destroy();
	}
	await until(() => readdirSync(dir).length === 0 && files() === 0 && socketCount(site.pid) === before, 'something stays');
}));

test('a file is a reply, whole, in part, and without content for HEAD', () => withSite({}, async (site) => {
	for (const [len, at] of [[0, 0], [10, 3], [65536, 0], [65537, 1], [1000000, 100]]) {
		const target = `/file?len=${len}&at=${at}`;
		const got = await talk(site.port, [get(site, target), request(site, `HEAD ${target}`), get(site, '/hello', ['Connection: close'])], { heads: [false, true], quiet: 4000 });
		assert.deepEqual(statuses(got), [200, 200, 200], target);
		assert.equal(got.replies[0].headers['content-length'], String(len - at));
		assert.equal(got.replies[1].headers['content-length'], String(len - at));
		assert.equal(got.replies[0].body, pattern(len).subarray(at).toString(), target);
		assert.equal(got.replies[2].body, '{"hello":"world"}');
	}
}));

test('a file shorter than promised resets the connection', () => withSite({}, async (site) => {
	const error = await new Promise((resolve) => {
		const socket = net.connect({ port: site.port, host: '127.0.0.1' });
		socket.on('error', resolve).on('end', () => resolve(null)).resume();
		socket.write(get(site, '/file?len=1000&more=5000'));
	});
	assert.equal(error?.code, 'ECONNRESET');
}));

test('the descriptor of a file reply is closed, whatever happens', () => withSite({ 'reply-ms': 500, loops: 1 }, async (site) => {
	/* The handler's files have no name any more. */
	const files = () => readdirSync(`/proc/${site.pid}/fd`).filter((fd) => fileOf(site.pid, fd).endsWith(' (deleted)')).length;
	const before = socketCount(site.pid);
	const failed = await talk(site.port, get(site, '/file?len=10&fail=1'));
	assert.deepEqual(statuses(failed), [409]);
	for (let i = 0; i < 10; i++) await talk(site.port, [get(site, '/file?len=900000'), i], { timeout: 1 });
	const stuck = net.connect({ port: site.port, host: '127.0.0.1' }).on('error', () => {}).pause();
	stuck.write(get(site, '/file?len=20000000'));
	await until(() => files() > 0, 'the reply does not begin');
	await until(() => files() === 0 && socketCount(site.pid) === before, 'a client that does not read keeps its file open');
	stuck.destroy();
}));

test('a hundred requests that wait hold no worker', () => withSite({ workers: 2 }, async (site) => {
	const calm = threads(site.pid);
	const waiting = Array.from({ length: 100 }, () => talk(site.port, get(site, '/wait?ms=1500', ['Connection: close']), { timeout: 60000, quiet: 60000 }));
	const count = async () => (await talk(site.port, get(site, '/wait-counts', ['Connection: close']), { quiet: 2000 })).replies[0].body.split(' ').map(Number);
	await until(async () => (await count())[0] === 100, 'not all have begun');
	const began = performance.now();
	assert.equal((await talk(site.port, request(site, 'POST /worker-echo', ['Content-Length: 2', 'Connection: close'], 'hi'), { quiet: 2000 })).replies[0].body, 'hi');
	/* Two workers that waited with the hundred would come to it after more than a minute. */
	assert.ok(performance.now() - began < 10000);
	assert.ok(threads(site.pid) <= calm + 4, 'no threads were started for them');
	for (const got of await Promise.all(waiting)) {
		assert.deepEqual(got.replies.map((r) => [r.status, r.body, r.headers['x-undone']]), [[200, 'waited', undefined]]);
		assert.ok(got.ms >= 1450, `${got.ms}`);
	}
	const [begun, run] = await count();
	assert.equal(begun, 100);
	assert.ok(run > 300, `${run} runs`);
}));

test('a request that waits ends when its client leaves, and when the server stops', async () => {
	const sockets = [];
	await withSite({ loops: 1, 'grace-ms': 8000 }, async (site) => {
		const before = socketCount(site.pid);
		const open = () => {
			const socket = net.connect({ port: site.port, host: '127.0.0.1' }).on('error', () => {});
			socket.write(get(site, '/wait?ms=100000'));
			sockets.push(socket);
		};
		for (let i = 0; i < 10; i++) open();
		await until(() => socketCount(site.pid) === before + 10, 'they do not wait');
		for (let i = 0; i < 10; i++) sockets[i][i % 2 ? 'destroy' : 'resetAndDestroy']();
		await until(() => socketCount(site.pid) === before, 'they wait for nobody');
		for (let i = 0; i < 10; i++) open();
		await until(() => socketCount(site.pid) === before + 10, 'they do not wait');
		const began = performance.now();
		await site.stop();
		assert.ok(performance.now() - began < 7000, 'the stop waits for them');
		site.stop = () => {};
	});
	sockets.forEach((s) => s.destroy());
});
