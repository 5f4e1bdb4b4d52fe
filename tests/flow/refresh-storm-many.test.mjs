/* Thousands of tokens due at once, by the program that is shipped: all of them are refreshed while others read,
 * nobody who reads waits for it, and memory holds what is in flight and not what is due. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { app, dueLeft, refreshTokens, sandboxWithApp } from '../bench/lib/due.mjs';
import { memory, startOn } from '../bench/lib/process.mjs';
import { startReaders } from '../bench/lib/readers.mjs';
import { seed } from '../bench/lib/seed.mjs';
import { cleanEnv, root } from '../lib/binary.mjs';

const TOKENS = 3000;
const LATE_MS = 120000;
/* As long as a reader waits for the engine at most, less a little. */
const SLOWEST_MS = 9000;
const GROWTH_MAX = 48 * 2 ** 20; /* 512 in flight, each with its reply, and what the readers make it keep */
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-storm-'));
after(() => rmSync(dir, { recursive: true, force: true }));

test('thousands of tokens due at once are refreshed beside the reads', async () => {
	const sandbox = await sandboxWithApp(dir);
	const tokens = path.join(dir, 'refresh-tokens');
	await refreshTokens(sandbox, tokens, { tokens: TOKENS, grants: 10 });
	const data = path.join(dir, 'data');
	mkdirSync(data, { mode: 0o700 });
	const { key_for_all: key } = await seed(data, TOKENS, { due: true, 'refresh-tokens': tokens, 'app-key': app.app_key, 'app-secret': app.app_secret });
	const seeded = Date.now();
	/* The provider does not answer yet, so that there is a time before. */
	process.kill(sandbox.pid, 'SIGSTOP');
	const program = path.resolve(root, process.env.BUILD || 'build', 'valetkey');
	const url = (text) => /^Manager: (\S+)$/m.exec(text)?.[1];
	const manager = await startOn(0, [program, 'serve', '--data', data, '--listen', '127.0.0.1:0'], { ready: url, env: cleanEnv({ VALETKEY_DROPBOX_URL: sandbox.url, VALETKEY_LOG_LEVEL: 'warn' }) });
	const before = memory(manager.pid).anonymous;
	assert.equal(dueLeft(data, { seeded }), TOKENS);
	let most = before, left = TOKENS;
	const readers = startReaders(url(manager.output()), key, TOKENS, 4);
	process.kill(sandbox.pid, 'SIGCONT');
	for (const end = Date.now() + LATE_MS; left > 0; await pause(50)) {
		left = dueLeft(data, { seeded });
		most = Math.max(most, memory(manager.pid).anonymous);
		assert.ok(Date.now() < end, `${left} are not refreshed after ${LATE_MS} ms`);
	}
	const reads = await readers.stop();
	assert.equal(reads.failed, 0);
	assert.ok(reads.count > 100, `only ${reads.count} reads`);
	assert.ok(reads.slowest_ms < SLOWEST_MS, `a read took ${reads.slowest_ms} ms`);
	assert.ok(most - before < GROWTH_MAX, `${Math.round((most - before) / 1024)} KiB more`);
	assert.equal(manager.output().match(/event=token\.refresh_(failed|not_started)/g), null, manager.output());
	await manager.stop();
	await sandbox.stop();
});
