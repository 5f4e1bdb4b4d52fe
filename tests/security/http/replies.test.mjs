// Rows S-112, S-114, S-133, S-155 to S-158: whose requests are answered, and with what around them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request, startTarget, talk, until } from './target.mjs';

let site, secure;
before(async () => {
	site = await startTarget({ 'linger-ms': 200, 'body-ms': 1000 });
	secure = await startTarget({ 'linger-ms': 200, 'public-url': 'https://keys.example' });
});
after(() => Promise.all([site.stop(), secure.stop()]));

const get = (path, headers = [], host) => request(site, `GET ${path}`, headers, '', host);
const one = async (bytes, options) => {
	const got = await talk(site.port, bytes, options);
	assert.equal(got.replies.length, 1, JSON.stringify(got.replies.map((r) => r.status)));
	assert.equal(got.leftover.length, 0);
	return got.replies[0];
};

test('S-112 a Host that is not ours is refused before routing, on every path', async () => {
	const p = site.port;
	const foreign = [`evil.example:${p}`, 'evil.example', `127.0.0.1.evil.example:${p}`, '127.0.0.1:9', '127.0.0.1', 'localhost',
		`[::1]evil:${p}`, `[::1]:${p}0`, `LOCALHOST:${p}`, `localhost.:${p}`, `127.1:${p}`, `0.0.0.0:${p}`, `2130706433:${p}`,
		`[::ffff:127.0.0.1]:${p}`, `127.0.0.1:0${p}`, `127.0.0.1:${p}:${p}`, `xlocalhost:${p}`, `localhost:${p}.evil.example`];
	const paths = ['/hello', '/healthz', '/assets/app.js', '/private', '/nothing', '/items/%2e%2e/x'];
	for (const host of foreign) {
		for (const path of paths) {
			const r = await one(get(path, ['Authorization: Bearer vk_test'], host), { quiet: 1000 });
			assert.equal(r.status, 421, `${host} ${path}`);
			assert.ok(!r.body.includes(host) && !/hello|item|private/.test(r.body), r.body);
		}
	}
	for (const host of [`user@127.0.0.1:${p}`, '', `127.0.0.1:${p}/`, `127.0.0.1:${p}, x`])
		assert.equal((await one(get('/healthz', [], host), { quiet: 1000 })).status, 400, host);
	for (const host of [`127.0.0.1:${p}`, `localhost:${p}`, `[::1]:${p}`])
		assert.equal((await one(get('/hello', [], host))).status, 200, host);
});

test('S-112 the public URL\'s host is ours too', async () => {
	const ask = async (host) => (await talk(secure.port, request(secure, 'GET /hello', [], '', host))).replies[0].status;
	assert.equal(await ask('keys.example'), 200);
	assert.equal(await ask('keys.example:443'), 200);
	assert.equal(await ask(secure.host), 200);
	for (const host of ['keys.example:80', 'akeys.example', 'keys.example.evil', 'keys.example.', 'evil-keys.example'])
		assert.equal(await ask(host), 421, host);
});

function assertHeaders(r, name, https) {
	const h = r.headers;
	assert.equal(h['x-content-type-options'], 'nosniff', name);
	assert.equal(h['referrer-policy'], 'no-referrer', name);
	assert.equal(h['cross-origin-resource-policy'], 'same-origin', name);
	assert.equal(h['cross-origin-opener-policy'], 'same-origin-allow-popups', name);
	assert.equal(h['x-frame-options'], 'DENY', name);
	assert.match(h['content-security-policy'], /^default-src 'none'; .*frame-ancestors 'none'$/, name);
	assert.ok(!/unsafe|\*/.test(h['content-security-policy']), name);
	assert.match(h['x-request-id'], /^[a-z2-7]{16}$/, name);
	assert.match(h.date, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, name);
	assert.equal(h.server, undefined, name);
	assert.equal(h['cache-control'], name.startsWith('asset') ? 'no-cache' : 'no-store', name);
	assert.equal(h['strict-transport-security'], https ? 'max-age=31536000' : undefined, name);
}

