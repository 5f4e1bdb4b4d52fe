/* Reconnect with another account: the screen asks before anything changes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { managerClient } from '../lib/http.mjs';
import { connectToken } from '../lib/manager.mjs';
import { startProvider, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';
import { signInManager } from './walk.mjs';

let p, manager, browser, ann, page;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	browser = await openBrowser();
	page = await browser.person();
	await signInManager(page, { manager: manager.url, seed: { admin: { username: manager.username, password: manager.password } } });
});
after(async () => {
	await browser?.close();
	await manager?.stop();
	await p?.stop();
});

test('another account is used only after the person said so', async () => {
	const t = await connectToken(ann, 'Mine');
	const email = async () => (await ann.get(`/api/console/tokens/${t.id}`)).body.token.account.email;
	p.on.account = () => ({ json: { ...usual.account().json, account_id: 'dbid:bob', name: { display_name: 'Bob Ray' }, email: 'bob@example.com' } });
	await page.goto(`${manager.url}/tokens/${t.id}`);
	const reconnect = () => page.getByRole('button', { name: 'Reconnect' }).click();
	const asked = page.getByText('This is another account: Bob Ray (bob@example.com) instead of Ann Lee (ann@example.com). Use it anyway?');

	await reconnect();
	await asked.waitFor();
	await page.getByRole('button', { name: 'Keep the former one' }).click();
	await asked.waitFor({ state: 'detached' });
	assert.equal(await email(), 'ann@example.com');

	await reconnect();
	await asked.waitFor();
	assert.equal(await email(), 'ann@example.com');
	await page.getByRole('button', { name: 'Use it anyway' }).click();
	await page.getByText('Dropbox is connected again.').waitFor();
	assert.equal(await email(), 'bob@example.com');
	await page.getByText('bob@example.com').first().waitFor();
});
