/* The App Console as an integrator walks it, from the first app to its end, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { startHook } from '../lib/hook.mjs';
import { startDemo } from '../lib/server.mjs';
import { addRedirectUri, createApp, signInSandbox } from './walk.mjs';

const PNG = Buffer.from(
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
	'base64',
);

let demo, browser, hook;

before(async () => {
	[demo, browser, hook] = await Promise.all([startDemo(), openBrowser(), startHook()]);
});
after(async () => {
	await browser?.close();
	await hook?.stop();
	await demo?.stop();
});

const button = (page, name) => page.getByRole('button', { name, exact: true });

async function home(type) {
	const page = await browser.person();
	await page.goto(demo.sandbox);
	await signInSandbox(page, demo.account(type));
	await page.getByRole('heading', { name: 'My apps' }).waitFor();
	return page;
}

async function reloaded(page, tab) {
	await page.reload();
	await page.getByRole('tab', { name: tab, selected: true }).waitFor();
}

async function api(token, route, arg) {
	const res = await fetch(`${demo.sandbox}/2/${route}`, {
		method: 'POST',
		headers: { authorization: `Bearer ${token}`, ...(arg && { 'content-type': 'application/json' }) },
		body: arg && JSON.stringify(arg),
	});
	return { status: res.status, body: await res.text() };
}

test('the wizard: errors stand next to their fields, and nothing typed is lost', async () => {
	const page = await home('basic');
	await page.getByRole('heading', { name: 'Register your first app' }).waitFor();
	await page.getByRole('link', { name: 'Create App', exact: true }).click();
	await button(page, 'Create app').click();
	await page.getByText('Give your app a name.').waitFor();
	await page.getByRole('radio', { name: 'Full Dropbox', exact: true }).check();
	await page.getByLabel('Name your app').fill('Dropbox Sync');
	await button(page, 'Create app').click();
	await page.getByText('Tick it to go on.').waitFor();
	await page.getByLabel('I agree to the terms').check();
	await button(page, 'Create app').click();
	await page.getByText('may not start with Dropbox or pass for').waitFor();
	assert.equal(await page.getByLabel('Name your app').inputValue(), 'Dropbox Sync');
	assert.equal(await page.getByLabel('Name your app').evaluate((e) => e === document.activeElement), true);
	assert.equal(await page.getByRole('radio', { name: 'Full Dropbox', exact: true }).isChecked(), true);
	await page.getByLabel('Name your app').fill('Sync for Dropbox');
	await button(page, 'Create app').click();
	await page.getByRole('tab', { name: 'Settings' }).waitFor();
	await page.context().close();
});

test('settings, permissions, branding, webhook, token, end', async () => {
	const page = await home('business');
	const app = await createApp(page, { name: 'Harbour', access: 'App folder' });

	/* Status and users. */
	await button(page, 'Apply for production').click();
	await button(page, 'Apply').click();
	await page.getByText('Production', { exact: true }).waitFor();
	await button(page, 'Back to development').click();
	await button(page, 'Enable additional users').click();
	await page.getByText('0 / 500').waitFor();
	await page.getByText('Additional users are enabled.').waitFor();

	/* The secret: shown, then replaced. */
	await button(page, 'Replace it with a new one').click();
	await button(page, 'Replace it').click();
	await page.getByText('Put the new one into your program.').waitFor();
	await button(page, 'Show').click();
	await button(page, 'Hide').waitFor();
	const secret = await page.getByLabel('App secret').inputValue();
	assert.match(secret, /^[a-z0-9]{15}$/);
	assert.notEqual(secret, app.secret);

	/* Redirect URIs, public clients, life of tokens. */
	await page.getByLabel('Redirect URIs').fill('http://example.com/');
	await button(page, 'Add').click();
	await page.getByText('must use https:// unless').waitFor();
	await addRedirectUri(page, 'https://example.com/callback');
	await page.getByLabel('Allow public clients').selectOption('Allow');
	await page.getByText('Saved.', { exact: true }).waitFor();
	await page.getByLabel('Access token expiration').selectOption('No expiration');
	await page.getByText('It counts for tokens from now on.').waitFor();
	await page.getByLabel('Domains').fill('https://example.com');
	await button(page, 'Add domain').click();
	await page.getByText('This is not a domain.').waitFor();
	await page.getByLabel('Domains').fill('www.example.com');
	await button(page, 'Add domain').click();
	await button(page, 'Delete').nth(1).waitFor();
	await reloaded(page, 'Settings');
	assert.equal(await page.getByLabel('Allow public clients').inputValue(), 'allow');
	assert.equal(await page.getByLabel('Access token expiration').inputValue(), 'none');
	await page.getByLabel('Access token expiration').selectOption('Short-lived');
	await page.getByText('It counts for tokens from now on.').waitFor();
	assert.equal((await page.content()).includes(secret), false);

	/* A webhook that does not answer as it should, then one that does. */
	await page.getByLabel('Webhook URIs').fill('http://127.0.0.1:1/');
	await button(page, 'Add webhook').click();
	await page.getByText('The webhook did not answer').waitFor();
	await page.getByLabel('Webhook URIs').fill(hook.url);
	await button(page, 'Add webhook').click();
	await page.getByText('It gave the challenge back').waitFor();

	/* A token, and what the webhook hears of it. */
	await button(page, 'Generate').click();
	const token = await page.getByLabel('Access token', { exact: true }).inputValue();
	assert.equal((await api(token, 'files/create_folder_v2', { path: '/New' })).status, 200);
	assert.equal((await hook.next()).body.list_folder.accounts.length, 1);
	await page.getByText('Last calls').click();
	await page.getByText('Answered 200').waitFor();
	await button(page, `Disable ${hook.url}`).click();
	await page.getByText('Disabled', { exact: true }).waitFor();
	await page.getByText('1 / 500').waitFor();

	/* Permissions: what is needed comes and goes with it. */
	await page.getByRole('tab', { name: 'Permissions' }).click();
	await page.getByLabel('sharing.read').uncheck();
	await page.getByText('Also taken away: sharing.write').waitFor();
	assert.equal(await page.getByLabel('sharing.write').isChecked(), false);
	await page.getByLabel('contacts.write').check();
	await page.getByText('Also ticked: contacts.read.').waitFor();
	assert.equal(await page.getByLabel('contacts.read').isChecked(), true);
	assert.equal(await page.getByLabel('account_info.read').isDisabled(), true);
	assert.equal(await page.getByText('Team Scopes').count(), 0);
	await page.getByRole('tab', { name: 'Branding' }).click();
	await button(page, 'Stay').click();
	await button(page, 'Submit').click();
	await page.getByText('Saved. New consents ask for these.').waitFor();
	await reloaded(page, 'Permissions');
	assert.equal(await page.getByLabel('sharing.write').isChecked(), false);
	assert.equal(await page.getByLabel('contacts.write').isChecked(), true);

	/* Branding, which the consent shows. */
	await page.getByRole('tab', { name: 'Branding' }).click();
	await page.getByLabel('App name').fill('Harbour Two');
	await page.getByLabel('Publisher').fill('Example Works');
	await page.getByLabel('Website').fill('example.com');
	await button(page, 'Save').click();
	await page.getByText('The address must start with https://').waitFor();
	await page.getByLabel('Website').fill('https://example.com/harbour');
	await button(page, 'Save').click();
	await page.getByRole('heading', { name: 'Harbour Two' }).waitFor();
	await page.getByLabel('Icon file').setInputFiles({ name: 'page.png', mimeType: 'image/png', buffer: Buffer.from('<svg/>') });
	await page.getByText('This file is not a PNG or JPEG picture.').waitFor();
	await page.getByLabel('Icon file').setInputFiles({ name: 'icon.png', mimeType: 'image/png', buffer: PNG });
	await button(page, 'Remove').waitFor();
	await page.waitForFunction(() => document.querySelector('img.app-icon')?.naturalWidth === 1);

	await page.goto(`${demo.sandbox}/oauth2/authorize?client_id=${app.key}&response_type=code&redirect_uri=https://example.com/callback`);
	await button(page, 'Continue').click();
	await page.getByText('Made by Example Works').waitFor();
	await page.locator('img.app-icon').waitFor();

	/* Connected apps, unlinked by the developer; then the app's end. */
	await page.goto(`${demo.sandbox}/account/connected_apps`);
	await page.getByText('By Example Works').waitFor();
	await page.goto(`${demo.sandbox}/developers/apps/info/${app.key}`);
	await button(page, 'Unlink all users').click();
	await button(page, 'Unlink them').click();
	await page.getByText('0 / 500').waitFor();
	assert.equal((await api(token, 'users/get_current_account')).status, 401);
	await page.getByText('Delete app', { exact: true }).click();
	await button(page, 'Delete app…').click();
	await page.getByLabel('Type its name').fill('Harbour');
	await button(page, 'Delete for good').click();
	await page.getByText('That is not its name.').waitFor();
	await page.getByLabel('Type its name').fill('Harbour Two');
	await button(page, 'Delete for good').click();
	await page.getByRole('heading', { name: 'Register your first app' }).waitFor();
	await page.context().close();
});

