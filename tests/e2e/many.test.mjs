/* The console of an installation with more tokens than a page shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byHand } from '../lib/by-hand.mjs';
import { connectToken } from '../lib/manager.mjs';
import { copyToken } from '../lib/many.mjs';
import { startScreen } from './screen.mjs';

const { manager, ann, page } = await startScreen();
await connectToken(ann, 'Archive');
await page.reload();

const rows = () => page.locator('tbody tr').count();

test('few are searched and sorted here, many page by page at the manager', async () => {
	await page.getByText('1 token', { exact: true }).waitFor();
	await page.getByRole('button', { name: 'Status' }).waitFor();
	copyToken(manager.data, 'Archive', 250);
	await page.reload();
	await page.getByText('the first 200, by name').waitFor();
	assert.equal(await rows(), 200);
	assert.equal(await page.getByRole('button', { name: 'Status' }).count(), 0, 'no order that only some of them are in');
	await page.getByRole('button', { name: 'Show more' }).click();
	await page.getByText('251, by name').waitFor();
	assert.equal(await rows(), 251);
	await page.getByLabel('Search').fill('COPY 0024');
	await page.getByText('10 found, by name').waitFor();
	await page.getByLabel('Search').fill('nothing like it');
	await page.getByText('Nothing has “nothing like it” in it.').waitFor();
	await page.getByLabel('Search').fill('');
	await page.getByText('the first 200, by name').waitFor();
});

test('a key is made for tokens that were searched for', async () => {
	await page.getByRole('link', { name: 'API Keys' }).click();
	await page.getByText('There are more: search for them by name.').waitFor();
	await page.getByLabel('Label').fill('two of many');
	await page.getByRole('checkbox', { name: 'Copy 00007' }).check();
	await page.getByLabel('Search tokens').fill('00244');
	await page.getByRole('checkbox', { name: 'Copy 00244' }).check();
	assert.equal(await page.getByRole('checkbox', { name: 'Copy 00007' }).isChecked(), true, 'what was chosen stays in sight');
	await page.getByRole('button', { name: 'Create API key' }).click();
	await page.getByLabel('Your new key').waitFor();
	await page.getByRole('row', { name: /two of many/ }).getByText('Copy 00007, Copy 00244').waitFor();
});

test('many that were removed are shown page by page, the newest first', async () => {
	byHand(manager.data, `UPDATE token SET deleted_ms = ${Date.now()} + rowid, name_key = '/' || id WHERE name LIKE 'Copy %'`);
	await page.getByRole('link', { name: 'Access Tokens' }).click();
	await page.reload();
	await page.getByText('Removed (the last 200)').click();
	const removed = page.locator('details tbody tr');
	assert.equal(await removed.count(), 200);
	assert.match(await removed.first().innerText(), /Copy 00250/);
	await page.getByRole('button', { name: 'Show more that were removed' }).click();
	await page.getByText('Removed (250)').waitFor();
	assert.equal(await removed.count(), 250);
	assert.match(await removed.last().innerText(), /Copy 00001/);
});
