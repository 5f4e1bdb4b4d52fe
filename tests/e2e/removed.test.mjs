/* Removing a token in the console, and having it back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connectToken } from '../lib/manager.mjs';
import { startScreen } from './screen.mjs';

const { ann, page } = await startScreen();
await connectToken(ann, 'Archive');

test('a removed token waits under Removed and is restored from there', async () => {
	await page.getByRole('link', { name: 'Access Tokens' }).first().click();
	await page.getByText('1 token', { exact: true }).waitFor();
	const row = page.getByRole('row', { name: /Archive/ });
	await row.getByRole('button', { name: 'Remove' }).click();
	const dialog = page.getByRole('dialog');
	assert.equal(await dialog.getByRole('checkbox', { name: 'Also end the access at Dropbox' }).isChecked(), false);
	await dialog.getByRole('button', { name: 'Remove it' }).click();
	await page.getByText('Removed (1)').click();
	await page.getByRole('button', { name: 'Restore' }).click();
	await page.getByText('Removed (1)').waitFor({ state: 'detached' });
	await page.getByRole('link', { name: 'Archive' }).waitFor();
});

test('a removed token whose name is taken comes back under another', async () => {
	const archive = page.getByRole('row', { name: /Archive/ });
	await archive.getByRole('button', { name: 'Remove' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Remove it' }).click();
	await page.getByText('Removed (1)').waitFor();
	await connectToken(ann, 'Archive');
	await page.getByText('Removed (1)').click();
	await page.getByRole('button', { name: 'Restore', exact: true }).click();
	await page.getByText('There is already an access token of this name.').waitFor();
	await page.getByLabel('Restore it under the name').fill('Archive of old');
	await page.getByRole('button', { name: 'Restore under this name' }).click();
	await page.getByRole('link', { name: 'Archive of old' }).waitFor();
	await page.getByText('Removed (1)').waitFor({ state: 'detached' });
});
