/* Connecting an account: state, PKCE and the redirect URI (rows S-001 to S-017), the manager alone. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { managerClient, managerVisitor } from '../lib/http.mjs';
import {
	allBytes, app, assertAbsent, connect, connection, consent, freePort, openCallback, startAttempt, tokens,
} from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { request, talk } from '../lib/raw.mjs';
import { startDemo, startServe } from '../lib/server.mjs';

let p;
let manager;
let ann;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
});
after(async () => {
	await manager.stop();
	await p.stop();
});

const tokenRequests = () => p.count('/oauth2/token');

/* Runs it and asserts that the provider was asked for no token and that nothing was stored. */
async function nothingComesOf(act) {
	const before = [tokenRequests(), JSON.stringify(await tokens(ann))];
	const result = await act();
	assert.deepEqual([tokenRequests(), JSON.stringify(await tokens(ann))], before);
	return result;
}

function isError(page, status) {
	assert.equal(page.status, status, page.text);
	assert.equal(page.boot.outcome, 'failed');
	assert.equal(page.boot.connection, null);
	assert.match(page.boot.todo, /Get OAuth2 Access Token/);
}

test('S-001 a thousand attempts have a thousand unguessable states', async () => {
	const seen = [];
	for (let i = 0; i < 20; i++)
		seen.push(...(await Promise.all(Array.from({ length: 50 }, () => startAttempt(ann)))));
	const states = seen.map((a) => a.state);
	assert.equal(new Set(states).size, 1000);
	for (const { state, id } of seen) {
		assert.match(state, /^[A-Za-z0-9_-]{22,}$/);
		assert.ok(!state.includes(id) && !id.includes(state));
	}
	/* No position is fixed or counts up: at each one nearly all of the alphabet turns up. The last
	 * of 43 characters carries four bits. */
	for (let at = 0; at < states[0].length; at++) {
		const used = new Set(states.map((s) => s[at])).size;
		assert.ok(used >= (at === states[0].length - 1 ? 16 : 50), `position ${at}: ${used} different characters`);
	}
	const ids = new Set(seen.map((a) => a.id));
	const digests = ['sha256', 'sha1', 'md5'].flatMap((h) =>
		[...ids].flatMap((id) => ['base64url', 'hex'].map((e) => createHash(h).update(id).digest(e))),
	);
	for (const digest of digests) assert.ok(!states.includes(digest));
});

test('S-002 a state counts only in the session that started it', async () => {
	const attempt = await startAttempt(ann);
	const back = await consent(attempt.url);
	const other = await managerClient(manager);
	await nothingComesOf(async () => {
		isError(await openCallback(other, back), 403);
		isError(await openCallback(managerVisitor(manager), back), 403);
	});
	assert.equal((await other.get(`/api/console/connections/${attempt.id}`)).status, 404);
	assert.equal((await connection(ann, attempt.id)).status, 'waiting');
	assert.equal((await openCallback(ann, back)).boot.outcome, 'connected');
	assert.equal((await connection(ann, attempt.id)).status, 'connected');
});

test('S-003 a state is spent by its first use, also when many arrive at once', async () => {
	const attempt = await startAttempt(ann);
	const back = await consent(attempt.url);
	const before = tokenRequests();
	const usual = p.on.token;
	/* The exchange is still going on while the other four arrive. */
	p.on.token = async (req) => {
		await new Promise((resolve) => setTimeout(resolve, 300));
		return usual(req);
	};
	const five = await Promise.all(Array.from({ length: 5 }, () => openCallback(ann, back)));
	p.on.token = usual;
	assert.equal(five.filter((page) => page.boot.outcome === 'connected').length, 1);
	const repeats = five.filter((page) => page.boot.outcome !== 'connected');
	for (const page of [...repeats, await openCallback(ann, back)]) {
		isError(page, 409);
		assert.match(page.boot.detail, /already been used/);
	}
	assert.equal(tokenRequests(), before + 1);
	const first = await ann.post(`/api/console/connections/${attempt.id}/reveal`);
	assert.equal((await openCallback(ann, back)).status, 409);
	assert.equal((await ann.post(`/api/console/connections/${attempt.id}/reveal`)).text, first.text);
	assert.equal(tokenRequests(), before + 1);
});

