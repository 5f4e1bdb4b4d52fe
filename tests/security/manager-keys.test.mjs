/* API keys and who may reach what: rows S-130, S-131, S-133, S-134 and S-135. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { managerClient, programGet } from '../lib/http.mjs';
import { allBytes, assertAbsent, connectToken, makeKey, openCallback, routes, startAttempt } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { request, talk } from '../lib/raw.mjs';
import { startServe } from '../lib/server.mjs';

let p;
let manager;
let ann;
let archive;
let other;
let table;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	archive = await connectToken(ann, 'Archive');
	other = await connectToken(ann, 'Other one');
	table = await routes();
});
after(async () => {
	await manager.stop();
	await p.stop();
});

const ask = (path, key, opt) => programGet(manager.url, path, key, opt);
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/* A key with the right form: what somebody who knows the program could make. */
function keyLike(random) {
	const head = `vk_${random}`;
	const sum = createHash('sha256').update(head).digest();
	return head + [...sum.subarray(0, 6)].map((b) => alphabet[b % 62]).join('');
}

const next = (c) => alphabet[(alphabet.indexOf(c) + 1) % 62];

test('S-130 a key is shown once and kept only as a keyed digest', async () => {
	const made = await makeKey(ann, { label: 'shown once' });
	assert.match(made.key, /^vk_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/);
	assert.equal(keyLike(made.key.slice(3, 46)), made.key, 'the last six are a checksum');
	assert.equal((await ask('/api/v1/tokens/Archive/access-token', made.key)).status, 200);
	const secrets = { key: made.key, 'its random part': made.key.slice(3, 46) };
	for (const hash of ['sha256', 'sha512', 'sha1', 'md5', 'blake2b512'])
		for (const form of ['latin1', 'hex', 'base64'])
			secrets[`${hash} as ${form}`] = createHash(hash).update(made.key).digest(form);
	assertAbsent((await ann.get('/api/console/keys')).text, secrets, 'the list of keys');
	assertAbsent(manager.log(), secrets, 'the log');
	const bytes = allBytes(manager.data);
	assert.notEqual(bytes.indexOf('shown once'), -1, 'the row itself is there');
	for (const [name, secret] of Object.entries(secrets))
		assert.equal(bytes.indexOf(Buffer.from(secret, name.endsWith('latin1') ? 'latin1' : 'utf8')), -1, name);
	assertAbsent(bytes, { key: made.key, 'its random part': made.key.slice(3, 46) }, 'the data directory');
});

test('S-130 a wrong key is refused, whichever character is wrong', async () => {
	const { key } = await makeKey(ann);
	const random = key.slice(3, 46);
	const early = keyLike(next(random[0]) + random.slice(1));
	const late = keyLike(random.slice(0, -1) + next(random.at(-1)));
	const wrong = [early, late, key.slice(0, -1) + next(key.at(-1)), `${key}a`, key.slice(0, -1), key.slice(3), `vk_${'a'.repeat(49)}`,
		key.toUpperCase(), key.toLowerCase(), `vK_${key.slice(3)}`, 'vk_', ''];
	for (const k of wrong) {
		const reply = await ask('/api/v1/tokens', undefined, { headers: { authorization: `Bearer ${k}` } });
		assert.equal(reply.status, 401, k);
		assert.doesNotMatch(reply.text, /vk_[A-Za-z0-9]{4}/);
	}
});

