// Rows S-140 to S-142: where a message ends is told in one way only.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hidden, hiddenCount, request, startTarget, talk } from './target.mjs';

let site;
before(async () => (site = await startTarget({ 'body-ms': 3000, 'linger-ms': 200 })));
after(() => site.stop());

// Exactly one reply with one of the statuses, the end of the stream, and the hidden request unseen.
async function refused(bytes, statuses, name, { within = 2500 } = {}) {
	const ran = await hiddenCount(site);
	const got = await talk(site.port, bytes, { timeout: 10000, quiet: 10000 });
	assert.deepEqual(got.replies.map((r) => statuses.includes(r.status)), [true],
		`${name}: ${JSON.stringify(got.replies.map((r) => r.status))}`);
	assert.equal(got.leftover.length, 0, name);
	assert.equal(got.closed, true, `${name}: the connection must close`);
	assert.equal(got.replies[0].headers.connection, 'close', name);
	assert.ok(got.ms < within, `${name}: took ${got.ms} ms`);
	assert.equal(await hiddenCount(site), ran, `${name}: the hidden request was answered`);
	assert.ok(!site.log().includes('route=/hidden '), `${name}: the hidden request is in the log`);
}

const post = (headers, body, version = '1.1') =>
	`POST /echo HTTP/${version}\r\nHost: ${site.host}\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n${body}`;

test('S-140 length and transfer coding together are refused and the connection closes', async () => {
	const body = `0\r\n\r\n${hidden(site)}`;
	const cases = [
		['Content-Length: 4', 'Transfer-Encoding: chunked'],
		['Transfer-Encoding: chunked', 'Content-Length: 4'],
		['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
		['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
		['Content-Length: 5', 'X-A: b', 'transfer-encoding: chunked'],
	];
	for (const headers of cases) await refused(post(headers, body), [400], headers.join(' + '));
	await refused(post(['Content-Length: 4', 'Transfer-Encoding: chunked'], body, '1.0'), [400], 'HTTP/1.0');
	await refused(post(['Connection: keep-alive', 'Transfer-Encoding: chunked'], body, '1.0'), [400], '1.0 chunked');
});

test('S-141 two lengths, a list, a sign, hex, spaces or a number too large are 400 and close', async () => {
	const values = ['5, 5', '+5', '-1', '0x5', '5 5', '18446744073709551616', '9'.repeat(30), '', '5\t', '5;',
		'5.0', '1e1', '\u00b5'];
	for (const v of values) await refused(post([`Content-Length: ${v}`], `hello${hidden(site)}`), [400], JSON.stringify(v));
	for (const [a, b] of [[0, 5], [5, 0], [5, 5]])
		await refused(post([`Content-Length: ${a}`, `Content-Length: ${b}`], `hello${hidden(site)}`), [400], `${a}+${b}`);
	await refused(post(['Content-Length: 0', 'content-LENGTH: 5'], `hello${hidden(site)}`), [400], 'other case');
});

test('S-142 only chunked, once and last, is understood', async () => {
	const body = `5\r\nhello\r\n0\r\n\r\n${hidden(site)}`;
	const codings = ['xchunked', 'chunked, identity', 'gzip, chunked', 'identity', 'chunked\t', '\tchunked', 'chunked\v',
		'"chunked"', 'chunked, chunked', ',chunked', 'chunked;q=1', 'chunked ,', ''];
	for (const c of codings) await refused(post([`Transfer-Encoding: ${c}`], body), [400, 501], JSON.stringify(c));
	await refused(post(['Transfer-Encoding : chunked'], body), [400], 'space before the colon');
	for (const name of ['Transfer-Encoding*', 'transfer-encodingX', 'Content-Length-'])
		await refused(post([`${name}: chunked`], body), [400], name);
});

test('S-142 broken chunk framing is refused', async () => {
	const te = ['Transfer-Encoding: chunked'];
	const bodies = {
		'0x5': '0x5\r\nhello\r\n0\r\n\r\n',
		'5 and a space': '5 \r\nhello\r\n0\r\n\r\n',
		'space and 5': ' 5\r\nhello\r\n0\r\n\r\n',
		'-5': '-5\r\nhello\r\n0\r\n\r\n',
		'17 hex digits': `${'0'.repeat(16)}5\r\nhello\r\n0\r\n\r\n`,
		'bare LF after the size': '5\nhello\r\n0\r\n\r\n',
		'bare LF after the data': '5\r\nhello\n0\r\n\r\n',
		'LF in the extension': '5;a\nb\r\nhello\r\n0\r\n\r\n',
		'CR in the extension': '5;a\rb\r\nhello\r\n0\r\n\r\n',
		'no size': '\r\nhello\r\n0\r\n\r\n',
		'data longer than its size': '5\r\nhelloo\r\n0\r\n\r\n',
		'trailer with LF only': '0\r\nX: y\n\r\n',
		'300 bytes of extension': `5;${'a'.repeat(300)}\r\nhello\r\n0\r\n\r\n`,
		'1 MB of extension': `5;${'a'.repeat(1 << 20)}\r\nhello\r\n0\r\n\r\n`,
		'10,000 trailers': `0\r\n${'X-T: y\r\n'.repeat(10000)}\r\n`,
		'folded trailer': '0\r\nX: y\r\n z\r\n\r\n',
	};
	for (const [name, body] of Object.entries(bodies)) await refused(post(te, body + hidden(site)), [400], name);
	await refused(post(te, '5\r\nhello\r\n'), [408], 'missing last chunk', { within: 9000 });
});

test('S-142 trailer fields are dropped, an honest chunked body is read', async () => {
	const headers = ['Transfer-Encoding: chunked'];
	const ok = await talk(site.port, post(headers, '5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-T: y\r\n\r\n'));
	assert.deepEqual(ok.replies.map((r) => [r.status, r.body]), [[200, 'hello!']]);
	const smuggled = 'POST /private HTTP/1.1\r\nHost: ' + site.host + '\r\nTransfer-Encoding: chunked\r\n\r\n' +
		'1\r\nx\r\n0\r\nAuthorization: Bearer vk_test\r\nHost: evil.example\r\n\r\n';
	const got = await talk(site.port, smuggled);
	assert.deepEqual(got.replies.map((r) => r.status), [401]);
});

test('S-142 a chunked body may arrive byte by byte', async () => {
	const bytes = post(['Transfer-Encoding: chunked'], 'A\r\n0123456789\r\n0\r\n\r\n') + request(site, 'GET /hello');
	const got = await talk(site.port, [...bytes].flatMap((c, i) => (i % 7 ? [c] : [c, 1])), { replies: 2 });
	assert.deepEqual(got.replies.map((r) => r.status), [200, 200]);
	assert.equal(got.replies[0].body, '0123456789');
});
