/* A minute of what `make chaos` does at length (tests/chaos/run.mjs). SEED=N repeats another's blows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chaos } from '../chaos/run.mjs';

test('a minute of chaos: no token is lost, none is shown twice, nobody is asked without need', async (t) => {
	const seed = Number(process.env.SEED || 5);
	const result = await chaos({ kills: 1000, seed, seconds: 50, say: (text) => console.error(text) });
	t.diagnostic(JSON.stringify(result));
	assert.deepEqual(result.broken, [], `SEED=${seed}: ${JSON.stringify(result)}`);
	assert.ok(result.kills >= 5 && result.refreshes >= 10, JSON.stringify(result));
	assert.deepEqual([result.grants_lost, result.needs_person, result.reuse], [0, 0, 0]);
});
