/* Reconnect with another account: the screen asks before anything changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connectToken } from '../lib/manager.mjs';
import { usual } from '../lib/provider.mjs';
import { startScreen } from './screen.mjs';

const { p, manager, ann, page } = await startScreen();

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
