// Replies spoilt on purpose, in the clear and through TLS; nothing of it outlives client or server.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { withCert } from './cert.mjs';
import { parseReplies, request, socketCount, startTarget, until } from './target.mjs';

const CONTENT = '0123456789abcdefghijklmnopqrstuvwxyz';

// -> { bytes, error (code of a reset), ended, ms, firstMs }
function fetchRaw(site, secure, target, headers = []) {
	return new Promise((resolve) => {
		const began = performance.now();
		const chunks = [];
		let error, firstMs;
		const to = { port: site.port, host: '127.0.0.1', rejectUnauthorized: false };
		const socket = secure ? tls.connect(to) : net.connect(to);
		socket.on(secure ? 'secureConnect' : 'connect', () => socket.write(request(site, `GET ${target}`, headers)));
		socket.on('data', (d) => {
			firstMs ??= performance.now() - began;
			chunks.push(d);
		});
		socket.on('error', (e) => (error = e.code));
		socket.on('close', () => resolve({ bytes: Buffer.concat(chunks), error, ms: performance.now() - began, firstMs }));
	});
}

async function both(fn, opts = {}) {
	await withCert(['127.0.0.1'], async (cert) => {
		for (const secure of [false, true]) {
			const site = await startTarget({ 'linger-ms': 200, loops: 1, ...opts, ...(secure ? { cert: cert.cert, key: cert.key } : {}) });
			try {
				await fn(site, secure);
			} finally {
				await site.stop();
			}
		}
	});
}

test('CLOSE gives no byte and an end, RESET no byte and a reset', () => both(async (site, secure) => {
	const closed = await fetchRaw(site, secure, '/fault?kind=close');
	assert.deepEqual([closed.bytes.length, closed.error], [0, undefined]);
	const reset = await fetchRaw(site, secure, '/fault?kind=reset');
	assert.deepEqual([reset.bytes.length, reset.error], [0, 'ECONNRESET']);
}));

test('RAW gives the body without a head, also of a file', () => both(async (site, secure) => {
	const raw = await fetchRaw(site, secure, '/fault?kind=raw');
	assert.deepEqual([raw.bytes.toString(), raw.error], [CONTENT, undefined]);
	const file = await fetchRaw(site, secure, '/fault?kind=raw&len=70000');
	assert.deepEqual([file.bytes.length, file.error], [70000, undefined]);
}));

test('CUT gives half of the reply and a reset, also of a file', () => both(async (site, secure) => {
	const cut = await fetchRaw(site, secure, '/fault?kind=cut');
	const whole = await fetchRaw(site, secure, '/fault?kind=none', ['Connection: close']);
	assert.equal(cut.error, 'ECONNRESET');
	assert.ok(Math.abs(cut.bytes.length - whole.bytes.length / 2) < 20, `${cut.bytes.length} of ${whole.bytes.length}`);
	assert.match(cut.bytes.toString(), /^HTTP\/1\.1 200 OK\r\n/);
	const file = await fetchRaw(site, secure, '/fault?kind=cut&len=1000000');
	assert.equal(file.error, 'ECONNRESET');
	assert.ok(Math.abs(file.bytes.length - 500500) < 1000, `${file.bytes.length}`);
}));

test('DRIP gives all of it, slowly', () => both(async (site, secure) => {
	const drip = await fetchRaw(site, secure, '/fault?kind=drip&rate=2000', ['Connection: close']);
	assert.equal(parseReplies(drip.bytes).replies[0].body, CONTENT);
	const wanted = (drip.bytes.length / 2000) * 1000;
	assert.ok(drip.ms > wanted * 0.8 && drip.ms < wanted * 3 + 5000, `${drip.ms} ms for ${drip.bytes.length} bytes`);
	const file = await fetchRaw(site, secure, '/fault?kind=drip&rate=300000&len=100000', ['Connection: close']);
	assert.equal(file.bytes.length - file.bytes.indexOf('\r\n\r\n') - 4, 100000);
	assert.ok(file.ms > 250, `${file.ms} ms`);
}, { 'reply-ms': 200 }));

test('a delay comes before any kind, and the connection goes on after it', () => both(async (site, secure) => {
	const later = await fetchRaw(site, secure, '/fault?kind=none&delay=300', ['Connection: close']);
	assert.equal(parseReplies(later.bytes).replies[0].body, CONTENT);
	assert.ok(later.firstMs >= 290, `${later.firstMs}`);
	const closed = await fetchRaw(site, secure, '/fault?kind=close&delay=200');
	assert.ok(closed.bytes.length === 0 && closed.ms >= 190, `${closed.ms}`);
}));

test('a pipelined request waits for the delayed reply before it', () => both(async (site, secure) => {
	if (secure) return;
	const got = await new Promise((resolve) => {
		const socket = net.connect({ port: site.port, host: '127.0.0.1' });
		const chunks = [];
		socket.on('data', (d) => chunks.push(d)).on('close', () => resolve(parseReplies(Buffer.concat(chunks))));
		socket.write(request(site, 'GET /fault?kind=drip&rate=20000&delay=100') + request(site, 'GET /hello', ['Connection: close']));
	});
	assert.deepEqual(got.replies.map((r) => r.body), [CONTENT, '{"hello":"world"}']);
}));

test('delays and drips end when the client leaves, and when the server stops', () => both(async (site, secure) => {
	const before = socketCount(site.pid);
	const start = (target) => new Promise((resolve) => {
		const to = { port: site.port, host: '127.0.0.1', rejectUnauthorized: false };
		const socket = secure ? tls.connect(to) : net.connect(to);
		socket.on('error', () => {});
		socket.on(secure ? 'secureConnect' : 'connect', () => socket.write(request(site, `GET ${target}`), () => resolve(socket)));
	});
	const targets = ['/fault?kind=none&delay=2000000000', '/fault?kind=drip&rate=1', '/fault?kind=reset&delay=100000'];
	for (const target of targets) {
		const socket = await start(target);
		await until(() => socketCount(site.pid) > before, 'it is not connected');
		socket.destroy();
		await until(() => socketCount(site.pid) <= before, 'it outlives its client');
	}
	const sockets = await Promise.all(targets.map(start));
	await until(() => socketCount(site.pid) >= before + targets.length, 'they are not connected');
	const began = performance.now();
	await site.stop();
	assert.ok(performance.now() - began < 7000, 'the stop waits for them');
	site.stop = () => {};
	sockets.forEach((s) => s.destroy());
}, { 'grace-ms': 8000 }));
