/* What the token endpoint keeps in memory is never older than the store, and what it writes later is
 * written before anybody reads it, and not lost when the program is killed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { startSandbox as startAlone } from '../lib/server.mjs';
import { api, Browser, control, grant, makeApp, refresh, startSandbox } from './sandbox-lib.mjs';

let box;
let ann;
before(async () => {
	box = await startSandbox();
	ann = new Browser(box);
	await ann.signIn('basic');
});
after(() => box.stop());

const settle = async (reply, wanted) => assert.deepEqual([(await reply).status, (await reply).body.error], wanted);

test('a secret that was replaced is refused at the next refresh, and the new one accepted', async () => {
	const app = await makeApp(ann);
	const { refresh_token } = await grant(box, app);
	await settle(refresh(box, app, refresh_token), [200, undefined]);
	const { body } = await ann.post(`/_web/apps/${app.key}/secret/rotate`);
	const old = await refresh(box, app, refresh_token);
	assert.equal(old.status, 400);
	assert.match(old.body.error, /^invalid_client/);
	await settle(refresh(box, { ...app, secret: body.app_secret }, refresh_token), [200, undefined]);
});

test('a refresh token that was used a moment ago is refused once its grant, its app or itself is ended', async () => {
	const ends = {
		grant: (app, got) => ann.send('DELETE', `/_web/connected-apps/${got.link}`),
		app: (app) => ann.send('DELETE', `/_web/apps/${app.key}`),
		token: (app, got) => control(box, 'POST', 'tokens/revoke', { token: got.refresh_token }),
		bearer: (app, got) => api(box, got.access_token, 'auth/token/revoke', null),
	};
	for (const [what, end] of Object.entries(ends)) {
		const app = await makeApp(ann);
		const got = await grant(box, app);
		got.link = (await ann.get('/_web/connected-apps')).body.apps.find((a) => a.app_key === app.key)?.grant_id;
		const first = await refresh(box, app, got.refresh_token);
		assert.equal(first.status, 200);
		const ended = await end(app, got);
		assert.ok(ended.status < 300, `${what}: ${ended.status}`);
		const again = await refresh(box, app, got.refresh_token);
		assert.equal(again.status, 400, what);
		if (what === 'token') continue;
		const call = await api(box, first.body.access_token, 'users/get_current_account');
		assert.deepEqual([call.status, call.body.error['.tag']], [401, 'invalid_access_token'], what);
	}
});

test('another personality holds from the next refresh on', async () => {
	const app = await makeApp(ann);
	const { refresh_token } = await grant(box, app);
	assert.equal((await refresh(box, app, refresh_token)).body.refresh_token, undefined);
	await control(box, 'PUT', `apps/${app.key}/personality`, { rotation: 'single' });
	const next = (await refresh(box, app, refresh_token)).body.refresh_token;
	assert.match(next, /^[\w-]{64}$/);
	await settle(refresh(box, app, refresh_token), [400, 'invalid_grant']);
	await control(box, 'PUT', `apps/${app.key}/personality`, { rotation: 'none', refresh_kills_access: true });
	const one = (await refresh(box, app, next)).body.access_token;
	const two = (await refresh(box, app, next)).body.access_token;
	assert.equal((await api(box, one, 'users/get_current_account')).status, 401);
	assert.equal((await api(box, two, 'users/get_current_account')).status, 200);
	const detail = (await control(box, 'GET', 'state')).body.grants_detail.find((d) => d.app_key === app.key);
	assert.equal(detail.refreshes, 4);
});

test('a refresh token of one app is nothing to another one that knows it', async () => {
	const [mine, other] = [await makeApp(ann), await makeApp(ann)];
	const { refresh_token } = await grant(box, mine);
	await settle(refresh(box, mine, refresh_token), [200, undefined]);
	await settle(refresh(box, other, refresh_token), [400, 'invalid_grant']);
	await settle(refresh(box, mine, refresh_token), [200, undefined]);
});

const counted = async (sandbox) => (await sandbox.state()).grants_detail.map((d) => d.refreshes).sort();

test('refreshes are counted one by one, also those before a kill -9 and by a clock that went back', async () => {
	const data = mkdtempSync(path.join(tmpdir(), 'valetkey-known-'));
	const seed = path.join(data, 'seed.json');
	const app = { client_id: 'knownkey0000001', client_secret: 'knownsecret0001' };
	const tokens = ['a', 'b'].map((x) => x.repeat(64));
	writeFileSync(seed, JSON.stringify({
		accounts: [
			{ email: 'ann@example.com', password: 'not a secret', given_name: 'Ann', surname: 'Example' },
			{ email: 'bob@example.com', password: 'not a secret', given_name: 'Bob', surname: 'Example', type: 'business' },
		],
		apps: [{ owner: 'ann@example.com', name: 'Known', app_key: app.client_id, app_secret: app.client_secret, redirect_uris: [] }],
		grants: tokens.map((refresh_token) => ({ app: app.client_id, account: 'ann@example.com', offline: true, refresh_token })),
	}));
	const start = () => startAlone({ data, log: 'warn', args: ['--seed', seed] });
	let sandbox = await start();
	const use = async (refresh_token, times) => {
		for (let i = 0; i < times; i++) {
			const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token, ...app });
			assert.equal((await fetch(`${sandbox.url}/oauth2/token`, { method: 'POST', body })).status, 200);
		}
	};
	try {
		await sandbox.control('POST', '/_sandbox/snapshots', { name: 'before' });
		await use(tokens[0], 5);
		await use(tokens[1], 2);
		await sandbox.kill();
		sandbox = await start();
		assert.deepEqual(await counted(sandbox), [2, 5]);
		await use(tokens[0], 1);
		assert.deepEqual(await counted(sandbox), [2, 6]);
		await sandbox.control('POST', '/_sandbox/clock', { advance_s: 600 });
		await use(tokens[0], 1);
		assert.deepEqual(await counted(sandbox), [2, 7]);
		await sandbox.control('POST', '/_sandbox/snapshots/before/restore');
		await use(tokens[1], 3);
		await sandbox.kill();
		sandbox = await start();
		assert.deepEqual(await counted(sandbox), [0, 3]);
		await sandbox.stop({ keep: true });
	} finally {
		rmSync(data, { recursive: true, force: true });
	}
});
