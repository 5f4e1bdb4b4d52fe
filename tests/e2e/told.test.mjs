/* What the console tells about tokens that will need a person, and about those that do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connectToken } from '../lib/manager.mjs';
import { tokenReply } from '../lib/provider.mjs';
import { startScreen } from './screen.mjs';

const { p, manager, ann, page } = await startScreen();
const short = () => ({ json: tokenReply({ refresh_token: undefined }) });

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
	assert.match(await row('Fine').innerText(), /active\s+answered (just now|\d+ (s|min) ago)[^]*No end in sight/);
	assert.match(await row('Dead').innerText(), /Works until .+: Dropbox refused the grant/);
	/* Nothing is cut off at the edge, on a desk, a tablet and a telephone. */
	for (const width of [1280, 820, 380]) {
		await page.setViewportSize({ width, height: 900 });
		const cut = await page.evaluate(() => [...document.querySelectorAll('.table-wrap, .topnav')]
			.filter((w) => w.scrollWidth > w.clientWidth).map((w) => `${w.className} ${w.scrollWidth} > ${w.clientWidth}`));
		assert.deepEqual(cut, [], `at ${width} pixels`);
	}
	await page.setViewportSize({ width: 1280, height: 900 });
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
	await page.getByText(/gave no refresh token, so nothing renews this access token\. It stops on .*\d:\d\d.*, and its owner must Reconnect then\./).waitFor();
	await page.getByText(/^Dropbox gives one when it is asked with token_access_type=offline/).waitFor();
	await page.getByText('Your programs can ask for it until it stops').waitFor();
	await page.goto('about:blank');
});

test('a token is made lazy on its screen, which says what was seen of the provider', async () => {
	p.reset();
	const t = await connectToken(ann, 'Seldom Used');
	p.on.token = (req) => ({ json: tokenReply(), headers: { date: new Date(Date.now() - 3600000).toUTCString() } });
	p.on.account = () => ({ status: 401, json: {}, headers: { date: new Date(Date.now() - 3600000).toUTCString() } });
	await ann.post(`/api/console/tokens/${t.id}/refresh`);
	for (const end = Date.now() + 60000; !(await ann.get(`/api/console/tokens/${t.id}`)).body.token.learned.old_access_token;)
		assert.ok(Date.now() < end, 'nothing was learned');
	await page.goto(`${manager.url}/tokens/${t.id}`);
	await page.getByRole('heading', { name: 'Seen at Dropbox' }).waitFor();
	await page.getByText('The one refresh at Dropbox brought a new refresh token.').waitFor();
	await page.getByText('At Dropbox a refresh ends the access token before it. Its definition says otherwise.').waitFor();
	await page.getByText(/The clock of Dropbox is 3[56]\d\d seconds behind this machine's/).waitFor();
	const lazy = page.getByLabel('Refresh only when a program asks');
	assert.equal(await lazy.isChecked(), false);
	await lazy.check();
	await page.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('row', { name: /Seldom Used/ }).getByText('When asked').waitFor();
	assert.equal((await ann.get(`/api/console/tokens/${t.id}`)).body.token.lazy, true);
});
