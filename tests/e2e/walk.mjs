/*
 * The procedure as a person does it, by the words on the screens. Every step is one function, so that
 * a test reads like the README. Who works in two tabs looks at the one they use: a tab in the
 * background draws one frame a second, and each click would wait for two.
 */
import { popupOf } from '../lib/browser.mjs';

export async function signInManager(page, demo) {
	await page.bringToFront();
	await page.goto(demo.manager);
	await page.getByLabel('Username').fill(demo.seed.admin.username);
	await page.getByLabel('Password').fill(demo.seed.admin.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('heading', { name: 'Access Tokens' }).waitFor();
}

export async function openConfiguration(page) {
	await page.bringToFront();
	await page.getByRole('link', { name: 'Add Token' }).click();
	await page.getByRole('link', { name: 'Dropbox', exact: true }).click();
	await page.getByRole('heading', { name: 'Access Token Configuration' }).waitFor();
	return page.getByLabel('Redirect URI').inputValue();
}

export async function signInSandbox(page, account) {
	await page.bringToFront();
	await page.getByLabel('Email').fill(account.email);
	await page.getByLabel('Password').fill(account.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
}

/* -> { key, secret } of a new app; its Settings tab stays open. */
export async function createApp(page, { name, api = 'Dropbox API', access = 'Full Dropbox' }) {
	await page.bringToFront();
	await page.getByRole('link', { name: 'Create App', exact: true }).click();
	await page.getByRole('heading', { name: 'Choose an API' }).waitFor();
	await page.getByRole('radio', { name: api, exact: true }).check();
	await page.getByRole('heading', { name: 'Choose the type of access you need' }).waitFor();
	await page.getByRole('radio', { name: access, exact: true }).check();
	await page.getByLabel('Name your app').fill(name);
	await page.getByLabel('I agree to the terms').check();
	await page.getByRole('button', { name: 'Create app', exact: true }).click();
	await page.getByRole('tab', { name: 'Settings' }).waitFor();
	const key = await page.getByLabel('App key').inputValue();
	return { key, secret: await showSecret(page) };
}

async function showSecret(page) {
	const field = page.getByLabel('App secret');
	await page.getByRole('button', { name: 'Show' }).click();
	await page.getByRole('button', { name: 'Hide' }).waitFor();
	return field.inputValue();
}

export async function addRedirectUri(page, uri) {
	await page.bringToFront();
	await page.getByLabel('Redirect URIs').fill(uri);
	await page.getByRole('button', { name: 'Add', exact: true }).click();
	await page.getByText(uri, { exact: true }).waitFor();
}

export async function fillConfiguration(page, { name, key, secret, description }) {
	await page.bringToFront();
	if (name !== undefined) await page.getByLabel('Token Name').fill(name);
	if (description !== undefined) await page.getByLabel('Description').fill(description);
	await page.getByLabel('App Key').fill(key);
	await page.getByLabel('App Secret').fill(secret);
}

export async function clickGet(page, button = 'Get OAuth2 Access Token') {
	await page.bringToFront();
	return popupOf(page, () => page.getByRole('button', { name: button }).click());
}

/* In the pop-up: past the warning, then `answer`. Resolves once the window has closed itself. */
export async function consent(popup, answer = 'Allow') {
	await popup.getByRole('heading', { name: 'Before you connect this app' }).waitFor();
	await popup.getByRole('button', { name: 'Continue' }).click();
	await Promise.all([popup.waitForEvent('close'), popup.getByRole('button', { name: answer, exact: true }).click()]);
}

/* Waits until the token's field on the configuration screen holds something. */
export async function tokenArrived(page) {
	await page.bringToFront();
	await page.waitForFunction(() => {
		const label = [...document.querySelectorAll('label')].find((l) => l.textContent.includes('OAuth 2.0 Access Token'));
		return label?.control?.value !== '';
	});
	return page.getByLabel('OAuth 2.0 Access Token').inputValue();
}

/* Everything from two empty tabs to a saved token. */
export async function connect(page, sandboxPage, demo, { type = 'basic', name, app, ...wizard }) {
	const redirect = await openConfiguration(page);
	await sandboxPage.goto(demo.sandbox);
	await signInSandbox(sandboxPage, demo.account(type));
	const { key, secret } = await createApp(sandboxPage, { name: app, ...wizard });
	await addRedirectUri(sandboxPage, redirect);
	await fillConfiguration(page, { name, key, secret });
	await consent(await clickGet(page));
	await tokenArrived(page);
	await page.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('heading', { name: 'Access Tokens' }).waitFor();
	return { key, secret, redirect };
}
