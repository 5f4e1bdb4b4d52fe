/* A token's life after Done: refreshed by the clock, refused, reconnected, used by programs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { programGet } from '../lib/http.mjs';
import { run, startDemo } from '../lib/server.mjs';
import { connect, consent, clickGet, signInManager } from './walk.mjs';

let demo, browser, page;

before(async () => {
	demo = await startDemo();
	browser = await openBrowser();
	page = await browser.person();
	await signInManager(page, demo);
	await connect(page, await page.context().newPage(), demo, { name: 'Renewed', app: 'Renewal' });
});

after(async () => {
	await browser?.close();
	await demo?.stop();
});

const accessToken = (query = '') =>
	programGet(demo.manager, `/api/v1/tokens/Renewed/access-token${query}`, demo.seed.api_key);

async function account(token) {
	const res = await fetch(`${demo.sandbox}/2/users/get_current_account`, {
		method: 'POST', headers: { authorization: `Bearer ${token}` },
	});
	return res.status;
}

test('an access token is refreshed once its life is over, and the old one is dead', async () => {
	const first = (await accessToken()).body.access_token;
	assert.equal(await account(first), 200);
	await demo.advance(14401);
	assert.equal(await account(first), 401);
	const second = await accessToken();
	assert.equal(second.status, 200);
	assert.notEqual(second.body.access_token, first);
	assert.ok(second.body.expires_in > 14000);
	assert.equal(await account(second.body.access_token), 200);
});

test('it is refreshed before it runs out, with nobody asking', async () => {
	const state = async () => (await programGet(demo.manager, '/api/v1/tokens/Renewed', demo.seed.api_key)).body;
	const before = Date.parse((await state()).expires_at);
	await demo.advance(14400 - 60);
	for (let i = 0; i < 1200 && Date.parse((await state()).expires_at) === before; i++)
		await new Promise((r) => setTimeout(r, 25));
	assert.ok(Date.parse((await state()).expires_at) > before);
});

test('min_ttl asks for more life than is left', async () => {
	const first = (await accessToken()).body;
	const again = (await accessToken('?min_ttl=60')).body;
	assert.equal(again.access_token, first.access_token);
	await demo.advance(3600);
	const longer = (await accessToken('?min_ttl=13000')).body;
	assert.notEqual(longer.access_token, first.access_token);
	assert.ok(longer.expires_in > 13000);
});

test('the command line prints the live token and nothing else', async () => {
	const env = { VALETKEY_URL: demo.manager, VALETKEY_API_KEY: demo.seed.api_key };
	const got = await run(['token', 'get', 'Renewed'], { env });
	assert.equal(got.code, 0);
	assert.equal(got.err, '');
	assert.equal(got.out, `${(await accessToken()).body.access_token}\n`);
	const list = await run(['token', 'list'], { env });
	assert.match(list.out, /Renewed\tdropbox\tactive/);
	const shown = JSON.parse((await run(['token', 'show', 'Renewed', '--json'], { env })).out);
	assert.equal(shown.status, 'active');
	assert.equal(JSON.stringify(shown).includes('sl.'), false);
});

test('a refused refresh needs reauthorization, and Reconnect mends it', async () => {
	const token = (await accessToken()).body.access_token;
	const revoked = await fetch(`${demo.sandbox}/2/auth/token/revoke`, {
		method: 'POST', headers: { authorization: `Bearer ${token}` },
	});
	assert.equal(revoked.status, 200);
	await demo.advance(14401);
	const refused = await accessToken();
	assert.equal(refused.status, 409);
	assert.match(refused.headers.get('content-type'), /^application\/problem\+json/);
	assert.equal(refused.body.code, 'reauthorization-required');
	assert.match(refused.body.detail, /Dropbox refused the grant \(invalid_grant/);
	const cli = await run(['token', 'get', 'Renewed'], {
		env: { VALETKEY_URL: demo.manager, VALETKEY_API_KEY: demo.seed.api_key },
	});
	assert.equal(cli.code, 5);
	assert.equal(cli.out, '');

	await page.goto(demo.manager);
	const row = page.getByRole('row', { name: /Renewed/ });
	await row.getByText('needs reauthorization').waitFor();
	await row.getByRole('link', { name: 'Renewed' }).click();
	await page.getByText('Dropbox refused the grant', { exact: false }).first().waitFor();
	await consent(await clickGet(page, 'Reconnect'));
	await page.getByText('active', { exact: true }).first().waitFor();
	const mended = await accessToken();
	assert.equal(mended.status, 200);
	assert.equal(await account(mended.body.access_token), 200);
});

test('a token survives a restart of both halves, sign-ins included', async () => {
	const before = (await accessToken()).body.access_token;
	await demo.stop({ keep: true });
	const again = await startDemo({ data: demo.data });
	assert.deepEqual(again.seed.admin, demo.seed.admin);
	assert.deepEqual(again.seed.accounts, demo.seed.accounts);
	assert.equal(again.seed.api_key, demo.seed.api_key);
	const after = await programGet(again.manager, '/api/v1/tokens/Renewed/access-token', again.seed.api_key);
	assert.equal(after.body.access_token, before);
	demo = again;
});
