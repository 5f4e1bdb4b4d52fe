/* What the console shows of what happens, when the stream of it fails or falls behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connectToken } from '../lib/manager.mjs';
import { startScreen } from './screen.mjs';

const STREAM = '**/api/console/events/stream';
const { manager, ann, page } = await startScreen();
const token = await connectToken(ann, 'Nightly');

const happened = (text) => page.getByRole('listitem').filter({ hasText: text });
/* Each a row of what happened. */
async function describe(n) {
	for (let i = 0; i < n; i++) assert.equal((await ann.patch(`/api/console/tokens/${token.id}`, { description: `text ${i}` })).status, 200);
}

test('more new events than a page holds leave no hole in the list', async () => {
	await page.route(STREAM, (route) => route.abort());
	await describe(20);
	await page.goto(`${manager.url}/activity`);
	await page.getByRole('button', { name: 'Tokens' }).click();
	await happened('Nightly was saved.').waitFor();
	await describe(60);
	/* As a tab that was hidden looks again. */
	await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
	await page.getByRole('button', { name: 'Show earlier' }).click();
	await happened('Nightly was saved.').waitFor();
	await page.locator('.happened').nth(80).waitFor();
	assert.equal(await page.locator('.happened').count(), 81, 'all of them, each once');
	assert.equal(await page.getByRole('button', { name: 'Show earlier' }).count(), 0);
	await page.unroute(STREAM);
});

test('a stream that was refused is asked for again', async () => {
	let refusals = 0;
	await page.route(STREAM, (route) => {
		refusals++;
		return route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{}' });
	}, { times: 1 });
	await page.goto(`${manager.url}/activity`);
	await happened('Nightly was saved.').or(page.getByRole('button', { name: 'Show earlier' })).first().waitFor();
	await ann.patch(`/api/console/tokens/${token.id}`, { name: 'Weekly' });
	await happened('Weekly').first().waitFor();
	assert.equal(refusals, 1);
});
