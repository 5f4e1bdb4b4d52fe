/* Many tokens are due, and the store can be read and takes no claim: the engine tries now and then, says so
 * once each time, and goes on when it can. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { app, dueLeft, refreshTokens, sandboxWithApp } from '../bench/lib/due.mjs';
import { startOn } from '../bench/lib/process.mjs';
import { seed } from '../bench/lib/seed.mjs';
import { binary, cleanEnv } from '../lib/binary.mjs';

const TOKENS = 1200;
const LATE_MS = 120000;
const TRIES = 3; /* a second apart */
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-refuses-'));
after(() => rmSync(dir, { recursive: true, force: true }));

test('a store that takes no claim is not asked in a circle, nor told of in one', async () => {
	const sandbox = await sandboxWithApp(dir);
	const tokens = path.join(dir, 'refresh-tokens');
	await refreshTokens(sandbox, tokens, { tokens: TOKENS, grants: 10 });
	const data = path.join(dir, 'data');
	mkdirSync(data, { mode: 0o700 });
	await seed(data, TOKENS, { due: true, 'refresh-tokens': tokens, 'app-key': app.app_key, 'app-secret': app.app_secret });
	const seeded = Date.now();
	const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 60000', path.join(data, 'valetkey.db'), text]);
	sql('ALTER TABLE token RENAME COLUMN claim_nonce TO claim_nonce_'); /* each claim fails, no look does */
	const url = (text) => /^Manager: (\S+)$/m.exec(text)?.[1];
	const manager = await startOn(0, [binary, 'serve', '--data', data, '--listen', '127.0.0.1:0'], { ready: url, env: cleanEnv({ VALETKEY_DROPBOX_URL: sandbox.url, VALETKEY_LOG_LEVEL: 'warn' }) });
	const told = () => (manager.output().match(/event=token\.refresh_not_started/g) ?? []).length;
	const until = async (what, happens) => {
		for (const end = Date.now() + LATE_MS; !happens(); await pause(20)) assert.ok(Date.now() < end, what);
	};
	await until('no claim was tried again', () => told() >= TRIES);
	assert.ok(told() < TRIES + 10, `${told()} lines for ${TRIES} tries`);
	sql('ALTER TABLE token RENAME COLUMN claim_nonce_ TO claim_nonce');
	await until('they are not refreshed', () => dueLeft(data, { seeded }) === 0);
	await manager.stop();
	await sandbox.stop();
});
