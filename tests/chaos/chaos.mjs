/* make chaos, make chaos RUNS=2000, make chaos SEED=7: one line of JSON; status 1 when something is lost. */
import { chaos } from './run.mjs';

const kills = Number(process.env.RUNS || 200);
const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 31));

console.error(`make chaos RUNS=${kills} SEED=${seed}`);
const result = await chaos({ kills, seed, seconds: Infinity, copies: 2, say: (text) => console.error(text) });
console.log(JSON.stringify(result));
process.exitCode = result.broken.length > 0 || result.kills < kills ? 1 : 0;
