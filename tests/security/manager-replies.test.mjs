/* What the provider answers is not trusted: rows S-018 to S-022 and S-204. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import zlib from 'node:zlib';

import { managerClient, programGet } from '../lib/http.mjs';
import { connect, connectToken, makeKey, tokens } from '../lib/manager.mjs';
import { evil, startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

let p;
let manager;
let ann;
let archive;
let key;
let live;

before(async () => {
	p = await startProvider();
	/* Freed memory is given back at once, so that growth can be seen in a sanitized build too. */
	const ASAN_OPTIONS = `${process.env.ASAN_OPTIONS ?? 'detect_leaks=0'}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0`;
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, ASAN_OPTIONS } });
	ann = await managerClient(manager);
	archive = await connectToken(ann, 'Archive');
	({ key } = await makeKey(ann));
	live = await served('Archive');
});
beforeEach(() => p.reset());
after(async () => {
	await manager.stop();
	await p.stop();
});

async function served(name) {
	const reply = await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token`, key);
	assert.equal(reply.status, 200, reply.text);
	return reply.body.access_token;
}

const residentKiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${manager.pid}/status`, 'utf8'))[1]);

/* A connect that fails, with this code; nothing is stored and the token from before is served on. */
async function refused(code, what) {
	const before = JSON.stringify((await tokens(ann)).map((t) => [t.id, t.name, t.status]));
	const done = await connect(ann);
	assert.equal(done.page.boot.outcome, 'failed', what);
	assert.equal(done.connection.error.code, code, what);
	assert.ok(done.connection.error.detail.length > 20 && done.connection.error.todo.length > 10);
	assert.equal((await ann.post(`/api/console/connections/${done.id}/reveal`)).status, 409, what);
	const saved = await ann.post('/api/console/tokens', { connection: done.id, name: 'Never', description: '' });
	assert.equal(saved.status, 409, what);
	assert.equal(JSON.stringify((await tokens(ann)).map((t) => [t.id, t.name, t.status])), before, what);
	assert.equal(await served('Archive'), live, what);
}

/* A refresh that fails without a word about the grant: the token stays active. */
async function keptAlive(status, what) {
	const reply = await ann.post(`/api/console/tokens/${archive.id}/refresh`);
	assert.equal(reply.status, status, `${what}: ${reply.text}`);
	const { token } = (await ann.get(`/api/console/tokens/${archive.id}`)).body;
	assert.equal(token.status, 'active', what);
	assert.equal(token.has_refresh_token, true, what);
	assert.equal(await served('Archive'), live, what);
	return reply.body;
}

test('S-018 no redirect of the token endpoint is followed', async (t) => {
	const e = await evil();
	t.after(() => e.stop());
	for (const status of [301, 302, 303, 307, 308]) {
		for (const location of [`${e.url}/oauth2/token`, `${p.url}/elsewhere`, '/elsewhere', '//evil.example/']) {
			p.on.token = () => ({ status, text: 'moved', headers: { location } });
			p.requests.length = 0;
			await refused('unexpected-redirect', `${status} to ${location}`);
			assert.equal(p.count('/oauth2/token'), 1);
			assert.equal(p.count('/elsewhere'), 0);
		}
		assert.equal((await keptAlive(502, `refresh ${status}`)).code, 'unexpected-redirect');
		assert.equal(p.count('/elsewhere'), 0);
	}
	assert.deepEqual([e.connections, e.said], [0, '']);
	p.reset();
	const mended = await ann.post(`/api/console/tokens/${archive.id}/refresh`);
	assert.equal(mended.status, 200, 'secret and refresh token were kept');
	live = await served('Archive');
});

/* Bodies without an end; the server's own back pressure stops the writer. */
function endless(res, bytes) {
	const more = () => {
		while (!res.destroyed && bytes > 0) {
			bytes -= 65536;
			if (!res.write('{"a":"'.padEnd(65536, 'x'))) return res.once('drain', more);
		}
		res.end();
	};
	more();
}

