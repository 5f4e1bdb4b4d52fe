/* What a server command says about its data directory. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

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
