/* What a server command says about its data directory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { binary, cleanEnv } from '../lib/binary.mjs';
import { run, startSandbox, startServe } from '../lib/server.mjs';

test('a second server on one data directory is refused, and the first goes on', async () => {
	const manager = await startServe();
	const second = await run(['serve', '--data', manager.data, '--listen', '127.0.0.1:0']);
	assert.equal(second.code, 1);
	assert.match(second.err, /Another valetkey is running on the data directory/);
	assert.equal((await fetch(`${manager.url}/healthz`)).status, 200);
	await manager.stop();

	const sandbox = await startSandbox();
	const other = await run(['sandbox', '--data', sandbox.data, '--listen', '127.0.0.1:0']);
	assert.equal(other.code, 1);
	assert.equal((await sandbox.state()) !== null, true, 'its control token still holds');
	await sandbox.stop();
});

test('a port that is taken is one sentence', async () => {
	const manager = await startServe();
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-port-'));
	const second = await run(['serve', '--data', dir, '--listen', `127.0.0.1:${manager.port}`]);
	assert.equal(second.code, 1);
	assert.match(second.err, new RegExp(`Port ${manager.port} on 127\\.0\\.0\\.1 is in use`));
	rmSync(dir, { recursive: true, force: true });
	await manager.stop();
});

test('passwd names a directory that holds no manager, and makes none', async () => {
	const dir = path.join(tmpdir(), `valetkey-none-${process.pid}`);
	const got = await run(['passwd', '--data', dir]);
	assert.equal(got.code, 2);
	assert.match(got.err, /There is no manager's data in/);
});

const NOBODY = { uid: 65534, gid: 65534 };
const asRoot = { skip: process.getuid() !== 0 && 'only root can be two users' };

/* The data of a manager that nobody ran, in a place that nobody can reach; passwd(user, word) changes its password. */
async function ofNobody(t) {
	const room = mkdtempSync(path.join(tmpdir(), 'valetkey-owner-'));
	t.after(() => rmSync(room, { recursive: true, force: true }));
	const data = path.join(room, 'data');
	await (await startServe({ data })).stop({ keep: true });
	const copy = path.join(room, 'valetkey'); /* the tree itself may be out of that user's reach */
	copyFileSync(binary, copy);
	for (const name of [room, data, ...readdirSync(data, { recursive: true }).map((n) => path.join(data, n))])
		chownSync(name, NOBODY.uid, NOBODY.gid);
	const passwd = (user = {}) => {
		const got = spawnSync(copy, ['passwd', '--data', data],
			{ cwd: room, env: cleanEnv(), input: 'a new password for admin\n', encoding: 'utf8', ...user });
		return { code: got.status, err: got.stderr };
	};
	return { room, data, lock: path.join(data, 'visitors.lock'), passwd };
}

test('what root makes in the data directory of another user is that user\'s', asRoot, async (t) => {
	const { lock, passwd } = await ofNobody(t);
	const first = passwd();
	assert.equal(first.code, 0, first.err);
	assert.deepEqual([statSync(lock).uid, statSync(lock).gid, statSync(lock).mode & 0o777], [NOBODY.uid, NOBODY.gid, 0o600]);
	const second = passwd(NOBODY);
	assert.equal(second.code, 0, second.err);
});

test('a lock that cannot be opened is named, with what to do', asRoot, async (t) => {
	const { lock, passwd } = await ofNobody(t);
	writeFileSync(lock, '', { mode: 0o600 });
	const got = passwd(NOBODY);
	assert.notEqual(got.code, 0);
	assert.match(got.err, /its file visitors\.lock could not be opened: Permission denied\..*chown -R/s);
	assert.equal(statSync(lock).uid, 0);
});

test('root gives away nothing that a name in the directory leads to', asRoot, async (t) => {
	const { room, lock, passwd } = await ofNobody(t);
	const target = path.join(room, 'of root');
	for (const there of [false, true]) {
		if (there) writeFileSync(target, 'secret', { mode: 0o600 });
		else symlinkSync(target, lock);
		const got = passwd();
		assert.notEqual(got.code, 0);
		assert.match(got.err, /its file visitors\.lock could not be opened/);
		if (there) assert.equal(statSync(target).uid, 0);
		else assert.throws(() => statSync(target), { code: 'ENOENT' });
	}
});
