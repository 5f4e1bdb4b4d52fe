/* A key with as many tokens as one may name is changed by two people at once: nobody has to begin anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connectToken, makeKey } from '../lib/manager.mjs';
import { copyToken } from '../lib/many.mjs';
import { startScreen } from './screen.mjs';

const MOST = 1000;
const { manager, ann, page } = await startScreen();
const lost = [];
for (const n of [1, 2, 3]) lost.push(await connectToken(ann, `Lost ${n}`));
copyToken(manager.data, 'Lost 1', MOST);

const copy = (n) => `Copy ${String(n).padStart(5, '0')}`;
const copies = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => ({ id: String(from + i).padStart(20, '0'), name: copy(from + i) }));
const ids = (tokens) => tokens.map((t) => t.id);

test('after two refused saves of a thousand tokens what was unticked is unticked still, and is saved next', async () => {
	const key = await makeKey(ann, { label: 'most', tokens: [...lost, ...copies(1, MOST - lost.length)] });
	await page.goto(`${manager.url}/keys`);
	await page.getByRole('row', { name: 'most' }).getByRole('button', { name: 'Change' }).click();
	const dialog = page.getByRole('dialog');
	const tick = (name) => dialog.getByRole('checkbox', { name });
	const save = () => dialog.getByRole('button', { name: 'Save' }).click();
	const place = async (name) => (await dialog.locator('.token-checks label').allInnerTexts()).findIndex((t) => t.trim() === name);
	await tick(lost[0].name).waitFor();
	const before = await place(lost[0].name);
	await tick(lost[0].name).uncheck(); /* which no list of the first ones has */
	assert.deepEqual([before > 900, await place(lost[0].name)], [true, before], 'it stays where it was');
	await tick(copy(5)).uncheck();
	for (const t of lost) assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 204);
	assert.equal((await ann.patch(`/api/console/keys/${key.id}`, { token_ids: ids(copies(1, MOST)) })).status, 200);
	let asked = 0;
	page.on('request', () => asked++);
	await save();
	await dialog.getByText('Lost 2, Lost 3 were removed meanwhile, and are not ticked any more.').waitFor();
	assert.ok(asked < 50, `${asked} requests`);
	await save();
	await dialog.getByText('The key was changed meanwhile').waitFor();
	await dialog.getByText(`${copy(10)} and ${MOST - 10} more.`).waitFor();
	assert.deepEqual([await tick(copy(5)).isChecked(), await tick(copy(6)).isChecked()], [false, true]);
	await save();
	await dialog.waitFor({ state: 'detached' });
	for (const t of lost) assert.equal((await ann.post(`/api/console/deleted-tokens/${t.id}/restore`)).status, 200);
	const { record } = (await ann.get(`/api/console/keys/${key.id}`)).body;
	const wanted = copies(1, MOST - lost.length).map((t) => t.name).filter((n) => n !== copy(5));
	assert.deepEqual(record.tokens.map((t) => t.name), wanted, 'what was removed stays away');
});
