/*
 * 100,000 tokens that are due at once: how many the engine refreshes in a second, every step of each durable,
 * against a bare libcurl multi loop that makes the same requests to the same sandbox and stores nothing.
 *
 * The sandbox has a core for itself; on the other one the manager, with its database, and the loop take
 * turns. TOKENS says how many. The refresh tokens are those of GRANTS real grants.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { binary, root } from '../lib/binary.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startSandbox } from '../lib/server.mjs';
import { cpuSeconds, LOAD_CORE, pin, runOn, scratch, SERVER_CORE, startOn } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave, ROUNDS } from './lib/rounds.mjs';
import { seed } from './lib/seed.mjs';


const TOKENS = Number(process.env.TOKENS) || 100000;
const GRANTS = Math.min(Number(process.env.GRANTS) || 200, TOKENS);
const CONNECTIONS = 64; /* as many as the manager has to one host */
const LOOK_MS = 100;
const LATE_MS = 300000;
const app = { app_key: 'enginebenchk001', app_secret: 'enginebenchs001' };
const callback = 'http://127.0.0.1:9/callback';
const people = [
	{ email: 'ann@example.com', password: 'not a secret 1', given_name: 'Ann', surname: 'Example', type: 'basic' },
	{ email: 'bob@example.com', password: 'not a secret 2', given_name: 'Bob', surname: 'Example', type: 'business', role: 'admin' },
];

async function sandboxWithApp(dir) {
	const file = path.join(dir, 'seed.json');
	const apps = [{ name: 'Engine', owner: people[0].email, ...app, api: 'dropbox', access: 'full', redirect_uris: [callback] }];
	writeFileSync(file, JSON.stringify({ accounts: people, team: { name: 'Example' }, apps }));
	return startSandbox({ log: 'warn', args: ['--seed', file] });
}

async function refreshToken(sandbox) {
	const query = new URLSearchParams({ client_id: app.app_key, redirect_uri: callback, response_type: 'code', token_access_type: 'offline' });
	const { redirect } = await sandbox.control('POST', '/_sandbox/consent', { query: query.toString(), email: people[0].email, decision: 'allow' });
	const code = new URL(redirect).searchParams.get('code');
	const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback, client_id: app.app_key, client_secret: app.app_secret });
	const reply = await (await fetch(`${sandbox.url}/oauth2/token`, { method: 'POST', body })).json();
	return reply.refresh_token;
}

/* One a line, as many as there are tokens. */
async function refreshTokens(sandbox, file) {
	const some = [];
	while (some.length < GRANTS) some.push(await refreshToken(sandbox));
	writeFileSync(file, Array.from({ length: TOKENS }, (_, i) => `${some[i % GRANTS]}\n`).join(''));
}

async function reference(sandbox, tokens) {
	const program = path.resolve(root, process.env.BUILD || 'build', 'bench_refresh_loop');
	const out = await runOn(SERVER_CORE, [program, `${sandbox.url}/oauth2/token`, app.app_key, app.app_secret, tokens, String(TOKENS), String(CONNECTIONS)]);
	const { seconds, failed } = JSON.parse(out);
	if (failed > 0) throw new Error(`${failed} of the loop's requests failed`);
	return TOKENS / seconds;
}

/* How many are still due as they were seeded, or under way: from the indexes that the engine reads, so that
 * asking costs it next to nothing. */
function left(data, pg, seeded) {
	const query = `SELECT (SELECT count(*) FROM token WHERE provider = 'dropbox' AND due_ms > 0 AND due_ms <= ${seeded} AND lease_until_ms = 0)`
		+ ' + (SELECT count(*) FROM token WHERE lease_until_ms > 0)';
	if (pg) return Number(pg.sql(query)[0]);
	return Number(execFileSync('taskset', ['-c', String(LOAD_CORE), 'sqlite3', `file:${data}/valetkey.db?mode=ro`, query], { encoding: 'utf8' }));
}

/* From the first refresh that is there to the last. */
async function drain(what) {
	let from = TOKENS, began = 0;
	for (const start = performance.now(); ; await new Promise((r) => setTimeout(r, LOOK_MS))) {
		const now = performance.now();
		const due = what();
		if (began === 0 && due < TOKENS) [from, began] = [due, now];
		if (due === 0) return from / ((performance.now() - began) / 1000);
		if (now - start > LATE_MS) throw new Error(`${due} of ${TOKENS} were not refreshed`);
	}
}

const costs = { sqlite: [], postgres: [] };

async function ours(kind, sandbox, tokens, pg) {
	const data = path.join(scratch(), 'data');
	mkdirSync(data, { mode: 0o700 });
	if (pg) pg.sql('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
	await seed(data, TOKENS, { due: true, store: pg?.url(), 'refresh-tokens': tokens, 'app-key': app.app_key, 'app-secret': app.app_secret });
	const seeded = Date.now();
	const args = ['serve', '--data', data, '--listen', '127.0.0.1:0', ...(pg ? ['--store', pg.url()] : [])];
	const url = (text) => /^Manager: (\S+)$/m.exec(text)?.[1];
	const manager = await startOn(SERVER_CORE, [binary, ...args], { ready: url, env: { ...process.env, VALETKEY_DROPBOX_URL: sandbox.url, VALETKEY_LOG_LEVEL: 'warn' } });
	const before = cpuSeconds(manager.pid);
	const rate = await drain(() => left(data, pg, seeded));
	costs[kind].push(Math.round(((cpuSeconds(manager.pid) - before) / TOKENS) * 1e6));
	await manager.stop();
	return rate;
}

const dir = scratch();
const report = startReport('refresh-engine');
const sandbox = await sandboxWithApp(dir);
const tokens = path.join(dir, 'refresh-tokens');
await refreshTokens(sandbox, tokens);
pin(sandbox.pid, LOAD_CORE);

async function measure(kind, bar, stretch, pg) {
	const metric = `${TOKENS} tokens due at once, ${kind}`;
	if (!report.wants(metric)) return;
	const result = await interleave({ ours: () => ours(kind, sandbox, tokens, pg), reference: () => reference(sandbox, tokens), warm: ROUNDS > 1 });
	report.metric({ metric, unit: 'refreshes/s', ...result, bar, stretch, notes: `processor time of the manager: ${costs[kind].at(-1)} µs a refresh` });
}

await measure('sqlite', 0.5, 0.8);
const pg = await startPostgres({ settings: ['fsync=on', 'shared_buffers=128MB', 'max_wal_size=4GB'] });
execFileSync('taskset', ['-a', '-c', '-p', String(SERVER_CORE), String(pg.child.pid)], { stdio: 'ignore' });
await measure('postgres', 0.25, 0.5, pg);
await pg.stop();
await sandbox.stop();
report.end();
