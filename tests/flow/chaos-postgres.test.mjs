/* The same as chaos.test.mjs: two managers on one PostgreSQL, which crashes and fails over to its standby. */
import { test } from 'node:test';

import { shortChaos } from '../chaos/short.mjs';

test('chaos on PostgreSQL: no token is lost, none is shown twice, nobody is asked without need', async (t) => {
	await shortChaos(t, { SEED: process.env.SEED || '3', SECONDS: '40', GENTLE: '20', NODES: '2' });
});
