/* The seed file of the sandbox: what it makes, what it refuses, and that its schema says the same. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run, startSandbox } from '../lib/server.mjs';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const example = JSON.parse(readFileSync(`${docs}sandbox-seed.json`, 'utf8'));
const schema = JSON.parse(readFileSync(`${docs}sandbox-seed.schema.json`, 'utf8'));
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-seed-'));
after(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;

function write(seed) {
	const file = path.join(dir, `seed-${++files}.json`);
	writeFileSync(file, typeof seed === 'string' ? seed : JSON.stringify(seed));
	return file;
}

const start = (seed, opt = {}) => startSandbox({ args: ['--seed', write(seed)], ...opt });

/* What the program says when it does not start. */
async function refused(seed) {
	const data = mkdtempSync(path.join(dir, 'data-'));
	const end = await run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', '--seed', write(seed), '--', 'true']);
	assert.notEqual(end.code, 0, `it started with ${JSON.stringify(seed).slice(0, 300)}`);
	return end.err;
}

async function token(box, params, headers = {}) {
	const res = await fetch(`${box.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(params), headers });
	return { status: res.status, body: await res.json() };
}

async function call(box, access, route, arg) {
	const res = await fetch(`${box.url}/2/${route}`, {
		method: 'POST',
		headers: { authorization: `Bearer ${access}`, ...(arg === undefined ? {} : { 'content-type': 'application/json' }) },
		body: arg === undefined ? undefined : JSON.stringify(arg),
	});
	return { status: res.status, body: res.headers.get('content-type')?.includes('json') ? await res.json() : await res.text() };
}

test('the example of the documentation: accounts, app, files and a live grant', async () => {
	const box = await start(example);
	const state = await box.state();
	assert.deepEqual([state.accounts, state.apps, state.grants, state.refresh_tokens], [2, 1, 1, 1]);
	assert.equal(box.account('basic').password, example.accounts[0].password);
	const [app] = example.apps;
	const got = await token(box, {
		grant_type: 'refresh_token', refresh_token: example.grants[0].refresh_token,
		client_id: app.app_key, client_secret: app.app_secret,
	});
	assert.equal(got.status, 200, JSON.stringify(got.body));
	const { body } = await call(box, got.body.access_token, 'files/list_folder', { path: '', recursive: true });
	assert.deepEqual(body.entries.map((e) => [e['.tag'], e.path_display, e.size]), [
		['folder', '/Reports', undefined], ['file', '/Reports/first.txt', 6],
	]);
	assert.equal((await call(box, got.body.access_token, 'users/get_current_account')).body.name.display_name, 'Ann Example');
	await box.stop();
});

test('everything that a seed can say', async () => {
	const seed = {
		team: { name: 'Night Shift' },
		settings: { new_app_scopes: 'minimal', quota_basic: 5000 },
		limits: { per_token: { calls: 5, window_s: 60 } },
		accounts: [
			...example.accounts,
			{ email: 'carl@example.com', given_name: 'Carl', surname: 'C', type: 'business', suspended: true },
		],
		apps: [
			...example.apps.map((a) => ({ ...a, scopes: ['files.metadata.read', 'files.content.read'], personality: { rotation: 'strict' } })),
			{ name: 'Small', owner: 'bob@example.com', api: 'business', access: 'app_folder', folder_name: 'Tiny', status: 'production', public_clients: true, access_token_expiration: 'none', publisher: 'P', website: 'https://p.example/', description: 'D', additional_users: true },
		],
		grants: example.grants,
		faults: [{ path: '/2/check/user', mode: 'status', status: 500, count: null }],
	};
	const data = mkdtempSync(path.join(dir, 'data-'));
	const box = await start(seed, { data });
	const state = await box.state();
	assert.deepEqual([state.accounts, state.apps, state.faults], [3, 2, 1]);
	const settings = await box.control('GET', '/_sandbox/settings');
	assert.deepEqual([settings.new_app_scopes, settings.quota_basic, settings.quota_business], ['minimal', 5000, null]);
	assert.deepEqual((await box.control('GET', '/_sandbox/limits')).per_token, { calls: 5, window_s: 60 });
	const [app] = seed.apps;
	const got = await token(box, {
		grant_type: 'refresh_token', refresh_token: seed.grants[0].refresh_token, client_id: app.app_key, client_secret: app.app_secret,
	});
	assert.ok(got.body.refresh_token, 'the personality rotates');
	assert.deepEqual(got.body.scope.split(' ').sort(), ['account_info.read', 'files.content.read', 'files.metadata.read']);
	await box.stop({ keep: true });

	/* Another start on the same directory keeps what is there and does not look at the file again. */
	const again = await start('not even JSON', { data });
	assert.equal((await again.state()).apps, 2);
	assert.equal((await again.state()).faults, 0);
	await again.stop();
});

test('an app whose key is not of the usual length can be connected, too', async () => {
	for (const key of ['k', 'Key'.repeat(21)]) {
		const [app] = example.apps;
		const box = await start({ ...example, apps: [{ ...app, app_key: key }], grants: [] });
		const { redirect } = await box.control('POST', '/_sandbox/consent', {
			query: `client_id=${key}&response_type=code&redirect_uri=${app.redirect_uris[0]}`, email: 'ann@example.com', decision: 'allow',
		});
		const got = await token(box, {
			grant_type: 'authorization_code', code: new URL(redirect).searchParams.get('code'),
			redirect_uri: app.redirect_uris[0], client_id: key, client_secret: app.app_secret,
		});
		assert.equal(got.status, 200, JSON.stringify(got.body));
		await box.stop();
	}
});

test('what is wrong is told with its place, and nothing is made', async () => {
	const [ann] = example.accounts;
	const [app] = example.apps;
	const [grant] = example.grants;
	const cases = [
		['{', /seed file .*seed-\d+\.json/],
		['[]', /must be an object/],
		[{ acounts: [] }, /acounts is not known here/],
		[{ accounts: {} }, /accounts must be a list/],
		[{ accounts: [5] }, /accounts\[0\] must be an object/],
		[{ accounts: [ann, { ...ann, email: undefined }] }, /accounts\[1\]\.email is missing/],
		[{ accounts: [{ ...ann, admin: true }] }, /accounts\[0\]\.admin is not known here/],
		[{ accounts: [{ ...ann, type: 'free' }] }, /accounts\[0\]\.type must be one of basic, business/],
		[{ accounts: [{ ...ann, role: 'admin' }] }, /accounts\[0\]: .*role/i],
		[{ accounts: [ann, ann] }, /accounts\[1\]: .*taken/],
		[{ accounts: [{ ...ann, password: 5 }] }, /accounts\[0\]\.password must be text/],
		[{ ...example, apps: [{ ...app, owner: 'x@example.com' }] }, /apps\[0\]\.owner is no account/],
		[{ ...example, apps: [{ ...app, app_key: 'no key' }] }, /apps\[0\]\.app_key must be/],
		[{ ...example, apps: [app, { ...app, name: 'Other' }] }, /apps\[1\]: .*examplekey00001/],
		[{ ...example, apps: [{ ...app, redirect_uris: ['http://evil.example/'] }] }, /apps\[0\]\.redirect_uris has a bad address at 0/],
		[{ ...example, apps: [{ ...app, scopes: ['files.everything'] }] }, /apps\[0\]\.scopes has a name at 0/],
		[{ ...example, apps: [{ ...app, scopes: ['files.content.write'] }] }, /apps\[0\]\.scopes lacks/],
		[{ ...example, apps: [{ ...app, personality: { rotation: 'odd' } }] }, /apps\[0\]: rotation must be/],
		[{ ...example, files: [{ account: ann.email, path: 'x' }] }, /files\[0\]\.path must begin/],
		[{ ...example, files: [{ account: ann.email, path: '/a/../../../etc/passwd', text: 'x' }] }, /files\[0\]/],
		[{ ...example, grants: [{ ...grant, app: 'nosuchapp' }] }, /grants\[0\]: .*app/],
		[{ ...example, grants: [{ ...grant, refresh_token: 'short' }] }, /grants\[0\]: refresh_token/],
		[{ ...example, grants: [{ ...grant, offline: false }] }, /grants\[0\]\.refresh_token needs/],
		[{ limits: { per_app: { calls: 0 } } }, /limits\.per_app\.calls must be/],
		[{ settings: { new_app_scopes: 'all' } }, /settings\.new_app_scopes must be/],
		[{ faults: [{ path: '/2/*', mode: 'delay' }] }, /faults\[0\]\.delay_ms is missing/],
	];
	for (const [seed, why] of cases) assert.match(await refused(seed), why, JSON.stringify(seed).slice(0, 200));
});

test('after a refusal the same directory starts with the mended file', async () => {
	const data = mkdtempSync(path.join(dir, 'data-'));
	const bad = { ...example, grants: [{ ...example.grants[0], app: 'nosuchapp' }] };
	const end = await run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', '--seed', write(bad), '--', 'true']);
	assert.notEqual(end.code, 0);
	const box = await start(example, { data });
	assert.deepEqual([(await box.state()).accounts, (await box.state()).grants], [2, 1]);
	await box.stop();
});

test('S-223 a seed of a gigabyte is refused without being read', async () => {
	const file = path.join(dir, 'huge.json');
	writeFileSync(file, '{}');
	truncateSync(file, 1 << 30);
	const data = mkdtempSync(path.join(dir, 'data-'));
	const end = await run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', '--seed', file, '--', 'true']);
	assert.notEqual(end.code, 0);
	assert.match(end.err, /larger than 8 MiB/);
	const endless = await run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', '--seed', '/dev/zero', '--', 'true']);
	assert.match(endless.err, /larger than 8 MiB/);
	const deep = await refused(`{"apps":${'['.repeat(1000)}${']'.repeat(1000)}}`);
	assert.match(deep, /seed file/);
	const missing = await run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', '--seed', '/nowhere.json', '--', 'true']);
	assert.match(missing.err, /could not be read/);
});

/* As much of JSON Schema as the file uses; an unknown keyword fails. */
function valid(s, v, at = '') {
	const known = ['$schema', '$ref', '$defs', 'title', 'description', 'default', 'type', 'enum', 'const', 'properties', 'required',
		'additionalProperties', 'items', 'pattern', 'minLength', 'maxLength', 'maxItems', 'minimum', 'maximum', 'dependentSchemas'];
	for (const k of Object.keys(s)) assert.ok(known.includes(k), `${at}: ${k}`);
	if (s.$ref && !valid(schema.$defs[s.$ref.split('/').at(-1)], v, at)) return false;
	const kinds = { object: (x) => x !== null && typeof x === 'object' && !Array.isArray(x), array: Array.isArray, integer: Number.isInteger, null: (x) => x === null };
	if (s.type && ![].concat(s.type).some((t) => (kinds[t] ?? ((x) => typeof x === t))(v))) return false;
	if (s.enum && !s.enum.includes(v)) return false;
	if ('const' in s && s.const !== v) return false;
	if (typeof v === 'string' && ((s.minLength ?? 0) > v.length || v.length > (s.maxLength ?? Infinity) || (s.pattern && !new RegExp(s.pattern).test(v)))) return false;
	if (typeof v === 'number' && (v < (s.minimum ?? -Infinity) || v > (s.maximum ?? Infinity))) return false;
	if (Array.isArray(v)) return v.length <= (s.maxItems ?? Infinity) && v.every((x, i) => !s.items || valid(s.items, x, `${at}[${i}]`));
	if (!kinds.object(v)) return true;
	if ((s.required ?? []).some((k) => !(k in v))) return false;
	if (s.additionalProperties === false && Object.keys(v).some((k) => !(k in s.properties))) return false;
	if (Object.entries(s.dependentSchemas ?? {}).some(([k, d]) => k in v && !valid(d, v, at))) return false;
	return Object.entries(v).every(([k, x]) => !s.properties?.[k] || valid(s.properties[k], x, `${at}.${k}`));
}

/* The lists of members that the program knows, out of its source. */
function membersOf(file, name) {
	const source = readFileSync(fileURLToPath(new URL(`../../src/sandbox/control/${file}`, import.meta.url)), 'utf8');
	const list = new RegExp(`\\b${name}\\[\\] = \\{([^}]*)NULL \\}`).exec(source)[1];
	return [...list.matchAll(/"([^"]+)"/g)].map(([, m]) => m).sort();
}

test('the schema knows the members that the program knows, and takes the example', () => {
	const p = schema.properties;
	const members = (s) => Object.keys(s.properties).sort();
	assert.deepEqual(members(schema), membersOf('seed.c', 'sections'));
	assert.deepEqual(members(p.accounts.items), membersOf('people.c', 'account_members'));
	assert.deepEqual(members(p.files.items), membersOf('seed.c', 'file'));
	assert.deepEqual(members(p.grants.items), membersOf('seed.c', 'grant'));
	assert.deepEqual(members(p.apps.items), membersOf('seed_apps.c', 'seed_app_members'));
	assert.deepEqual(members(p.faults.items), membersOf('faults.c', 'fault_members'));
	assert.deepEqual(members(p.settings), membersOf('settings.c', 'setting_members'));
	assert.deepEqual(members(p.limits), membersOf('rates.c', 'rate_members'));
	assert.ok(valid(schema, example));
	assert.ok(!valid(schema, { ...example, acounts: [] }));
	assert.ok(!valid(schema, { accounts: [{ ...example.accounts[0], email: 'x' }] }));
	assert.ok(!valid(schema, { grants: [{ ...example.grants[0], offline: false }] }));
	assert.ok(!valid(schema, { faults: [{ path: '/_sandbox/state', mode: 'reset' }] }));
});
