/* The manager between its readers, its engine and a provider that misbehaves: what only shows when
 * several things happen at once. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { managerClient, managerVisitor, programGet } from '../lib/http.mjs';
import { connect, connectToken, makeKey, openCallback, startAttempt } from '../lib/manager.mjs';
import { startProvider, tokenReply, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

let p;
let manager;
let ann;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
});
after(async () => {
	await manager?.stop();
	await p?.stop();
});
beforeEach(() => p.reset());

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const refreshes = () => p.requests.filter((r) => r.form.grant_type === 'refresh_token').length;
const read = (name, key, query = '') =>
	programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token${query}`, key);

/* Answers refreshes only once the returned function is called. */
function holdRefreshes() {
	let open;
	const gate = new Promise((resolve) => (open = resolve));
	p.on.token = async (req) => {
		if (req.form.grant_type === 'refresh_token') await gate;
		return usual.token(req);
	};
	return open;
}

async function until(what, ms = 30000) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(10)) if (await what()) return true;
	return false;
}

test('a name that became another token while a reader waited does not give that token away', async () => {
	const mine = await connectToken(ann, 'Shared name');
	const { key } = await makeKey(ann, { tokens: [mine] });
	const open = holdRefreshes();
	const waiting = read('Shared name', key, '?min_ttl=86400');
	assert.ok(await until(() => refreshes() === 1));
	await ann.patch(`/api/console/tokens/${mine.id}`, { name: 'Old name' });
	const other = await connectToken(ann, 'Shared name');
	open();
	const got = await waiting;
	assert.equal(got.status, 403, JSON.stringify(got.body));
	assert.equal((await read('Old name', key)).status, 200);
	for (const t of [mine, other]) await ann.del(`/api/console/tokens/${t.id}`);
});

test('a token that was deleted while a reader waited is not handed out', async () => {
	const t = await connectToken(ann, 'Deleted');
	const { key } = await makeKey(ann);
	const open = holdRefreshes();
	const waiting = read('Deleted', key, '?min_ttl=86400');
	assert.ok(await until(() => refreshes() === 1));
	assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 204);
	open();
	assert.equal((await waiting).status, 404);
});

