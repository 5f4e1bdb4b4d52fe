/* The control page, driven as a person does it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { openBrowser } from '../lib/browser.mjs';
import { startSandbox } from '../lib/server.mjs';

const seedFile = fileURLToPath(new URL('../../docs/sandbox-seed.json', import.meta.url));
const seed = JSON.parse(readFileSync(seedFile, 'utf8'));
let box;
let browser;
let page;

before(async () => {
	box = await startSandbox({ args: ['--seed', seedFile] });
	browser = await openBrowser();
	page = await browser.person();
});
after(async () => {
	await browser.close();
	await box.stop();
});

const tab = (name) => page.getByRole('tab', { name });
const get = (path) => box.control('GET', `/_sandbox/${path}`);

async function refresh() {
	const [app] = seed.apps;
	const res = await fetch(`${box.url}/oauth2/token`, {
		method: 'POST',
		body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: seed.grants[0].refresh_token, client_id: app.app_key, client_secret: app.app_secret }),
	});
	return res.json();
}

async function account(token) {
	const res = await fetch(`${box.url}/2/users/get_current_account`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
	return res.status;
}

test('S-221 the page shows nothing without the token, and keeps it in a cookie of its own path', async () => {
	await page.goto(`${box.url}/_sandbox/`);
	assert.equal(new URL(page.url()).pathname, '/_sandbox');
	const field = page.getByLabel('Control token');
	await field.fill('wrong');
	await page.getByRole('button', { name: 'Open' }).click();
	await page.getByText('This is not the control token of this sandbox.').waitFor();
	assert.equal(await page.getByRole('tab').count(), 0);
	await field.fill(` ${box.controlToken} `);
	await page.getByRole('button', { name: 'Open' }).click();
	await tab('Log').waitFor();
	const cookies = (await page.context().cookies()).filter((c) => c.name.endsWith('_control'));
	assert.equal(cookies.length, 1);
	assert.deepEqual([cookies[0].path, cookies[0].httpOnly, cookies[0].sameSite], ['/_sandbox', true, 'Strict']);
	assert.notEqual(cookies[0].value, box.controlToken);
	const everything = await page.evaluate(() => JSON.stringify([document.documentElement.outerHTML, { ...localStorage }, { ...sessionStorage }, document.cookie]));
	assert.equal(everything.includes(box.controlToken), false);
	assert.equal(everything.includes(cookies[0].value), false);
	await page.reload();
	await tab('Log').waitFor();
});

test('S-221 another page of this machine, with the cookie, reads and changes nothing', async () => {
	const evil = createServer((req, res) => res.setHeader('content-type', 'text/html').end('<!doctype html><title>evil</title>'));
	await new Promise((resolve) => evil.listen(0, '127.0.0.1', resolve));
	const other = await page.context().newPage();
	await other.goto(`http://127.0.0.1:${evil.address().port}/`);
	const before = await get('state');
	const got = await other.evaluate(async (url) => {
		const tries = [
			[`${url}/_sandbox/state`, { credentials: 'include' }],
			[`${url}/_sandbox/state`, { credentials: 'include', mode: 'no-cors' }],
			[`${url}/_sandbox/clock`, { method: 'POST', credentials: 'include', mode: 'no-cors', body: '{"advance_s":60}', headers: { 'content-type': 'text/plain' } }],
			[`${url}/_sandbox/clock`, { method: 'POST', credentials: 'include', body: '{"advance_s":60}', headers: { 'content-type': 'application/json' } }],
			[`${url}/_sandbox/faults`, { method: 'DELETE', credentials: 'include' }],
		];
		const seen = [];
		for (const [to, opt] of tries) {
			try {
				seen.push(await (await fetch(to, opt)).text());
			} catch {
				seen.push('');
			}
		}
		await new Promise((resolve) => {
			const image = new Image();
			image.onerror = image.onload = resolve;
			image.src = `${url}/_sandbox/state`;
		});
		const frame = document.createElement('iframe');
		const form = document.createElement('form');
		frame.name = form.target = 'f';
		form.method = 'POST';
		form.enctype = 'text/plain';
		form.action = `${url}/_sandbox/clock`;
		form.innerHTML = '<input name=\'{"advance_s":60,"x":"\' value=\'"}\'>';
		document.body.append(frame, form);
		await new Promise((resolve) => {
			frame.onload = resolve;
			form.submit();
		});
		return seen;
	}, box.url);
	assert.deepEqual(got, ['', '', '', '', '']);
	const now = await get('state');
	assert.deepEqual([now.offset_s, now.faults], [before.offset_s, before.faults]);
	await other.close();
	evil.close();
	browser.faults.length = 0; /* what the browser said about the attempts */
});

