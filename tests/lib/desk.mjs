/*
 * A manager on a clock of its own at a provider that answers as usual, with somebody signed in and a key
 * for every token: what most tests of a whole manager begin with.
 *
 *   const { p, manager, ann, key, clock } = await startDesk({ args: ['--keep-events', '2'] });
 *
 * The provider is as usual again before each test, and all of it ends after the last.
 */
import { after, beforeEach } from 'node:test';

import { testClock } from './clock.mjs';
import { managerClient } from './http.mjs';
import { makeKey } from './manager.mjs';
import { startProvider } from './provider.mjs';
import { startServe } from './server.mjs';

export async function startDesk({ args = [] } = {}) {
	const clock = testClock();
	const p = await startProvider();
	let manager;
	after(async () => {
		await manager?.stop();
		await p.stop();
	});
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, ...clock.env }, args });
	beforeEach(() => p.reset());
	const ann = await managerClient(manager);
	const { key } = await makeKey(ann);
	return { p, manager, ann, key, clock };
}
