/* Where a raw reply lies between its seal and what it said being written, with a file: beside its token, for no longer
 * than it is needed, and found by whoever takes the data up when the manager is ended just then. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { seed } from '../bench/lib/seed.mjs';
import { root } from '../lib/binary.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

const TOKENS = 100;
const LATE_MS = 120000;
const SEALED = '6', COMMITTED = '8'; /* the steps of src/base/crash.h */
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

/* A provider that takes each refresh token once, and answers nothing until open(). */
async function startStrict(t) {
	const spent = new Set();
	const p = { reuse: 0 };
	const opened = new Promise((resolve) => (p.open = resolve));
	const provider = await startProvider({
		token: async (req) => {
			const shown = req.form.refresh_token;
			if (spent.has(shown)) p.reuse++;
			spent.add(shown);
			await opened;
			return { json: tokenReply() };
		},
	});
	t.after(() => provider.stop());
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	const definitions = mkdtempSync(path.join(room, 'providers-'));
	writeFileSync(path.join(definitions, 'dropbox.json'), JSON.stringify({ ...dropbox, contract: { confidential: { rotation: 'strict' } } }));
	return Object.assign(p, { url: provider.url, spent, args: ['--providers', definitions] });
}

async function killInABurst(t, step, fewest) {
	const WINDOW = 16; /* calls at once, at first */
	const p = await startStrict(t);
	const data = path.join(room, `killed-at-${step}`);
	mkdirSync(data, { mode: 0o700 });
	writeFileSync(path.join(room, 'refresh-tokens'), Array.from({ length: TOKENS }, (_, i) => `first-${i}\n`).join(''));
	await seed(data, TOKENS, { due: true, 'refresh-tokens': path.join(room, 'refresh-tokens') });
	const serve = (env) => startServe({ data, args: p.args, env: { VALETKEY_DROPBOX_URL: p.url, VALETKEY_LOG_LEVEL: 'error', ...env } });
	const killed = await serve({ VALETKEY_CRASH_AT: step });
	await until('as many calls as go out at once', () => p.spent.size === WINDOW);
	p.open();
	assert.equal((await killed.program.ended).signal, 'SIGKILL');
	const state = () => ask(data, 'SELECT id, attempt_stage, learned_refreshes FROM token');
	const recorded = state().filter((token) => token.attempt_stage === 1);
	const sealed = ask(data, 'SELECT token_id FROM reply JOIN token ON id = token_id WHERE attempt_stage = 1 AND attempt_fence = reply.fence').map((row) => row.token_id);
	assert.ok(sealed.length >= fewest && sealed.length <= recorded.length, `${sealed.length} of ${recorded.length} were sealed`);

	const manager = await serve();
	const done = () => state().filter((token) => token.learned_refreshes === 1);
	await until('all with a reply are refreshed, and all that had not begun', () => done().length === TOKENS - recorded.length + sealed.length);
	assert.deepEqual(sealed.filter((id) => !done().some((token) => token.id === id)), []);
	/* Of the rest nobody has the reply, if there is one: they are not shown again while their access tokens live. */
	await until('the rest is in doubt', () => state().filter((token) => token.attempt_stage === 3).length === recorded.length - sealed.length);
	assert.equal(p.reuse, 0);
	await until('no reply is left', () => replies(data) === 0);
	await manager.stop();
}

test('all replies that were sealed in a burst when the manager was killed are read at the next start', (t) => killInABurst(t, SEALED, 1));

/* What came later than the first is sealed by then, or committed too. */
test('a kill right after the first commit of a burst loses none of the replies that are sealed by then', (t) => killInABurst(t, COMMITTED, 0));
