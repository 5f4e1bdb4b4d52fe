/* A shared link in a browser: what it leads to, and the file to save. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { api, Browser, connect, makeApp, startSandbox } from '../flow/sandbox-lib.mjs';
import { openBrowser } from '../lib/browser.mjs';

const NAME = 'Plan "B" <b>für alle<b>.html';
const TEXT = '<script>document.title = "ran"</script>';
let box, browser, page, token;

before(async () => {
	box = await startSandbox();
	const bruno = new Browser(box);
	await bruno.signIn('business');
	token = (await connect(bruno, await makeApp(bruno))).access_token;
	const arg = JSON.stringify({ path: `/Team plans/${NAME}` }).replace('ü', '\\u00fc');
	const headers = { authorization: `Bearer ${token}`, 'dropbox-api-arg': arg, 'content-type': 'application/octet-stream' };
	assert.equal((await fetch(`${box.url}/2/files/upload`, { method: 'POST', headers, body: TEXT })).status, 200);
	browser = await openBrowser();
	page = await browser.person();
});
after(async () => {
	await browser?.close();
	await box?.stop();
});

const share = async (path, settings) => (await api(box, token, 'sharing/create_shared_link_with_settings', { path, settings })).body.url;

test('a file is shown by its name and saved with it; nothing of it runs', async () => {
	const url = await share(`/Team plans/${NAME}`);
	await page.goto(url);
	await page.getByRole('heading', { name: NAME }).waitFor();
	await page.getByText('Shared by Bruno Business, 39 bytes').waitFor();
	const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
	assert.equal(readFileSync(await saved.path(), 'utf8'), TEXT);
	assert.notEqual(await page.title(), 'ran');
	await api(box, token, 'sharing/revoke_shared_link', { url });
	await page.reload();
	await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
});

test('a folder tells what it holds; a link with a password says whom it is for', async () => {
	await page.goto(await share('/Team plans'));
	await page.getByRole('heading', { name: 'Team plans' }).waitFor();
	assert.deepEqual(await page.getByRole('listitem').allInnerTexts(), [`${NAME} 39 bytes`]);
	await page.goto(await share('/Documents', { require_password: true, link_password: 'secret' }));
	await page.getByRole('heading', { name: 'This link is not for everybody' }).waitFor();
});
