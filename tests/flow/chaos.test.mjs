/* A short run of what `make chaos` does at length (tests/chaos/run.mjs), on a file. SEED=N repeats another's blows. */
import { test } from 'node:test';

import { shortChaos } from '../chaos/short.mjs';

test('chaos: no token is lost, none is shown twice, nobody is asked without need', async (t) => {
	await shortChaos(t, { SEED: process.env.SEED || '5', SECONDS: '35' });
});
