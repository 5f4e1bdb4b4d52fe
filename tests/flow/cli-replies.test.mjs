/* What the CLI makes of a manager's bytes on the loopback address, where it speaks HTTP by itself
 * (http/plain.c). */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { run } from '../lib/server.mjs';

const BODY = JSON.stringify({ access_token: 'sl.ACCESS', token_type: 'bearer', expires_at: null, expires_in: null, scope: '' });
const JSON_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n';
const LENGTH = `Content-Length: ${BODY.length}\r\n`;

let server, port, asked, answer;

before(async () => {
	server = net.createServer((socket) => {
		let text = '';
		socket.on('error', () => {});
		socket.on('data', async (d) => {
			text += d;
			if (!text.endsWith('\r\n\r\n')) return;
			asked = text;
			await answer(socket);
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	({ port } = server.address());
});
after(() => server.close());

async function get(reply, host = '127.0.0.1') {
	answer = typeof reply === 'function' ? reply : (socket) => socket.end(reply);
	const env = { VALETKEY_URL: `http://${host}:${port}`, VALETKEY_API_KEY: 'vk_key', http_proxy: 'http://127.0.0.1:9' };
	return run(['token', 'get', 'A B'], { env });
}

for (const [what, reply] of [
	['a length', JSON_HEAD + LENGTH + '\r\n' + BODY],
	['a length, and more behind it', JSON_HEAD + LENGTH + '\r\n' + BODY + 'HTTP/1.1 500 Second\r\n\r\n'],
	['the end of the connection', JSON_HEAD + '\r\n' + BODY],
	['chunks', `${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n${BODY.slice(0, 5)}\r\n${(BODY.length - 5).toString(16)}\r\n${BODY.slice(5)}\r\n0\r\n\r\n`],
	['names in other letters, spaces around values', `HTTP/1.1 200 OK\r\ncOnTeNt-TyPe:   APPLICATION/JSON \r\nCONTENT-LENGTH: ${BODY.length}\r\n\r\n${BODY}`],
])
	test(`a reply with ${what} is read`, async () => {
		const out = await get(reply);
		assert.deepEqual([out.code, out.out], [0, 'sl.ACCESS\n'], out.err);
	});

test('a reply that comes byte by byte is read, and the request is one of HTTP', async () => {
	const out = await get(async (socket) => {
		socket.setNoDelay(true);
		for (const byte of JSON_HEAD + LENGTH + '\r\n' + BODY) {
			socket.write(byte);
			await new Promise(setImmediate);
		}
	}, 'localhost');
	assert.equal(out.out, 'sl.ACCESS\n', out.err);
	const [line, ...headers] = asked.trimEnd().split('\r\n');
	assert.equal(line, 'GET /api/v1/tokens/A%20B/access-token HTTP/1.1');
	assert.deepEqual(headers.sort(), ['Accept: */*', 'Authorization: Bearer vk_key', 'Connection: close', `Host: localhost:${port}`, 'User-Agent: valetkey-cli']);
});

for (const [what, reply, sentence] of [
	['nothing', '', /no complete reply/],
	['half a head', 'HTTP/1.1 200 OK\r\nContent-', /no complete reply/],
	['less than its length', JSON_HEAD + LENGTH + '\r\n' + BODY.slice(1), /no complete reply/],
	['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', /did not speak HTTP/],
	['an interim reply alone', 'HTTP/1.1 100 Continue\r\n\r\n', /no complete reply/],
	['two lengths', `${JSON_HEAD}${LENGTH}Content-Length: 1\r\n\r\n${BODY}`, /did not speak HTTP/],
	['S-020 a coding', `${JSON_HEAD}Content-Encoding: gzip\r\n${LENGTH}\r\n${BODY}`, /encoded/],
	['S-018 endless headers', `${JSON_HEAD}${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(200)}\r\n`, /past the size limit/],
	['S-018 a body past the limit', `${JSON_HEAD}\r\n${' '.repeat((4 << 20) + 1)}`, /past the size limit/],
	['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n', /does not answer like a valetkey manager/],
])
	test(`${what} is told and no token`, async () => {
		const out = await get(reply);
		assert.deepEqual([out.code, out.out], [6, ''], out.err);
		assert.match(out.err, sentence);
	});

test('events --follow says where some may be missing', async () => {
	const ok = (o) => `${JSON_HEAD}\r\n${JSON.stringify(o)}`;
	const event = { at: '2026-01-01T00:00:00Z', type: 'token.failing', sentence: 'After.', actor: { kind: 'engine', name: null } };
	const replies = [ok({ events: [], cursor: '0' }), ok({ events: [event], cursor: '1', more: true, missed: true }), 'HTTP/1.1 401 No\r\nContent-Type: application/problem+json\r\n\r\n{}'];
	answer = (socket) => socket.end(replies.shift());
	const env = { VALETKEY_URL: `http://127.0.0.1:${port}`, VALETKEY_API_KEY: 'vk_key' };
	const out = await run(['events', '--follow', '--json'], { env });
	assert.deepEqual(out.out.trim().split('\n').map((l) => JSON.parse(l).type ?? JSON.parse(l)), [{ missed: true }, 'token.failing']);
	assert.match(out.err, /Some events may be missing here/);
});

test('the API key goes to no other machine in the clear, and through no proxy', async () => {
	let heard = 0;
	answer = (socket) => {
		heard++;
		socket.end(JSON_HEAD + LENGTH + '\r\n' + BODY);
	};
	const ask = (url, more) => run(['token', 'get', 'A B'],
		{ env: { VALETKEY_URL: url, VALETKEY_API_KEY: 'vk_key', http_proxy: 'http://127.0.0.1:9', ...more } });
	/* The wildcard address is this server, and none that is known to stay here. */
	const other = `http://0.0.0.0:${port}`;
	for (const url of [other, 'http://127.0.0.1.invalid:80', 'http://127.0.0.1@manager.invalid', 'http://localhost.invalid', 'http://[::2]/x']) {
		const out = await ask(url);
		assert.equal(out.code, 1, url);
		assert.match(out.err, /would be sent in the clear[^]*VALETKEY_ALLOW_HTTP=1/, url);
	}
	assert.equal(heard, 0);
	assert.equal((await ask(other, { VALETKEY_ALLOW_HTTP: '1' })).out, 'sl.ACCESS\n');
	assert.match(asked, /^GET \/api/);
});