test('S-003 a state is spent by a failure too', async () => {
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant' } });
	const attempt = await startAttempt(ann);
	const back = await consent(attempt.url);
	assert.equal((await openCallback(ann, back)).boot.outcome, 'failed');
	p.reset();
	isError(await openCallback(ann, back), 409);
	assert.equal(tokenRequests(), 0);
	assert.equal((await connection(ann, attempt.id)).status, 'failed');
});

test('S-004 an attempt dies after ten minutes', async () => {
	const demo = await startDemo();
	try {
		const bob = await managerClient(demo);
		const back = (a) => `/oauth/callback/dropbox?code=nosuchcode&state=${a.state}`;
		const inTime = await startAttempt(bob);
		const late = await startAttempt(bob);
		await demo.advance(590);
		await openCallback(bob, back(inTime));
		/* It went as far as the token endpoint, which knows neither app nor code. */
		assert.equal((await connection(bob, inTime.id)).error.code, 'invalid-client');
		await demo.advance(11);
		const page = await openCallback(bob, back(late));
		assert.equal(page.boot.outcome, 'failed');
		assert.match(page.boot.detail, /ten minutes.*expired/);
		assert.match(page.boot.todo, /Get OAuth2 Access Token again/);
		const { error } = await connection(bob, late.id);
		assert.equal(error.code, 'state-expired');
		const asking = () => demo.log().split('\n').filter((l) => l.includes('/oauth2/token') && /event=http/.test(l));
		const asked = await demo.program.until(() => (asking().length > 0 ? asking() : null), 'no token request is logged');
		assert.equal(asked.length, 1, 'one token request: the one in time');
	} finally {
		await demo.stop();
	}
});

test('S-005 a missing, empty, repeated or over-long state is an error', async () => {
	const attempt = await startAttempt(ann);
	const back = await consent(attempt.url);
	const code = back.searchParams.get('code');
	const mine = attempt.state;
	const queries = [
		`code=${code}`, `code=${code}&state=`, `code=${code}&state=${mine}&state=B`, `code=${code}&state=B&state=${mine}`,
		`code=${code}&state=${mine}%00`, `code=${code}&state=%00${mine}`, `code=${code}&state=${mine}%20`,
		`code=${code}&state=${mine.slice(0, -1)}`, `code=${code}&state=${mine}a`, `code=${code}&state=%25`,
		`code=${code}&state=*`, `code=${code}&state[]=${mine}`, `code=${code}&State=${mine}`,
		`code=${code}&state=${mine.toLowerCase()}`,
	];
	await nothingComesOf(async () => {
		for (const query of queries) {
			const page = await openCallback(ann, `/oauth/callback/dropbox?${query}`);
			assert.equal(page.status, 400, query);
			assert.notEqual(page.boot?.outcome, 'connected');
		}
		const long = await ann.call(`/oauth/callback/dropbox?code=${code}&state=${'a'.repeat(65536)}`);
		assert.ok([400, 414, 431].includes(long.status), `${long.status}`);
	});
	assert.equal((await connection(ann, attempt.id)).status, 'waiting');
	assert.equal((await openCallback(ann, back)).boot.outcome, 'connected');
});