test('the clock is advanced, by a step and by an amount', async () => {
	await page.getByRole('button', { name: 'Advance 4 hours' }).click();
	await page.getByText('4 h ahead of this machine.').waitFor();
	await page.getByLabel('How far').fill('10');
	await page.getByRole('button', { name: 'Advance', exact: true }).click();
	await page.getByText('4 h 10 min ahead of this machine.').waitFor();
	assert.equal((await get('clock')).offset_s, 15000);
});

test('the log follows what programs ask, filters, and pauses', async () => {
	await tab('Log').click();
	const { access_token: token } = await refresh();
	await account(token);
	await account('wrong');
	const rows = page.locator('.log-rows li');
	await rows.filter({ hasText: '/2/users/get_current_account' }).filter({ hasText: '401' }).waitFor();
	await page.getByLabel('Failures and faults only').check();
	await rows.filter({ hasText: '200' }).first().waitFor({ state: 'detached' });
	await page.getByLabel('Failures and faults only').uncheck();
	await page.getByLabel('Filter').fill('refresh_token oauth2');
	await rows.filter({ hasText: '/2/' }).first().waitFor({ state: 'detached' });
	await rows.first().locator('summary').click();
	await rows.first().getByText(seed.apps[0].app_key).waitFor();
	await page.getByLabel('Filter').fill('');
	await page.getByRole('button', { name: 'Pause' }).click();
	await page.getByText('Paused: new requests are not shown.').waitFor();
	const count = await rows.count();
	await account('paused');
	assert.equal(await rows.count(), count);
	await page.getByRole('button', { name: 'Go on' }).click();
	await rows.nth(count).waitFor();
	const text = await page.locator('.log-rows').innerText();
	assert.equal(text.includes(token), false);
	assert.equal(text.includes(seed.apps[0].app_secret), false);
});

test('S-225 what strangers ask is shown as text', async () => {
	const html = encodeURIComponent('<img/src=x/onerror=document.title="x">');
	await fetch(`${box.url}/nothing?locale=${html}`);
	await fetch(`${box.url}/<b>bold</b>`).catch(() => undefined);
	await page.getByText('/nothing').first().waitFor();
	assert.equal(await page.locator('.log-rows img, .log-rows b').count(), 0);
	assert.match(await page.title(), /^Control/);
});

test('a fault is set, met, and deleted', async () => {
	await tab(/^Faults/).click();
	await page.getByText('Nothing is spoilt').waitFor();
	await page.getByLabel('Path', { exact: true }).fill('users');
	await page.getByRole('button', { name: 'Add fault' }).click();
	await page.getByText('path must begin with a slash').waitFor();
	await page.getByRole('button', { name: '/2/users/get_current_account' }).click();
	await page.getByLabel('What happens').selectOption('Answer with a status');
	await page.getByLabel('Status').selectOption('503');
	await page.getByLabel('Retry-After, seconds').fill('9');
	await page.getByLabel('How many calls').fill('2');
	await page.getByRole('button', { name: 'Add fault' }).click();
	await page.getByText('Answer with a status: 503, Retry-After 9 s').waitFor();
	await page.getByRole('tab', { name: 'Faults (1)' }).waitFor();
	assert.equal(await account('any'), 503);
	await page.getByText('1 call left, spoilt 1 so far').waitFor();
	await page.getByRole('button', { name: 'Delete', exact: true }).click();
	await page.getByText('Nothing is spoilt').waitFor();
	assert.deepEqual((await get('faults')).faults, []);
});

