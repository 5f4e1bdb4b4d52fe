/* A person's delete: undone while its time lasts, at the provider only when the person says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { byHand } from '../lib/by-hand.mjs';
import { startDesk } from '../lib/desk.mjs';
import { programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { run } from '../lib/server.mjs';

const DAY = 86400;
const { p, manager, ann, key, clock } = await startDesk({ args: ['--keep-deleted', '7'] });

const status = async (name) => (await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token`, key)).status;
const removed = async () => (await ann.get('/api/console/deleted-tokens')).body.tokens;
const restore = (t) => ann.post(`/api/console/deleted-tokens/${t.id}/restore`);

test('a deleted token is nowhere, and comes back whole', async () => {
	const t = await connectToken(ann, 'Archive');
	const limited = await makeKey(ann, { tokens: [t] });
	assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 204);
	assert.equal(await status('Archive'), 404);
	assert.equal((await ann.get(`/api/console/tokens/${t.id}`)).status, 404);
	assert.equal((await ann.post(`/api/console/tokens/${t.id}/reveal`)).status, 404);
	assert.equal((await ann.get('/api/console/tokens')).body.tokens.length, 0);
	const [one] = await removed();
	assert.equal(one.name, 'Archive');
	assert.equal(Math.round((one.ends_ms - one.deleted_ms) / 1000), 7 * DAY);
	assert.equal((await restore(t)).status, 200);
	assert.equal(await status('Archive'), 200);
	const again = await programGet(manager.url, '/api/v1/tokens/Archive/access-token', limited.key);
	assert.equal(again.status, 200, 'keys that could read it can again');
	assert.equal((await restore(t)).status, 404);
	assert.equal(p.count('/2/auth/token/revoke'), 0, 'the provider was told nothing');
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('what was removed comes in pages, each once', async () => {
	for (const name of ['Page one', 'Page two', 'Page three'])
		await ann.del(`/api/console/tokens/${(await connectToken(ann, name)).id}`);
	const all = await ann.get('/api/console/deleted-tokens');
	assert.equal(all.body.next, null);
	const names = [];
	for (let after = ''; after !== null; ) {
		const { status: code, body } = await ann.get(`/api/console/deleted-tokens?limit=2&after=${encodeURIComponent(after)}`);
		assert.equal(code, 200);
		assert.ok(body.tokens.length <= 2);
		names.push(...body.tokens.map((t) => t.name));
		after = body.next;
	}
	assert.deepEqual(names, all.body.tokens.map((t) => t.name));
	assert.deepEqual(names.slice(0, 3), ['Page three', 'Page two', 'Page one']);
	for (const wrong of ['limit=0', 'limit=1001', 'after=x', 'after=7', 'after=7.', 'after=x.7'])
		assert.equal((await ann.get(`/api/console/deleted-tokens?${wrong}`)).status, 400, wrong);
	await clock.advance(manager, 8 * DAY);
	for (const end = Date.now() + 60000; Date.now() < end && (await removed()).length > 0; )
		await new Promise((resolve) => setTimeout(resolve, 20));
});

test('its name is free meanwhile, and then stands in the way', async () => {
	const t = await connectToken(ann, 'Twice');
	await ann.del(`/api/console/tokens/${t.id}`);
	const other = await connectToken(ann, 'twice');
	const got = await restore(t);
	assert.deepEqual([got.status, got.body.code, got.body.field], [409, 'name-taken', 'name']);
	const as = (name) => ann.post(`/api/console/deleted-tokens/${t.id}/restore`, { name });
	assert.deepEqual([(await as('TWICE')).body.code, (await as('a/b')).body.field], ['name-taken', 'name']);
	const again = await as('Twice two');
	assert.deepEqual([again.status, again.body.token.name, await status('Twice two')], [200, 'Twice two', 200]);
	const [event] = (await ann.get('/api/console/events?type=token.restored&limit=1')).body.events;
	assert.equal(event.sentence, 'Twice two was restored; it was called Twice before.');
	await ann.del(`/api/console/tokens/${t.id}`);
	await ann.patch(`/api/console/tokens/${other.id}`, { name: 'Other' });
	assert.equal((await restore(t)).status, 200);
	for (const x of [t, other]) await ann.del(`/api/console/tokens/${x.id}`);
});

test('after its time it is gone', async () => {
	const t = await connectToken(ann, 'Gone');
	await ann.del(`/api/console/tokens/${t.id}`);
	await clock.advance(manager, 6 * DAY);
	assert.ok((await removed()).some((x) => x.id === t.id));
	await clock.advance(manager, 2 * DAY);
	for (const end = Date.now() + 60000; Date.now() < end && (await removed()).length > 0; )
		await new Promise((resolve) => setTimeout(resolve, 20));
	assert.deepEqual(await removed(), []);
	assert.equal((await restore(t)).status, 404);
});

test('revoking ends the grant at the provider first, and deletes only then', async () => {
	const t = await connectToken(ann, 'Revoked');
	p.on.other = () => ({ status: 500, text: 'no' });
	const failed = await ann.del(`/api/console/tokens/${t.id}?revoke=true`);
	assert.deepEqual([failed.status, failed.body.code], [502, 'not-revoked']);
	assert.equal(await status('Revoked'), 200);
	p.on.other = (req) => (req.path === '/2/auth/token/revoke' ? { json: null } : undefined);
	assert.equal((await ann.del(`/api/console/tokens/${t.id}?revoke=true`)).status, 204);
	assert.match(p.last('/2/auth/token/revoke').headers.authorization, /^Bearer sl\./);
	assert.equal(await status('Revoked'), 404);
	assert.equal((await ann.del(`/api/console/tokens/${t.id}?revoke=perhaps`)).status, 400);
});

test('the memory for live tokens must be a number of MiB', async () => {
	for (const bad of ['-1', 'much', '1.5', '1048577']) {
		const got = await run(['serve', '--data', '/nonexistent', '--live-cache', bad]);
		assert.equal(got.code, 2, bad);
		assert.match(got.err, /is no amount of memory/);
	}
});

test('the number of days must be one', async () => {
	const bad = [...['-1', 'week', '3651', '1.5'].map((b) => ['--keep-deleted', b]), ['--keep-events', '0'],
		['--keep-events', 'long']];
	for (const option of bad) {
		const got = await run(['serve', '--data', '/nonexistent', ...option]);
		assert.equal(got.code, 2, option);
		assert.match(got.err, /is no number of days/);
	}
});

/* The store failed, and what it was asked may be done late all the same: who reads meanwhile does not keep it alive. */
test('S-132 a removal without an answer that is done late is seen', async () => {
	const t = await connectToken(ann, 'Done Late');
	byHand(manager.data, "CREATE TRIGGER away BEFORE UPDATE ON token BEGIN SELECT RAISE(ABORT, 'away'); END");
	assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 500);
	assert.equal(await status('Done Late'), 200);
	byHand(manager.data, `DROP TRIGGER away; DELETE FROM token WHERE id = '${t.id}'`);
	for (const end = Date.now() + 60000; (await status('Done Late')) !== 404; await pause(20))
		assert.ok(Date.now() < end, 'it is handed out still');
});
