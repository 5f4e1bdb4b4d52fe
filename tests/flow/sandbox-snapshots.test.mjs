/* Snapshots of the whole state, and what of them is refused. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { sandboxClient } from '../lib/http.mjs';
import { startSandbox } from '../lib/server.mjs';

const seedFile = fileURLToPath(new URL('../../docs/sandbox-seed.json', import.meta.url));
const seed = JSON.parse(readFileSync(seedFile, 'utf8'));
const [app] = seed.apps;
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-snap-'));
const data = path.join(dir, 'data');
let box;

before(async () => {
	box = await startSandbox({ args: ['--seed', seedFile], data });
});
after(async () => {
	await box.stop();
	rmSync(dir, { recursive: true, force: true });
});

async function call(method, route, body) {
	const res = await fetch(`${box.url}/_sandbox/${route}`, {
		method,
		headers: { authorization: `Bearer ${box.controlToken}`, 'content-type': 'application/json' },
		body: body === undefined ? undefined : JSON.stringify(body),
	});
	return { status: res.status, body: await res.json() };
}

async function access() {
	const res = await fetch(`${box.url}/oauth2/token`, {
		method: 'POST',
		body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: seed.grants[0].refresh_token, client_id: app.app_key, client_secret: app.app_secret }),
	});
	return { status: res.status, token: (await res.json()).access_token };
}

async function api(token, route, arg, { body, json = true } = {}) {
	const headers = { authorization: `Bearer ${token}` };
	if (body !== undefined || !json) headers['dropbox-api-arg'] = JSON.stringify(arg);
	if (body !== undefined) headers['content-type'] = 'application/octet-stream';
	else if (json) headers['content-type'] = 'application/json';
	const res = await fetch(`${box.url}/2/${route}`, { method: 'POST', headers, body: body ?? (json ? JSON.stringify(arg) : undefined) });
	return { status: res.status, text: await res.text() };
}

const put = (token, name, body) => api(token, 'files/upload', { path: name, mode: 'overwrite' }, { body });
const get = (token, name) => api(token, 'files/download', { path: name }, { json: false });
const names = async (token) => JSON.parse((await api(token, 'files/list_folder', { path: '', recursive: true })).text).entries.map((e) => e.path_display).sort();
const contents = () => readdirSync(path.join(data, 'files/store')).flatMap((xx) => readdirSync(path.join(data, 'files/store', xx)));

test('a snapshot brings back files, tokens, apps, settings and the clock', async () => {
	const { token } = await access();
	await put(token, '/kept.txt', 'first words');
	await call('PUT', 'settings', { new_app_scopes: 'minimal' });
	const at = await call('POST', 'clock', { advance_s: 60 });
	const before = [await names(token), (await call('GET', 'state')).body];
	assert.deepEqual(await call('POST', 'snapshots', { name: 'one' }), { status: 201, body: { name: 'one' } });

	await put(token, '/kept.txt', 'second words, which are longer');
	await put(token, '/new.txt', 'x');
	await api(token, 'files/delete_v2', { path: '/Reports' });
	await call('PUT', 'settings', { new_app_scopes: 'procedure' });
	await call('POST', 'clock', { advance_s: 5000 });
	await call('PUT', 'limits', { per_app: { calls: 1 } });
	await call('POST', 'tokens/revoke', { app_key: app.app_key });
	assert.notEqual((await access()).status, 200);

	assert.deepEqual(await call('POST', 'snapshots/one/restore'), { status: 200, body: { name: 'one' } });
	assert.deepEqual(await names(token), before[0]);
	assert.equal((await get(token, '/kept.txt')).text, 'first words');
	assert.equal((await call('GET', 'settings')).body.new_app_scopes, 'minimal');
	assert.equal((await call('GET', 'clock')).body.offset_s, at.body.offset_s);
	assert.deepEqual((await call('GET', 'limits')).body, { per_token: null, per_app: null });
	const now = (await call('GET', 'state')).body;
	for (const name of ['accounts', 'apps', 'grants', 'access_tokens', 'refresh_tokens', 'files']) assert.equal(now[name], before[1][name], name);
	assert.equal((await access()).status, 200, 'sealed and digested values are as before');
	/* What only the time after it had is gone from the disk. */
	assert.equal(contents().length, now.files - 1);
	/* And again: a snapshot can be restored as often as one likes. */
	await put(token, '/kept.txt', 'third');
	assert.equal((await call('POST', 'snapshots/one/restore')).status, 200);
	assert.equal((await get(token, '/kept.txt')).text, 'first words');
});

