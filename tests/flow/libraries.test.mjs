/* libcurl and libpq are loaded when they are first used: where one is missing everything else works, and
 * what needs it says so. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { run, startServe } from '../lib/server.mjs';

let dir, env;

before(() => {
	dir = mkdtempSync(path.join(tmpdir(), 'valetkey-libraries-'));
	for (const name of ['libcurl.so.4', 'libpq.so.5']) writeFileSync(path.join(dir, name), 'no library');
	env = { LD_LIBRARY_PATH: dir };
});
after(() => rmSync(dir, { recursive: true, force: true }));

test('a manager without both starts and answers', async () => {
	const manager = await startServe({ env });
	assert.equal((await fetch(`${manager.url}/healthz`)).status, 200);
	await manager.stop();
});

test('a call that needs libcurl says what to install', async () => {
	const out = await run(['token', 'list'], { env: { ...env, VALETKEY_URL: 'https://127.0.0.1:9', VALETKEY_API_KEY: 'vk_x' } });
	assert.equal(out.code, 6);
	assert.match(out.err, /install libcurl4.*libcurl\.so\.4/);
});

test('a store that needs libpq says what to install', async () => {
	const out = await run(['serve', '--data', path.join(dir, 'data'), '--store', 'postgres://u@127.0.0.1:9/db', '--listen', '127.0.0.1:0'], { env });
	assert.notEqual(out.code, 0);
	assert.match(out.err, /libpq\.so\.5.*\n.*Install libpq5/);
});