test('a reader whose refresh was refused while somebody connected again gets the new token', async () => {
	const t = await connectToken(ann, 'Reconnected');
	const { key } = await makeKey(ann, { tokens: [t] });
	let refuse;
	const refused = new Promise((resolve) => (refuse = resolve));
	p.on.token = async (req) => {
		if (req.form.grant_type !== 'refresh_token') return { json: tokenReply({ access_token: 'sl.the-new-one' }) };
		await refused;
		return { status: 400, json: { error: 'invalid_grant' } };
	};
	const waiting = read('Reconnected', key, '?min_ttl=86400');
	assert.ok(await until(() => refreshes() === 1));
	assert.equal((await connect(ann, { token_id: t.id })).page.boot.outcome, 'connected');
	refuse();
	const got = await waiting;
	assert.equal(got.status, 200, JSON.stringify(got.body));
	assert.equal(got.body.access_token, 'sl.the-new-one');
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('tokens that hardly live are not refreshed in a circle', async () => {
	p.on.token = (req) => ({
		json: tokenReply({ expires_in: 1, ...(req.form.grant_type === 'refresh_token' ? { refresh_token: undefined } : {}) }),
	});
	const t = await connectToken(ann, 'No life');
	assert.ok(await until(() => refreshes() === 1));
	await pause(1500);
	assert.equal(refreshes(), 1);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('readers keep to the pause that the provider asked for', async () => {
	const t = await connectToken(ann, 'Slowed');
	const { key } = await makeKey(ann, { tokens: [t] });
	p.on.token = () => ({ status: 429, text: 'slow down', headers: { 'retry-after': '300' } });
	for (let i = 0; i < 5; i++) assert.equal((await read('Slowed', key, '?min_ttl=86400')).status, 200);
	assert.equal(refreshes(), 1);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('without a living token the pause is said instead', async () => {
	p.on.token = (req) =>
		req.form.grant_type === 'refresh_token'
			? { status: 503, text: 'down', headers: { 'retry-after': '300' } }
			: { json: tokenReply({ expires_in: 1 }) };
	const t = await connectToken(ann, 'Out and slowed');
	const { key } = await makeKey(ann, { tokens: [t] });
	await pause(1100);
	await until(async () => (await read('Out and slowed', key)).status === 502);
	const asked = refreshes();
	const got = await read('Out and slowed', key);
	assert.equal(got.status, 502);
	assert.match(got.body.detail, /HTTP status 503/);
	const wait = Number(got.headers.get('retry-after'));
	assert.ok(wait > 200 && wait <= 300, `${wait}`);
	assert.equal(refreshes(), asked);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a deleted key stays deleted while other keys are made', async () => {
	const t = await connectToken(ann, 'Keys');
	for (let round = 0; round < 40; round++) {
		const old = await makeKey(ann);
		const [gone, ...made] = await Promise.all([
			ann.del(`/api/console/keys/${old.id}`), makeKey(ann), makeKey(ann),
		]);
		assert.equal(gone.status, 204);
		assert.equal((await read('Keys', old.key)).status, 401);
		for (const k of made) {
			assert.equal((await read('Keys', k.key)).status, 200);
			await ann.del(`/api/console/keys/${k.id}`);
		}
	}
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('an error of the provider that is no text still gets a sentence', async () => {
	for (const error of ['%ff%fe', `${'a'.repeat(59)}%C3%A9`]) {
		const attempt = await startAttempt(ann);
		const page = await openCallback(ann, `/oauth/callback/dropbox?error=${error}&state=${attempt.state}`);
		assert.equal(page.boot.outcome, 'failed');
		assert.match(page.boot.detail, /Dropbox ended the sign-in with the error/);
		const { body } = await ann.get(`/api/console/connections/${attempt.id}`);
		assert.match(body.connection.error.detail, /Dropbox ended the sign-in with the error/);
	}
});

test('the cookie of a session that has ended finishes no attempt', async () => {
	const bob = await managerClient(manager);
	const attempt = await startAttempt(bob);
	const old = managerVisitor(manager);
	for (const [name, value] of bob.cookies) old.cookies.set(name, value);
	assert.equal((await bob.post('/api/console/sign-out')).status, 200);
	const page = await openCallback(old, `/oauth/callback/dropbox?code=c&state=${attempt.state}`);
	assert.equal(page.status, 400, page.text); /* the attempt ended with the session */
	assert.match(page.boot.detail, /not known here/);
	assert.equal(p.count('/oauth2/token'), 0);
});

test('a stop does not wait for a provider that hangs', async () => {
	const own = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	const bob = await managerClient(own);
	const t = await connectToken(bob, 'Hanging');
	p.on.account = () => undefined;
	const asked = p.count('/2/users/get_current_account');
	const lost = bob.post(`/api/console/tokens/${t.id}/test`).catch(() => null);
	assert.ok(await until(() => p.count('/2/users/get_current_account') > asked));
	const began = Date.now();
	await own.stop();
	assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`);
	await lost;
});

test('after a power cut during a refresh the next start takes it up at once', async () => {
	const first = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	const bob = await managerClient(first);
	p.on.token = (req) =>
		req.form.grant_type === 'refresh_token' ? undefined : { json: tokenReply({ expires_in: 2 }) };
	const t = await connectToken(bob, 'Cut off');
	const { key } = await makeKey(bob, { tokens: [t] });
	assert.ok(await until(() => refreshes() === 1));
	await first.kill();
	await pause(2100);
	p.on.token = usual.token;
	const again = await startServe({ data: first.data, env: { VALETKEY_DROPBOX_URL: p.url } });
	const got = await programGet(again.url, '/api/v1/tokens/Cut%20off/access-token', key);
	assert.equal(got.status, 200, JSON.stringify(got.body));
	assert.equal(refreshes(), 2);
	await again.stop();
});