test('who is signed in stays so; the control token and faults stay too', async () => {
	await call('POST', 'snapshots', { name: 'nobody' });
	const ann = await sandboxClient(box);
	await call('POST', 'faults', { path: '/2/nothing', mode: 'reset' });
	assert.equal((await call('POST', 'snapshots/nobody/restore')).status, 200);
	assert.equal((await ann.get('/_web/session')).body.account.email, 'ann@example.com');
	assert.equal((await ann.post('/_web/apps', { api: 'dropbox', access: 'full', name: 'After' })).status, 201);
	assert.equal((await call('GET', 'state')).body.faults, 1);
	await call('DELETE', 'faults');
});

test('snapshots are listed and deleted; names are taken once', async () => {
	assert.deepEqual((await call('GET', 'snapshots')).body.snapshots.map((s) => s.name), ['nobody', 'one']);
	assert.deepEqual([(await call('POST', 'snapshots', { name: 'one' })).body.code], ['snapshot-exists']);
	assert.equal((await call('DELETE', 'snapshots/nobody')).status, 200);
	for (const method of ['DELETE', 'POST'])
		assert.equal((await call(method, `snapshots/nobody${method === 'POST' ? '/restore' : ''}`)).status, 404);
	assert.deepEqual((await call('GET', 'snapshots')).body.snapshots.map((s) => s.name), ['one']);
	assert.deepEqual(readdirSync(path.join(data, 'snapshots')), ['one']);
});

test('S-222 a snapshot holds neither the control token nor a secret as it is', () => {
	const bytes = readFileSync(path.join(data, 'snapshots/one/sandbox.db'));
	const secrets = [box.controlToken, app.app_secret, seed.grants[0].refresh_token, ...seed.accounts.map((a) => a.password)];
	for (const value of secrets) assert.equal(bytes.includes(value), false, value);
	for (const name of ['snapshots', 'snapshots/one', 'snapshots/one/files']) assert.equal(statSync(path.join(data, name)).mode & 0o777, 0o700);
	assert.equal(statSync(path.join(data, 'snapshots/one/sandbox.db')).mode & 0o777, 0o600);
});

test('what was restored is there after a power cut, and half a restore is finished or forgotten', async () => {
	const { token } = await access();
	await put(token, '/later.txt', 'later');
	assert.equal((await call('POST', 'snapshots/one/restore')).status, 200);
	await box.kill();
	/* As a process leaves it that was killed between linking contents and the change. */
	mkdirSync(path.join(data, 'files/store/ab'), { recursive: true });
	writeFileSync(path.join(data, 'files/store/ab', `ab${'0'.repeat(30)}`), 'nobody has it');
	writeFileSync(path.join(data, 'snapshots/.weed'), '');
	writeFileSync(path.join(data, 'sandbox.db.restored'), 'half');
	mkdirSync(path.join(data, 'snapshots/.new/files/ab'), { recursive: true });
	writeFileSync(path.join(data, 'snapshots/.new/files/ab/x'), 'x');
	box = await startSandbox({ data });
	assert.deepEqual(readdirSync(path.join(data, 'snapshots')), ['one']);
	assert.equal(existsSync(path.join(data, 'sandbox.db.restored')), false);
	assert.equal(contents().includes(`ab${'0'.repeat(30)}`), false);
	assert.equal((await names((await access()).token)).includes('/later.txt'), false);
	assert.equal((await get((await access()).token, '/kept.txt')).text, 'first words');
});