test('S-114 every reply carries the headers, also those before routing', async () => {
	const cases = {
		200: get('/hello'), 204: get('/empty'), 303: get('/reflect?v=/x'), 401: get('/private'), 404: get('/nothing'),
		405: request(site, 'POST /hello'), 500: get('/broken'), 400: 'nonsense\r\n\r\n', 414: get(`/${'a'.repeat(9000)}`),
		431: get('/hello', [`X: ${'a'.repeat(20000)}`]), 413: request(site, 'POST /echo', ['Content-Length: 99999999']),
		415: request(site, 'POST /json', ['Content-Type: text/plain', 'Content-Length: 2'], '{}'),
		417: request(site, 'POST /echo', ['Content-Length: 1', 'Expect: x']), 421: get('/hello', [], 'evil.example'),
		501: request(site, 'POST /echo', ['Transfer-Encoding: gzip']), 505: `GET / HTTP/1.9\r\nHost: ${site.host}\r\n\r\n`,
		408: request(site, 'POST /echo', ['Content-Length: 9'], 'x'),
	};
	for (const [status, bytes] of Object.entries(cases)) {
		const r = await one(bytes, { quiet: 1000 });
		assert.equal(r.status, Number(status));
		assertHeaders(r, status, false);
		if (r.status < 400) continue;
		const problem = JSON.parse(r.body);
		assert.equal(r.headers['content-type'], 'application/problem+json');
		assert.equal(problem.status, r.status);
		assert.equal(problem.type, `urn:valetkey:problem:${problem.code}`);
		assert.equal(problem.request_id, r.headers['x-request-id']);
		assert.ok(problem.title && problem.detail);
	}
	assertHeaders(await one(get('/assets/app.js')), 'asset', false);
	assertHeaders(await one(get('/assets/app.js', ['If-None-Match: "e1a5"'])), 'asset 304', false);
	assert.equal((await one(get('/private'))).headers['www-authenticate'], 'Bearer');
	const broken = await one(get('/broken'));
	assert.ok(!broken.body.includes('inner sentence'), 'a 500 does not tell internals');
	await until(() => site.log().includes('the inner sentence'), 'the log does not either');
});

test('S-114 an https public URL brings HSTS of a year', async () => {
	for (const bytes of [request(secure, 'GET /hello'), 'nonsense\r\n\r\n', request(secure, 'GET /nothing')])
		assertHeaders((await talk(secure.port, bytes)).replies[0], 'https', true);
});

test('S-133 the access log shows routes, never a path, a query or a key', async () => {
	const told = () => site.log().split('event=http.request ').length;
	const before = told();
	await one(get('/private?api_key=vk_planted1&access_token=vk_planted2'));
	await one(get('/items/vk_planted3/x?q=vk_planted4'));
	await one(get('/vk_planted5'));
	await one(get('/private', ['Authorization: Bearer vk_planted6', 'Cookie: sid=vk_planted7']));
	await one(get('/hello', [], 'vk_planted8.example'));
	await one(get('/items/%zz/vk_planted9'));
	await until(() => told() >= before + 6, 'not all are in the log');
	const log = site.log();
	assert.ok(log.includes('route=/items/{}/x'), 'the pattern is there');
	assert.ok(!log.includes('planted'), log.split('\n').find((l) => l.includes('planted')));
});

test('S-155 nothing from a request can add a header line or a second reply', async () => {
	const values = ['a%0d%0aInjected:%201', 'a%0aInjected:%201', 'a%0dInjected:%201', 'a%0d%0a%0d%0aHTTP/1.1%20200%20OK', '%00x', 'a%7fb'];
	for (const v of values) {
		const r = await one(get(`/reflect?v=${v}`));
		assert.equal(r.status === 303 || r.status === 400, true, v);
		assert.equal(r.headers.injected, undefined, v);
		for (const name of ['x-reflected', 'set-cookie', 'location']) assert.equal(r.headers[name], undefined, `${name} ${v}`);
	}
	const fine = await one(get('/reflect?v=/next'));
	assert.deepEqual([fine.headers.location, fine.headers['set-cookie']], ['/next', 'reflected=/next; Path=/; HttpOnly']);
	assert.equal((await one(get('/reflect?v=a;%20Domain=evil'))).headers['set-cookie'], undefined, 'no attribute from a value');
	const id = await one(get('/hello', ['X-Request-Id: chosen-by-the-client']));
	assert.match(id.headers['x-request-id'], /^[a-z2-7]{16}$/);
});

test('S-155 the length is right, and HEAD, 204 and 304 have no body', async () => {
	const got = await talk(site.port, request(site, 'HEAD /hello') + get('/empty') + get('/assets/app.js', ['If-None-Match: "e1a5"']) +
		request(site, 'HEAD /assets/app.js') + request(site, 'HEAD /reflect?v=/x') + get('/hello'), { replies: 6, heads: [true, false, false, true, true] });
	assert.deepEqual(got.replies.map((r) => r.status), [200, 204, 304, 200, 303, 200]);
	assert.equal(got.leftover.length, 0);
	assert.equal(got.replies[1].headers['content-length'], undefined);
	assert.equal(got.replies[3].headers['content-length'], '11');
	assert.equal(got.replies[5].body, '{"hello":"world"}');
	const big = await talk(site.port, get('/big', ['Connection: close']), { quiet: 3000, timeout: 10000 });
	assert.ok(big.replies[0].complete && big.closed && big.leftover.length === 0);
	assert.equal(big.replies[0].body.length, 8 << 20);
});

