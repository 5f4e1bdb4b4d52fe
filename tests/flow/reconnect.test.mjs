/* Reconnect: the same provider, the same account unless a person says otherwise, and one copy of the grant. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { root } from '../lib/binary.mjs';
import { byHand } from '../lib/by-hand.mjs';
import { testClock } from '../lib/clock.mjs';
import { managerClient } from '../lib/http.mjs';
import { connect, connection, connectToken, consent, openCallback, startAttempt } from '../lib/manager.mjs';
import { startProvider, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const DAY = 86400;
const clock = testClock();
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-providers-'));
let p, other, manager, ann;

before(async () => {
	[p, other] = [await startProvider(), await startProvider()];
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json')));
	writeFileSync(path.join(dir, 'other.json'),
		JSON.stringify({ ...dropbox, id: 'other', name: 'Other', bases: { web: other.url, api: other.url } }));
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, ...clock.env }, args: ['--providers', dir] });
	ann = await managerClient(manager);
});
after(async () => {
	await manager?.stop();
	await p?.stop();
	await other?.stop();
	rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => p.reset());

const token = async (t) => (await ann.get(`/api/console/tokens/${t.id}`)).body.token;
const lastEvent = async (type) => (await ann.get(`/api/console/events?type=${type}&limit=1`)).body.events[0];

function rows(sql) {
	const program = 'import sqlite3, sys, json\nprint(json.dumps(sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute(sys.argv[2]).fetchall()))';
	return JSON.parse(execFileSync('python3', ['-c', program, path.join(manager.data, 'valetkey.db'), sql]));
}
const kept = (id) => rows(`SELECT length(app_secret) + length(verifier) + length(access) + length(refresh) FROM connection WHERE id = '${id}'`);

/* The next consent is another person's. */
function asBob() {
	p.on.account = () => ({ json: { ...usual.account().json, account_id: 'dbid:bob', name: { display_name: 'Bob Ray' }, email: 'bob@example.com' } });
}

test('a reconnect at another provider is refused before anything leaves', async () => {
	const t = await connectToken(ann, 'Cross');
	const got = await ann.post('/api/console/connections', { provider: 'other', token_id: t.id, app_key: t.app_key, scopes: '' });
	assert.deepEqual([got.status, got.body.code, got.body.field], [400, 'other-provider', 'provider']);
	assert.equal(other.requests.length, 0);
	assert.equal((await token(t)).provider, 'dropbox');
});

test('S-177 a reconnect leaves no second copy of the grant, and nothing to save again', async () => {
	const t = await connectToken(ann, 'Once');
	const again = await connect(ann, { token_id: t.id });
	assert.equal(again.page.boot.outcome, 'connected');
	assert.equal(again.connection.status, 'connected');
	assert.deepEqual([again.connection.token.has_refresh_token, again.connection.token.warning], [true, null]);
	assert.deepEqual(kept(again.id), [[0]]);
	for (const [what, body] of [['tokens', { connection: again.id, name: 'Twin' }], [`connections/${again.id}/reveal`], [`connections/${again.id}/test`]]) {
		const got = await ann.post(`/api/console/${what}`, body);
		assert.deepEqual([got.status, got.body.code], [409, 'reconnected'], what);
	}
	assert.equal((await openCallback(ann, await consent(again.url))).boot.title, 'Used before');
});

test('S-177 an attempt that failed keeps no secret', async () => {
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant' } });
	const failed = await connect(ann);
	assert.equal(failed.connection.status, 'failed');
	assert.deepEqual(kept(failed.id), [[0]]);
});

test('S-177 attempts that nobody finishes end by themselves, and with their session', async () => {
	await connect(ann);
	await clock.advance(manager, DAY + 60);
	const gone = () => rows('SELECT count(*) FROM connection')[0][0] === 0;
	for (const end = Date.now() + 60000; Date.now() < end && !gone(); ) await new Promise((resolve) => setTimeout(resolve, 50));
	assert.ok(gone(), 'swept a day later');
	const bob = await managerClient(manager);
	await connect(bob);
	assert.equal(gone(), false);
	assert.equal((await bob.post('/api/console/sign-out')).status, 200);
	assert.ok(gone(), 'ended with the session');
});

