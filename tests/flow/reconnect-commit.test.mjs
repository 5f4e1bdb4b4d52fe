/* The COMMIT of a reconnect ends without an answer: its code is spent, and the grant is not lost either way. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { managerClient, programGet } from '../lib/http.mjs';
import { connect, connection, connectToken, makeKey } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

let pg, relay, p, manager, ann, key;

before(async () => {
	pg = await startPostgres();
	relay = await pg.relay();
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, VALETKEY_STORE: relay.url() } });
	ann = await managerClient(manager);
	({ key } = await makeKey(ann));
});
after(async () => {
	await manager?.stop();
	await p?.stop();
	relay?.close();
	await pg?.stop();
});

/* A reconnect whose COMMIT is cut off; { done, before, fresh }: access tokens, of then and of this consent. */
async function cutReconnect(name, when) {
	const token = await connectToken(ann, name);
	const { access_token: before } = (await live(name)).body;
	let fresh;
	p.on.token = () => {
		const json = tokenReply();
		fresh = json.access_token;
		relay.cutCommit(token.id, when, { blink: true });
		return { json };
	};
	const done = await connect(ann, { token_id: token.id });
	assert.equal(relay.cut, null, 'its COMMIT was cut off');
	p.reset();
	return { token, done, before, fresh };
}

const live = (name) => programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token?min_ttl=0`, key);
const reconnected = async (t) => (await ann.get('/api/console/events?type=token.reauthorized&limit=100')).body.events.filter((e) => e.about.id === t.id).length;

test('a reconnect that was done, though nobody was told, is one', async () => {
	const { token, done, fresh } = await cutReconnect('Told Nobody', 'after');
	assert.equal(done.page.boot.outcome, 'connected', done.page.text);
	assert.equal(done.connection.status, 'connected');
	assert.equal((await live('Told Nobody')).body.access_token, fresh);
	assert.equal(await reconnected(token), 1);
	assert.equal((await ann.post(`/api/console/connections/${done.id}/use`)).status, 409, 'there is nothing to decide');
});

test('the grant of one that was not done is kept, and used when its owner says so', async () => {
	const { token, done, before, fresh } = await cutReconnect('Not Done', 'before');
	assert.deepEqual([done.page.boot.outcome, done.connection.status, done.connection.error.code], ['failed', 'held', 'not-applied']);
	assert.equal((await live('Not Done')).body.access_token, before);
	assert.equal(await reconnected(token), 0);
	assert.equal((await ann.post(`/api/console/connections/${done.id}/use`)).status, 200);
	assert.equal((await connection(ann, done.id)).status, 'connected');
	assert.equal((await live('Not Done')).body.access_token, fresh);
	assert.equal(await reconnected(token), 1);
});
