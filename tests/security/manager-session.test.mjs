/* Sessions, cookies, signing in: rows S-104 to S-107 and S-110. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Client, managerClient, managerVisitor } from '../lib/http.mjs';
import { freePort } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { request, talk } from '../lib/raw.mjs';
import { startDemo, startServe } from '../lib/server.mjs';

let p;
let manager;
let credentials;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	credentials = { username: manager.username, password: manager.password };
});
after(async () => {
	await manager.stop();
	await p.stop();
});

const cookieName = (client) => [...client.cookies.keys()][0];
const cookieOf = (client) => client.cookies.get(cookieName(client));

/* What the manager says to somebody with exactly this Cookie header. */
async function statusWith(cookie, at = manager.port, path = '/api/console/tokens') {
	const lines = [].concat(cookie).map((c) => `Cookie: ${c}`);
	const got = await talk(at, request(at, `GET ${path}`, [...lines, 'Connection: close']));
	return { status: got.status, text: got.text };
}

test('S-104 signing in makes a new session and ends the one before', async () => {
	const visitor = managerVisitor(manager);
	await visitor.session();
	const name = cookieName(visitor);
	const anonymous = cookieOf(visitor);
	assert.equal((await visitor.post('/api/console/sign-in', credentials)).status, 200);
	const first = cookieOf(visitor);
	assert.notEqual(first, anonymous);
	assert.equal((await statusWith(`${name}=${first}`)).status, 200);
	assert.equal((await statusWith(`${name}=${anonymous}`)).status, 401);

	const again = new Client(manager.url, '/api/console/session');
	again.cookies.set(name, first);
	assert.equal((await again.signIn('/api/console/sign-in', credentials)).status, 200);
	assert.notEqual(cookieOf(again), first);
	assert.equal((await statusWith(`${name}=${first}`)).status, 401, 'signing in again ends the session before');

	for (const chosen of ['A'.repeat(43), 'chosen', `${'B'.repeat(42)}=`, 'A'.repeat(44)]) {
		const victim = managerVisitor(manager);
		victim.cookies.set(name, chosen);
		assert.equal((await victim.signIn('/api/console/sign-in', credentials)).status, 200);
		assert.notEqual(cookieOf(victim), chosen);
		assert.match(cookieOf(victim), /^[A-Za-z0-9_-]{43}$/);
		assert.equal((await statusWith(`${name}=${chosen}`)).status, 401);
	}

	const old = cookieOf(again);
	assert.equal((await again.post('/api/console/sign-out')).status, 200);
	assert.equal((await statusWith(`${name}=${old}`)).status, 401, 'signing out ends it on the server');
});

test('S-104 a new password ends the other sessions', async (t) => {
	const other = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	t.after(() => other.stop());
	const [ann, thief] = [await managerClient(other), await managerClient(other)];
	const change = { current: other.password, new: 'four or five words' };
	assert.equal((await ann.post('/api/console/password', { ...change, current: 'wrong' })).status, 400);
	assert.equal((await thief.get('/api/console/tokens')).status, 200);
	assert.equal((await ann.post('/api/console/password', change)).status, 204);
	assert.equal((await thief.get('/api/console/tokens')).status, 401);
	assert.equal((await ann.get('/api/console/tokens')).status, 200);
});

function attributes(line) {
	const [pair, ...rest] = line.split(/;\s*/);
	return { name: pair.slice(0, pair.indexOf('=')), flags: rest.map((f) => f.toLowerCase()).sort() };
}

test('S-105 the session cookie has its flags', async (t) => {
	const plain = await managerClient(manager);
	for (const line of plain.cookieLines) {
		const { name, flags } = attributes(line);
		assert.match(name, /^valetkey_/);
		assert.deepEqual(flags, ['httponly', 'path=/', 'samesite=lax']);
	}
	assert.equal(new Set(plain.cookieLines.map((l) => attributes(l).name)).size, 1, 'one cookie in all');

	const port = await freePort();
	const secure = await startServe({ listen: `127.0.0.1:${port}`, args: ['--public-url', 'https://keys.example'] });
	t.after(() => secure.stop());
	const ann = new Client(`http://127.0.0.1:${port}`, '/api/console/session');
	ann.origin = 'https://keys.example';
	assert.equal((await ann.signIn('/api/console/sign-in', { username: 'admin', password: secure.password })).status, 200);
	for (const line of ann.cookieLines) {
		const { name, flags } = attributes(line);
		assert.match(name, /^__Host-valetkey_/);
		assert.deepEqual(flags, ['httponly', 'path=/', 'samesite=lax', 'secure']);
	}
	const name = cookieName(ann);
	assert.equal((await statusWith(`${name}=${cookieOf(ann)}`, port)).status, 200);
	assert.equal((await statusWith(`${name.slice(7)}=${cookieOf(ann)}`, port)).status, 401, 'without the prefix');
});

