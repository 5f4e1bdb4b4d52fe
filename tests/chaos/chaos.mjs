/* make chaos, make chaos RUNS=2000, make chaos SEED=7, make chaos NODES=3 (on one PostgreSQL): one line of JSON; status 1 when something is lost. */
import { chaos } from './run.mjs';

const kills = Number(process.env.RUNS || 200);
const nodes = Number(process.env.NODES || 0);
const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 31));

console.error(`make chaos RUNS=${kills} NODES=${nodes} SEED=${seed}`);
const result = await chaos({ kills, seed, seconds: Infinity, copies: 2, nodes, say: (text) => console.error(text) });
console.log(JSON.stringify(result));
process.exitCode = result.broken.length > 0 || result.kills < kills ? 1 : 0;
