/* A provider that came with --providers is connected in the console like the built-in one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { root } from '../lib/binary.mjs';
import { openBrowser } from '../lib/browser.mjs';
import { startProvider } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';
import { clickGet, fillConfiguration, signInManager, tokenArrived } from './walk.mjs';

const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-providers-'));
const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
let provider, manager, browser, page;

before(async () => {
	provider = await startProvider();
	writeFileSync(path.join(dir, 'other.json'), JSON.stringify({
		...dropbox, id: 'other-place', name: 'Other Place', app_key_pattern: '^client-[0-9]+$',
		bases: { web: provider.url, api: provider.url },
	}));
	manager = await startServe({ args: ['--providers', dir] });
	browser = await openBrowser();
	page = await browser.person();
	await signInManager(page, { manager: manager.url, seed: { admin: manager } });
});

after(async () => {
	await browser?.close();
	await manager?.stop();
	await provider?.stop();
	rmSync(dir, { recursive: true });
});

test('the first steps are there though the list of providers cannot be had', async (t) => {
	const LIST = '**/api/console/providers';
	await page.route(LIST, (route) => route.fulfill({ status: 503, json: { title: 'Not now.' } }));
	t.after(() => page.unroute(LIST).then(() => page.reload()));
	await page.reload();
	await page.locator('.first-steps').getByText('Create an app at the provider').waitFor();
	assert.equal(await page.locator('.first-steps li').count(), 5);
	await page.locator('.skeleton').first().waitFor({ state: 'detached' });
});

test('a provider of --providers is connected in the console, in words that fit it', async () => {
	const first = page.locator('.first-steps');
	await first.getByText("Create an app at the provider").waitFor();
	assert.doesNotMatch(await first.innerText(), /Dropbox|Settings tab/);
	await page.getByRole('link', { name: 'Add Token' }).first().click();
	await page.getByText('with an app of your own at').first().waitFor();
	await page.getByRole('link', { name: 'Other Place', exact: true }).click();
	await page.getByRole('heading', { name: 'Access Token Configuration' }).waitFor();
	assert.equal(await page.getByLabel('Redirect URI').inputValue(), `${manager.url}/oauth/callback/other-place`);
	const guide = page.getByRole('complementary');
	await guide.getByRole('link', { name: "Open Other Place's developer pages" }).waitFor();
	assert.doesNotMatch(await guide.innerText(), /Dropbox|App Console/);

	await fillConfiguration(page, { name: 'Elsewhere', key: 'client-7', secret: 'secret-of-seven' });
	await guide.locator('.guide-step.is-done', { hasText: 'Create an app in Other Place' }).waitFor();
	const closed = clickGet(page).then((popup) => popup.isClosed() || popup.waitForEvent('close')).catch(() => undefined);
	await tokenArrived(page);
	await closed;
	await page.getByRole('button', { name: 'Done' }).click();
	const row = page.getByRole('row', { name: /Elsewhere/ });
	await row.waitFor();
	assert.match(await row.innerText(), /Other Place/);
});

test('an address of a provider that there is not says so', async () => {
	await page.goto(`${manager.url}/tokens/new/nowhere`);
	await page.getByText('This manager does not know the kind of this token.').waitFor();
});
