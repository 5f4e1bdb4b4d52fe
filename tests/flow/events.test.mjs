/* What happened: the rows that acts leave, who may see them, and the command that shows them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { binary, cleanEnv } from '../lib/binary.mjs';
import { startDesk } from '../lib/desk.mjs';
import { managerClient, managerVisitor, programGet } from '../lib/http.mjs';
import { connectToken, consent, makeKey, openCallback, startAttempt } from '../lib/manager.mjs';
import { usual } from '../lib/provider.mjs';
import { run } from '../lib/server.mjs';

const { p, manager, ann, key, clock } = await startDesk({ args: ['--keep-events', '2'] });

const refreshing = (reply) => (req) => (req.form.grant_type === 'refresh_token' ? reply : usual.token(req));
const ask = async (query, k = key) => (await programGet(manager.url, `/api/v1/events${query}`, k)).body;
const seen = async (query = '') => (await ann.get(`/api/console/events${query}`)).body;
const here = async () => (await seen('?limit=1')).cursor;
/* What came since a cursor, oldest first. */
const since = async (cursor, query = '') => (await seen(`?after=${cursor}${query}`)).events;
const typesSince = async (cursor, query) => (await since(cursor, query)).map((e) => e.type);
const cli = (...args) => run(['events', ...args], { env: { VALETKEY_URL: manager.url, VALETKEY_API_KEY: key } });

