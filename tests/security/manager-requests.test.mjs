/* Who may send what to the console: rows S-108, S-109, S-111, S-112 and the headers of S-113. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { managerClient, managerVisitor } from '../lib/http.mjs';
import { connectToken, freePort, makeKey, routes, tokens } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { request, talk } from '../lib/raw.mjs';
import { startServe } from '../lib/server.mjs';

let p;
let manager;
let ann;
let archive;
let record;
let table;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	archive = await connectToken(ann, 'Archive');
	record = await makeKey(ann);
	table = (await routes()).filter((r) => !r.path.endsWith('/stream')); /* whose replies have no end */
	assert.ok(table.length > 30);
});
after(async () => {
	await manager.stop();
	await p.stop();
});

const cookies = (client = ann) => [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
const changing = () => table.filter((r) => /\+csrf\b/.test(r.access));
const concrete = (route) =>
	route.path.replace('{}', /keys/.test(route.path) ? record.id : /callback/.test(route.path) ? 'dropbox' : archive.id);

/* All that a change could change. */
async function everything() {
	const keys = (await ann.get('/api/console/keys')).body.keys.map((k) => [k.id, k.label]);
	const list = (await tokens(ann)).map((t) => [t.id, t.name, t.description, t.updated_ms, t.last_refresh_ms]);
	return JSON.stringify([keys, list, p.requests.length]);
}

/* A body that would do something, if it were taken. */
function bodyFor(route) {
	if (/sign-in/.test(route.path)) return { username: manager.username, password: manager.password };
	if (/password/.test(route.path)) return { current: manager.password, new: 'another password' };
	if (/connections$/.test(route.path)) return { provider: 'dropbox', app_key: 'a', app_secret: 'b', scopes: '' };
	if (/keys$/.test(route.path)) return { label: 'planted', all_tokens: true, token_ids: [] };
	if (route.method === 'PATCH') return { description: 'planted' };
	return {};
}

/* Many requests on one connection: [{ status, text }] */
async function sendAll(list) {
	const replies = [];
	for (let i = 0; i < list.length; i += 40) {
		const some = list.slice(i, i + 40);
		const got = await talk(manager.port, some.map((lines, n) => lines(n === some.length - 1)), { quiet: 3000 });
		assert.equal(got.replies.length, some.length, got.text.slice(-300));
		replies.push(...got.replies);
	}
	return replies;
}

/* One request of those; headers given as undefined are left out. */
function change(route, path, { body = bodyFor(route), ...headers } = {}) {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	const all = {
		Cookie: cookies(), Origin: manager.url, 'X-CSRF-Token': ann.csrf,
		...(route.method === 'DELETE' ? {} : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
		...headers,
	};
	return (last) => request(manager.port, `${route.method} ${path}`,
		[...Object.entries(all).filter(([, v]) => v !== undefined).map(([k, v]) => `${k}: ${v}`), ...(last ? ['Connection: close'] : [])],
		route.method === 'DELETE' ? '' : text);
}

test('S-108 every change needs our own Origin and the token of the session', async () => {
	const stranger = managerVisitor(manager);
	await stranger.session();
	const other = await managerClient(manager);
	const origin = [`http://127.0.0.1:${manager.port + 1}`, `http://localhost:${manager.port}`, 'null', 'https://evil.example',
		`${manager.url}.evil.example`, `${manager.url}/`, manager.url.toUpperCase(), `https${manager.url.slice(4)}`, '', 'http://127.0.0.1'];
	const wrong = [
		...origin.map((Origin) => ({ Origin })),
		{ Origin: undefined }, { Origin: undefined, 'Sec-Fetch-Site': 'same-site' }, { Origin: undefined, 'Sec-Fetch-Site': 'cross-site' },
		{ Origin: undefined, 'Sec-Fetch-Site': 'none' }, { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
		{ 'X-CSRF-Token': undefined }, { 'X-CSRF-Token': '' }, { 'X-CSRF-Token': other.csrf }, { 'X-CSRF-Token': stranger.csrf },
		{ 'X-CSRF-Token': `${ann.csrf}x` }, { 'X-CSRF-Token': ann.csrf.slice(0, -1) }, { Origin: undefined, 'X-CSRF-Token': undefined },
	];
	const before = await everything();
	const list = changing().flatMap((route) => wrong.map((headers) => ({ route, headers })));
	assert.ok(changing().length >= 15);
	const replies = await sendAll(list.map(({ route, headers }) => change(route, concrete(route), headers)));
	replies.forEach((reply, i) => {
		const { route, headers } = list[i];
		assert.equal(reply.status, 403, `${route.method} ${route.path} ${JSON.stringify(headers)}: ${reply.body}`);
		assert.equal(JSON.parse(reply.body).code, 'csrf');
	});
	assert.equal(await everything(), before);
	assert.equal((await ann.get('/api/console/tokens')).status, 200, 'still signed in');

	/* The same with the right two passes, by Origin or by Sec-Fetch-Site; the objects do not exist. */
	const harmless = changing().filter((r) => !/sign-out/.test(r.path));
	for (const headers of [{}, { Origin: undefined, 'Sec-Fetch-Site': 'same-origin' }]) {
		const passed = await sendAll(harmless.map((r) => change(r, r.path.replace('{}', 'x'.repeat(16)), { body: {}, ...headers })));
		passed.forEach((reply, i) => assert.notEqual(reply.status, 403, `${harmless[i].path}: ${reply.body}`));
	}
	/* No other row of the table changes anything with a cookie. */
	const rest = table.filter((r) => !/\+csrf\b/.test(r.access) && r.method !== 'GET');
	assert.deepEqual([...new Set(rest.map((r) => r.access))], ['key']);
});

test('S-109 JSON routes take JSON only, and no safe method changes anything', async () => {
	const before = await everything();
	const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined, 'application/json;x',
		'application/jsonx', 'text/json', 'application/json, text/plain', '', 'application/csp-report'];
	const rows = changing().filter((r) => r.method !== 'DELETE');
	const list = rows.flatMap((route) => types.map((type) => ({ route, type })));
	const replies = await sendAll(list.map(({ route, type }) => change(route, concrete(route), { 'Content-Type': type })));
	replies.forEach((reply, i) => {
		const { route, type } = list[i];
		assert.ok([400, 415].includes(reply.status), `${route.method} ${route.path} ${type}: ${reply.status}`);
	});
	assert.equal(await everything(), before);

	const [named] = await sendAll([change({ method: 'POST' }, `/api/console/tokens/${archive.id}/test`,
		{ body: {}, 'Content-Type': 'application/json; charset=UTF-8' })]);
	assert.equal(named.status, 200, 'naming the charset is fine');
	const told = await everything();

	const safe = [];
	for (const route of table)
		for (const method of ['GET', 'HEAD'])
			for (const query of ['', '?_method=DELETE', '?_method=POST'])
				safe.push({ method, path: concrete(route) + query });
	for (const { method, path } of safe) {
		const reply = await ann.call(path, { method, headers: {
			origin: manager.url, 'x-csrf-token': ann.csrf, 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE',
			authorization: `Bearer ${record.key}`,
		} });
		assert.ok(reply.status < 500, `${method} ${path}`);
	}
	assert.equal(await everything(), told);
	assert.equal((await ann.get('/api/console/tokens')).status, 200);
});

test('S-111 no reply lets another origin in', async () => {
	const origins = ['https://evil.example', 'null', `${manager.url}.evil.example`, `http://127.0.0.1:${manager.port + 1}`, manager.url];
	const preflight = { 'Access-Control-Request-Method': 'DELETE', 'Access-Control-Request-Headers': 'x-csrf-token',
		'Access-Control-Request-Private-Network': 'true' };
	const list = table.flatMap((route) => origins.flatMap((Origin) => [
		{ route: { method: 'OPTIONS' }, path: concrete(route), headers: { Origin, ...preflight } },
		...(route.method === 'GET' ? [{ route, path: concrete(route), headers: { Origin } }] : []),
	]));
	const replies = await sendAll(list.map(({ route, path, headers }) => (last) =>
		request(manager.port, `${route.method} ${path}`, [
			`Cookie: ${cookies()}`, `Authorization: Bearer ${record.key}`, ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`),
			...(last ? ['Connection: close'] : []),
		])));
	replies.forEach((reply, i) => {
		const { route, path } = list[i];
		const names = Object.keys(reply.headers).filter((h) => h.startsWith('access-control-'));
		assert.deepEqual(names, [], path);
		if (route.method === 'OPTIONS') assert.ok(reply.status >= 400, `${path}: ${reply.status}`);
	});
});

test('S-112 a Host that is not ours is refused before routing', async (t) => {
	const { port } = manager;
	const bad = [`evil.example:${port}`, `127.0.0.1.evil.example:${port}`, '127.0.0.1:9', `[::1]evil:${port}`, '', `user@127.0.0.1:${port}`,
		`EVIL.EXAMPLE:${port}`, `127.0.0.1.:${port}`, `localhost.:${port}`, '127.0.0.1', `127.1:${port}`, `2130706433:${port}`,
		`0.0.0.0:${port}`, `127.0.0.1:${port} evil`, `127.0.0.1:${port}/`, `127.0.0.1:0${port}`, `127.0.0.1:${port}@evil.example`];
	const paths = [...new Set([...table.map(concrete), '/assets/console.js', '/nosuch'])];
	const ask = (host, path, at = port) => talk(at, request(at, `GET ${path}`,
		[`Host: ${host}`, `Cookie: ${cookies()}`, `Authorization: Bearer ${record.key}`, 'Connection: close']));
	for (const host of bad) {
		for (const path of host.startsWith('evil') ? paths : ['/healthz', '/', '/api/console/tokens', '/assets/console.js']) {
			const got = await ask(host, path);
			assert.ok([400, 421].includes(got.status), `${host} ${path}: ${got.status}`);
			assert.equal(got.replies[0].headers['set-cookie'], undefined);
			assert.doesNotMatch(got.replies[0].body, /Archive|"status":"ok"|<script/);
		}
	}
	for (const route of changing()) {
		const [reply] = (await talk(port, change(route, concrete(route), { Host: 'evil.example', Connection: 'close' })(false))).replies;
		assert.ok([400, 421].includes(reply.status), route.path);
	}
	for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
		assert.equal((await ask(host, '/healthz')).status, 200, host);
		assert.equal((await ask(host, '/api/console/tokens')).status, 200, host);
	}
	const own = await freePort();
	const behind = await startServe({ listen: `127.0.0.1:${own}`, args: ['--public-url', 'https://keys.example'] });
	t.after(() => behind.stop());
	for (const [host, status] of [['keys.example', 200], ['keys.example:443', 200], [`127.0.0.1:${own}`, 200], ['keys.example.evil', 421],
		['keys.example:80', 421], ['evilkeys.example', 421]])
		assert.equal((await ask(host, '/healthz', own)).status, status, host);
});

function directives(policy) {
	return Object.fromEntries(policy.split(';').map((d) => d.trim().split(/\s+/)).map(([name, ...rest]) => [name, rest.join(' ')]));
}

test('S-113 a strict policy stands on every reply', async () => {
	const html = { accept: 'text/html' };
	const pages = ['/', '/sign-in', '/tokens', '/tokens/new', '/tokens/new/dropbox', `/tokens/${archive.id}`, '/keys', '/activity', '/notifications', '/nosuch',
		'/%3Cscript%3E', '/oauth/callback/dropbox', '/oauth/callback/dropbox?error=x&state=y', '/oauth/callback/%22', '/api/v1/tokens',
		'/healthz', '/assets/console.js', '/assets/console.css', '/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q'];
	const raw = ['GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nHost: evil\r\n\r\n', 'NONSENSE\r\n\r\n',
		`GET /${'a'.repeat(20000)} HTTP/1.1\r\nHost: 127.0.0.1:${manager.port}\r\n\r\n`,
		`GET / HTTP/1.1\r\nHost: 127.0.0.1:${manager.port}\r\nX-A: ${'a'.repeat(70000)}\r\n\r\n`,
		`POST / HTTP/1.1\r\nHost: 127.0.0.1:${manager.port}\r\nContent-Length: 99999999999\r\n\r\n`];
	const all = await Promise.all(pages.map(async (path) => [path, (await ann.call(path, { headers: html })).headers]));
	for (const bytes of raw) {
		const { replies } = await talk(manager.port, bytes);
		assert.ok(replies[0].status >= 400);
		all.push([bytes.slice(0, 60), new Map(Object.entries(replies[0].headers))]);
	}
	for (const [what, headers] of all) {
		const policy = directives(headers.get('content-security-policy') ?? '');
		assert.equal(policy['default-src'], "'none'", what);
		for (const name of ['script-src', 'style-src', 'connect-src', 'form-action']) assert.equal(policy[name], "'self'", `${what}: ${name}`);
		for (const name of ['base-uri', 'object-src', 'frame-ancestors']) assert.equal(policy[name], "'none'", `${what}: ${name}`);
		assert.doesNotMatch(JSON.stringify(policy), /unsafe|data:|\*|http:/, what);
		assert.equal(headers.get('x-content-type-options'), 'nosniff', what);
		assert.equal(headers.get('referrer-policy'), 'no-referrer', what);
	}
});
