/* Two people on the screen of one token: nobody's change is lost without a word. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { connectToken, makeKey } from '../lib/manager.mjs';
import { startScreen } from './screen.mjs';

const { manager, ann, page } = await startScreen();
let token, serial = 0;

beforeEach(async () => {
	token = await connectToken(ann, `Shared ${++serial}`, { description: 'as it was' });
	await page.goto(`${manager.url}/tokens/${token.id}`);
	await page.getByLabel('Description').waitFor();
});

const api = () => `/api/console/tokens/${token.id}`;
const stored = async () => (await ann.get(api())).body.token;
const change = async (fields) => assert.equal((await ann.patch(api(), fields)).status, 200);
const done = () => page.getByRole('button', { name: 'Done' }).click();
const gone = () => page.getByRole('heading', { name: 'Access Tokens' }).waitFor();
const readBy = async (key) => (await ann.get(`/api/console/keys/${key.id}`)).body.record.tokens.map((t) => t.name).sort();
const openKey = async (key) => {
	await page.goto(`${manager.url}/keys`);
	await page.getByRole('row', { name: key.label }).getByRole('button', { name: 'Change' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Label').waitFor(); /* it has asked what the key is now */
	return dialog;
};
const field = (label, value) => page.waitForFunction(([l, v]) =>
	[...document.querySelectorAll('label')].find((x) => x.textContent.startsWith(l))?.control?.value === v, [label, value]);

test('Done sends what the person changed and leaves the rest as others made it', async () => {
	await page.getByLabel('Token Name').fill(`Mine ${serial}`);
	await change({ description: 'by somebody else', lazy: true });
	await done();
	await gone();
	const now = await stored();
	assert.deepEqual([now.name, now.description, now.lazy], [`Mine ${serial}`, 'by somebody else', true]);
});

test('what was not touched follows, what was typed stays', async () => {
	await page.getByLabel('Description').fill('mine, half typed');
	await change({ name: `Theirs ${serial}` });
	await field('Token Name', `Theirs ${serial}`);
	assert.equal(await page.getByLabel('Description').inputValue(), 'mine, half typed');
});

test('a field that both changed is refused once, with a word, and then replaced', async () => {
	await page.getByLabel('Description').fill('mine');
	await change({ description: 'theirs' });
	await done();
	await page.getByText('The description was changed meanwhile').waitFor();
	assert.equal((await stored()).description, 'theirs');
	assert.equal(await page.getByLabel('Description').inputValue(), 'mine');
	await done();
	await gone();
	assert.equal((await stored()).description, 'mine');
});

test('of two who change one API key the second is told, keeps what is ticked, and then replaces', async () => {
	const other = await connectToken(ann, `Other ${serial}`), third = await connectToken(ann, `Third ${serial}`);
	const key = await makeKey(ann, { label: `together ${serial}`, tokens: [token] });
	const dialog = await openKey(key);
	await dialog.getByRole('checkbox', { name: other.name }).check();
	assert.equal((await ann.patch(`/api/console/keys/${key.id}`, { token_ids: [third.id] })).status, 200);
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.getByText('The key was changed meanwhile').waitFor();
	await dialog.getByText(`and may read ${third.name}.`).waitFor();
	assert.deepEqual(await readBy(key), [third.name]);
	assert.equal(await dialog.getByRole('checkbox', { name: other.name }).isChecked(), true);
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.waitFor({ state: 'detached' });
	assert.deepEqual(await readBy(key), [other.name, token.name].sort());
});

test('a token that is removed while it is being chosen is named, and let go', async () => {
	const other = await connectToken(ann, `Short ${serial}`);
	const key = await makeKey(ann, { label: `gone ${serial}`, tokens: [token] });
	const dialog = await openKey(key);
	await dialog.getByRole('checkbox', { name: other.name }).check();
	await ann.del(`/api/console/tokens/${other.id}`);
	await dialog.getByLabel('Label').fill(`still here ${serial}`);
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.getByText(`${other.name} was removed meanwhile`).waitFor();
	assert.equal(await dialog.getByLabel('Label').inputValue(), `still here ${serial}`);
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.waitFor({ state: 'detached' });
	const { record } = (await ann.get(`/api/console/keys/${key.id}`)).body;
	assert.deepEqual([record.label, record.tokens.map((t) => t.name)], [`still here ${serial}`, [token.name]]);
});