test('S-131 a key reads the tokens of its row and no others', async () => {
	const { key } = await makeKey(ann, { tokens: [other] });
	const names = ['Archive', 'archive', 'ARCHIVE', '%41rchive', archive.id, 'Archive%20', '%20Archive', 'No such token', 'Archive%00',
		'..', '%2e%2e', 'Other%20one%2f..%2fArchive'];
	for (const name of names)
		for (const [method, rest] of [['GET', ''], ['GET', '/access-token'], ['POST', '/refresh']]) {
			const got = await talk(manager.port, request(manager.port, `${method} /api/v1/tokens/${name}${rest}`,
				[`Authorization: Bearer ${key}`, 'Content-Length: 0', 'Connection: close']));
			assert.ok([400, 403, 404, 405].includes(got.status), `${method} ${name}${rest}: ${got.status}`);
			assert.doesNotMatch(got.text, /access-\d|R{40}/);
		}
	const [mine, none] = [await ask('/api/v1/tokens/Archive/access-token', key), await ask('/api/v1/tokens/Nothing/access-token', key)];
	assert.deepEqual([mine.status, mine.body.code], [403, 'token-not-permitted']);
	const words = ({ request_id, ...rest }) => rest;
	assert.deepEqual(words(mine.body), words(none.body), 'the same answer for what is not there');
	assert.equal((await ask('/api/v1/tokens/Other%20one/access-token', key)).status, 200);
	const list = (await ask('/api/v1/tokens', key)).body.tokens;
	assert.deepEqual(list.map((t) => t.name), ['Other one']);
	const page = (await ask('/api/v1/tokens?limit=1', key)).body;
	assert.deepEqual([page.tokens.map((t) => t.name), page.next], [['Other one'], 'Other one']);
	const rest = (await ask('/api/v1/tokens?limit=1&after=Other%20one', key)).body;
	assert.deepEqual([rest.tokens, rest.next], [[], null], 'and learns of no other name');
	assert.equal((await ask('/api/v1/tokens?limit=0', key)).status, 400);

	const [record] = (await ann.get('/api/console/keys')).body.keys.filter((k) => k.hint.endsWith(key.slice(-4)));
	assert.equal((await ann.del(`/api/console/keys/${record.id}`)).status, 204);
	assert.equal((await ask('/api/v1/tokens/Other%20one/access-token', key)).status, 401, 'gone at once');
});

test('S-133 a key is taken from the Authorization header only', async () => {
	const { key } = await makeKey(ann);
	const path = '/api/v1/tokens/Archive/access-token';
	const queries = ['api_key', 'access_token', 'key', 'token', 'authorization', 'apikey'];
	for (const name of queries) assert.equal((await ask(`${path}?${name}=${key}`)).status, 401, name);
	const basic = (text) => `Basic ${Buffer.from(text).toString('base64')}`;
	const headers = [{ cookie: `api_key=${key}` }, { cookie: `authorization=Bearer ${key}` }, { authorization: basic(`${key}:`) },
		{ authorization: basic(`:${key}`) }, { 'x-api-key': key }, { authorization: key }, { authorization: `Token ${key}` },
		{ 'proxy-authorization': `Bearer ${key}` }, { authorization: `Bearer ${key},${key}` }];
	for (const h of headers) assert.equal((await ask(path, undefined, { headers: h })).status, 401, Object.keys(h)[0]);
	const twice = await talk(manager.port, request(manager.port, `GET ${path}`,
		[`Authorization: Bearer ${key}`, `Authorization: Bearer ${key}`, 'Connection: close']));
	assert.ok([400, 401].includes(twice.status), `${twice.status}`);
	assert.equal((await ask(path, key)).status, 200);
	await manager.program.until(() => (manager.log().includes('access-token') ? true : null), 'requests are not logged');
	assertAbsent(manager.log(), { key }, 'the log');
});

/* What strangers may have: pages without data, health, the API's description, a session of nobody. */
const open = (path) => ['/healthz', '/api/v1/openapi.json', '/', '/sign-in', '/tokens', '/keys', '/activity', '/notifications', '/api/console/session'].includes(path) ||
	/^\/tokens\/[^/]+$|^\/tokens\/new\/[^/]+$|^\/assets\/[\w.-]+$|^\/favicon/.test(path);

