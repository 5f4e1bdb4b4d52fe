// Rows S-143 to S-148: one way to read a head, a target and a path.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hidden, hiddenCount, request, startTarget, talk } from './target.mjs';

let site;
before(async () => (site = await startTarget({ 'linger-ms': 200 })));
after(() => site.stop());

async function closesWith(bytes, statuses, name) {
	const ran = await hiddenCount(site);
	const got = await talk(site.port, bytes, { quiet: 8000 });
	assert.equal(got.replies.length, 1, `${name}: ${JSON.stringify(got.replies.map((r) => r.status))}`);
	assert.ok(statuses.includes(got.replies[0].status), `${name}: ${got.replies[0].status}`);
	assert.ok(got.closed, `${name}: must close`);
	assert.ok(got.ms < 5000, `${name}: took ${got.ms} ms`);
	assert.equal(await hiddenCount(site), ran, `${name}: the hidden request was answered`);
	return got.replies[0];
}

async function answers(bytes, statuses, name, options) {
	const got = await talk(site.port, bytes, options);
	assert.equal(got.replies.length, 1, `${name}: ${JSON.stringify(got.replies.map((r) => r.status))}`);
	assert.ok(statuses.includes(got.replies[0].status), `${name}: ${got.replies[0].status}`);
	return got.replies[0];
}

const raw = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;

test('S-143 folded lines, space before the colon, empty or odd names are refused', async () => {
	const host = `Host: ${site.host}`;
	const heads = {
		'folded value': raw('GET /hello HTTP/1.1', host, 'X-A: one', ' two'),
		'folded with tab': raw('GET /hello HTTP/1.1', host, 'X-A: one', '\ttwo'),
		'folded name of a length': raw('POST /echo HTTP/1.1', host, 'Content-Len: 35', ' gth') + hidden(site),
		'folded name of a key': raw('GET /private HTTP/1.1', host, 'Authori: Bearer vk_test', ' zation'),
		'fold before the first header': raw('GET /hello HTTP/1.1', ' X: y', host),
		'space before the colon': raw('POST /echo HTTP/1.1', host, 'Content-Length : 5') + 'hello',
		'leading space': raw('GET /hello HTTP/1.1', ` ${host}`),
		'space in the name': raw('GET /hello HTTP/1.1', host, 'X A: b'),
		'no name': raw('GET /hello HTTP/1.1', host, ': b'),
		'no colon': raw('GET /hello HTTP/1.1', host, 'nothing'),
		'name in brackets': raw('GET /hello HTTP/1.1', host, '(x): b'),
		'name beyond ASCII': raw('GET /hello HTTP/1.1', host, 'X-\u00e9: b'),
	};
	for (const [name, bytes] of Object.entries(heads)) await closesWith(bytes + hidden(site), [400], name);
});

test('S-144 control bytes are refused and a bare LF does not end a line', async () => {
	const host = `Host: ${site.host}`;
	const values = { 'CR': 'a\rInjected: b', 'NUL': 'a\x00b', '0x01': 'a\x01b', 'DEL': 'a\x7fb', 'ESC': '\x1b[2J' };
	for (const [name, v] of Object.entries(values))
		await closesWith(raw('GET /hello HTTP/1.1', host, `X-A: ${v}`) + hidden(site), [400], name);
	await closesWith(raw('GET /hello HTTP/1.1', host, 'X\x00A: b'), [400], 'NUL in a name');
	await closesWith(`GET /hello HTTP/1.1\n${host}\n\n`, [400], 'LF-only lines');
	await closesWith(`GET /hello HTTP/1.1\r\n${host}\nX-A: b\r\n\r\n`, [400], 'one LF-only line');
	await closesWith(`GET /hello HTTP/1.1\r\n${host}\r\n\nGET /hidden HTTP/1.1\r\n\r\n`, [400], 'LF as the empty line');
	await closesWith(`GET /hello HTTP/1.1\r${host}\r\r`, [400], 'CR-only lines');
	for (const line of site.log().split('\n').filter(Boolean))
		assert.match(line, /^\d{4}-\d\d-\d\dT[\d:]+Z (debug|info) event=http\.request site=site method=\S+ route=\S+ status=\d+ ms=\d+ req=\w+ peer=127\.0\.0\.1$/);
});

test('S-145 exactly one valid Host', async () => {
	const h = `127.0.0.1:${site.port}`;
	await closesWith(raw('GET /hello HTTP/1.1'), [400], 'none');
	await closesWith(raw('GET /hello HTTP/1.1', `Host: ${h}`, `Host: ${h}`), [400], 'two equal');
	await closesWith(raw('GET /hello HTTP/1.1', `Host: ${h}`, 'Host: evil.example'), [400], 'two different');
	await closesWith(raw('GET /hello HTTP/1.1', 'Host: evil.example', `host: ${h}`), [400], 'two, the other way');
	for (const v of [`${h}, evil.example`, '', `${h}/path`, `user@${h}`, `${h}?x`, `${h}#x`, `http://${h}`, 'a b'])
		await closesWith(raw('GET /hello HTTP/1.1', `Host: ${v}`), [400], JSON.stringify(v));
	await answers('GET /hello HTTP/1.0\r\n\r\n', [200], '1.0 without Host is our own origin');
	await closesWith(raw('GET /hello HTTP/1.0', 'Host: evil.example'), [421], '1.0 with a foreign Host');
});

