/* A primary that is lost, a standby that is promoted: an address with both finds it by itself. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startProvider } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const RECOVER_MS = 20000;

let primary;
let standby;
let provider;
let manager;
let ann;

before(async () => {
	primary = await startPostgres();
	standby = await primary.standby();
	provider = await startProvider();
	const store = `postgres://valetkey@/postgres?host=${primary.dir},${standby.dir}&target_session_attrs=read-write`;
	manager = await startServe({ env: { VALETKEY_STORE: store, VALETKEY_DROPBOX_URL: provider.url } });
	ann = await managerClient(manager);
});
after(async () => {
	await manager.stop();
	await provider.stop();
	await standby.stop();
	await primary.stop();
});

async function until(what, question) {
	const began = Date.now();
	while (!(await question())) {
		assert.ok(Date.now() - began < RECOVER_MS, `${what} did not happen in ${RECOVER_MS} ms`);
		await pause(50);
	}
}

const hand = (key) => programGet(manager.url, '/api/v1/tokens/Archive/access-token', key);
const health = async () => (await (await fetch(`${manager.url}/healthz`)).json()).status;

test('after a failover everything is there, reads never stopped, and writes go to the new primary', async () => {
	await connectToken(ann, 'Archive');
	const { key, id } = await makeKey(ann);
	const { access_token: access } = (await hand(key)).body;
	assert.ok(access);
	await until('replication', () => primary.caughtUp() === 1);

	await primary.crash();
	await until('degraded health', async () => (await health()) === 'degraded');
	assert.equal((await hand(key)).body.access_token, access, 'live tokens come from memory');
	standby.promote();
	await until('recovery', async () => (await health()) === 'ok');

	assert.equal((await hand(key)).body.access_token, access);
	const later = await connectToken(ann, 'Made later');
	assert.equal(standby.sql("SELECT count(*) FROM token WHERE name = 'Made later'")[0], '1');
	assert.equal((await ann.del(`/api/console/tokens/${later.id}`)).status, 204);
	assert.equal((await ann.del(`/api/console/keys/${id}`)).status, 204);
	assert.equal((await hand(key)).status, 401);
});

test('a server that only reads is never written to: a standby alone leaves the store unavailable', async () => {
	const replica = await standby.standby();
	const got = await startServe({
		env: { VALETKEY_STORE: `postgres://valetkey@/postgres?host=${replica.dir}&target_session_attrs=read-write` },
	}).then(
		(x) => x.stop().then(() => 'it started'),
		(e) => e.message,
	);
	await replica.stop();
	assert.match(got, /The database cannot be reached: .*read-only/);
});
