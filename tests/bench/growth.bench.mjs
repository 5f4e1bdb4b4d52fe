/*
 * How much more everyday steps cost when there are more tokens: 10^3 to 10^6 of them in one SQLite store.
 * The reference is the same step with the smallest number; a ratio near 1 is a flat line. Below HTTP by
 * tests/bench/growth.c, over HTTP by tests/bench/load.c. SIZES=1000,10000 measures fewer.
 */
import path from 'node:path';

import { root } from '../lib/binary.mjs';
import { startServe } from '../lib/server.mjs';
import { load, requestFile } from './lib/load.mjs';
import { LOAD_CORE, pin, runOn, scratch, SERVER_CORE } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { ROUNDS, SECONDS } from './lib/rounds.mjs';
import { seed, tokenName } from './lib/seed.mjs';

const SIZES = (process.env.SIZES ?? '1000,10000,100000,1000000').split(',').map(Number);
const SPREAD = 1000; /* different tokens that are asked for */
/* The largest ratio to the smallest store that is no more than a logarithm: a B-tree of 10^6 rows is twice as
 * deep as one of 10^3, and what it holds lies in slower memory. */
const BAR = 3;
const program = path.resolve(root, process.env.BUILD || 'build', 'bench_growth');

const STEPS = {
	by_name: 'token by name, from the store', page: 'page of 100 tokens, from the store', due: 'what is due',
	claim: 'claim of a refresh', key: 'API key check',
};

async function below(dir, tokens, key) {
	const found = [];
	for (let i = 0; i < ROUNDS; i++) found.push(JSON.parse(await runOn(LOAD_CORE, [program, '--data', dir, '--tokens', String(tokens), '--key', key])));
	return Object.fromEntries(Object.keys(STEPS).map((step) => [step, found.map((f) => f[step])]));
}

/* Microseconds of the server's processor time for a request. */
async function overHttp(dir, tokens, made) {
	const manager = await startServe({ data: dir, log: 'warn' });
	pin(manager.pid, SERVER_CORE);
	const server = { port: manager.port, pids: [manager.pid] };
	const names = Array.from({ length: SPREAD }, (_, i) => encodeURIComponent(tokenName(Math.floor((i * tokens) / SPREAD))));
	const live = requestFile(names.map((n) => `/api/v1/tokens/${n}/access-token`), manager.port, { Authorization: `Bearer ${made.key_for_all}` });
	const list = requestFile(names.map((n) => `/api/v1/tokens?limit=100&after=${n}`), manager.port, { Authorization: `Bearer ${made.key_for_all}` });
	const micros = async (requests) => 1e6 / (await load(server, { requests })).per_cpu_second;
	const result = { live: [], list: [] };
	for (let i = -1; i < ROUNDS; i++) {
		const pair = [await micros(live), await micros(list)];
		if (i < 0) continue; /* every token is in the cache now */
		result.live.push(pair[0]);
		result.list.push(pair[1]);
	}
	await manager.stop({ keep: true });
	return result;
}

const report = startReport('growth', {});
const dir = scratch();
const names = { ...STEPS, live: 'live token over HTTP', list: 'page of 100 tokens over HTTP' };
let made, first;

for (const [i, size] of SIZES.entries()) {
	const more = await seed(dir, size, { from: i === 0 ? 0 : SIZES[i - 1] });
	if (i === 0) made = more;
	const found = { ...(await below(dir, size, made.key)), ...(await overHttp(dir, size, made)) };
	first ??= found;
	for (const [step, name] of Object.entries(names))
		if (report.wants(name))
			report.metric({ metric: `${name}, ${size} tokens / ${SIZES[0]}`, unit: 'µs', ours: found[step], reference: first[step], at_most: true, bar: BAR, notes: { seconds: SECONDS } });
}
report.end();