test('a restore while files are uploaded and read loses nothing that was not undone', async () => {
	const { token } = await access();
	await put(token, '/big.bin', Buffer.alloc(3 << 20, 7));
	await call('POST', 'snapshots', { name: 'busy' });
	const uploads = Array.from({ length: 12 }, (_, i) => put(token, `/up-${i}.bin`, Buffer.alloc(1 << 20, i)));
	const reads = Array.from({ length: 8 }, () => get(token, '/big.bin'));
	const restored = await call('POST', 'snapshots/busy/restore');
	assert.equal(restored.status, 200);
	for (const r of await Promise.all(uploads)) assert.equal(r.status, 200, r.text);
	for (const r of await Promise.all(reads)) assert.equal(r.text.length, 3 << 20);
	for (const name of await names(token)) {
		if (!name.endsWith('.bin')) continue;
		assert.equal((await get(token, name)).status, 200, name);
	}
	await call('DELETE', 'snapshots/busy');
});

test('S-223 names of snapshots lead nowhere', async () => {
	const bad = ['', '.', '..', '../x', '../../x', '/etc', 'a/b', 'a\\b', '.new', '.weed', 'a.b', '-x', 'a b', 'ä', 'a\u0000b', 'x'.repeat(65), 'x'.repeat(300), 5, null, {}, ['a']];
	for (const name of bad) {
		const reply = await call('POST', 'snapshots', { name });
		assert.equal(reply.status, 400, JSON.stringify(name));
	}
	for (const name of ['.new', '.weed', '%2e%2e', '..%2f..%2fx', '%2fetc', 'a%00b', 'x'.repeat(65), '-x'])
		for (const [method, tail] of [['POST', '/restore'], ['DELETE', '']]) {
			const { status } = await call(method, `snapshots/${name}${tail}`);
			assert.ok([400, 404, 405].includes(status), `${method} ${name} ${status}`);
		}
	assert.deepEqual(readdirSync(path.join(data, 'snapshots')), ['one']);
});

