/* What becomes of a grant when the reply to its refresh is damaged, or is of somebody in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';

import { tokenReply } from '../lib/provider.mjs';
import { raw, startScripted } from '../lib/scripted.mjs';

const head = (...lines) => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n`;
const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const page = { text: '<html>Back soon</html>', headers: { 'content-type': 'text/html' } };
const cut = (req, res) => res.socket.destroy();

/* Each takes the text of a good reply. */
const damages = {
	'cut before the last chunk': (text) => raw(head('Transfer-Encoding: chunked'), chunk(text)),
	'cut before the length it told': (text) => raw(head(`Content-Length: ${text.length + 100}`), text),
	'with a length past every limit': (text) => raw(head('Content-Length: 104857600'), text),
	'with more behind it than is read': (text) => raw(head('Connection: close'), text, ' '.repeat(1 << 20)),
	'as gzip': (text) => ({ bytes: zlib.gzipSync(text), headers: { 'content-encoding': 'gzip' } }),
	'as deflate': (text) => ({ bytes: zlib.deflateSync(text), headers: { 'content-encoding': 'deflate' } }),
	'as bare deflate': (text) => ({ bytes: zlib.deflateRawSync(text), headers: { 'content-encoding': 'deflate' } }),
	'as gzip, cut in its trailer': (text) => {
		const bytes = zlib.gzipSync(text);
		return raw(head('Content-Encoding: gzip', `Content-Length: ${bytes.length}`), bytes.subarray(0, -6));
	},
	'with a coding that is none': (text) => ({ bytes: Buffer.from(text), headers: { 'content-encoding': 'utf-8' } }),
};

test('a refresh token that was received is never thrown away, whatever became of the end of its reply', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	await w.connect('Damaged');
	for (const [what, damage] of Object.entries(damages)) {
		const pair = tokenReply();
		w.replies(damage(JSON.stringify(pair)));
		const reply = await w.refresh('Damaged');
		assert.equal(reply.status, 200, `${what}: ${await reply.text()}`);
		assert.equal((await w.live('Damaged')).access_token, pair.access_token, what);
		assert.equal((await w.refresh('Damaged')).status, 200);
		assert.equal(w.shown.at(-1), pair.refresh_token, what);
		assert.equal(w.p.last('/oauth2/token').headers['accept-encoding'], undefined);
	}
});

test('half of an object is no pair: nothing of it is believed, and it is kept', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Half');
	const old = await w.live('Half');
	const text = JSON.stringify(tokenReply());
	w.replies(raw(head('Transfer-Encoding: chunked'), chunk(text.slice(0, -1))));
	assert.equal((await w.refresh('Half')).status, 502);
	assert.equal((await w.live('Half')).access_token, old.access_token);
	const state = await w.state(token.id);
	assert.match(state.last_error, /The reply to the refresh of \S+ held no token, and Dropbox accepts a refresh token only once/);
	/* What is kept is read again when a person asks for it, and says the same. */
	assert.equal((await w.ann.post(`/api/console/tokens/${token.id}/recover`)).body.code, 'refresh-in-doubt');
	assert.equal(w.shown.length, 1);
});

test('one page instead of a reply does not park a strict grant: the last moment decides', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Page');
	w.replies(page);
	const refused = await w.refresh('Page');
	assert.equal(refused.status, 502);
	assert.equal((await w.refresh('Page')).status, 502);
	assert.equal(w.shown.length, 1, 'nothing is sent while the old access token lives');
	await w.advance(14400 - 60);
	await w.until('the last try', async () => w.shown.length === 2 && (await w.state(token.id)).last_error === '');
	assert.deepEqual(new Set(w.shown).size, 1, 'the same refresh token');
	assert.equal((await w.state(token.id)).status, 'active');
});

for (const grace of [{ until: 'r2_used' }, { until: 'seconds', max_s: 600 }])
	test(`one page instead of a reply does not park a grant with a grace (${grace.until})`, async (t) => {
		const w = await startScripted({ rotation: 'grace', grace });
		t.after(() => w.stop());
		const token = await w.connect('Page');
		w.replies(page);
		assert.equal((await w.refresh('Page')).status, 502);
		await w.advance(20);
		await w.until('a second try', () => w.shown.length === 2);
		await w.until('it is settled', async () => (await w.state(token.id)).last_error === '');
	});

test('a page and a dead witness are as one reply that never came', async (t) => {
	const w = await startScripted({ rotation: 'strict', refresh_kills_access: true });
	t.after(() => w.stop());
	const token = await w.connect('Asked');
	w.replies(page);
	assert.equal((await w.refresh('Asked')).status, 502);
	await w.advance(31);
	await w.until('the witness said that it lives', () => w.shown.length === 2);
	await w.until('it is settled', async () => (await w.state(token.id)).last_error === '');
	w.replies(cut);
	w.p.on.account = () => ({ status: 401, json: {} });
	assert.equal((await w.refresh('Asked')).status, 502);
	await w.advance(31);
	await w.until('it is over', async () => (await w.state(token.id)).status === 'needs_reauthorization');
	assert.equal(w.shown.length, 3);
});
