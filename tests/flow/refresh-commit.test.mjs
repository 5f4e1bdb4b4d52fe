/* The COMMIT of a claim ends without an answer: nothing has left yet, so nothing is in doubt. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startPostgres } from '../lib/postgres.mjs';
import { startPair } from '../lib/rotation.mjs';

const AWAY_MS = 1200; /* longer than the node needs to find that it cannot connect */
let pg, relay, pair;

before(async () => {
	pg = await startPostgres();
	relay = await pg.relay();
	/* Nobody can be asked whether an attempt in doubt was processed: it would be held for hours. */
	pair = await startPair({ rotation: 'strict' }, { VALETKEY_STORE: relay.url() });
});
after(async () => {
	await pair.stop();
	relay.close();
	await pg.stop();
});

for (const [when, name] of [['after', 'Lost Answer'], ['before', 'Lost Commit']])
	test(`a claim that was cut off ${when} its COMMIT is found again, or made again, and nothing is in doubt`, async () => {
		const token = await pair.connect(name);
		relay.cutCommit(token.id, when);
		const refreshed = pair.refresh(name);
		await pair.until('the cut', () => relay.shut);
		await pause(AWAY_MS);
		assert.equal((await pair.counts()).refreshes, 0, 'nothing leaves before it is known to be recorded');
		relay.open();
		const reply = await refreshed;
		assert.equal(reply.status, 200, `${await reply.text()}\n${pair.manager.log().slice(-3000)}`);
		assert.deepEqual(await pair.counts(), { refreshes: 1, reuses: 0 });
		assert.equal((await pair.state(token.id)).last_error, '');
		const found = [...pair.manager.log().matchAll(/event=token\.claim_found token=(\S+)/g)].some(([, id]) => id === token.id);
		assert.equal(found, when === 'after');
		assert.ok(await pair.works((await pair.live(name)).body.access_token));
	});