test('S-132 what a removal let go from a key is saved next, and does not come back to it with the undo', async () => {
	const lost = await connectToken(ann, `Lost ${serial}`), more = await connectToken(ann, `More ${serial}`);
	const key = await makeKey(ann, { label: `let go ${serial}`, tokens: [token, lost] });
	const dialog = await openKey(key);
	await ann.del(`/api/console/tokens/${lost.id}`);
	await dialog.getByRole('checkbox', { name: more.name }).check();
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.getByText(`${lost.name} was removed meanwhile, and is not ticked any more.`).waitFor();
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.waitFor({ state: 'detached' });
	assert.equal((await ann.post(`/api/console/deleted-tokens/${lost.id}/restore`)).status, 200);
	assert.deepEqual(await readBy(key), [more.name, token.name].sort());
});

/* A key in its dialog that reads `token` and a second one; there is a third. */
async function openPair(what) {
	const [second, third] = [await connectToken(ann, `${what} second ${serial}`), await connectToken(ann, `${what} third ${serial}`)];
	const key = await makeKey(ann, { label: `${what} ${serial}`, tokens: [token, second] });
	const dialog = await openKey(key);
	const label = dialog.getByLabel('Label');
	const tick = (t) => dialog.getByRole('checkbox', { name: t.name });
	const save = () => dialog.getByRole('button', { name: 'Save' }).click();
	const theirs = async (edit) => assert.equal((await ann.patch(`/api/console/keys/${key.id}`, edit)).status, 200);
	return { second, third, key, dialog, label, tick, save, theirs };
}
const meanwhile = (dialog) => dialog.getByText('The key was changed meanwhile').waitFor();
const closed = (dialog) => dialog.waitFor({ state: 'detached' });

test('S-132 who renames a key does not give back what somebody else has just taken from it', async () => {
	const { second, key, dialog, label, tick, save, theirs } = await openPair('renamed');
	await label.fill(`mine ${serial}`);
	await theirs({ label: `theirs ${serial}`, token_ids: [token.id] });
	await save();
	await meanwhile(dialog);
	assert.equal(await label.inputValue(), `mine ${serial}`);
	assert.deepEqual([await tick(token).isChecked(), await tick(second).isChecked()], [true, false], 'what it reads now');
	await save();
	await closed(dialog);
	assert.equal((await ann.get(`/api/console/keys/${key.id}`)).body.record.label, `mine ${serial}`);
	assert.deepEqual(await readBy(key), [token.name]);
});

test('who changes what a key reads leaves it the label that it has by now', async () => {
	const { second, third, key, dialog, label, tick, save, theirs } = await openPair('ticked');
	await tick(third).check();
	await theirs({ label: `theirs ${serial}`, token_ids: [second.id] });
	await save();
	await meanwhile(dialog);
	assert.equal(await label.inputValue(), `theirs ${serial}`);
	await save();
	await closed(dialog);
	assert.equal((await ann.get(`/api/console/keys/${key.id}`)).body.record.label, `theirs ${serial}`);
	assert.deepEqual(await readBy(key), [second.name, third.name, token.name].sort());
});

test('S-132 what was unticked before a refused save stays away, though it was removed and is restored', async () => {
	const { second, third, key, dialog, label, tick, save, theirs } = await openPair('unticked');
	await label.fill(`mine ${serial}`);
	await tick(second).uncheck();
	await tick(third).check();
	await theirs({ label: `theirs ${serial}` });
	await ann.del(`/api/console/tokens/${second.id}`);
	await save();
	await meanwhile(dialog);
	await save();
	await closed(dialog);
	assert.equal((await ann.post(`/api/console/deleted-tokens/${second.id}/restore`)).status, 200);
	assert.deepEqual(await readBy(key), [third.name, token.name].sort());
});

test('an edit of what is not there any more is 409 over HTTP too', async () => {
	const refused = await ann.patch(api(), { name: 'Else', was: { name: 'Never so' } });
	assert.deepEqual([refused.status, refused.body.code, refused.body.field], [409, 'changed-meanwhile', 'name']);
	assert.equal((await stored()).name, token.name);
	assert.equal((await ann.patch(api(), { lazy: true, was: { lazy: true } })).body.field, 'lazy');
	assert.equal((await ann.patch(api(), { name: 'Else', was: { id: 'x' } })).status, 400);
	assert.equal((await ann.patch(api(), { lazy: true, was: { lazy: false, name: token.name, description: 'as it was' } })).status, 200);
});
