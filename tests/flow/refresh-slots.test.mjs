/* Where a raw reply lies between its seal and what it said being written, with a file: beside its token, for no longer
 * than it is needed, and found by whoever takes the data up when the manager is ended just then. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { seed } from '../bench/lib/seed.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

const TOKENS = 100;
const LATE_MS = 60000;
const SEALED = '6'; /* the step of src/base/crash.h */
const room = mkdtempSync(path.join(tmpdir(), 'valetkey-slots-'));
after(() => rmSync(room, { recursive: true, force: true }));

const ask = (data, query) =>
	JSON.parse(execFileSync('sqlite3', ['-cmd', '.timeout 60000', '-json', `file:${data}/valetkey.db?mode=ro`, query], { encoding: 'utf8' }) || '[]');
const replies = (data) => ask(data, 'SELECT count(*) AS n FROM reply')[0].n;

async function until(what, find) {
	for (const end = Date.now() + LATE_MS; ; await pause(50)) {
		const found = await find();
		if (found) return found;
		assert.ok(Date.now() < end, `${what}: not within ${LATE_MS} ms`);
	}
}

/* So many due tokens, of which the provider answers all but the first that comes, until release(). */
async function startBurst(t, name) {
	let release;
	const released = new Promise((resolve) => (release = resolve));
	let held = false;
	const p = await startProvider({
		token: async () => {
			if (!held) {
				held = true;
				await released;
			}
			return { json: tokenReply({ refresh_token: undefined }) };
		},
	});
	t.after(() => p.stop());
	const data = path.join(room, name);
	mkdirSync(data, { mode: 0o700 });
	await seed(data, TOKENS, { due: true });
	const seeded = Date.now();
	const left = () => ask(data, `SELECT count(*) AS n FROM token WHERE refreshed_ms <= ${seeded}`)[0].n;
	const manager = await startServe({ data, env: { VALETKEY_DROPBOX_URL: p.url, VALETKEY_LOG_LEVEL: 'error' } });
	t.after(() => (manager.program.end ? null : manager.stop()));
	await until('all but one are refreshed', () => left() === 1);
	return { data, manager, release, left };
}

test('no sealed reply stays once it is written what it said, also while another refresh is under way', async (t) => {
	const { data, release, left } = await startBurst(t, 'burst');
	assert.equal(left(), 1);
	assert.equal(replies(data), 0);
	release();
	await until('the last one', () => left() === 0);
	assert.equal(replies(data), 0, 'in the transaction that writes what it said');
});

test('no sealed reply is left by a stop', async (t) => {
	const { data, manager, release, left } = await startBurst(t, 'stop');
	const stopped = manager.stop({ keep: true });
	await pause(200);
	release();
	await stopped;
	assert.equal(left(), 0, 'a stop waits for what is under way');
	assert.equal(replies(data), 0);
});

test('a reply that was sealed when the manager was killed is found by a copy and by a backup of its data', async (t) => {
	const p = await startProvider();
	t.after(() => p.stop());
	const place = (name) => path.join(room, name);
	const serve = (name, env) => startServe({ data: place(name), env: { VALETKEY_DROPBOX_URL: p.url, ...env } });
	const first = await serve('killed');
	const ann = await managerClient(first);
	await connectToken(ann, 'Archive');
	const { key } = await makeKey(ann);
	await first.stop({ keep: true });
	const killed = await serve('killed', { VALETKEY_CRASH_AT: SEALED });
	const gone = programGet(killed.url, '/api/v1/tokens/Archive/refresh', key, { method: 'POST' }).catch(() => null);
	await Promise.all([killed.program.ended, gone]);
	assert.equal(killed.program.end.signal, 'SIGKILL', killed.log().slice(-2000));
	const calls = p.count('/oauth2/token');
	assert.equal(calls, 2, 'the consent and the refresh');
	assert.deepEqual(ask(place('killed'), 'SELECT attempt_stage, length(attempt_reply) AS kept FROM token'), [{ attempt_stage: 1, kept: 0 }]);
	assert.equal(replies(place('killed')), 1);

	const ok = async (...args) => assert.equal((await run(args)).code, 0, args.join(' '));
	await ok('backup', place('backup'), '--data', place('killed'), '--verify');
	await ok('store', 'copy', '--from', place('killed'), '--to', place('copied'));
	await ok('store', 'copy', '--from', place('backup'), '--to', place('restored'));
	for (const name of ['copied', 'restored', 'killed']) {
		if (name !== 'killed') copyFileSync(place('killed/master.key'), place(`${name}/master.key`));
		const manager = await serve(name);
		await until(`${name}: the reply is read`, () => ask(place(name), 'SELECT attempt_stage FROM token')[0].attempt_stage === 0);
		const got = await programGet(manager.url, '/api/v1/tokens/Archive/access-token', key);
		assert.equal(got.status, 200, got.text);
		assert.match(got.body.access_token, /^sl\.u\.access-/);
		assert.equal(ask(place(name), 'SELECT refreshed_ms > created_ms AS fresh FROM token')[0].fresh, 1);
		await until(`${name}: no reply is left`, () => replies(place(name)) === 0);
		await manager.stop({ keep: true });
	}
	assert.equal(p.count('/oauth2/token'), calls, 'it is read, and not asked for again');
});
