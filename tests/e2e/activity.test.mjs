/* Activity and notifications in the console: what happened is told at once, and webhooks are made and tried. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startHook } from '../lib/hook.mjs';
import { connectToken } from '../lib/manager.mjs';
import { startScreen } from './screen.mjs';

const { p, manager, ann, page } = await startScreen();
const hook = await startHook();
hook.answer = (req, res) => res.writeHead(204).end();
after(() => hook.stop());
let token;

const happened = (text) => page.getByRole('listitem').filter({ hasText: text });
/* Nothing is cut off or scrolls sideways. */
const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

test('what happens elsewhere is there without a reload, on the page and in the list', async () => {
	await page.getByRole('link', { name: 'Activity' }).click();
	await happened('admin signed in.').first().waitFor();
	token = await connectToken(ann, 'Nightly');
	await happened('Nightly was saved.').waitFor();
	await happened('An app was connected at Dropbox for').waitFor();
	await page.getByRole('button', { name: 'Tokens' }).click();
	await happened('Nightly was saved.').waitFor();
	await happened('signed in').first().waitFor({ state: 'detached' });
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant', error_description: 'revoked by its owner' } });
	await ann.post(`/api/console/tokens/${token.id}/refresh`);
	await happened('Nightly needs to be connected again: Dropbox refused the grant').waitFor();
	p.reset();
	await happened('Nightly needs').getByRole('link', { name: 'Open' }).click();
	await page.getByRole('heading', { name: 'Activity' }).waitFor();
	await happened('Nightly needs to be connected again').waitFor();
	await happened('signed in').first().waitFor({ state: 'detached' });
	await page.getByRole('link', { name: 'Access Tokens' }).click();
	await page.getByRole('row', { name: /Nightly/ }).waitFor();
	await connectToken(ann, 'Another');
	await page.getByRole('row', { name: /Another/ }).waitFor();
});

test('a page of nothing says so, and an empty kind is no error', async () => {
	await page.goto(`${manager.url}/activity`);
	await page.getByRole('button', { name: 'Webhooks' }).click();
	await page.getByText('Nothing of this kind yet').waitFor();
});

test('a webhook is added, its secret shown once, tried, and removed', async () => {
	await page.getByRole('link', { name: 'Notifications' }).first().click();
	await page.getByRole('button', { name: 'Add webhook' }).click();
	await page.getByText('Say who is told').waitFor();
	await page.getByText('Paste the address that takes webhooks.').waitFor();
	await page.getByLabel('Name').fill('on call');
	await page.getByLabel('Address').fill('http://example.com/hook');
	await page.getByRole('button', { name: 'Add webhook' }).click();
	await page.getByText('What is told must not travel in the clear.').waitFor();
	await page.getByLabel('Address').fill(hook.url);
	await page.getByRole('button', { name: 'Add webhook' }).click();
	const secret = await page.getByLabel('Signing secret').inputValue();
	assert.match(secret, /^whsec_\S{44}$/);
	const card = page.getByRole('region', { name: 'on call' });
	await card.getByRole('button', { name: 'Send a test' }).click();
	assert.equal((await hook.next()).body.type, 'webhook.test');
	await card.getByRole('row', { name: /webhook\.test\s+delivered.*HTTP 204/ }).waitFor();
	await page.reload();
	await card.waitFor();
	assert.equal((await page.content()).includes(secret), false, 'it is shown this once');
	await card.getByRole('button', { name: 'Switch off' }).click();
	await card.getByText('off', { exact: true }).waitFor();
	await card.getByRole('button', { name: 'Remove' }).click();
	await page.getByRole('button', { name: 'Remove it' }).click();
	await card.waitFor({ state: 'detached' });
});

test('of two who switch one webhook off at once the second does not switch it on again', async () => {
	const made = await ann.post('/api/console/webhooks', { name: 'pager', url: hook.url, types: [] });
	const id = made.body.webhook.id;
	const statuses = [];
	await page.goto(`${manager.url}/notifications`);
	const card = page.getByRole('region', { name: 'pager' });
	await page.route(`**/webhooks/${id}`, async (route) => {
		assert.equal((await ann.patch(`/api/console/webhooks/${id}`, { enabled: false })).status, 200);
		const reply = await route.fetch();
		statuses.push(reply.status());
		await route.fulfill({ response: reply });
	});
	await card.getByRole('button', { name: 'Switch off' }).click();
	await page.getByText('Somebody else has switched it off already').waitFor({ state: 'attached' });
	await card.getByText('off', { exact: true }).waitFor();
	assert.deepEqual([statuses, await card.getByRole('alert').count()], [[409], 0]);
	await page.unroute(`**/webhooks/${id}`);
	await card.getByRole('button', { name: 'Switch on' }).click();
	await card.getByText('on', { exact: true }).waitFor();
	await ann.del(`/api/console/webhooks/${id}`);
});

test('the pages fit on a phone', async () => {
	await page.setViewportSize({ width: 380, height: 760 });
	for (const path of ['/activity', '/notifications', `/tokens/${token.id}`]) {
		await page.goto(manager.url + path);
		await page.getByRole('heading', { level: 1 }).waitFor();
		await page.locator('.happened, .happenings, form').first().waitFor();
		assert.ok(await fits(), path);
	}
});