test('S-006 a stranger cannot end an attempt with an error reply', async () => {
	const attempt = await startAttempt(ann);
	const other = await managerClient(manager);
	const refusal = (state) => `/oauth/callback/dropbox?error=access_denied&error_description=x${state}`;
	const random = 'x'.repeat(attempt.state.length);
	await nothingComesOf(async () => {
		isError(await openCallback(ann, refusal('')), 400);
		isError(await openCallback(ann, refusal(`&state=${random}`)), 400);
		isError(await openCallback(other, refusal(`&state=${attempt.state}`)), 403);
		isError(await openCallback(managerVisitor(manager), refusal(`&state=${attempt.state}`)), 403);
	});
	assert.equal((await connection(ann, attempt.id)).status, 'waiting');
	assert.equal((await openCallback(ann, await consent(attempt.url))).boot.outcome, 'connected');
	const second = await startAttempt(ann);
	await openCallback(ann, refusal(`&state=${second.state}`));
	const ended = await connection(ann, second.id);
	assert.deepEqual([ended.status, ended.error.code], ['failed', 'access-denied']);
});

test('S-007 every authorization request has a fresh S256 challenge', async () => {
	p.reset();
	for (let i = 0; i < 100; i++) {
		const done = await connect(ann);
		assert.equal(done.page.boot.outcome, 'connected');
	}
	const asked = p.requests.filter((r) => r.path === '/oauth2/authorize');
	const exchanged = p.requests.filter((r) => r.path === '/oauth2/token');
	assert.deepEqual([asked.length, exchanged.length], [100, 100]);
	asked.forEach(({ query }, i) => {
		const verifier = exchanged[i].form.code_verifier;
		assert.equal(query.code_challenge_method, 'S256');
		assert.match(query.code_challenge, /^[A-Za-z0-9_-]{43}$/);
		assert.match(verifier, /^[A-Za-z0-9._~-]{43,128}$/);
		assert.equal(createHash('sha256').update(verifier).digest('base64url'), query.code_challenge);
	});
	assert.equal(new Set(asked.map((r) => r.query.code_challenge)).size, 100);
});

test('S-008 the verifier stays on the server until the token request', async () => {
	p.reset();
	const attempt = await startAttempt(ann);
	const back = await consent(attempt.url);
	const waiting = await ann.get(`/api/console/connections/${attempt.id}`);
	const kept = allBytes(manager.data);
	const page = await openCallback(ann, back);
	assert.equal(page.boot.outcome, 'connected');
	const after = await ann.get(`/api/console/connections/${attempt.id}`);
	const secrets = { verifier: p.last('/oauth2/token').form.code_verifier };
	assert.ok(kept.length > 4096);
	const browser = [attempt.text, back.href, waiting.text, page.text, after.text, ...ann.cookieLines];
	assertAbsent(browser.join('\n'), secrets, 'the browser');
	assertAbsent(kept, secrets, 'the data directory before the exchange');
	assertAbsent(allBytes(manager.data), secrets, 'the data directory after it');
	assertAbsent(manager.log(), secrets, 'the log');
});

