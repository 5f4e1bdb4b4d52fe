/*
 * make chaos, make chaos RUNS=2000, make chaos SEED=7, make chaos NODES=3 (on one PostgreSQL with a standby): one
 * line of JSON; status 1 when something is lost. SECONDS and GENTLE as tests/chaos/run.mjs has them.
 */
import { fileURLToPath } from 'node:url';

import { goInside } from './disk.mjs';

goInside(fileURLToPath(import.meta.url));
const { chaos } = await import('./run.mjs');

const { RUNS, NODES, SEED, SECONDS, GENTLE, COPIES } = process.env;
const kills = Number(RUNS || (SECONDS ? 1e9 : 200));
const nodes = Number(NODES || 0);
const seed = Number(SEED || Math.floor(Math.random() * 2 ** 31));

console.error(`make chaos RUNS=${kills} NODES=${nodes} SEED=${seed}`);
const result = await chaos({
	kills, seed, nodes, seconds: Number(SECONDS || Infinity), gentle_s: Number(GENTLE || 0), copies: Number(COPIES || 2),
	say: (text) => console.error(text),
});
console.log(JSON.stringify(result));
process.exitCode = result.broken.length > 0 || (!SECONDS && result.kills < kills) ? 1 : 0;