test('S-019 a reply that is too large or too slow ends in a named error', async () => {
	const large = {
		'10 MB of JSON': () => ({ json: { access_token: 'x'.repeat(10e6), token_type: 'bearer' } }),
		'an endless chunked body': (req, res) => void (res.writeHead(200), endless(res, Infinity)),
		'100,000 header lines': (req, res) => {
			res.socket.on('error', () => {});
			res.socket.write(`HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(100000)}\r\n`);
		},
		'1 MB in one header line': (req, res) => {
			res.socket.on('error', () => {});
			res.socket.write(`HTTP/1.1 200 OK\r\nX-A: ${'b'.repeat(1 << 20)}\r\n\r\n`);
		},
	};
	/* Once each, so that what stays for good is there before memory is measured. */
	for (const reply of Object.values(large)) {
		p.on.token = reply;
		await connect(ann);
	}
	const before = residentKiB();
	for (const [what, reply] of Object.entries(large)) {
		p.on.token = reply;
		const began = Date.now();
		const done = await connect(ann);
		assert.ok(Date.now() - began < 30000, what);
		assert.ok(['reply-too-large', 'reply-lost'].includes(done.connection.error.code), `${what}: ${done.connection.error.code}`);
		assert.match(done.connection.error.detail, /Dropbox/);
	}
	const grown = residentKiB() - before;
	assert.ok(grown < 2048, `${grown} KiB more`);

	/* One byte a second, for as long as it is read; other refreshes go on meanwhile. */
	p.on.token = (req, res) => {
		if (req.form.grant_type === 'refresh_token') return { json: tokenReply({ refresh_token: undefined }) };
		res.writeHead(200, { 'content-type': 'application/json' });
		res.flushHeaders();
		const timer = setInterval(() => res.write(' '), 1000);
		res.on('close', () => clearInterval(timer));
		return undefined;
	};
	const began = Date.now();
	let ended = false;
	const slow = connect(ann).finally(() => (ended = true));
	for (let i = 0; i < 3; i++) {
		assert.equal((await ann.post(`/api/console/tokens/${archive.id}/refresh`)).status, 200);
		live = await served('Archive');
	}
	assert.equal(ended, false, 'the refreshes overtook it');
	const { error } = (await slow).connection;
	assert.equal(error.code, 'timed-out');
	assert.ok(Date.now() - began < 30000);
});

test('S-020 no coding is offered, and an encoded reply is refused unread', async () => {
	const zeros = zlib.gzipSync(Buffer.alloc(64 << 20), { level: 9 });
	const forms = { gzip: zeros, deflate: zlib.deflateSync(Buffer.alloc(64 << 20)), br: zeros.subarray(0, 1000) };
	const good = Buffer.from(JSON.stringify(tokenReply()));
	await connect(ann);
	const before = residentKiB();
	for (const [coding, bytes] of [...Object.entries(forms), ['gzip, gzip', zlib.gzipSync(zeros)], ['gzip', zlib.gzipSync(good)]]) {
		p.on.token = () => ({ bytes, headers: { 'content-encoding': coding, 'content-type': 'application/json' } });
		await refused('reply-lost', coding);
		assert.equal(p.last('/oauth2/token').headers['accept-encoding'], undefined);
	}
	assert.ok(residentKiB() - before < 2048, `${residentKiB() - before} KiB more`);
});

const unusable = {
	'text/html': { text: '<html>Welcome</html>', headers: { 'content-type': 'text/html' } },
	'a list': { json: [] },
	'an empty object': { json: {} },
	'a number': { json: tokenReply({ access_token: 5 }) },
	null: { json: tokenReply({ access_token: null }) },
	'empty text': { json: tokenReply({ access_token: '' }) },
	'token type mac': { json: tokenReply({ token_type: 'mac' }) },
	'no token type': { json: tokenReply({ token_type: undefined }) },
	'an error beside a token': { json: tokenReply({ error: 'invalid_grant' }) },
	'status 204': { status: 204, bytes: Buffer.alloc(0) },
	'status 201': { status: 201, json: tokenReply() },
	'an empty body': { text: '' },
	'form encoding': { text: 'access_token=abc&token_type=bearer' },
	'half an object': { text: '{"access_token":"abc","token_type":"bearer"' },
	'two objects': { text: `${JSON.stringify(tokenReply())}{}` },
};

test('S-021 only a 200 with a usable token is a success', async () => {
	for (const [what, reply] of Object.entries(unusable)) {
		p.on.token = () => reply;
		await refused('unreadable-reply', what);
		assert.equal((await keptAlive(502, `refresh: ${what}`)).code, 'unreadable-reply');
	}
	/* Some providers say what went wrong with a 200. */
	p.on.token = () => ({ json: { ok: false, error: 'out_of_order' } });
	await refused('provider-busy', 'an error with 200');
	assert.equal((await keptAlive(502, 'an error with 200')).code, 'provider-busy');
	p.on.token = () => ({ json: { error: 'invalid_grant' } });
	await refused('code-refused', 'invalid_grant with 200');
});