test('S-199 each act of a person is one row, with who, from where, about what', async () => {
	const start = await here();
	const t = await connectToken(ann, 'Acts');
	await ann.patch(`/api/console/tokens/${t.id}`, { name: 'Acts two', app_secret: 'anothersecret' });
	await ann.patch(`/api/console/tokens/${t.id}`, { name: 'Acts two' });
	await ann.post(`/api/console/tokens/${t.id}/reveal`);
	const made = await makeKey(ann, { label: 'short lived' });
	await ann.del(`/api/console/keys/${made.id}`);
	await ann.del(`/api/console/tokens/${t.id}`);
	await ann.post(`/api/console/deleted-tokens/${t.id}/restore`);
	await ann.del(`/api/console/tokens/${t.id}`);

	const events = await since(start);
	assert.deepEqual(events.map((e) => e.type), ['connection.connected', 'token.created', 'token.renamed', 'token.revealed',
		'key.created', 'key.revoked', 'token.deleted', 'token.restored', 'token.deleted']);
	for (const e of events) {
		assert.equal(e.actor.kind, 'user', e.type);
		assert.equal(e.actor.name, 'admin');
		assert.match(e.actor.id, /^[0-9a-z]{20}$/);
		assert.equal(e.from, '127.0.0.1');
		assert.equal(e.result, 'allowed');
		assert.match(e.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
		assert.match(e.id, /^1-\d+$/);
		assert.ok(e.sentence.endsWith('.') && !/[{}[\]]/.test(e.sentence), e.sentence);
	}
	const renamed = events[2];
	assert.equal(renamed.sentence, 'Acts was renamed to Acts two.');
	assert.deepEqual(renamed.about, { kind: 'token', id: t.id, name: 'Acts two' });
	assert.deepEqual(renamed.details, { changed: ['app_secret'], was: 'Acts', provider: 'dropbox' });
	assert.equal(events[4].sentence, 'The API key short lived was made.');
});

test('the engine tells the first failure, the end of it, and what only a person can mend', async () => {
	const t = await connectToken(ann, 'Engine');
	const start = await here();
	const refresh = () => ann.post(`/api/console/tokens/${t.id}/refresh`);
	p.on.token = refreshing({ status: 503, text: 'later' });
	await refresh();
	await refresh();
	p.on.token = usual.token;
	assert.equal((await refresh()).status, 200);
	assert.equal((await refresh()).status, 200);
	p.on.token = refreshing({ status: 400, json: { error: 'invalid_grant', error_description: 'revoked by its owner' } });
	await refresh();
	await refresh();
	p.on.token = usual.token;
	await openCallback(ann, await consent((await startAttempt(ann, { token_id: t.id })).url));

	const events = await since(start);
	assert.deepEqual(events.map((e) => e.type), ['token.failing', 'token.recovered', 'token.needs_reauthorization',
		'connection.connected', 'token.reauthorized']);
	assert.deepEqual(events[0].actor, { kind: 'engine', id: null, name: null });
	assert.match(events[0].sentence, /^Engine could not be refreshed: Dropbox answered with HTTP status 503/);
	assert.match(events.find((e) => e.type === 'token.needs_reauthorization').details.why, /revoked by its owner/);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('sign-ins are told, refused ones too, and no password is', async () => {
	const start = await here();
	const other = await managerClient(manager);
	const stranger = managerVisitor(manager);
	await stranger.session();
	await stranger.post('/api/console/sign-in', { username: 'admin', password: 'not-the-password' });
	await stranger.post('/api/console/sign-in', { username: 'my password, in the wrong field', password: 'not-the-password' });
	await other.post('/api/console/sign-out');
	const events = await since(start);
	assert.deepEqual(events.map((e) => [e.type, e.about.name, e.result]), [
		['user.signed_in', 'admin', 'allowed'],
		['user.sign_in_refused', 'admin', 'refused'],
		['user.sign_in_refused', null, 'refused'],
		['user.signed_out', 'admin', 'allowed'],
	]);
	assert.ok(events[1].about.id, 'a known user is named by id');
	assert.equal(events[1].sentence, 'A sign-in as admin was refused.');
	assert.equal(events[2].about.id, null);
	assert.equal(events[2].sentence, 'A sign-in was refused.');
	assert.ok(!JSON.stringify(events).includes('not-the-password'));
});

test('S-202 a key sees what is about its tokens, and nobody\'s address', async () => {
	const one = await connectToken(ann, 'Narrow');
	const two = await connectToken(ann, 'Foreign');
	const narrow = await makeKey(ann, { label: 'narrow', tokens: [one] });
	const { cursor } = await ask('', narrow.key);
	await ann.post(`/api/console/tokens/${two.id}/reveal`);
	await ann.post(`/api/console/tokens/${one.id}/reveal`);
	const mine = await ask('', narrow.key);
	assert.deepEqual(new Set(mine.events.map((e) => e.about.id)), new Set([one.id]));
	assert.ok(mine.events.every((e) => !('from' in e)));
	assert.deepEqual((await ask(`?after=${cursor}`, narrow.key)).events.map((e) => e.about.id), [one.id]);
	/* with the place of somebody who sees more */
	assert.deepEqual((await ask('?after=0', narrow.key)).events.map((e) => e.about.id), mine.events.map((e) => e.about.id));
	const wide = await ask('');
	assert.ok(wide.events.some((e) => e.about.id === two.id));
	assert.ok(wide.events.every((e) => e.about.kind === 'token'));
	const foreign = await programGet(manager.url, '/api/v1/events?token=Foreign', narrow.key);
	const missing = await programGet(manager.url, '/api/v1/events?token=Missing', narrow.key);
	assert.deepEqual([foreign.status, foreign.body.code], [403, 'token-not-permitted']);
	assert.equal(missing.body.detail, foreign.body.detail);
	assert.equal((await programGet(manager.url, '/api/v1/events', 'vk_no')).status, 401);
	for (const t of [one, two]) await ann.del(`/api/console/tokens/${t.id}`);
});

test('pages, filters, and what is asked wrongly', async () => {
	const t = await connectToken(ann, 'Paged');
	for (let i = 0; i < 5; i++) await ann.post(`/api/console/tokens/${t.id}/reveal`);
	const first = await ask('?token=Paged&limit=4');
	assert.equal(first.events.length, 4);
	const second = await ask(`?token=Paged&limit=4&before=${first.next}`);
	assert.deepEqual([...first.events, ...second.events].map((e) => e.type),
		[...Array(5).fill('token.revealed'), 'token.created']);
	assert.equal(second.next, null);
	assert.equal(new Set([...first.events, ...second.events].map((e) => e.id)).size, 6);
	assert.deepEqual((await ask('?token=Paged&type=token.created')).events.map((e) => e.type), ['token.created']);
	assert.equal((await ask('?token=Paged&type=token')).events.length, 6);
	for (const bad of ['limit=0', 'limit=201', 'limit=x', 'type=token.nothing', 'type=tok', 'before=x', 'before=1-2', 'after=',
		'after=x', 'after=0.1', 'before=1-1-1&after=0', 'type=a&type=b'])
		assert.equal((await programGet(manager.url, `/api/v1/events?${bad}`, key)).status, 400, bad);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('valetkey events shows them, follows them, and writes JSON', async () => {
	const t = await connectToken(ann, 'Shown');
	const got = await cli('--token', 'Shown');
	assert.equal(got.code, 0, got.err);
	assert.match(got.out, /^\S+Z\ttoken\.created\tadmin\tShown was saved\.\n$/);
	assert.equal(JSON.parse((await cli('--token', 'Shown', '--json')).out).type, 'token.created');
	assert.equal((await cli('--token', 'Missing')).code, 3);
	for (const bad of [['--limit', '0'], ['--nothing'], ['--token'], ['--type', '']])
		assert.equal((await cli(...bad)).code, 2, bad.join(' '));

	const child = spawn(binary, ['events', '--follow', '--limit', '1', '--token', 'Shown', '--json'],
		{ env: cleanEnv({ VALETKEY_URL: manager.url, VALETKEY_API_KEY: key }), stdio: ['ignore', 'pipe', 'inherit'] });
	const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
	const told = [(await lines.next()).value];
	await ann.post(`/api/console/tokens/${t.id}/reveal`);
	told.push((await lines.next()).value);
	child.kill();
	for await (const more of lines) told.push(more);
	assert.deepEqual(told.map((l) => JSON.parse(l).type), ['token.created', 'token.revealed']);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('every type that is documented is one the manager knows, and the other way about', async () => {
	const { readFileSync } = await import('node:fs');
	const page = readFileSync(new URL('../../docs/mechanisms/events.md', import.meta.url), 'utf8');
	const table = page.slice(page.indexOf('## The list'), page.indexOf('## The chains'));
	const documented = new Set([...table.matchAll(/`([a-z]+\.[a-z_]+)`/g)].map((m) => m[1]));
	const source = readFileSync(new URL('../../src/vault/events.c', import.meta.url), 'utf8');
	const known = new Set([...source.matchAll(/\{ "([a-z]+\.[a-z_]+)",/g)].map((m) => m[1]));
	assert.deepEqual([...known].sort(), [...documented].sort());
	const console = readFileSync(new URL('../../web/console/live.ts', import.meta.url), 'utf8');
	assert.deepEqual([...console.matchAll(/"([a-z]+\.[a-z_]+)"/g)].map((m) => m[1]).sort(), [...known].sort());
});

test('old events end by themselves', async () => {
	const before = (await seen('?limit=200')).events.length;
	assert.ok(before > 10);
	await clock.advance(manager, 3 * 86400);
	const end = Date.now() + 60000;
	while ((await seen('?limit=200')).events.length > 3 && Date.now() < end) await new Promise((r) => setTimeout(r, 50));
	assert.ok((await seen('?limit=200')).events.length <= 3);
	assert.equal((await seen('?after=0')).missed, true);
});
