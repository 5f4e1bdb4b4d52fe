/* Who is handed a secret by the console has given the password minutes ago: row S-119. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { byHand } from '../lib/by-hand.mjs';
import { managerClient } from '../lib/http.mjs';
import { connect, connectToken, makeKey, routes } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const MINUTES = 10;
let p, manager, ann, token, attempt, key;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	token = await connectToken(ann, 'Archive');
	attempt = await connect(ann);
	({ key } = await makeKey(ann));
});
after(async () => {
	await manager.stop();
	await p.stop();
});

/* As if the password had been given so long ago, in every session. */
const age = (minutes) => byHand(manager.data, `UPDATE session SET confirmed_ms = ${Date.now() - minutes * 60000}`);
const confirm = (client, password = manager.password) => client.post('/api/console/confirm', { password });

/* All that answer with a secret: { path: body }. */
const handsOut = () => ({
	[`/api/console/tokens/${token.id}/reveal`]: {},
	[`/api/console/connections/${attempt.id}/reveal`]: {},
	'/api/console/keys': { label: 'another', all_tokens: true, token_ids: [] },
	'/api/console/webhooks': { name: `hook ${Date.now()}`, url: 'http://127.0.0.1:9/', types: [] },
});

async function rows(type) {
	return (await ann.get(`/api/console/events?type=${type}&limit=200`)).body.events.length;
}

test('S-119 an old session is asked for its password, on each route that answers with a secret', async () => {
	const hook = await ann.post('/api/console/webhooks', { name: 'first', url: 'http://127.0.0.1:9/', types: [] });
	const all = { ...handsOut(), [`/api/console/webhooks/${hook.body.webhook?.id ?? hook.body.id}/secret`]: {} };
	/* No route of the kind is left out here. */
	const table = (await routes()).filter((r) => r.access === 'user+csrf+confirmed');
	assert.equal(table.length, Object.keys(all).length + 1, 'and the one that changes a key, below');
	for (const [path, body] of Object.entries(all)) {
		age(MINUTES - 1);
		assert.ok((await ann.post(path, body)).status < 300, path);
		age(MINUTES + 1);
		const reply = await ann.post(path, body);
		assert.equal(reply.status, 403, path);
		assert.equal(reply.body.code, 'reauthentication-required', path);
		assert.doesNotMatch(reply.text, /access-\d|vk_[0-9A-Za-z]{40}|whsec_/);
	}
	/* Who lets a key read more hands out what it may read then. */
	const made = (await ann.get('/api/console/keys')).body.keys[0];
	assert.equal((await ann.patch(`/api/console/keys/${made.id}`, { all_tokens: true })).body.code, 'reauthentication-required');
	/* The rest of the console goes on. */
	assert.equal((await ann.get('/api/console/tokens')).status, 200);
	assert.equal((await ann.patch(`/api/console/tokens/${token.id}`, { description: 'still' })).status, 200);
});

test('S-119 the right password opens it, in that session only, and each reveal is one row', async () => {
	const bob = await managerClient(manager);
	age(MINUTES + 1);
	const wrong = await confirm(ann, 'not the password');
	assert.equal(wrong.status, 400);
	assert.deepEqual([wrong.body.code, wrong.body.field], ['wrong-password', 'password']);
	const path = `/api/console/tokens/${token.id}/reveal`;
	assert.equal((await ann.post(path)).status, 403);
	assert.equal((await confirm(ann)).status, 204);
	const before = await rows('token.revealed');
	assert.equal((await ann.post(path)).status, 200);
	assert.equal((await bob.post(path)).status, 403, 'another session of the same person');
	assert.equal(await rows('token.revealed'), before + 1);
	assert.equal(await rows('user.confirmed'), 1);
	assert.equal(await rows('user.confirm_refused'), 1);
	/* A moment that has not come yet, after a clock was put back, opens nothing. */
	age(-60);
	assert.equal((await ann.post(path)).status, 403);
});

test('S-119 neither an API key nor a page of strangers confirms anything', async () => {
	age(MINUTES + 1);
	const bare = (headers) => fetch(`${manager.url}/api/console/confirm`, {
		method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ password: manager.password }),
	});
	assert.equal((await bare({ authorization: `Bearer ${key}` })).status, 401);
	const cookie = [...ann.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
	assert.equal((await bare({ cookie, origin: 'http://evil.example' })).status, 403);
	assert.equal((await ann.post(`/api/console/tokens/${token.id}/reveal`)).body.code, 'reauthentication-required');
	for (const path of Object.keys(handsOut()))
		assert.equal((await fetch(manager.url + path, { method: 'POST', headers: { authorization: `Bearer ${key}` } })).status, 401, path);
});

test('S-119 passwords are not guessed there: it counts with the sign-in', async () => {
	const eve = await managerClient(manager);
	let refused = 0;
	for (let i = 0; i < 12 && refused === 0; i++) refused = (await confirm(eve, `guess ${i}`)).status === 429 ? i : 0;
	assert.ok(refused > 0 && refused <= 10, `refused after ${refused}`);
	assert.equal((await confirm(eve)).status, 429, 'also the right one, for a while');
	const signIn = await eve.post('/api/console/sign-in', { username: manager.username, password: manager.password });
	assert.equal(signIn.status, 429);
});