test('S-106 two managers and a sandbox on one host keep to their own cookies', async (t) => {
	const demo = await startDemo();
	t.after(() => demo.stop());
	const here = await managerClient(manager);
	const there = await managerClient(demo);
	const box = new Client(demo.sandbox, '/_web/session');
	const { email, password } = demo.account('basic');
	assert.equal((await box.signIn('/_web/sign-in', { email, password })).status, 200);
	const all = [here, there, box];
	assert.equal(new Set(all.map(cookieName)).size, 3);

	/* One browser: it sends all cookies of the host to each port. */
	const jar = all.map((c) => `${cookieName(c)}=${cookieOf(c)}`).join('; ');
	assert.equal((await statusWith(jar)).status, 200);
	assert.equal((await statusWith(jar, demo.managerPort)).status, 200);
	assert.equal((await statusWith(jar, demo.sandboxPort, '/_web/apps')).status, 200);
	for (const client of [there, box]) {
		const value = cookieOf(client);
		assert.equal((await statusWith(`${cookieName(here)}=${value}`)).status, 401);
		assert.equal((await statusWith(`${cookieName(client)}=${value}`)).status, 401);
	}
	assert.equal((await statusWith(`${cookieName(there)}=${cookieOf(here)}`, demo.managerPort)).status, 401);
	for (const path of ['/nosuch', '/oauth2/authorize?client_id=x', '/_web/nosuch', '/healthz']) {
		const { text } = await statusWith(jar, demo.sandboxPort, path);
		assert.ok(!text.includes(cookieOf(here)) && !text.includes(cookieOf(there)), path);
	}
	assert.ok(!demo.log().includes(cookieOf(here)) && !demo.log().includes(cookieOf(there)));
});

test('S-107 a planted, doubled or huge cookie takes nothing over', async () => {
	const ann = await managerClient(manager);
	const name = cookieName(ann);
	const [mine, planted] = [`${name}=${cookieOf(ann)}`, `${name}=${'P'.repeat(43)}`];
	assert.equal((await statusWith(mine)).status, 200);
	for (const lines of [
		[`${mine}; ${planted}`], [`${planted}; ${mine}`], [mine, planted], [planted, mine], [`a="1; ${planted}"; ${mine}`],
		[`${planted}`], [`a=b; ${name} =x; ${mine}`], [`${name}; ${mine}`], [`${name}=; ${mine}`],
	]) {
		const { status, text } = await statusWith(lines);
		assert.ok([200, 401, 400].includes(status), `${lines}: ${status}`);
		const who = await statusWith(lines, manager.port, '/api/console/session');
		if (who.status === 200) assert.match(who.text, /"user":(null|\{"username":"admin"\})/);
		assert.doesNotMatch(text + who.text, /PPPPPPPP/);
	}
	const flood = Array.from({ length: 200 }, (_, i) => `c${i}=${'x'.repeat(4000)}`).join('; ');
	const big = await statusWith(`${flood}; ${mine}`);
	assert.ok([400, 431].includes(big.status), `${big.status}`);
	assert.match(big.text, /cookie|header/i);

	/* Somebody with a doubled cookie can sign in again. */
	const stuck = managerVisitor(manager);
	stuck.cookies.set(name, `${'P'.repeat(43)}; ${name}=${'Q'.repeat(43)}`);
	stuck.cookies.set('other', 'x');
	const session = await stuck.get('/api/console/session');
	assert.equal(session.status, 200);
	assert.equal(session.body.user, null);
	assert.equal(stuck.cookieLines.length, 1, 'a fresh cookie is given');
});

test('S-110 signing in and out cannot be done by a foreign page', async () => {
	const victim = await managerClient(manager);
	const mine = cookieOf(victim);
	const foreign = [
		{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: `http://127.0.0.1:${manager.port + 1}` },
		{ origin: undefined }, { origin: undefined, 'sec-fetch-site': 'cross-site' },
		{ origin: undefined, 'sec-fetch-site': 'same-site' }, { 'x-csrf-token': undefined },
	];
	for (const headers of foreign)
		for (const [path, body] of [['/api/console/sign-in', credentials], ['/api/console/sign-out', {}]]) {
			const reply = await victim.post(path, body, headers);
			assert.equal(reply.status, 403, `${path} ${JSON.stringify(headers)}`);
			assert.equal(reply.headers.get('set-cookie'), null);
		}
	const cookie = `${cookieName(victim)}=${mine}`;
	for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
		const got = await talk(manager.port, request(manager.port, 'POST /api/console/sign-in', [
			`Cookie: ${cookie}`, 'Origin: https://evil.example', `Content-Type: ${type}`, 'Content-Length: 33', 'Connection: close',
		], 'username=admin&password=whatever1'));
		assert.ok([403, 415].includes(got.status), type);
	}
	for (const path of ['/api/console/sign-out', '/sign-out', '/api/console/sign-in?username=admin'])
		assert.ok((await victim.call(path)).status >= 404, path);
	assert.equal(cookieOf(victim), mine);
	assert.equal((await victim.get('/api/console/tokens')).status, 200, 'still signed in');
	/* There is no set-up page to claim: the first sign-in is made before anything listens. */
	for (const path of ['/setup', '/api/console/setup', '/install', '/api/console/users'])
		assert.equal((await victim.post(path, credentials)).status, 404);
});
