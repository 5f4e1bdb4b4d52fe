/* An old session is asked for the password before a secret is shown or made (S-119). */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byHand } from '../lib/by-hand.mjs';
import { connectToken } from '../lib/manager.mjs';
import { startScreen } from './screen.mjs';

const { manager, ann, page } = await startScreen();
const token = await connectToken(ann, 'Archive');

const age = () => byHand(manager.data, `UPDATE session SET confirmed_ms = ${Date.now() - 11 * 60000}`);
const dialog = () => page.getByRole('dialog', { name: 'Is it still you?' });
const value = () => page.getByLabel('OAuth 2.0 Access Token').inputValue();

test('Reveal asks for the password, says when it is wrong, and goes on by itself', async () => {
	await page.goto(`${manager.url}/tokens/${token.id}`);
	const reveal = page.getByRole('button', { name: 'Reveal' });
	await reveal.click();
	await page.getByRole('button', { name: 'Hide' }).click();
	age();
	await reveal.click();
	await dialog().getByRole('button', { name: 'Confirm' }).click();
	await dialog().getByText('Type your password.').waitFor();
	await page.keyboard.type('wrong');
	await page.keyboard.press('Enter');
	await dialog().getByText('The password is wrong.').waitFor();
	assert.match(await value(), /^•+$/);
	/* It is selected: typing replaces it. */
	await page.keyboard.type(manager.password);
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: 'Hide' }).waitFor();
	assert.match(await value(), /access-\d+/);
	assert.equal(await dialog().count(), 0);
});

test('who cancels is shown nothing, and loses nothing that was typed', async () => {
	await page.goto(`${manager.url}/keys`);
	await page.getByLabel('Label').fill('backup script');
	await page.getByRole('radio', { name: 'Every token' }).check();
	age();
	await page.getByRole('button', { name: 'Create API key' }).click();
	await dialog().waitFor();
	await page.keyboard.press('Escape');
	await page.getByText('You gave your password more than 10 minutes ago.').waitFor();
	assert.equal(await page.getByLabel('Label').inputValue(), 'backup script');
	await page.getByRole('button', { name: 'Create API key' }).click();
	await dialog().getByLabel('Your password').fill(manager.password);
	await dialog().getByRole('button', { name: 'Confirm' }).click();
	assert.match(await page.getByLabel('Your new key').inputValue(), /^vk_/);
});