test('S-022 a token that cannot stand in a header is not accepted', async () => {
	const bad = ['abc\r\nX-Evil: 1', 'abc\nX-Evil: 1', 'abc\0X-Evil', 'abc X-Evil', 'abc\u{1f600}X-Evil', '"X-Evil"', 'a\\X-Evil',
		`X-Evil${'a'.repeat(200000)}`, 'X-Evil\t', '\u0085X-Evil', 'X-Evil\x7f'];
	for (const access_token of bad) {
		p.on.token = () => ({ json: tokenReply({ access_token }) });
		await refused('unreadable-reply', JSON.stringify(access_token.slice(0, 30)));
		await keptAlive(502, JSON.stringify(access_token.slice(0, 30)));
	}
	p.on.token = () => ({ json: tokenReply({ access_token: 'a'.repeat(1 << 20) }) });
	await refused('reply-too-large', '1 MiB');
	for (const refresh_token of ['a\r\nX-Evil: 1', 'X-Evil token']) {
		p.on.token = () => ({ json: tokenReply({ refresh_token }) });
		await refused('unreadable-reply', 'refresh token');
	}
	const all = await ann.get('/api/console/tokens');
	assert.doesNotMatch(all.text + manager.log(), /X-Evil/);
	for (const r of p.requests) assert.doesNotMatch(JSON.stringify(r.headers) + r.body, /X-Evil/i);
});

test('S-204 two members of one name are refused', async () => {
	const doubled = [
		'{"access_token":"xxxxxxxx","access_token":"yyyyyyyy","token_type":"bearer"}',
		'{"access_token":"xxxxxxxx","token_type":"bearer","a":1,"\\u0061":2}',
		'{"access_token":"xxxxxxxx","token_type":"bearer","token_type":"mac"}',
		'{"access_token":"xxxxxxxx","token_type":"bearer","sub":{"b":1,"b":2}}',
	];
	for (const text of doubled) {
		p.on.token = () => ({ text, headers: { 'content-type': 'application/json' } });
		await refused('unreadable-reply', text);
	}
	const headers = { origin: manager.url, 'x-csrf-token': ann.csrf, 'content-type': 'application/json' };
	for (const body of [
		'{"label":"a","label":"b","all_tokens":true,"token_ids":[]}',
		'{"label":"a","all_tokens":false,"all_tokens":true,"token_ids":[]}',
		'{"label":"a","all_tokens":true,"token_ids":[],"x":1,"\\u0078":2}',
	]) {
		const reply = await ann.call('/api/console/keys', { method: 'POST', headers, body });
		assert.equal(reply.status, 400, body);
	}
	assert.equal((await ann.get('/api/console/keys')).body.keys.length, 1);
});

/* What came with a token request, and a part of each that is long enough to matter. */
function secretsOf({ form, headers }) {
	const secret = form.client_secret ?? Buffer.from(headers.authorization.slice(6), 'base64').toString().split(':')[1];
	return [secret, form.code ?? form.refresh_token, form.code_verifier].filter(Boolean);
}

test('S-194 S-202 a provider that repeats what it was sent is not repeated', async () => {
	const t = await connectToken(ann, 'Echo');
	let sent;
	const echo = (error) => (req) => {
		sent = secretsOf(req);
		return { status: 400, json: { error, error_description: `bad: ${sent.map((x) => x.slice(-12)).join(', ')} and ${sent[1]}` } };
	};
	const told = (text, what) => {
		assert.match(text, /\[hidden\]/, what);
		assert.match(text, / and /, 'the rest is told');
		for (const secret of sent) for (const part of [secret, secret.slice(-12), secret.slice(0, 8)]) assert.ok(!text.includes(part), `${what}: ${part}`);
	};
	p.on.token = echo('invalid_grant');
	await ann.post(`/api/console/tokens/${t.id}/refresh`);
	assert.match(sent[1], /^refresh-/);
	const { key: limited } = await makeKey(ann, { tokens: [t] });
	const events = await programGet(manager.url, '/api/v1/events?type=token.needs_reauthorization&token=Echo', limited);
	assert.equal(events.body.events.length, 1);
	told(events.body.events[0].details.why, 'the event');
	told(JSON.stringify((await tokens(ann)).find((x) => x.id === t.id)), 'the token');
	p.on.token = echo('invalid_request');
	const done = await connect(ann);
	assert.ok(sent.length === 3, 'a secret, a code, a verifier');
	told(done.connection.error.detail, 'the connection');
	await ann.del(`/api/console/tokens/${t.id}`);
});
