/* An installation moved between SQLite and PostgreSQL, backed up while it serves, and restored. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
	copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { binary, cleanEnv } from '../lib/binary.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startProvider } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

let pg;
let provider;
let manager;
let key;
let access; /* the live token that every place must hand out */
const room = mkdtempSync(path.join(tmpdir(), 'valetkey-store-'));
const place = (name) => path.join(room, name);
const backup = place('backup');

const serve = (opt) => startServe({ ...opt, env: { VALETKEY_DROPBOX_URL: provider.url, ...opt.env } });

before(async () => {
	pg = await startPostgres();
	provider = await startProvider();
	manager = await serve({ data: place('first') });
	const ann = await managerClient(manager);
	await connectToken(ann, 'Archive');
	key = (await makeKey(ann)).key;
	access = (await hand(manager)).body.access_token;
	assert.ok(access);
});
after(async () => {
	await provider.stop();
	await pg.stop();
	rmSync(room, { recursive: true, force: true });
});

const hand = (node) => programGet(node.url, '/api/v1/tokens/Archive/access-token', key);

async function works(opt) {
	const node = await serve(opt);
	const reply = await hand(node);
	await node.stop({ keep: true });
	assert.equal(reply.status, 200, reply.text);
	assert.equal(reply.body.access_token, access);
}

async function ok(args, opt) {
	const got = await run(args, opt);
	assert.equal(got.code, 0, got.err);
	return got;
}

function putKey(name) {
	copyFileSync(place('first/master.key'), place(`${name}/master.key`));
}

test('backup while serving is one private file, which verify proves', async () => {
	const made = await ok(['backup', backup, '--data', manager.data, '--verify']);
	assert.match(made.out, /is whole: 1 access token, each opens with the master key/);
	assert.match(made.err, /token +1 row/);
	assert.equal(statSync(backup).mode & 0o7777, 0o600);
	assert.equal(readFileSync(backup).indexOf(access), -1, 'sealed as it was');
	const again = await run(['backup', backup, '--data', manager.data]);
	assert.equal(again.code, 1);
	assert.match(again.err, /exists already/);
	assert.equal((await hand(manager)).status, 200);
});

test('verify says which key does not fit, and what is damaged', async () => {
	writeFileSync(place('other.key'), Buffer.alloc(32, 9), { mode: 0o600 });
	const wrong = await run(['backup', 'verify', backup, '--master-key-file', place('other.key')]);
	assert.notEqual(wrong.code, 0);
	assert.match(wrong.err, /The master key is not the one this data was made with/);
	const bytes = readFileSync(backup);
	const at = bytes.indexOf('ann@example.com');
	bytes[at] ^= 1;
	writeFileSync(place('damaged'), bytes, { mode: 0o600 });
	const damaged = await run(['backup', 'verify', place('damaged'), '--data', manager.data]);
	assert.notEqual(damaged.code, 0);
	assert.match(damaged.err, /The backup is damaged/);
});

test('nothing is moved from under a manager that serves', async () => {
	const got = await run(['store', 'copy', '--from', manager.data, '--to', pg.url()]);
	assert.equal(got.code, 1);
	assert.match(got.err, /Another valetkey is running on the data directory/);
});

/* Until this process has a lock on a file of this name, as the kernel says. */
async function locks(child, name) {
	for (const end = Date.now() + 60000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
		for (const fd of readdirSync(`/proc/${child.pid}/fd`)) {
			const info = await readFile(`/proc/${child.pid}/fdinfo/${fd}`, 'utf8').catch(() => '');
			if (/^lock:/m.test(info) && readlinkSync(`/proc/${child.pid}/fd/${fd}`).endsWith(name)) return;
		}
	}
	assert.fail(`no lock on ${name}`);
}

test('nothing is moved from under a command that writes, and none writes while it is moved', async () => {
	await manager.stop({ keep: true });
	const passwd = spawn(binary, ['passwd', '--data', manager.data], { env: cleanEnv(), stdio: ['pipe', 'ignore', 'ignore'] });
	await locks(passwd, 'visitors.lock');
	const refused = await run(['store', 'copy', '--from', manager.data, '--to', place('not-yet')]);
	assert.equal(refused.code, 1);
	assert.match(refused.err, /A valetkey command is writing to the data directory .*Try again/s);
	assert.equal(existsSync(place('not-yet/valetkey.db')), false);
	passwd.stdin.end('a new password for admin\n');
	assert.equal((await once(passwd, 'exit'))[0], 0);

	const mover = spawn('flock', ['--exclusive', path.join(manager.data, 'visitors.lock'), 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
	await locks(mover, 'visitors.lock');
	for (const args of [['passwd'], ['webhook', 'add', 'https://hook.example/x']]) {
		const got = await run([...args, '--data', manager.data]);
		assert.equal(got.code, 1, args[0]);
		assert.match(got.err, /is being moved\..*would be left behind/s);
	}
	mover.stdin.end();
	await once(mover, 'exit');
	await ok(['webhook', 'list', '--data', manager.data]);
});

test('a backup restores into an empty directory, and into nothing else', async () => {
	await ok(['restore', backup, '--data', place('restored')]);
	putKey('restored');
	await works({ data: place('restored') });
	const again = await run(['restore', backup, '--data', place('restored')]);
	assert.equal(again.code, 1);
	assert.match(again.err, /There is data in .* already/);
	const none = await run(['restore', place('nosuch'), '--data', place('none')]);
	assert.notEqual(none.code, 0);
	assert.equal(existsSync(place('none/valetkey.db')), false);
});

test('store copy moves to PostgreSQL and back, row for row, and leaves the source alone', async () => {
	const before = readFileSync(place('first/valetkey.db'));
	const out = await ok(['store', 'copy', '--from', place('first'), '--to', pg.url()]);
	assert.match(out.err, /read back and compared: all are the same/);
	assert.deepEqual(readFileSync(place('first/valetkey.db')), before);
	const env = { VALETKEY_STORE: pg.url() };
	const node = await serve({ data: place('first'), env });
	assert.equal((await hand(node)).body.access_token, access);
	const busy = await run(['store', 'copy', '--from', pg.url(), '--to', place('back')]);
	assert.equal(busy.code, 1);
	assert.match(busy.err, /A valetkey serves from PostgreSQL/);
	await ok(['backup', place('from-pg'), '--data', place('first'), '--verify'], { env });
	await node.stop({ keep: true });
	await ok(['store', 'copy', '--from', pg.url(), '--to', place('back')]);
	putKey('back');
	await works({ data: place('back') });
	await ok(['restore', place('from-pg'), '--data', place('third')]);
	putKey('third');
	await works({ data: place('third') });
});

test('what is missing on the command line is asked for', async () => {
	for (const [args, why] of [
		[['store'], /valetkey store copy/],
		[['store', 'copy', '--from', room], /Copy from where to where/],
		[['backup'], /Which file/],
		[['backup', 'x', 'y', 'z'], /z/],
		[['backup', place('x')], /--data/],
		[['restore', '--data', room], /Which file/],
		[['restore', `${room}/none.bak`, '--data', room], /The backup .*none\.bak cannot be read: No such file/],
		[['backup', 'verify', room, '--data', room], /cannot be read: it is a directory\.[^]*that valetkey backup FILE has written/],
		[['serve', 'x'], /Unknown option x/],
	]) {
		const got = await run(args);
		assert.equal(got.code, 2, args.join(' '));
		assert.match(got.err, why);
	}
	for (const command of ['store', 'backup', 'restore']) assert.match((await ok([command, '--help'])).out, /Usage: valetkey/);
});
