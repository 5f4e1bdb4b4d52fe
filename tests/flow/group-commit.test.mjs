/* Replies that come in together are written together: fewer commits than refreshes, and nothing lost. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startProvider, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const MANY = 10;
const WAIT_MS = 20000;

let pg;
let provider;
let manager;
let ann;

before(async () => {
	pg = await startPostgres();
	pg.sql('ALTER SYSTEM SET track_commit_timestamp = on');
	await pg.crash();
	await pg.start();
	provider = await startProvider();
	manager = await startServe({ env: { VALETKEY_STORE: pg.url(), VALETKEY_DROPBOX_URL: provider.url } });
	ann = await managerClient(manager);
});
after(async () => {
	await manager.stop();
	await provider.stop();
	await pg.stop();
});

async function until(what, question) {
	const began = Date.now();
	while (!(await question())) {
		assert.ok(Date.now() - began < WAIT_MS, `${what} did not happen`);
		await pause(20);
	}
}

/* The newest change of each token, and the moment its transaction was committed at. */
const commits = () =>
	pg.sql(`SELECT item, max(pg_xact_commit_timestamp(xmin)) FROM change_log WHERE kind = 0 GROUP BY item`)
		.map((line) => line.split('|'));

test('ten replies that come at once are fewer than ten commits, and each pair is there', async () => {
	const names = Array.from({ length: MANY }, (_, i) => `Token ${i}`);
	for (const name of names) await connectToken(ann, name);
	const { key } = await makeKey(ann);
	const read = (name, query = '') => programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token${query}`, key);
	const before = new Map();
	for (const name of names) before.set(name, (await read(name)).body.access_token);

	let waiting = 0;
	let open;
	const gate = new Promise((resolve) => (open = resolve));
	provider.on.token = async (req) => {
		waiting++;
		await gate;
		return usual.token(req);
	};
	const readers = names.map((name) => read(name, '?min_ttl=20000'));
	await until('ten requests at the provider', () => waiting === MANY);
	open();
	const after = await Promise.all(readers);

	for (const [i, name] of names.entries()) {
		assert.equal(after[i].status, 200, after[i].text);
		assert.notEqual(after[i].body.access_token, before.get(name));
		assert.equal((await read(name)).body.access_token, after[i].body.access_token);
	}
	const rows = commits();
	assert.equal(rows.length, MANY);
	assert.ok(new Set(rows.map(([, at]) => at)).size < MANY, 'some were committed together');
});