test('S-134 without credentials every route is refused, except a short list', async () => {
	const doc = (await ask('/api/v1/openapi.json')).body;
	const verbs = ['get', 'post', 'put', 'patch', 'delete'];
	const described = Object.entries(doc.paths).flatMap(([path, item]) =>
		Object.keys(item).filter((m) => verbs.includes(m)).map((m) => `${m.toUpperCase()} ${path.replace(/\{[^}]*\}/g, '{}')}`));
	const programs = table.filter((r) => r.access === 'key' || r.access === 'public').map((r) => `${r.method} ${r.path}`);
	for (const row of programs.filter((r) => r.includes('/api/v1/tokens'))) assert.ok(described.includes(row), `${row} is not described`);
	for (const row of described) assert.ok(programs.includes(row), `${row} is described, but not routed`);

	const fill = (path) => path.replace('{}', /v1/.test(path) ? 'Archive' : /keys/.test(path) ? 'x' : archive.id);
	const twist = (path) => [path, `${path}/`, `/${path}`, path.replace(/\/(?=[^/]*$)/, '//'), path.toUpperCase(), `${path};x`, `${path}/.`,
		`${path}%2e`, `${path}.json`, `${path}/healthz`, `/healthz/..${path}`, `/assets/..${path}`, `/healthz%2f..${path}`, `${path}%00`,
		`${path}?x=/healthz`, path.replace('/api', '/%61pi'), `http://127.0.0.1:${manager.port}${path}`];
	const bearer = `Authorization: Bearer ${keyLike('a'.repeat(43))}`;
	const cookie = `Cookie: ${[...ann.cookies.keys()][0]}=${'c'.repeat(43)}`;
	for (const credentials of [[], [bearer], [cookie]]) {
		const list = table.flatMap((r) => twist(fill(r.path)).flatMap((path) =>
			['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((m) => m === r.method || path === fill(r.path)).map((method) => ({ method, path, r }))));
		for (let i = 0; i < list.length; i += 40) {
			const some = list.slice(i, i + 40);
			const got = await talk(manager.port, some.map(({ method, path }, n) => request(manager.port, `${method} ${path}`,
				[...credentials, 'Content-Length: 0', ...(n === some.length - 1 ? ['Connection: close'] : [])])),
			{ quiet: 3000, heads: some.map(({ method }) => method === 'HEAD') });
			assert.equal(got.replies.length, some.length, JSON.stringify(some[got.replies.length]));
			got.replies.forEach((reply, n) => {
				const { method, path, r } = some[n];
				const plain = decodeURIComponent(path.replace(/%00/, '')).split('?')[0].replace(/^http:\/\/[^/]*/, '');
				const line = `${method} ${path} ${credentials}: ${reply.status}`;
				if (reply.status < 300) assert.ok(open(plain) && ['GET', 'HEAD'].includes(method), line);
				else assert.ok(reply.status >= 400, line);
				if (path === fill(r.path) && method === r.method && /^(key|user)/.test(r.access)) assert.equal(reply.status, 401, line);
				assert.doesNotMatch(reply.body, /Archive|Other one|access-\d+-A/, line);
			});
		}
	}
	for (const path of ['/healthz', '/api/v1/openapi.json', '/api/console/session', '/tokens', `/tokens/${archive.id}`])
		assert.doesNotMatch((await ask(path)).text, /Archive|Other one/);
	assert.equal((await ask('/metrics')).status, 401);
});

test('S-134 one kind of credentials is no use where the other belongs', async () => {
	const { key } = await makeKey(ann);
	for (const r of table.filter((x) => x.access === 'key'))
		assert.equal((await ann.send(r.method, r.path.replace('{}', 'Archive'), r.method === 'GET' ? undefined : {})).status, 401, r.path);
	for (const r of table.filter((x) => x.access.startsWith('user')))
		assert.equal((await ask(r.path.replace('{}', archive.id), key, { method: r.method })).status, 401, `${r.method} ${r.path}`);
});

test('S-135 the objects of another session behave as absent', async () => {
	const bob = await managerClient(manager);
	const { id } = await startAttempt(ann);
	const nowhere = 'x'.repeat(id.length);
	const words = ({ request_id, ...rest }) => rest;
	const ways = [(c, x) => c.get(`/api/console/connections/${x}`), (c, x) => c.del(`/api/console/connections/${x}`),
		...['probe', 'reveal', 'test'].map((what) => (c, x) => c.post(`/api/console/connections/${x}/${what}`)),
		(c, x) => c.post('/api/console/tokens', { connection: x, name: 'Stolen', description: '' })];
	for (const way of ways) {
		const [theirs, random] = [await way(bob, id), await way(bob, nowhere)];
		assert.equal(theirs.status, 404);
		assert.deepEqual(words(theirs.body), words(random.body));
	}
	assert.equal((await ann.get(`/api/console/connections/${id}`)).body.connection.status, 'waiting');
	const bad = await ann.post('/api/console/keys', { label: 'x', all_tokens: false, token_ids: [nowhere] });
	assert.equal(bad.status, 404);
	const page = await openCallback(bob, `/oauth/callback/dropbox?code=x&state=${nowhere}`);
	assert.equal(page.boot.outcome, 'failed');
});
