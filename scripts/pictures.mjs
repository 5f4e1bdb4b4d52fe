/* pictures.mjs - takes the pictures of the documentation from the running program, so that they show
 * what is there. Usage, after make: node scripts/pictures.mjs */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { openBrowser } from '../tests/lib/browser.mjs';
import { startDemo } from '../tests/lib/server.mjs';
import {
	addRedirectUri, clickGet, createApp, fillConfiguration, openConfiguration, signInManager, signInSandbox, tokenArrived,
} from '../tests/e2e/walk.mjs';

const out = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const person = { viewport: { width: 1120, height: 760 }, colorScheme: 'light' };

mkdirSync(out, { recursive: true });
const demo = await startDemo({ listen: '127.0.0.1:8090', sandboxListen: '127.0.0.1:8091' });
const browser = await openBrowser();

async function take(page, name, options) {
	await page.mouse.move(0, 0);
	await page.evaluate(() => window.scrollTo(0, 0));
	await page.evaluate(() => document.activeElement?.blur());
	await page.screenshot({ path: `${out}${name}.png`, animations: 'disabled', ...options });
}

try {
	const page = await browser.person(person);
	await signInManager(page, demo);
	const redirect = await openConfiguration(page);
	await take(page, 'configuration-empty');

	const app = await page.context().newPage();
	await app.goto(demo.sandbox);
	await signInSandbox(app, demo.account('basic'));
	await app.getByRole('link', { name: 'Create App', exact: true }).click();
	await app.getByRole('radio', { name: 'Full Dropbox' }).check();
	await app.getByLabel('Name your app').fill('Archive Uploader');
	await app.getByLabel('I agree to the terms').check();
	await take(app, 'create-app', { fullPage: true });
	await app.goBack();
	const { key, secret } = await createApp(app, { name: 'Archive Uploader' });
	await addRedirectUri(app, redirect);
	await app.getByRole('button', { name: 'Hide' }).click();
	await take(app, 'app-settings', { fullPage: true });

	await fillConfiguration(page, { name: 'Dropbox Archive', description: 'Where the nightly job puts its files', key, secret });
	const popup = await clickGet(page);
	await popup.getByRole('heading', { name: 'Before you connect this app' }).waitFor();
	await take(popup, 'before-you-connect');
	await popup.getByRole('button', { name: 'Continue' }).click();
	await popup.getByRole('button', { name: 'Allow', exact: true }).waitFor();
	await popup.locator('button:enabled', { hasText: 'Allow' }).waitFor();
	await take(popup, 'consent');
	await Promise.all([popup.waitForEvent('close'), popup.getByRole('button', { name: 'Allow', exact: true }).click()]);
	await tokenArrived(page);
	await page.getByRole('button', { name: 'Test Connection' }).click();
	await page.getByText('Dropbox answered for', { exact: false }).waitFor();
	await take(page, 'configuration', { fullPage: true });
	await page.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('row', { name: /Dropbox Archive/ }).waitFor();
	await take(page, 'list');
} finally {
	await browser.close();
	await demo.stop();
}