test('S-014 the redirect URI does not come from the request', async () => {
	const configured = `${manager.url}/oauth/callback/dropbox`;
	const headers = [
		{ 'x-forwarded-host': 'evil.example' }, { forwarded: 'host=evil.example;proto=https' },
		{ 'x-forwarded-proto': 'https', 'x-forwarded-port': '1' }, { 'x-original-host': 'evil.example' },
	];
	for (const extra of headers) {
		const reply = await ann.post('/api/console/connections', { provider: 'dropbox', scopes: '', ...app }, extra);
		assert.equal(reply.status, 201);
		assert.equal(new URL(reply.body.authorization_url).searchParams.get('redirect_uri'), configured);
		const shown = await ann.get('/api/console/providers', extra);
		assert.equal(shown.body.providers.find((x) => x.id === 'dropbox').redirect_uri, configured);
	}
	const body = JSON.stringify({ provider: 'dropbox', scopes: '', ...app });
	const cookie = [...ann.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	for (const host of ['evil.example', `evil.example:${manager.port}`]) {
		const got = await talk(manager.port, request(manager.port, 'POST /api/console/connections', [
			`Host: ${host}`, `Cookie: ${cookie}`, `Origin: ${manager.url}`, `X-CSRF-Token: ${ann.csrf}`,
			'Content-Type: application/json', `Content-Length: ${body.length}`, 'Connection: close',
		], body));
		assert.ok([400, 421].includes(got.status), `${host}: ${got.status}`);
		assert.doesNotMatch(got.text, /authorization_url/);
	}
	/* Another name of our own passes, and changes nothing either. */
	const local = await talk(manager.port, request(manager.port, 'POST /api/console/connections', [
		`Host: localhost:${manager.port}`, `Cookie: ${cookie}`, `Origin: ${manager.url}`, `X-CSRF-Token: ${ann.csrf}`,
		'Content-Type: application/json', `Content-Length: ${body.length}`, 'Connection: close',
	], body));
	assert.equal(local.status, 201);
	const url = new URL(JSON.parse(local.replies[0].body).authorization_url);
	assert.equal(url.searchParams.get('redirect_uri'), configured);
});

test('S-015 the token request repeats the redirect URI of its authorization request', async (t) => {
	p.reset();
	for (const publicUrl of [null, 'http://manager.test:8123', 'http://manager.test/', 'http://manager.test:8123/']) {
		const env = { VALETKEY_DROPBOX_URL: p.url };
		const port = await freePort();
		const args = publicUrl ? ['--public-url', publicUrl] : [];
		const first = await startServe({ env, listen: `127.0.0.1:${port}`, args });
		t.after(() => first.stop());
		first.url = `http://127.0.0.1:${port}`;
		const bob = managerVisitor(first);
		bob.origin = publicUrl?.replace(/\/$/, '');
		await bob.signIn('/api/console/sign-in', { username: first.username, password: first.password });
		for (let i = 0; i < 5; i++) await connect(bob);
		assert.equal(p.count('/oauth2/token'), 5, `${publicUrl}`);
		const asked = p.requests.filter((r) => r.path === '/oauth2/authorize').map((r) => r.query.redirect_uri);
		const sent = p.requests.filter((r) => r.path === '/oauth2/token').map((r) => r.form.redirect_uri);
		assert.deepEqual(sent, asked);
		assert.equal(asked[0], `${bob.origin ?? first.url}/oauth/callback/dropbox`);
		p.reset();
	}
});

test('S-015 another public URL in mid-flow changes nothing for the open attempt', async (t) => {
	p.reset();
	const env = { VALETKEY_DROPBOX_URL: p.url };
	const first = await startServe({ env });
	const bob = await managerClient(first);
	const back = await consent((await startAttempt(bob)).url);
	await first.stop({ keep: true });
	const port = await freePort();
	const args = ['--public-url', 'http://other.test'];
	const second = await startServe({ env, data: first.data, listen: `127.0.0.1:${port}`, args });
	t.after(() => second.stop());
	bob.url = `http://127.0.0.1:${port}`;
	bob.origin = 'http://other.test';
	const page = await openCallback(bob, back);
	const sent = p.last('/oauth2/token')?.form.redirect_uri;
	if (page.boot.outcome === 'connected') assert.equal(sent, p.last('/oauth2/authorize').query.redirect_uri);
	else assert.match(page.boot.todo, /Get OAuth2 Access Token/);
});

test('S-017 a callback that nobody asked for starts nothing', async () => {
	p.reset();
	const fresh = await managerClient(manager);
	const visitor = managerVisitor(manager);
	await nothingComesOf(async () => {
		for (const client of [fresh, visitor]) {
			const lines = client.cookieLines.length;
			isError(await openCallback(client, '/oauth/callback/dropbox?code=abc&state=def'), 400);
			isError(await openCallback(client, `/oauth/callback/dropbox?code=abc&state=${'d'.repeat(43)}`), 400);
			assert.equal((await client.call('/oauth/callback/nosuch?code=abc&state=def')).status, 400);
			const post = await client.call('/oauth/callback/dropbox?code=abc&state=def', { method: 'POST', body: '' });
			assert.equal(post.status, 405);
			assert.equal(client.cookieLines.length, lines, 'no session is made');
		}
	});
	assert.equal(p.connections, 0);
	assert.equal((await visitor.get('/api/console/tokens')).status, 401);
});
