/* What lies on the disk: rows S-165, S-166 and S-169. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { managerClient, programGet } from '../lib/http.mjs';
import { allBytes, assertAbsent, connect, connectToken, makeKey, startAttempt, tokens } from '../lib/manager.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

let p;
let env;

before(async () => {
	p = await startProvider();
	env = { VALETKEY_DROPBOX_URL: p.url };
});
after(() => p.stop());

/* Python is there because meson needs it; node has no SQLite of its own before version 22. */
function sql(data, ...statements) {
	const script = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
out = []
for s in json.load(sys.stdin):
    out.append([[c.hex() if isinstance(c, bytes) else c for c in row] for row in db.execute(s)])
db.commit()
print(json.dumps(out))`;
	const done = spawnSync(existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3', ['-c', script, path.join(data, 'valetkey.db')], { input: JSON.stringify(statements) });
	assert.equal(done.status, 0, done.stderr.toString());
	return JSON.parse(done.stdout.toString());
}

test('S-165 every secret at rest is sealed', async (t) => {
	const mark = (what) => `${what}${randomBytes(18).toString('hex')}`;
	const planted = { 'the app secret': mark('as'), 'another app secret': mark('bs'), access: mark('sl.at'), refresh: mark('rt'),
		'a second access': mark('sl.bt'), 'a second refresh': mark('qt'), 'an unknown member': mark('um'), 'a refused secret': mark('cs') };
	const manager = await startServe({ env });
	t.after(() => rmSync(manager.data, { recursive: true, force: true }));
	const ann = await managerClient(manager);
	p.on.token = () => ({ json: tokenReply({ access_token: planted.access, refresh_token: planted.refresh, extra: planted['an unknown member'] }) });
	const token = await connectToken(ann, 'Archive', { app_secret: planted['the app secret'] });
	p.on.token = () => ({ json: tokenReply({ access_token: planted['a second access'], refresh_token: planted['a second refresh'] }) });
	assert.equal((await ann.post(`/api/console/tokens/${token.id}/refresh`)).status, 200);
	assert.equal((await ann.patch(`/api/console/tokens/${token.id}`, { app_secret: planted['another app secret'] })).status, 200);
	const gone = await connectToken(ann, 'Gone', { app_secret: planted['the app secret'] });
	await startAttempt(ann, { app_secret: planted['the app secret'] });
	p.on.token = () => ({ status: 400, json: { error: 'invalid_client', access_token: planted.access } });
	await connect(ann, { app_secret: planted['a refused secret'] });
	await ann.post(`/api/console/tokens/${token.id}/refresh`);
	assert.equal((await ann.del(`/api/console/tokens/${gone.id}`)).status, 204);
	p.reset();
	const look = (when) => {
		const bytes = allBytes(manager.data);
		assert.notEqual(bytes.indexOf('Archive'), -1, 'the row is there');
		assertAbsent(bytes, { ...planted, password: manager.password, cookie: [...ann.cookies.values()][0] }, `the data directory ${when}`);
	};
	look('while it runs');
	await manager.kill();
	look('after a power cut');
	const again = await startServe({ env, data: manager.data });
	await again.stop({ keep: true });
	look('after a clean end');
});

const secretColumns = ['app_secret', 'access', 'refresh'];
const quote = (hex) => `x'${hex}'`;

/* The stopped database in the hands of an attacker: what each change leads to. */
test('S-166 a sealed value opens only where it was sealed', async (t) => {
	let manager = await startServe({ env });
	const { data, password } = manager;
	t.after(() => rmSync(data, { recursive: true, force: true }));
	t.after(() => manager.stop({ keep: true }));
	const ann = await managerClient(manager);
	const [a, b, c] = [await connectToken(ann, 'Token A'), await connectToken(ann, 'Token B'), await connectToken(ann, 'Token C')];
	const { key } = await makeKey(ann);
	await manager.stop({ keep: true });
	const row = (id) => Object.fromEntries(sql(data, `SELECT ${secretColumns} FROM token WHERE id='${id}'`)[0][0].map((v, i) => [secretColumns[i], v]));
	const old = row(b.id);
	manager = await startServe({ env, data });
	const bob = await managerClient({ url: manager.url, username: 'admin', password });
	assert.equal((await bob.post(`/api/console/tokens/${b.id}/refresh`)).status, 200);
	await bob.del(`/api/console/tokens/${c.id}`);
	const kept = Object.fromEntries(await Promise.all(['Token A', 'Token B'].map(async (n) => [n, await read(n)])));
	assert.equal(new Set(Object.values(kept)).size, 2);
	await manager.stop({ keep: true });

	async function read(name) {
		return (await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token`, key)).body.access_token;
	}
	const [ra, rb] = [row(a.id), row(b.id)];
	const set = (id, column, hex) => `UPDATE token SET ${column}=${quote(hex)} WHERE id='${id}'`;
	const restore = [a, b].flatMap((x, i) => secretColumns.map((col) => set(x.id, col, [ra, rb][i][col])));
	/* The damaged rows are A or B; the other one serves on. */
	const attacks = {
		"B's access in A": [set(a.id, 'access', rb.access)],
		"A's refresh as its access": [set(a.id, 'access', ra.refresh)],
		"A's app secret as its access": [set(a.id, 'access', ra.app_secret)],
		"B's access in A, all three": secretColumns.map((col) => set(a.id, col, rb[col])),
		'access cut': [set(a.id, 'access', ra.access.slice(0, -2))],
		'access emptied to a byte': [set(a.id, 'access', '01')],
		'access longer': [set(a.id, 'access', `${ra.access}00`)],
		"A's row under another version": [`UPDATE token SET access_version=access_version+1 WHERE id='${a.id}'`],
	};
	const bytes = ra.access.length / 2;
	for (let i = 0; i < bytes; i++) {
		const flipped = (parseInt(ra.access.slice(2 * i, 2 * i + 2), 16) ^ 1).toString(16).padStart(2, '0');
		if (i < 3 || i % 16 === 9 || i === bytes - 1) attacks[`byte ${i} of A's access`] = [set(a.id, 'access', ra.access.slice(0, 2 * i) + flipped + ra.access.slice(2 * i + 2))];
	}
	/* One start serves many attacks: the database is changed while it runs, and a touch ends what is cached. */
	const versions = sql(data, `SELECT id, access_version FROM token`)[0];
	const undo = [...restore, ...versions.map(([id, v]) => `UPDATE token SET access_version=${v} WHERE id='${id}'`)];
	manager = await startServe({ env, data });
	const carl = await managerClient({ url: manager.url, username: 'admin', password });
	const forget = (id) => carl.patch(`/api/console/tokens/${id}`, { description: String(Math.random()) });
	for (const [what, statements] of Object.entries(attacks)) {
		await forget(a.id);
		sql(data, ...undo, ...statements);
		await damaged('Token A', a, what);
		assert.equal(await read('Token B'), kept['Token B'], what);
	}
	sql(data, ...undo);
	await forget(a.id);
	assert.equal(await read('Token A'), kept['Token A'], 'put back, it opens');

	async function damaged(name, token, what) {
		const reply = await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token`, key);
		assert.equal(reply.status, 500, `${what}: ${reply.status}`);
		assert.equal(reply.body.code, 'integrity', what);
		for (const access of Object.values(kept)) assert.ok(!reply.text.includes(access), what);
		assert.ok(reply.body.detail.includes(token.id), `${what}: the row is named`);
		const reveal = await carl.post(`/api/console/tokens/${token.id}/reveal`);
		assert.deepEqual([reveal.status, reveal.body.code], [500, 'integrity'], `${what}: reveal`);
		assert.equal((await carl.get('/api/console/tokens')).status, 200, what);
	}

	/* The ciphertexts from before a refresh, and a row under another row's id. */
	await forget(b.id);
	sql(data, ...undo, ...secretColumns.map((col) => set(b.id, col, old[col])));
	await damaged('Token B', b, 'ciphertexts of before the refresh');
	sql(data, ...undo, `UPDATE token SET id='${'z'.repeat(b.id.length)}' WHERE id='${b.id}'`);
	await manager.stop({ keep: true });
	manager = await startServe({ env, data });
	const dora = await managerClient({ url: manager.url, username: 'admin', password });
	assert.equal((await dora.post(`/api/console/tokens/${'z'.repeat(b.id.length)}/reveal`)).status, 500);
	assert.equal(await read('Token A'), kept['Token A']);
	const list = await tokens(dora);
	assert.equal(list.length, 2);
});

test('S-169 a wrong, missing or short master key is one sentence at start', async (t) => {
	const first = await startServe({ env });
	await managerClient(first);
	await first.stop({ keep: true });
	const { data } = first;
	const scratch = mkdtempSync(path.join(tmpdir(), 'valetkey-key-'));
	t.after(() => [data, scratch].forEach((d) => rmSync(d, { recursive: true, force: true })));
	const own = path.join(data, 'master.key');
	const right = readFileSync(own);
	const database = () => createHash('sha256').update(readFileSync(path.join(data, 'valetkey.db'))).digest('hex');
	const before = database();
	const write = (bytes) => () => writeFileSync(own, bytes, { mode: 0o600 });
	const cases = {
		'another key': write(randomBytes(32)),
		'an empty file': write(''),
		'31 bytes': write(right.subarray(0, 31)),
		'33 bytes': write(Buffer.concat([right, right.subarray(0, 1)])),
		'a directory': () => mkdirSync(own),
		'a dangling link': () => symlinkSync(path.join(scratch, 'nowhere'), own),
		'no key while data exists': () => {},
	};
	const refused = async (what, args = []) => {
		const began = Date.now();
		const end = await run(['serve', '--data', data, '--listen', '127.0.0.1:0', ...args], { env });
		assert.ok(end.code > 0, `${what}: status ${end.code}`);
		assert.ok(Date.now() - began < 20000, what);
		assert.match(end.err, /^valetkey: .*master key.*\n( +.*\n)?$/, what);
		assert.doesNotMatch(end.out, /Manager:/);
		assert.equal(database(), before, `${what}: the database was touched`);
	};
	for (const [what, prepare] of Object.entries(cases)) {
		rmSync(own, { recursive: true, force: true });
		prepare();
		await refused(what);
		if (what.startsWith('no key')) assert.ok(!existsSync(own), 'no key is made beside the data');
		assert.ok(!existsSync(path.join(scratch, 'nowhere')), what);
	}
	write(right)();
	const elsewhere = path.join(scratch, 'key');
	await refused('a named file that is not there', ['--master-key-file', elsewhere]);
	assert.ok(!existsSync(elsewhere));
	writeFileSync(elsewhere, right, { mode: 0o644 });
	await refused('a key that others may read', ['--master-key-file', elsewhere]);
	const again = await startServe({ env, data });
	await again.stop({ keep: true });
});