test('a team app has team scopes too, by keyboard alone', async () => {
	const page = await home('business');
	await createApp(page, { name: 'Crew', api: 'Dropbox Business API' });
	await page.getByRole('tab', { name: 'Settings' }).focus();
	await page.keyboard.press('ArrowRight');
	await page.getByRole('heading', { name: 'Team Scopes' }).waitFor();
	await page.getByLabel('members.delete').focus();
	await page.keyboard.press('Space');
	await page.getByText('Also ticked: members.read.').waitFor();
	await page.keyboard.press('Enter');
	await page.getByText('Saved. New consents ask for these.').waitFor();
	await page.context().close();
});

test('many apps: found by words, a page at a time', async () => {
	const page = await home('business');
	const make = (n) => page.evaluate(async (count) => {
		const { csrf } = await (await fetch('/_web/session')).json();
		for (let i = 0; i < count; i++)
			await fetch('/_web/apps', {
				method: 'POST',
				headers: { 'content-type': 'application/json', 'x-csrf-token': csrf },
				body: JSON.stringify({ api: 'dropbox', access: 'full', name: `Fleet ${String(i).padStart(3, '0')}` }),
			});
	}, n);
	await make(60);
	await page.reload();
	await page.getByText(/^50 of \d+$/).waitFor();
	await button(page, 'More apps').click();
	await page.getByRole('link', { name: 'Fleet 000' }).waitFor();
	await page.getByLabel('Search my apps').fill('fleet 04');
	await page.getByRole('link', { name: 'Fleet 040' }).waitFor();
	await page.waitForFunction(() => document.querySelectorAll('.row').length === 10);
	await page.getByLabel('Search my apps').fill('nothing like it');
	await page.getByRole('heading', { name: 'No app of that name' }).waitFor();
	await button(page, 'See all apps').click();
	await page.getByText(/^50 of \d+$/).waitFor();
	await page.context().close();
});
