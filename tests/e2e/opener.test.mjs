/* The provider's window and the console that opened it: one way only. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { openBrowser, popupOf } from '../lib/browser.mjs';
import { app } from '../lib/manager.mjs';
import { startProvider, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';
import { clickGet, fillConfiguration, openConfiguration, signInManager, tokenArrived } from './walk.mjs';

let p, manager, browser, page;

/* A page that tries, and then consents by its link. */
const STEERS = (back) => `<!doctype html><title>provider</title>
<script>
	document.title = window.opener === null ? 'alone' : 'linked';
	try { window.opener.location = 'about:blank'; } catch { document.title += ', refused'; }
</script>
<a href="${back}">Allow</a>`;

before(async () => {
	p = await startProvider();
	p.on.authorize = (req) => {
		const { headers } = usual.authorize(req);
		return { text: STEERS(headers.location.replaceAll('&', '&amp;')), headers: { 'content-type': 'text/html' } };
	};
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	browser = await openBrowser();
});
after(async () => {
	await browser?.close();
	await manager?.stop();
	await p?.stop();
});
beforeEach(async () => {
	page = await browser.person();
	await signInManager(page, { manager: manager.url, seed: { admin: manager } });
	await openConfiguration(page);
	await fillConfiguration(page, { name: 'Steered', key: app.app_key, secret: app.app_secret });
});

async function consents(popup) {
	await popup.getByRole('link', { name: 'Allow' }).waitFor();
	assert.equal(await popup.title(), 'alone, refused');
	await Promise.all([popup.waitForEvent('close'), popup.getByRole('link', { name: 'Allow' }).click()]);
	await tokenArrived(page);
	assert.equal(page.url(), `${manager.url}/tokens/new/dropbox`);
	await page.context().close();
}

test("the provider's window cannot steer the console, and still closes by itself", async () => {
	await consents(await clickGet(page));
});

test('nor can the window of the link that is offered when the first was blocked', async () => {
	await page.evaluate(() => {
		const open = window.open;
		window.open = () => {
			window.open = open;
			return null;
		};
	});
	await page.getByRole('button', { name: 'Get OAuth2 Access Token' }).click();
	await consents(await popupOf(page, () => page.getByRole('link', { name: 'continue at Dropbox' }).click()));
});

test('nor that of the same link opened by the browser itself', async () => {
	await page.evaluate(() => { window.open = () => null; });
	await page.getByRole('button', { name: 'Get OAuth2 Access Token' }).click();
	const [popup] = await Promise.all([
		page.context().waitForEvent('page'),
		page.getByRole('link', { name: 'continue at Dropbox' }).click(),
	]);
	await popup.getByRole('link', { name: 'Allow' }).waitFor();
	assert.equal(await popup.title(), 'alone, refused');
	await popup.getByRole('link', { name: 'Allow' }).click();
	await tokenArrived(page);
	await page.context().close();
});
