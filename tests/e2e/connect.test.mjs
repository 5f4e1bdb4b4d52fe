/* The main job in a real browser: the five steps, with both kinds of account. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { programGet } from '../lib/http.mjs';
import { startDemo } from '../lib/server.mjs';
import {
	addRedirectUri, clickGet, consent, createApp, fillConfiguration, openConfiguration, signInManager, signInSandbox,
	tokenArrived,
} from './walk.mjs';

let demo, browser;

before(async () => {
	demo = await startDemo();
	browser = await openBrowser();
});

after(async () => {
	await browser?.close();
	await demo?.stop();
});

async function accessToken(name) {
	const path = `/api/v1/tokens/${encodeURIComponent(name)}/access-token`;
	return programGet(demo.manager, path, demo.seed.api_key);
}

async function dropbox(route, token, body) {
	const res = await fetch(`${demo.sandbox}/2/${route}`, {
		method: 'POST',
		headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
		body: body ? JSON.stringify(body) : undefined,
	});
	return { status: res.status, body: await res.json() };
}

async function fiveSteps(type, { api, access, name, app }) {
	const page = await browser.person();
	await signInManager(page, demo);
	/* 1. The screen works unsaved. */
	const redirect = await openConfiguration(page);
	assert.equal(redirect, `${demo.manager}/oauth/callback/dropbox`);
	assert.equal(await page.getByLabel('Redirect URI').getAttribute('readonly') !== null, true);
	assert.equal(await page.getByLabel('Encrypt').isChecked(), true);
	assert.equal(await page.getByLabel('Encrypt').isDisabled(), true);
	assert.equal(await page.getByLabel('OAuth 2.0 Access Token').inputValue(), '');
	assert.equal((await (await page.context().request.get(`${demo.manager}/api/console/tokens`)).json()).tokens.some((t) => t.name === name), false);
	/* 2. The app. */
	const other = await page.context().newPage();
	await other.goto(demo.sandbox);
	await signInSandbox(other, demo.account(type));
	await other.getByRole('heading', { name: 'My apps' }).waitFor();
	const { key, secret } = await createApp(other, { name: app, api, access });
	assert.match(key, /^[a-z0-9]{15}$/);
	assert.match(secret, /^[a-z0-9]{15}$/);
	/* 3, 4. Key and secret across, the redirect URI back. */
	await addRedirectUri(other, redirect);
	await fillConfiguration(page, { name, key, secret, description: 'Two lines\nof text' });
	/* 5. Consent. */
	const popup = await clickGet(page);
	await consent(popup);
	const masked = await tokenArrived(page);
	assert.match(masked, /^•+$/, 'the token is masked');
	await page.getByRole('button', { name: 'Reveal' }).click();
	await page.getByRole('button', { name: 'Hide' }).last().waitFor();
	assert.match(await page.getByLabel('OAuth 2.0 Access Token').inputValue(), /^sl\./);
	await page.getByRole('button', { name: 'Test Connection' }).click();
	await page.getByText(`(${demo.account(type).email}).`, { exact: false }).waitFor();
	await page.getByRole('button', { name: 'Done' }).click();
	const row = page.getByRole('row', { name: new RegExp(name) });
	await row.waitFor();
	assert.match(await row.innerText(), /active\s+answered (just now|\d+ (s|min) ago)\s+in 3 h [45]\d min\s+Yes\s+Every 4 hours\s+No end in sight/);
	await page.context().close();
}

test('a Basic account connects a Full Dropbox app in five steps', async () => {
	await fiveSteps('basic', { name: 'Dropbox Archive', app: 'Archive Uploader', access: 'Full Dropbox' });
	const { status, headers, body } = await accessToken('Dropbox Archive');
	assert.equal(status, 200);
	assert.equal(headers.get('cache-control'), 'no-store');
	assert.deepEqual(Object.keys(body).sort(), ['access_token', 'expires_at', 'expires_in', 'scope', 'token_type']);
	assert.equal(body.token_type, 'bearer');
	assert.ok(body.expires_in > 14000 && body.expires_in <= 14400);
	for (const scope of ['account_info.read', 'files.metadata.read', 'files.content.write', 'sharing.read'])
		assert.ok(body.scope.split(' ').includes(scope), scope);

	const me = await dropbox('users/get_current_account', body.access_token);
	assert.equal(me.status, 200);
	assert.equal(me.body.email, demo.account('basic').email);
	assert.equal(me.body.account_type['.tag'], 'basic');
	const files = await dropbox('files/list_folder', body.access_token, { path: '' });
	assert.equal(files.status, 200);
	assert.ok(files.body.entries.length > 0);
	assert.equal(files.body.has_more, false);
});

test('a Business account connects a Dropbox Business API app with an app folder', async () => {
	await fiveSteps('business', { name: 'Team Archive 2', app: 'Team Uploader', api: 'Dropbox Business API', access: 'App folder' });
	const { body } = await accessToken('Team Archive 2');
	const me = await dropbox('users/get_current_account', body.access_token);
	assert.equal(me.body.email, demo.account('business').email);
	assert.equal(me.body.account_type['.tag'], 'business');
});

test('the Dropbox Business API is offered to a Business account only', async () => {
	const page = await browser.person();
	await page.goto(demo.sandbox);
	await signInSandbox(page, demo.account('basic'));
	await page.getByRole('link', { name: 'Create App', exact: true }).click();
	await page.getByRole('radio', { name: 'Dropbox API', exact: true }).waitFor();
	assert.equal(await page.getByRole('radio', { name: 'Dropbox Business API' }).count(), 0);
	await page.context().close();
});
