/* Everything that can go wrong on the way: a clear sentence on the configuration screen, nothing lost. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { startDemo } from '../lib/server.mjs';
import {
	addRedirectUri, clickGet, consent, createApp, fillConfiguration, openConfiguration, signInManager, signInSandbox,
	tokenArrived,
} from './walk.mjs';

let demo, browser, app, page, redirect, atManager, signedIn;
const NAME = 'Kept Name 1', DESCRIPTION = 'kept\ndescription';

before(async () => {
	demo = await startDemo();
	browser = await openBrowser();
	const other = await browser.person();
	await signInManager(other, demo);
	atManager = await other.context().storageState();
	await other.goto(demo.sandbox);
	await signInSandbox(other, demo.account('basic'));
	app = await createApp(other, { name: 'Denials' });
	await addRedirectUri(other, `${demo.manager}/oauth/callback/dropbox`);
	app.page = other;
	signedIn = await other.context().storageState();
});

after(async () => {
	await browser?.close();
	await demo?.stop();
});

/* Somebody who is signed in at both. */
beforeEach(async () => {
	page = await browser.person({ storageState: signedIn });
	await page.goto(demo.manager);
	redirect = await openConfiguration(page);
	await fillConfiguration(page, { name: NAME, description: DESCRIPTION, key: app.key, secret: app.secret });
});

afterEach(async () => {
	await page.context().close();
});

async function nothingLost({ key = app.key, secret = app.secret } = {}) {
	assert.equal(await page.getByLabel('Token Name').inputValue(), NAME);
	assert.equal(await page.getByLabel('Description').inputValue(), DESCRIPTION);
	assert.equal(await page.getByLabel('App Key').inputValue(), key);
	assert.equal(await page.getByLabel('App Secret').inputValue(), secret);
	assert.equal(await page.getByLabel('Redirect URI').inputValue(), redirect);
	assert.equal(await page.getByLabel('OAuth 2.0 Access Token').inputValue(), '');
}

async function worksAfterwards() {
	await consent(await clickGet(page));
	assert.match(await tokenArrived(page), /^•+$/);
}

test('Cancel on the consent screen, by somebody who signs in in the window', async () => {
	await page.context().clearCookies();
	await page.context().addCookies(atManager.cookies);
	const popup = await clickGet(page);
	await signInSandbox(popup, demo.account('basic'));
	await consent(popup, 'Cancel');
	await page.getByText('Access was not allowed at Dropbox.').waitFor();
	await page.getByText('Click Get OAuth2 Access Token again, and then Allow.').waitFor();
	await nothingLost();
	await worksAfterwards();
});

test('closing the window half-way', async () => {
	const popup = await clickGet(page);
	await popup.getByRole('button', { name: 'Continue' }).waitFor();
	await popup.close();
	await page.getByText('window was closed before it finished', { exact: false }).waitFor();
	await nothingLost();
	await worksAfterwards();
});

test('a wrong App Secret', async () => {
	await page.getByLabel('App Secret').fill('wrongsecret1234');
	await consent(await clickGet(page));
	await page.getByText('Dropbox did not accept the App Secret for this App Key', { exact: false }).waitFor();
	assert.equal(await page.getByLabel('App Secret').getAttribute('aria-invalid'), 'true');
	await nothingLost({ secret: 'wrongsecret1234' });
	await page.getByLabel('App Secret').fill(app.secret);
	await worksAfterwards();
});

test('an unknown App Key', async () => {
	await page.getByLabel('App Key').fill('aaaaaaaaaaaaaaa');
	const popup = await clickGet(page);
	await page.getByText('Dropbox does not know this App Key.', { exact: false }).waitFor();
	await popup.close();
	await nothingLost({ key: 'aaaaaaaaaaaaaaa' });
});

test('a redirect URI that was not added', async () => {
	await app.page.bringToFront();
	await app.page.getByRole('button', { name: 'Delete' }).click();
	await app.page.getByText(redirect, { exact: true }).waitFor({ state: 'detached' });
	const popup = await clickGet(page);
	/* Dropbox's side shows the URI and does not redirect; ours says what to do. */
	await popup.getByText(redirect, { exact: false }).first().waitFor();
	await page.getByText('Dropbox does not know this redirect URI for the app.', { exact: false }).waitFor();
	await popup.close();
	await page.getByText('under Redirect URIs, add exactly', { exact: false }).waitFor();
	await nothingLost();
	await addRedirectUri(app.page, redirect);
	await worksAfterwards();
});

test('an expired state', async () => {
	const popup = await clickGet(page);
	await popup.getByRole('button', { name: 'Continue' }).click();
	await popup.getByRole('button', { name: 'Allow', exact: true }).waitFor();
	await demo.advance(601);
	await Promise.all([popup.waitForEvent('close'), popup.getByRole('button', { name: 'Allow', exact: true }).click()]);
	await page.getByText('The sign-in took longer than ten minutes', { exact: false }).first().waitFor();
	await nothingLost();
	await worksAfterwards();
});

test('a replayed state', async () => {
	const popup = await clickGet(page);
	let callback;
	page.context().on('request', (r) => {
		if (r.url().startsWith(redirect)) callback = r.url();
	});
	await consent(popup);
	await tokenArrived(page);
	assert.match(callback, /[?&]code=/);
	const replay = await page.context().newPage();
	await replay.goto(callback).catch(() => {}); /* it may close itself while loading */
	await page.getByText('This sign-in link has already been used', { exact: false }).first().waitFor();
	assert.match(await page.getByLabel('OAuth 2.0 Access Token').inputValue(), /^•+$/);
});

test('a token name with other characters, and one that is taken', async () => {
	await consent(await clickGet(page));
	await tokenArrived(page);
	await page.getByLabel('Token Name').fill('Bad/Name');
	await page.getByRole('button', { name: 'Done' }).click();
	assert.equal(await page.getByLabel('Token Name').getAttribute('aria-invalid'), 'true');
	await page.getByLabel('Token Name').fill('Taken');
	await page.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('heading', { name: 'Access Tokens' }).waitFor();
	await openConfiguration(page);
	await fillConfiguration(page, { name: 'taken', key: app.key, secret: app.secret });
	await consent(await clickGet(page));
	await tokenArrived(page);
	await page.getByRole('button', { name: 'Done' }).click();
	await page.getByText('There is already an access token of this name.', { exact: false }).waitFor();
	assert.equal(await page.getByLabel('App Key').inputValue(), app.key);
});

test('the session ends half-way: sign in over the page, and go on with what was typed', async () => {
	await page.context().clearCookies();
	await page.getByRole('button', { name: 'Get OAuth2 Access Token' }).click();
	await page.getByLabel('Username').fill(demo.seed.admin.username);
	await page.getByLabel('Password').fill(demo.seed.admin.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByLabel('Username').waitFor({ state: 'detached' });
	await nothingLost();
});