test('S-223 a foreign, cut or hostile snapshot is refused and changes nothing', async () => {
	let { token } = await access();
	/* Contents that the live store has are taken from there; of this snapshot it lacks one. */
	await put(token, '/extra.txt', 'only in the snapshot');
	await call('POST', 'snapshots', { name: 'two' });
	assert.equal((await call('POST', 'snapshots/one/restore')).status, 200);
	({ token } = await access());
	await put(token, '/kept.txt', 'as it is now');
	const state = async () => [await names(token), (await get(token, '/kept.txt')).text, contents().sort(), (await call('GET', 'settings')).body];
	const before = await state();
	const snaps = path.join(data, 'snapshots');
	const variant = (name, change) => {
		const at = path.join(snaps, name);
		cpSync(path.join(snaps, 'two'), at, { recursive: true });
		change(at);
		return name;
	};
	const sql = (at, text) => {
		const program = 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])';
		const done = spawnSync('python3', ['-c', program, path.join(at, 'sandbox.db'), text], { encoding: 'utf8' });
		assert.equal(done.status, 0, done.stderr);
	};
	const eachContent = (at, f) => {
		for (const xx of readdirSync(path.join(at, 'files'))) for (const id of readdirSync(path.join(at, 'files', xx))) f(path.join(at, 'files', xx, id), id);
	};
	let lost = 0;
	const lose = (at, f) => eachContent(at, (file, id) => {
		if (existsSync(path.join(data, 'files/store', id.slice(0, 2), id))) return;
		lost++;
		f(file);
	});
	const other = await startSandbox();
	await other.control('POST', '/_sandbox/snapshots', { name: 'theirs' });
	const outside = path.join(dir, 'outside.db');
	cpSync(path.join(snaps, 'one/sandbox.db'), outside);
	const cases = [
		variant('empty', (at) => truncateSync(path.join(at, 'sandbox.db'), 0)),
		variant('cut', (at) => truncateSync(path.join(at, 'sandbox.db'), statSync(path.join(at, 'sandbox.db')).size - 5000)),
		variant('noise', (at) => writeFileSync(path.join(at, 'sandbox.db'), Buffer.alloc(100000, 0x5a))),
		variant('flipped', (at) => {
			const bytes = readFileSync(path.join(at, 'sandbox.db'));
			bytes.fill(0xff, 8192, 8192 + 4096);
			writeFileSync(path.join(at, 'sandbox.db'), bytes);
		}),
		variant('missing', (at) => unlinkSync(path.join(at, 'sandbox.db'))),
		variant('linked', (at) => {
			unlinkSync(path.join(at, 'sandbox.db'));
			symlinkSync(outside, path.join(at, 'sandbox.db'));
		}),
		variant('nofiles', (at) => renameSync(path.join(at, 'files'), path.join(at, 'gone'))),
		variant('lost', (at) => lose(at, unlinkSync)),
		variant('short', (at) => lose(at, (f) => truncateSync(f, statSync(f).size - 1))),
		variant('altered', (at) => lose(at, (f) => writeFileSync(f, 'F'.repeat(statSync(f).size)))),
		variant('pointing', (at) => lose(at, (f) => {
			unlinkSync(f);
			symlinkSync('/etc/passwd', f);
		})),
		variant('trigger', (at) => sql(at, "CREATE TRIGGER t AFTER DELETE ON sessions BEGIN UPDATE accounts SET role = 'admin'; END")),
		variant('view', (at) => sql(at, 'CREATE VIEW v AS SELECT * FROM accounts')),
		variant('newer', (at) => sql(at, 'INSERT INTO schema_version VALUES (99)')),
		/* An older one would be brought up to date, and this would run meanwhile. */
		variant('older', (at) => sql(at, "DELETE FROM schema_version WHERE version > 1; CREATE TRIGGER t AFTER UPDATE ON links BEGIN DELETE FROM accounts; END")),
		variant('contradicts', (at) => sql(at, 'PRAGMA foreign_keys=OFF; DELETE FROM accounts')),
		variant('otherkey', (at) => sql(at, "UPDATE settings SET value = 'x' WHERE name = 'key_check'")),
		variant('climbing', (at) => sql(at, "UPDATE contents SET id = '../../../../../../../etc/passwd' WHERE id = (SELECT min(id) FROM contents)")),
		variant('foreign', (at) => {
			rmSync(at, { recursive: true });
			cpSync(path.join(other.data, 'snapshots/theirs'), at, { recursive: true });
		}),
	];
	await other.stop();
	assert.ok(lost >= 4);
	for (const name of cases) {
		const reply = await call('POST', `snapshots/${name}/restore`);
		assert.deepEqual([reply.status, reply.body.code], [409, 'broken-snapshot'], `${name}: ${JSON.stringify(reply.body)}`);
		assert.match(reply.body.detail, /Nothing was changed/);
		if (/older|trigger|view|newer/.test(name)) assert.match(reply.body.detail, /not one of this program/, name);
		assert.deepEqual(await state(), before, name);
	}
	assert.equal(existsSync(path.join(data, 'sandbox.db.restored')), false);
	symlinkSync(path.join(snaps, 'one'), path.join(snaps, 'alias'));
	assert.equal((await call('POST', 'snapshots/alias/restore')).status, 404);
	unlinkSync(path.join(snaps, 'alias'));
	for (const name of cases) assert.equal((await call('DELETE', `snapshots/${name}`)).status, 200, name);
	assert.equal(readFileSync('/etc/passwd', 'utf8').length > 0, true);
	assert.equal((await call('POST', 'snapshots/two/restore')).status, 200);
	assert.equal((await get((await access()).token, '/extra.txt')).text, 'only in the snapshot');
	await call('DELETE', 'snapshots/two');
});

test('S-223 there are at most a hundred snapshots', async () => {
	const snaps = path.join(data, 'snapshots');
	for (let i = 0; i < 99; i++) {
		mkdirSync(path.join(snaps, `s${i}`));
		linkSync(path.join(snaps, 'one/sandbox.db'), path.join(snaps, `s${i}/sandbox.db`));
	}
	const reply = await call('POST', 'snapshots', { name: 'more' });
	assert.deepEqual([reply.status, reply.body.code], [409, 'too-many-snapshots']);
	for (let i = 0; i < 99; i++) rmSync(path.join(snaps, `s${i}`), { recursive: true });
	assert.equal((await call('POST', 'snapshots', { name: 'more' })).status, 201);
});
