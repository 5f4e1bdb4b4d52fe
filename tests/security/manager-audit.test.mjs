/* What happened is kept whole, and `valetkey audit verify` proves it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { byHand } from '../lib/by-hand.mjs';
import { managerClient } from '../lib/http.mjs';
import { makeKey } from '../lib/manager.mjs';
import { run, startServe } from '../lib/server.mjs';

let manager, ann;

before(async () => {
	manager = await startServe();
	ann = await managerClient(manager);
	for (let i = 0; i < 3; i++) await makeKey(ann, { label: `key ${i}` });
});
after(() => manager?.stop());

const verify = (...args) => run(['audit', 'verify', '--data', manager.data, ...args]);

test('S-200 audit verify passes while the manager serves, and names what somebody did at the database', async () => {
	const clean = await verify();
	assert.equal(clean.code, 0, clean.err);
	assert.equal(clean.out, '5 events, each as it was written, and none is missing.\n');
	byHand(manager.data, 'CREATE TABLE kept AS SELECT * FROM event; DELETE FROM event WHERE seq = 5');
	const cut = await verify();
	assert.equal(cut.code, 1);
	assert.match(cut.err, /not kept whole: missing: event 1-5\./);
	byHand(manager.data, "DELETE FROM event; INSERT INTO event SELECT * FROM kept; UPDATE event SET about_name = 'another' WHERE seq = 4");
	assert.match((await verify()).err, /changed: event 1-4\./);
	byHand(manager.data, 'DELETE FROM event; INSERT INTO event SELECT * FROM kept; DROP TABLE kept');
	assert.equal((await verify()).code, 0);
	/* the chain goes on behind it */
	await ann.post('/api/console/sign-out');
	assert.match((await verify()).out, /^6 events/);
});

test('audit takes its words and a directory with data', async () => {
	assert.equal((await run(['audit', '--data', manager.data])).code, 2);
	assert.equal((await run(['audit', 'verify', 'x', '--data', manager.data])).code, 2);
	assert.match((await run(['audit', 'verify', '--data', '/nonexistent'])).err, /no manager's data/);
});