test('S-155 keep-alive and close are honoured', async () => {
	const asks = async (bytes) => {
		const got = await talk(site.port, bytes, { quiet: 300 });
		assert.equal(got.replies[0].status, 200);
		return [got.replies[0].headers.connection, got.closed];
	};
	assert.deepEqual(await asks(get('/hello')), [undefined, false]);
	assert.deepEqual(await asks(get('/hello', ['Connection: close'])), ['close', true]);
	assert.deepEqual(await asks(get('/hello', ['Connection: x, Close'])), ['close', true]);
	assert.deepEqual(await asks('GET /hello HTTP/1.0\r\n\r\n'), ['close', true]);
	assert.deepEqual(await asks('GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'), ['keep-alive', false]);
	const half = await talk(site.port, get('/hello'), { end: true, quiet: 1000 });
	assert.deepEqual([half.replies[0].status, half.closed], [200, true], 'a client that has said all it will');
});

test('S-156 what stands twice is refused, in every order', async () => {
	const good = 'Authorization: Bearer vk_test', bad = 'Authorization: Bearer vk_other';
	for (const pair of [[good, bad], [bad, good], [good, good], [good, 'X-A: b', 'authorization: Bearer vk_test']])
		assert.equal((await one(get('/private', pair))).status, 400);
	for (const name of ['Content-Type', 'Origin', 'X-CSRF-Token', 'Host', 'Content-Length'])
		assert.equal((await one(get('/hello', [`${name}: 0`, `${name}: 0`]))).status, 400, name);
	assert.equal((await one(request(site, 'POST /json', ['Content-Type: application/json', 'Content-Type: text/plain', 'Content-Length: 2'], '{}'), { quiet: 500 })).status, 400);
	for (const q of ['ms=0&ms=9', 'ms=1&ms=1', 'ms=1&x=y&%6ds=2', 'ms=%zz'])
		assert.equal((await one(get(`/slow?${q}`))).status, 400, q);
	const cookie = async (...lines) => JSON.parse((await one(get('/seen', lines))).body).cookie;
	assert.equal(await cookie('Cookie: a=b; sid=one'), 'one');
	assert.equal(await cookie('Cookie: sid=one; sid=two'), '');
	assert.equal(await cookie('Cookie: sid=one', 'Cookie: sid=two'), '');
	assert.equal(await cookie('Cookie: xsid=one; sidx=two'), '');
});

test('S-157 forwarded headers never count', async () => {
	const lies = ['X-Forwarded-For: 10.0.0.1', 'X-Forwarded-For: 10.0.0.2', 'Forwarded: for=10.0.0.1;host=evil.example', 'X-Real-IP: 10.0.0.1',
		'X_Forwarded_For: 10.0.0.1', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: https', 'X-Forwarded-Uri: /private'];
	const r = await one(get('/seen', lies));
	assert.equal(JSON.parse(r.body).peer, '127.0.0.1');
	assert.equal(r.headers['strict-transport-security'], undefined);
	assert.ok(!/peer=10\./.test(site.log()));
	assert.equal((await one(get('/hello', lies, 'evil.example'), { quiet: 500 })).status, 421);
});

test('S-158 a route is chosen by exact path and method, by nothing else', async () => {
	const expect = { '/private?/healthz': 401, '/private#/healthz': 400, '/healthz/../private': 400, '/healthzX': 404, '/healthz/': 404,
		'/healthz/x': 404, '/HEALTHZ': 404, '/healthz%20': 404, '/private?x=/healthz': 401, '/hello/private': 404 };
	for (const [path, status] of Object.entries(expect)) assert.equal((await one(get(path), { quiet: 300 })).status, status, path);
	const headers = ['User-Agent: GoogleHC/1.0', 'X-Original-URL: /healthz', 'X-Rewrite-URL: /healthz', 'X-HTTP-Method-Override: GET'];
	assert.equal((await one(get('/private', headers))).status, 401);
	assert.equal((await one(get('/healthz', ['X-Original-URL: /private']))).body, '{"hello":"world"}');
	assert.equal((await one(request(site, 'PUT /healthz'))).status, 405);
	assert.equal((await one(get('/items/special'))).body, 'special');
	assert.equal((await one(request(site, 'DELETE /items/special'))).status, 405, 'a literal pattern hides the wider one');
	assert.equal((await one(request(site, 'DELETE /items/other'))).body, 'item other');
});