test('S-146 the target is a path; absolute-form only with our own authority', async () => {
	const h = site.host;
	const get = (target, host = h) => raw(`GET ${target} HTTP/1.1`, `Host: ${host}`);
	await answers(get(`http://${h}/hello`), [200], 'our own absolute-form');
	const bad = {
		'foreign': get('http://evil.example/hello'),
		'foreign, their Host': get('http://evil.example/hello', 'evil.example'),
		'own target, foreign Host': get(`http://${h}/hello`, 'evil.example'),
		'other names of ours': get(`http://localhost:${site.port}/hello`),
		'user part': get(`http://${h}@evil.example/hello`),
		'ftp': get(`ftp://${h}/hello`),
		'no slash': get('a'),
		'asterisk': get('*'),
		'OPTIONS *': raw('OPTIONS * HTTP/1.1', `Host: ${h}`),
		'CONNECT': raw('CONNECT x:443 HTTP/1.1', 'Host: x:443'),
		'CONNECT to ourselves': raw(`CONNECT ${h} HTTP/1.1`, `Host: ${h}`),
		'a space': get('/hello x'),
		'two spaces': raw('GET  /hello HTTP/1.1', `Host: ${h}`),
		'a fragment': get('/hello#frag'),
		'empty': raw('GET  HTTP/1.1', `Host: ${h}`),
	};
	for (const [name, bytes] of Object.entries(bad)) await closesWith(bytes, [400, 404, 405], name);
	await closesWith(get(`/${'a'.repeat(100000)}`), [414], '100 kB');
	await closesWith(get(`/${'a'.repeat(8192)}`), [414], 'one more than 8 KiB');
	await answers(get(`/${'a'.repeat(8191)}`), [404], '8 KiB');
	await answers(get('/http://evil.example/hello'), [404], 'a path that looks like a URL');
});

test('S-147 only HTTP/1.0 and 1.1, only the methods of the row, case-sensitive', async () => {
	const h = `Host: ${site.host}`;
	for (const v of ['HTTP/1.9', 'HTTP/2.0', 'HTTP/0.9'])
		await closesWith(raw(`GET /hello ${v}`, h), [505], v);
	for (const v of ['HTTP/1.1x', 'HTTP/1', 'http/1.1', 'HTTP/1.10', 'HTTPS/1.1', 'HTTP/1,1'])
		await closesWith(raw(`GET /hello ${v}`, h), [400, 505], v);
	await closesWith(raw('GET /hello', h), [400], 'no version');
	await closesWith(raw('PRI * HTTP/2.0', '', 'SM'), [505], 'the HTTP/2 preface');
	for (const m of ['get', 'Get', 'G\x00T', 'GE(T', 'M'.repeat(10240)])
		await closesWith(raw(`${m} /hello HTTP/1.1`, h), [400, 414, 431], m.slice(0, 10));
	for (const m of ['TRACE', 'FOO', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT']) {
		const r = await answers(raw(`${m} /hello HTTP/1.1`, h), [405], m);
		assert.equal(r.headers.allow, 'GET, HEAD', m);
		for (const name of Object.keys(r.headers)) assert.ok(!name.startsWith('access-control'), name);
	}
	const r = await answers(raw('GET /echo HTTP/1.1', h), [405], 'GET on a POST row');
	assert.equal(r.headers.allow, 'POST');
	for (const up of ['h2c', 'websocket'])
		await answers(raw('GET /hello HTTP/1.1', h, `Upgrade: ${up}`, 'Connection: Upgrade'), [200], up);
});

test('S-147 HEAD has no body and no more rights than GET', async () => {
	const h = `Host: ${site.host}`;
	const get = await answers(raw('GET /hello HTTP/1.1', h), [200], 'GET');
	const got = await talk(site.port, raw('HEAD /hello HTTP/1.1', h) + raw('HEAD /private HTTP/1.1', h) +
		raw('HEAD /nothing HTTP/1.1', h) + raw('GET /hello HTTP/1.1', h), { replies: 4, heads: [true, true, true] });
	assert.deepEqual(got.replies.map((r) => r.status), [200, 401, 404, 200]);
	assert.equal(got.replies[0].headers['content-length'], get.headers['content-length']);
	assert.equal(got.leftover.length, 0);
});

test('S-148 the path is decoded once, into segments, and odd ones are refused', async () => {
	const get = (path) => raw(`GET ${path} HTTP/1.1`, `Host: ${site.host}`);
	const ok = { '/items/a/x': 'item a', '/items/a%20b/x': 'item a b', '/items/%C3%A9/x': 'item é',
		'/items/%252e/x': 'item %2e', '/items/a+b/x': 'item a+b' };
	for (const [path, body] of Object.entries(ok)) {
		const r = await answers(get(path), [200], path);
		assert.equal(r.body, body, path);
	}
	const bad = ['/items/a%00b/x', '/items/a\x00b/x', '/items/a%2f..%2fb/x', '/items/a%2Fx', '/items/%2e%2e/x', '/items/./x',
		'/items/../x', '/items/%2e/x', '/items/..;/x', '/items/a;b/x', '/items/%zz/x', '/items/%4', '/items/%', '/items/%c0%ae/x',
		'/items/%ff/x', '/items/%ed%a0%80/x', '//items/a/x', '/items//x', '/items/a//x', '/items\\a\\x', '/items/a%5cb/x',
		'/items/a%0d%0ab/x', '/items/a%7f/x', '/items/a/x/', '/items/\u00e9/x', '/hello/', '/hello%2f', '/hello%00', '/hello/.',
		'/items/a%20b/x%20', `/${'a/'.repeat(5000)}`, `${'/a'.repeat(17)}`];
	for (const path of bad) {
		const r = await answers(get(path), [400, 404, 414], path);
		assert.ok(!r.body.includes('item'), path);
	}
	const many = await answers(get('/a'.repeat(2500)), [404], '2,500 segments');
	assert.equal(many.headers['content-type'], 'application/problem+json');
});
