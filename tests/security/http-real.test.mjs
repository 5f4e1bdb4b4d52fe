/*
 * The rows of HTTP parsing that matter most, on the real manager and the real sandbox; all of them,
 * and each in full, are in tests/security/http against a site of their own.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { request, talk } from '../lib/raw.mjs';
import { startDemo } from '../lib/server.mjs';

let demo;
let halves;

before(async () => {
	demo = await startDemo();
	halves = [
		{ name: 'manager', port: demo.managerPort, post: '/api/console/sign-in' },
		{ name: 'sandbox', port: demo.sandboxPort, post: '/oauth2/token' },
	];
});
after(() => demo.stop());

const HIDDEN = '/hidden-in-a-body';

/* One refusal, the end of the connection, and the request behind it never seen. */
async function refused(half, bytes, statuses, what) {
	const got = await talk(half.port, bytes, { timeout: 30000, quiet: 30000 });
	assert.equal(got.replies.length, 1, `${half.name}: ${what}: ${got.replies.map((r) => r.status)}`);
	assert.ok(statuses.includes(got.status), `${half.name}: ${what}: ${got.status}`);
	assert.ok(got.closed, `${half.name}: ${what}: the connection stays open`);
	assert.equal(got.leftover.length, 0);
	assert.ok(!demo.log().includes(HIDDEN), `${half.name}: ${what}: the hidden request was answered`);
}

const behind = (half) => request(half.port, `GET ${HIDDEN}`);

function post(half, headers, body) {
	return request(half.port, `POST ${half.post}`, ['Content-Type: application/json', ...headers], body) + behind(half);
}

test('S-140 S-141 S-142 a body has one length, told in one way', async () => {
	for (const half of halves) {
		const chunked = '5\r\nhello\r\n0\r\n\r\n';
		for (const headers of [
			['Content-Length: 4', 'Transfer-Encoding: chunked'], ['Transfer-Encoding: chunked', 'Content-Length: 4'],
			['Content-Length: 5', 'Content-Length: 5'], ['Content-Length: 5', 'Content-Length: 6'], ['Content-Length: 5, 5'],
			['Content-Length: +5'], ['Content-Length: -1'], ['Content-Length: 0x5'], ['Content-Length: 5 5'], ['Content-Length: '],
			['Content-Length: 18446744073709551621'],
		])
			await refused(half, post(half, headers, chunked), [400, 413], headers.join(', '));
		for (const coding of ['xchunked', 'gzip, chunked', 'chunked, identity', 'chunked\t', '\x0bchunked', 'identity'])
			await refused(half, post(half, [`Transfer-Encoding: ${coding}`], chunked), [400, 501], coding);
		for (const body of ['0x5\r\nhello\r\n0\r\n\r\n', '5\nhello\r\n0\r\n\r\n', '5\r\nhelloo\r\n0\r\n\r\n', '-5\r\nhello\r\n0\r\n\r\n',
			`${'f'.repeat(17)}\r\nhello\r\n0\r\n\r\n`, `5;${'a'.repeat(100000)}\r\nhello\r\n0\r\n\r\n`])
			await refused(half, post(half, ['Transfer-Encoding: chunked'], body), [400, 413], body.slice(0, 20));
	}
});

test('S-143 S-144 S-145 headers are lines of a name, a colon and a value', async () => {
	for (const half of halves) {
		const host = `Host: 127.0.0.1:${half.port}`;
		for (const head of [
			`GET / HTTP/1.1\r\n${host}\r\nX-A: b\r\n Content-Length: 5\r\n\r\n`, `GET / HTTP/1.1\r\n ${host}\r\n\r\n`,
			`GET / HTTP/1.1\r\n${host}\r\nX-A : b\r\n\r\n`, `GET / HTTP/1.1\r\n${host}\r\n: b\r\n\r\n`, `GET / HTTP/1.1\r\n${host}\r\nX-A\r\n\r\n`,
			`GET / HTTP/1.1\r\n${host}\r\nX-A: b\0c\r\n\r\n`, `GET / HTTP/1.1\r\n${host}\r\nX-A: b\rc\r\n\r\n`,
			`GET / HTTP/1.1\r\n${host}\r\n${host}\r\n\r\n`, `GET / HTTP/1.1\r\n\r\n`, `GET / HTTP/1.1\n${host}\n\n`,
		])
			await refused(half, head + behind(half), [400], JSON.stringify(head.slice(0, 60)));
	}
});

test('S-146 S-147 S-148 the target is a plain path', async () => {
	for (const half of halves) {
		for (const target of ['/%00', '/a%00b', '/%2e%2e/healthz', '/../healthz', '/./healthz', '/%2fhealthz', '/a\\healthz', '/%zz', '/%', '/%c0%ae'])
			for (const rest of ['', '?x=1']) {
				const got = await talk(half.port, request(half.port, `GET ${target}${rest}`, ['Connection: close']));
				assert.ok([400, 404].includes(got.status), `${half.name}: ${target}: ${got.status}`);
			}
		for (const line of ['GET healthz', 'GET http://evil.example/healthz', 'GET *', `CONNECT 127.0.0.1:${half.port}`, 'GET //healthz', 'TRACE /', 'get /healthz']) {
			const got = await talk(half.port, request(half.port, line, ['Connection: close']));
			assert.ok(got.status >= 400 && got.status < 502, `${half.name}: ${line}: ${got.status}`);
		}
	}
});

test('S-150 S-151 what is too long is refused, not cut', async () => {
	for (const half of halves) {
		const sizes = [
			[request(half.port, `GET /${'a'.repeat(70000)}`), [414, 431]],
			[request(half.port, 'GET /healthz', [`X-A: ${'b'.repeat(70000)}`]), [431]],
			[request(half.port, 'GET /healthz', Array.from({ length: 2000 }, (_, i) => `X-${i}: b`)), [431]],
			[request(half.port, `POST ${half.post}`, ['Content-Type: application/json', 'Content-Length: 99999999']), [413]],
		];
		for (const [bytes, statuses] of sizes) {
			const got = await talk(half.port, bytes, { quiet: 2000 });
			assert.ok(statuses.includes(got.status), `${half.name}: ${bytes.slice(0, 20)}: ${got.status}`);
		}
	}
});

test('S-152 a head that comes a byte at a time ends at its time limit', async () => {
	/* The limit is ten seconds in all, and no byte starts it again. */
	await Promise.all(halves.map(async (half) => {
		const drip = Array.from({ length: 140 }, (_, i) => [250, i < 20 ? 'GET /healthz HTTP/1.1\r\n'[i] : i === 20 ? 'P/1.1\r\nX-A: ' : 'a']).flat();
		const got = await talk(half.port, drip, { timeout: 40000, quiet: 40000 });
		assert.ok(got.ms > 8000 && got.ms < 25000, `${half.name}: ${got.ms} ms`);
		assert.ok(got.status === 408 || (got.status === undefined && got.closed), `${half.name}: ${got.status}`);
	}));
});

test('S-154 requests sent together are answered in order', async () => {
	for (const half of halves) {
		const paths = ['/healthz', '/nosuch', '/healthz', '/healthz'];
		const got = await talk(half.port, paths.map((p, i) => request(half.port, `GET ${p}`, i === 3 ? ['Connection: close'] : [])), { quiet: 2000 });
		assert.deepEqual(got.replies.map((r) => r.status), [200, 404, 200, 200]);
		assert.ok(got.closed);
	}
});
