/* API keys in the console: made for some tokens, shown once, refused after Revoke. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { programGet } from '../lib/http.mjs';
import { connectToken } from '../lib/manager.mjs';
import { startScreen } from './screen.mjs';

const { manager, ann, page } = await startScreen();
for (const name of ['Readable', 'Hidden']) await connectToken(ann, name);

const read = (key, name) => programGet(manager.url, `/api/v1/tokens/${name}/access-token`, key);

test('a key reads the tokens it was made for, is shown once, and is dead after Revoke', async () => {
	await page.getByRole('link', { name: 'API Keys' }).click();
	await page.getByLabel('Label').fill('backup script');
	await page.getByRole('checkbox', { name: 'Readable' }).check();
	await page.getByRole('button', { name: 'Create API key' }).click();
	const key = await page.getByLabel('Your new key').inputValue();
	assert.match(key, /^vk_[0-9A-Za-z]{49}$/);

	assert.equal((await read(key, 'Readable')).status, 200);
	const hidden = await read(key, 'Hidden'), absent = await read(key, 'Nothing');
	assert.equal(hidden.status, 403);
	assert.equal(absent.status, 403);
	assert.equal(hidden.body.code, absent.body.code, 'a limited key does not learn which names exist');
	const list = await programGet(manager.url, '/api/v1/tokens', key);
	assert.deepEqual(list.body.tokens.map((t) => t.name), ['Readable']);

	/* Another label and another token, and the program keeps its key. */
	const before = page.getByRole('row', { name: /backup script/ });
	await before.getByRole('button', { name: 'Change' }).click();
	const dialog = page.getByRole('dialog');
	assert.equal(await dialog.getByRole('checkbox', { name: 'Readable' }).isChecked(), true);
	await dialog.getByRole('checkbox', { name: 'Readable' }).uncheck();
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.getByText('Choose at least one').waitFor();
	await dialog.getByRole('checkbox', { name: 'Hidden' }).check();
	await dialog.getByLabel('Label').fill('nightly script');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.waitFor({ state: 'detached' });
	const row = page.getByRole('row', { name: /nightly script.*Hidden/ });
	await row.waitFor();
	assert.deepEqual([(await read(key, 'Hidden')).status, (await read(key, 'Readable')).status], [200, 403]);

	await page.reload();
	await row.waitFor();
	assert.equal((await page.content()).includes(key), false, 'it is shown this once');
	await row.getByRole('button', { name: 'Revoke' }).click();
	await page.getByRole('button', { name: 'Revoke it' }).click();
	await row.waitFor({ state: 'detached' });
	assert.equal((await read(key, 'Hidden')).status, 401);
});
