/* What the console tells about tokens that will need a person, and about those that do. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { managerClient } from '../lib/http.mjs';
import { connectToken } from '../lib/manager.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';
import { signInManager } from './walk.mjs';

let p, manager, browser, ann, page;
const short = () => ({ json: tokenReply({ refresh_token: undefined }) });

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	browser = await openBrowser();
	page = await browser.person();
	await signInManager(page, { manager: manager.url, seed: { admin: { username: manager.username, password: manager.password } } });
});
after(async () => {
	await browser?.close();
	await manager?.stop();
	await p?.stop();
});

test('the list says until when, and why; the token\'s screen who can mend it', async () => {
	p.on.token = short;
	await connectToken(ann, 'Short');
	p.reset();
	await connectToken(ann, 'Fine');
	const dead = await connectToken(ann, 'Dead');
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant' } });
	await ann.post(`/api/console/tokens/${dead.id}/refresh`);
	await page.goto(manager.url);
	const row = (name) => page.getByRole('row', { name: new RegExp(name) });
	await row('Short').waitFor();
	assert.match(await row('Short').innerText(), /Works until .+: The provider gave no refresh token to renew it with\./);
	assert.match(await row('Fine').innerText(), /active\s+answered (just now|\d+ s ago)[^]*No end in sight/);
	assert.match(await row('Dead').innerText(), /Stopped .+: Dropbox refused the grant/);
	/* Nothing is cut off at the edge. */
	assert.ok(await page.evaluate(() => [...document.querySelectorAll('.table-wrap')].every((w) => w.scrollWidth <= w.clientWidth)));
	await row('Dead').getByRole('link').click();
	await page.getByText('Its owner can mend it: choose Reconnect below').waitFor();
});

test('a grant without a refresh token is told on the screen before it is saved', async () => {
	p.on.token = short;
	await page.goto(`${manager.url}/tokens/new/dropbox`);
	await page.getByLabel('Token Name').fill('New One');
	await page.getByLabel('App Key').fill('abcdefghijklmno');
	await page.getByLabel('App Secret').fill('secretsecret123');
	await page.getByRole('button', { name: 'Get OAuth2 Access Token' }).click();
	await page.getByText('This token cannot renew itself').waitFor();
	await page.getByText(/this access token stops at \S+Z, nothing renews it.*To change that/).waitFor();
	await page.goto('about:blank');
});