test('a reconnect with another account changes nothing until the person says so', async () => {
	const t = await connectToken(ann, 'Mine');
	asBob();
	const held = await connect(ann, { token_id: t.id });
	assert.deepEqual([held.page.boot.outcome, held.page.boot.title], ['failed', 'Another account']);
	assert.equal(held.connection.status, 'held');
	assert.equal(held.connection.error.detail, 'This is another account: Bob Ray (bob@example.com) instead of Ann Lee (ann@example.com).');
	assert.equal(held.connection.token.account.email, 'bob@example.com');
	assert.equal((await token(t)).account.email, 'ann@example.com');
	const saved = await ann.post('/api/console/tokens', { connection: held.id, name: 'Aside' });
	assert.deepEqual([saved.status, saved.body.code], [409, 'not-connected']);
	const stranger = await managerClient(manager);
	assert.equal((await stranger.post(`/api/console/connections/${held.id}/use`)).status, 404);

	const used = await Promise.all([1, 2, 3].map(() => ann.post(`/api/console/connections/${held.id}/use`)));
	assert.deepEqual(used.map((r) => r.status).sort(), [200, 409, 409], 'once');
	assert.equal((await token(t)).account.email, 'bob@example.com');
	assert.deepEqual(kept(held.id), [[0]]);
	const event = await lastEvent('token.reauthorized');
	assert.deepEqual(event.details, { account: 'bob@example.com', account_was: 'ann@example.com', provider: 'dropbox' });
	assert.equal(event.sentence, 'Mine was connected again: bob@example.com instead of ann@example.com.');
});

test('another account that is not wanted is forgotten, and the same account asks nothing', async () => {
	const t = await connectToken(ann, 'Kept');
	asBob();
	const held = await connect(ann, { token_id: t.id });
	assert.equal((await ann.del(`/api/console/connections/${held.id}`)).status, 204);
	assert.equal((await ann.post(`/api/console/connections/${held.id}/use`)).status, 404);
	p.on.account = usual.account;
	const same = await connect(ann, { token_id: t.id });
	assert.equal(same.page.boot.outcome, 'connected');
	assert.equal((await ann.post(`/api/console/connections/${same.id}/use`)).body.code, 'not-held');
	const event = await lastEvent('token.reauthorized');
	assert.deepEqual([event.details.account, event.details.account_was], ['ann@example.com', undefined]);
	assert.equal(event.sentence, 'Kept was connected again.');
});

test('an unfinished start does not outlive its sign-out', async () => {
	const bob = await managerClient(manager);
	const attempt = await startAttempt(bob);
	assert.equal((await connection(bob, attempt.id)).status, 'waiting');
	await bob.post('/api/console/sign-out');
	assert.deepEqual(kept(attempt.id), []);
});

test('a consent that the store cannot take over is kept, and used when it can', async () => {
	const t = await connectToken(ann, 'Full');
	byHand(manager.data, "CREATE TRIGGER full BEFORE UPDATE OF access ON token BEGIN SELECT RAISE(ABORT, 'no room'); END");
	const held = await connect(ann, { token_id: t.id });
	assert.deepEqual([held.page.boot.outcome, held.page.boot.title], ['failed', 'Not stored yet']);
	assert.deepEqual([held.connection.status, held.connection.error.code], ['held', 'not-applied']);
	assert.match(held.connection.error.detail, /could not be written to the access token: .*no room/);
	assert.equal((await ann.post(`/api/console/connections/${held.id}/use`)).status, 500);
	byHand(manager.data, 'DROP TRIGGER full');
	assert.equal((await ann.post(`/api/console/connections/${held.id}/use`)).status, 200);
	assert.equal((await lastEvent('token.reauthorized')).about.id, t.id);
	assert.deepEqual(kept(held.id), [[0]]);
});