test('tokens are expired and a grant is revoked', async () => {
	const { access_token: token } = await refresh();
	assert.equal(await account(token), 200);
	await tab('Tokens').click();
	await page.getByLabel('Account', { exact: true }).selectOption('ann@example.com');
	await page.getByRole('button', { name: 'Expire' }).first().click();
	await page.getByText(/access tokens? of 1 grant.* ran out\./).waitFor();
	assert.equal(await account(token), 401);
	const row = page.locator('.control-rows li').first();
	await row.getByText(/refresh(es)?/).first().waitFor();
	await row.getByRole('button', { name: 'Revoke' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
	await row.getByText('ended').waitFor();
	assert.equal((await refresh()).error, 'invalid_grant');
});

test('an app gets another personality', async () => {
	await tab('Personalities').click();
	const choice = page.getByLabel('Refresh tokens behave as at');
	await choice.selectOption('GitHub App');
	await page.getByText('Saved').waitFor();
	assert.deepEqual((await get('apps')).apps[0].personality, { rotation: 'single', refresh_kills_access: true });
	await page.reload();
	await choice.waitFor();
	assert.equal(await choice.inputValue(), 'github');
	for (const [label, id] of [['Box', 'box'], ['Atlassian', 'atlassian'], ['Withings', 'withings'], ['Xero', 'xero'], ['Spotify', 'spotify'], ['expires_in as text', 'text']]) {
		await choice.selectOption(label);
		await page.getByText('Saved').waitFor();
		await page.reload();
		await choice.waitFor();
		assert.equal(await choice.inputValue(), id, 'the stored set is known again');
	}
	await choice.selectOption('A set of my own …');
	const own = page.getByLabel('Members, as JSON');
	await own.fill('{"rotation": ');
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	await page.getByText('This is no JSON.').waitFor();
	await own.fill('{"rotation": "strict", "refresh_token_idle_s": 60}');
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	await page.getByText('Saved').waitFor();
	assert.deepEqual((await get('apps')).apps[0].personality, { rotation: 'strict', refresh_token_idle_s: 60 });
});

test('limits and settings are saved', async () => {
	await tab('Limits and settings').click();
	await page.getByLabel('For each app').check();
	await page.getByLabel('Calls').fill('5');
	await page.getByRole('button', { name: 'Save limits' }).click();
	await page.getByText('Saved').waitFor();
	assert.deepEqual(await get('limits'), { per_token: null, per_app: { calls: 5, window_s: 60 } });
	await page.getByLabel('For each app').uncheck();
	await page.getByRole('button', { name: 'Save limits' }).click();
	await page.getByText('Saved').waitFor();
	await page.getByLabel('Permissions of a new app').selectOption('minimal');
	await page.getByLabel('Quota of a Basic account, bytes').fill('-1');
	await page.getByRole('button', { name: 'Save settings' }).click();
	await page.getByText('quota_basic must be a whole number').waitFor();
	await page.getByLabel('Quota of a Basic account, bytes').fill('4096');
	await page.getByRole('button', { name: 'Save settings' }).click();
	await page.getByText('quota_basic must be').waitFor({ state: 'detached' });
	await page.locator('.saved').nth(1).waitFor();
	const { new_app_scopes, quota_basic } = await get('settings');
	assert.deepEqual([new_app_scopes, quota_basic], ['minimal', 4096]);
});

test('a snapshot is kept, restored and deleted', async () => {
	await tab('Snapshots').click();
	await page.getByLabel('Name').fill('no good');
	await page.getByRole('button', { name: 'Keep' }).click();
	await page.getByText("A snapshot's name is").waitFor();
	await page.getByLabel('Name').fill('here');
	await page.getByRole('button', { name: 'Keep' }).click();
	await page.getByText('“here” is kept.').waitFor();
	const offset = (await get('clock')).offset_s;
	await page.getByRole('button', { name: 'Advance 1 day' }).click();
	await page.getByText('1 day').first().waitFor();
	await page.getByRole('button', { name: 'Restore' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
	await page.getByText('Everything is as it was in “here”.').waitFor();
	assert.equal((await get('clock')).offset_s, offset);
	await page.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
	await page.getByText('Nothing is kept yet').waitFor();
});

test('it fits a narrow screen, and Lock shuts it', async () => {
	await page.setViewportSize({ width: 380, height: 800 });
	for (const name of ['Log', /^Faults/, 'Tokens', 'Personalities', 'Limits and settings', 'Snapshots']) {
		await tab(name).click();
		await page.getByRole('tabpanel').waitFor();
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, String(name));
	}
	await page.getByRole('button', { name: 'Lock' }).click();
	await page.getByLabel('Control token').waitFor();
	assert.equal((await page.context().cookies()).some((c) => c.name.endsWith('_control')), false);
	await page.reload();
	await page.getByLabel('Control token').waitFor();
});
