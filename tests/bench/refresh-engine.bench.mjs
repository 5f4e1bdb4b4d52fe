/*
 * 100,000 tokens that are due at once: how many the engine refreshes in a second, every step of each durable,
 * against a bare libcurl multi loop that makes the same requests to the same sandbox and stores nothing.
 *
 * The sandbox has a core for itself; on the other one the manager, with its database, and the loop take
 * turns. TOKENS says how many. The refresh tokens are those of GRANTS real grants.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { binary, root } from '../lib/binary.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { anyDue, app, refreshedWithin, refreshTokens, sandboxWithApp } from './lib/due.mjs';
import { cpuSeconds, LOAD_CORE, memory, pin, runOn, scratch, SERVER_CORE, startOn } from './lib/process.mjs';
import { startReaders } from './lib/readers.mjs';
import { startReport } from './lib/report.mjs';
import { interleave, ROUNDS } from './lib/rounds.mjs';
import { seed } from './lib/seed.mjs';

const TOKENS = Number(process.env.TOKENS) || 100000;
const GRANTS = Math.min(Number(process.env.GRANTS) || 200, TOKENS);
const CONNECTIONS = 64; /* as many as the manager has to one host */
const LOOK_MS = 500;
const LATE_MS = 300000;
const READERS = 4;
const CALM_MS = 3000;

async function reference(sandbox, tokens) {
	const program = path.resolve(root, process.env.BUILD || 'build', 'bench_refresh_loop');
	const out = await runOn(SERVER_CORE, [program, `${sandbox.url}/oauth2/token`, app.app_key, app.app_secret, tokens, String(TOKENS), String(CONNECTIONS)]);
	const { seconds, failed } = JSON.parse(out);
	if (failed > 0) throw new Error(`${failed} of the loop's requests failed`);
	return TOKENS / seconds;
}

/* Waits until none is left; looked for now and then only, since the question is asked of the store that is measured. */
async function drained(look) {
	for (const start = performance.now(); look(); await new Promise((r) => setTimeout(r, LOOK_MS)))
		if (performance.now() - start > LATE_MS) throw new Error(`not all of ${TOKENS} were refreshed`);
}

/* From the first refresh to the last. */
function rate(data, where) {
	const { count, ms } = refreshedWithin(data, where);
	if (count !== TOKENS) throw new Error(`${count} of ${TOKENS} were refreshed`);
	return (count - 1) / (ms / 1000);
}

const costs = { sqlite: [], postgres: [] };

/* Questions run on the core that has time. */
const elsewhere = ['taskset', '-c', String(LOAD_CORE)];

const seedDue = (data, tokens, pg, more) => seed(data, TOKENS, { due: true, store: pg?.url(), 'refresh-tokens': tokens, 'app-key': app.app_key, 'app-secret': app.app_secret, ...more });

async function startManager(data, sandbox, pg, more = {}) {
	const args = ['serve', '--data', data, '--listen', '127.0.0.1:0', ...(pg ? ['--store', pg.url()] : [])];
	const url = (text) => /^Manager: (\S+)$/m.exec(text)?.[1];
	return startOn(SERVER_CORE, [binary, ...args], { ready: url, env: { ...process.env, VALETKEY_DROPBOX_URL: sandbox.url, VALETKEY_LOG_LEVEL: 'warn', ...more } });
}

async function ours(kind, sandbox, tokens, pg) {
	const data = path.join(scratch(), 'data');
	mkdirSync(data, { mode: 0o700 });
	if (pg) pg.sql('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
	await seedDue(data, tokens, pg);
	const seeded = Date.now();
	const manager = await startManager(data, sandbox, pg);
	const before = cpuSeconds(manager.pid);
	const where = { pg, seeded, run: elsewhere };
	await drained(() => anyDue(data, where));
	costs[kind].push(Math.round(((cpuSeconds(manager.pid) - before) / TOKENS) * 1e6));
	await manager.stop();
	return rate(data, where);
}

/* Reads beside it: how long they take before, and while all tokens are refreshed; and what memory it takes. The
 * sandbox is stopped for the calm before the storm, so that nothing can be refreshed yet. */
async function storm(sandbox, tokens) {
	const data = path.join(scratch(), 'data');
	mkdirSync(data, { mode: 0o700 });
	const { key_for_all: key } = await seedDue(data, tokens, undefined, { life: 3600 });
	const seeded = Date.now();
	process.kill(sandbox.pid, 'SIGSTOP');
	const manager = await startManager(data, sandbox);
	const url = /^Manager: (\S+)$/m.exec(manager.output())[1];
	const calmReaders = startReaders(url, key, TOKENS, READERS);
	await new Promise((r) => setTimeout(r, CALM_MS));
	const calm = await calmReaders.stop();
	const before = memory(manager.pid).anonymous;
	let most = before;
	const readers = startReaders(url, key, TOKENS, READERS);
	process.kill(sandbox.pid, 'SIGCONT');
	await drained(() => {
		most = Math.max(most, memory(manager.pid).anonymous);
		return anyDue(data, { seeded, run: elsewhere });
	});
	const reads = await readers.stop();
	await manager.stop();
	return { calm, reads, grown: most - before };
}

const dir = scratch();
const report = startReport('refresh-engine');
const sandbox = await sandboxWithApp(dir);
const tokens = path.join(dir, 'refresh-tokens');
await refreshTokens(sandbox, tokens, { tokens: TOKENS, grants: GRANTS });
pin(sandbox.pid, LOAD_CORE);

async function measure(kind, bar, stretch, pg) {
	const metric = `${TOKENS} tokens due at once, ${kind}`;
	if (!report.wants(metric)) return;
	const result = await interleave({ ours: () => ours(kind, sandbox, tokens, pg), reference: () => reference(sandbox, tokens), warm: ROUNDS > 1 });
	report.metric({ metric, unit: 'refreshes/s', ...result, bar, stretch, notes: `processor time of the manager: ${costs[kind].at(-1)} µs a refresh` });
}

await measure('sqlite', 0.5, 0.8);
if (report.wants('storm')) {
	const { calm, reads, grown } = await storm(sandbox, tokens);
	if (reads.failed > 0) throw new Error(`${reads.failed} reads failed in the storm`);
	report.metric({ metric: 'storm: p99 of reads beside it', unit: 'ms', ours: [reads.p99_ms], at_most: true, notes: `${calm.p99_ms} ms before it; slowest ${reads.slowest_ms} ms, before it ${calm.slowest_ms} ms; ${reads.count} reads` });
	report.metric({ metric: 'storm: growth of anonymous memory', unit: 'MiB', ours: [grown / 2 ** 20], at_most: true });
}
const pg = await startPostgres({ settings: ['fsync=on', 'shared_buffers=128MB', 'max_wal_size=4GB'] });
execFileSync('taskset', ['-a', '-c', '-p', String(SERVER_CORE), String(pg.child.pid)], { stdio: 'ignore' });
await measure('postgres', 0.25, 0.5, pg);
await pg.stop();
await sandbox.stop();
report.end();
