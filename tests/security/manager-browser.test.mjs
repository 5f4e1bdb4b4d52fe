/* What the console's pages do with hostile text, in Chromium: rows S-113 and S-116 to S-118. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { managerClient } from '../lib/http.mjs';
import { connectToken, makeKey, startAttempt } from '../lib/manager.mjs';
import { startProvider, tokenReply, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

/* What an injected element would be found by, and what its script would say. */
const evil = (where) => `<img src=x data-evil="${where}" onerror="alert('${where}')"><svg data-evil onload=alert(1)>"'><form name=app data-evil>`;
const ACCESS = `sl.u.${'Planted'.repeat(8)}`;

let p;
let manager;
let browser;
let token;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	browser = await openBrowser();
	const ann = await managerClient(manager);
	p.on.account = (req) => {
		const { json } = usual.account(req);
		return { json: { ...json, email: `${evil('email')}@x`, name: { ...json.name, display_name: evil('account') } } };
	};
	p.on.token = () => ({ json: tokenReply({ access_token: ACCESS, scope: `account_info.read ${evil('scope')}` }) });
	token = await connectToken(ann, 'Archive', { description: evil('description'), scopes: '' });
	await makeKey(ann, { label: `<img src=x data-evil="label" onerror=alert(1)><svg onload=alert(1)>`, tokens: [token] });
	await makeKey(ann, { label: 'javascript:alert(1)' });
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant', error_description: evil('refusal') } });
	await ann.post(`/api/console/tokens/${token.id}/refresh`);
});
after(async () => {
	await browser?.close({ allowFaults: true });
	await manager.stop();
	await p.stop();
});

/* A signed-in person; what a page says against itself is collected. */
async function person() {
	const page = await browser.person();
	const said = [];
	page.on('dialog', (d) => {
		said.push(`dialog: ${d.message()}`);
		d.dismiss();
	});
	page.on('console', (m) => /content security policy/i.test(m.text()) && said.push(m.text()));
	await page.goto(`${manager.url}/`);
	await page.getByLabel('Username').fill(manager.username);
	await page.getByLabel('Password').fill(manager.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('heading', { name: 'Access Tokens' }).waitFor();
	return { page, said };
}

async function clean({ page, said }, where) {
	assert.equal(await page.locator('[data-evil]').count(), 0, `${where}: an element was made of a text`);
	assert.deepEqual(await page.$$eval('a[href], form[action], iframe, base', (all) =>
		all.map((e) => e.getAttribute('href') ?? e.getAttribute('action') ?? e.tagName).filter((h) => /^\s*(javascript|data|vbscript):|^IFRAME|^BASE/i.test(h))), []);
	assert.deepEqual(said, [], where);
}

test('S-113 an injected script, style or base does nothing, and our own pages break no rule', async () => {
	const visitor = await person();
	const { page } = visitor;
	for (const path of ['/tokens', '/tokens/new', '/tokens/new/dropbox', `/tokens/${token.id}`, '/keys', '/activity', '/notifications', '/nosuch']) {
		await page.goto(manager.url + path);
		await page.locator('h1, h2').first().waitFor();
	}
	assert.deepEqual(visitor.said, []);
	await page.goto(`${manager.url}/tokens`);
	const rules = ['script-src-elem', 'script-src-attr', 'base-uri', 'style-src-elem', 'img-src', 'connect-src', 'frame-src'];
	const done = await page.evaluate(async (rules) => {
		const violated = [];
		document.addEventListener('securitypolicyviolation', (e) => violated.push(e.effectiveDirective));
		const add = (name, fields) => document.head.append(Object.assign(document.createElement(name), fields));
		add('script', { textContent: 'window.planted = 1' });
		add('script', { src: 'data:text/javascript,window.planted=2' });
		add('script', { src: 'http://127.0.0.1:9/x.js' });
		add('base', { href: 'http://evil.example/' });
		add('style', { textContent: 'body { display: none }' });
		document.body.append(Object.assign(document.createElement('img'), { src: 'http://127.0.0.1:9/x' }));
		document.body.insertAdjacentHTML('beforeend', '<b onclick="window.planted=3" id="handler">x</b><iframe src="/"></iframe>');
		document.getElementById('handler').click();
		await fetch('http://127.0.0.1:9/').catch(() => {});
		for (let i = 0; i < 1000 && !rules.every((rule) => violated.includes(rule)); i++) await new Promise((resolve) => setTimeout(resolve, 20));
		return { planted: window.planted ?? null, base: document.baseURI, shown: getComputedStyle(document.body).display, violated };
	}, rules);
	assert.equal(done.planted, null);
	assert.ok(done.base.startsWith(manager.url));
	assert.notEqual(done.shown, 'none');
	for (const rule of rules)
		assert.ok(done.violated.includes(rule), `${rule} is not in ${done.violated}`);
	await page.context().close();
});

test('S-116 stored text is shown as text everywhere', async () => {
	const visitor = await person();
	const { page } = visitor;
	const shows = async (text, where) => {
		await page.waitForFunction((t) => document.body.innerText.includes(t) ||
			[...document.querySelectorAll('input, textarea')].some((e) => e.value.includes(t)), text);
		await clean(visitor, where);
	};
	await page.goto(`${manager.url}/tokens`);
	await page.getByRole('link', { name: 'Archive' }).waitFor();
	await page.getByRole('row', { name: /Archive/ }).hover();
	await clean(visitor, 'the list');
	await page.goto(`${manager.url}/tokens/${token.id}`);
	for (const where of ['description', 'refusal']) await shows(`data-evil="${where}"`, `the token: ${where}`);
	await page.getByRole('button', { name: 'Test Connection' }).click();
	await shows('data-evil="account"', 'the test of a connection');
	await page.goto(`${manager.url}/keys`);
	await shows('data-evil="label"', 'the keys');
	for (const button of await page.getByRole('button', { name: /revoke/i }).all()) {
		await button.click();
		await page.getByRole('button', { name: 'Keep it' }).waitFor();
		await clean(visitor, 'the question before revoking');
		await page.getByRole('button', { name: 'Keep it' }).click();
	}
	const mine = await managerClient(manager);
	const cookies = await page.context().cookies();
	mine.cookies = new Map(cookies.map((c) => [c.name, c.value]));
	await mine.session();
	/* The provider's own error, once with an attempt of this browser and once without. */
	for (const state of [(await startAttempt(mine)).state, evil('state')]) {
		const query = new URLSearchParams({ state, error: evil('error'), error_description: evil('words') });
		await page.goto(`${manager.url}/oauth/callback/dropbox?${query}`).catch(() => {});
		if (!page.isClosed()) {
			await page.locator('h1, h2').first().waitFor();
			await clean(visitor, 'the callback');
		}
	}
	await page.context().close();
});

test('S-117 the address is no markup, script or target', async () => {
	const visitor = await person();
	const { page } = visitor;
	const markup = '<img src=x data-evil onerror=alert(1)>';
	const coded = encodeURIComponent(markup);
	for (const rest of [`/tokens/${coded}`, `/tokens#/tokens/${markup}`, `/?error=${coded}`, '/?next=javascript:alert(1)', '/%3Cscript%3Ealert(1)%3C%2Fscript%3E',
		'/tokens/__proto__', '/tokens/constructor', '/tokens/new/__proto__', `/tokens/new/${coded}`, '/tokens/new/toString', '/sign-in?next=//evil.example/',
		'/sign-in?next=https://evil.example/', '/#javascript:alert(1)', `/oauth/callback/${coded}`, '/oauth/callback/__proto__?state=x']) {
		/* Some are a bare 400, which has no heading to wait for. */
		await page.goto(manager.url + rest, { waitUntil: 'load' });
		await page.waitForTimeout(150);
		await clean(visitor, rest);
		assert.ok(page.url().startsWith(`${manager.url}/`), `${rest} led to ${page.url()}`);
	}
	await page.context().close();

	const stranger = await browser.person();
	await stranger.goto(`${manager.url}/sign-in?next=https://evil.example/&return=javascript:alert(1)`);
	await stranger.getByLabel('Username').fill(manager.username);
	await stranger.getByLabel('Password').fill(manager.password);
	await stranger.getByRole('button', { name: 'Sign in' }).click();
	await stranger.getByRole('heading', { name: 'Access Tokens' }).waitFor();
	assert.ok(stranger.url().startsWith(`${manager.url}/`));
	await stranger.context().close();
});

test('S-118 pages hold no secret before it is revealed, nor after it is hidden', async () => {
	const { page } = await person();
	const replies = [];
	/* Those that have come whole: a page that is left gives some up, and the stream of events has no end (S-202
	 * looks at what it carries). */
	page.on('requestfinished', (r) => replies.push(r.response().then((reply) => reply.text()).then((text) => [r.url(), text], () => ['', ''])));
	const holds = () => page.evaluate((secret) => {
		const values = [...document.querySelectorAll('input, textarea')].map((e) => e.value);
		const stores = [localStorage, sessionStorage].map((s) => JSON.stringify({ ...s }));
		return [document.documentElement.outerHTML, document.cookie, ...values, ...stores].some((t) => t.includes(secret));
	}, ACCESS);
	for (const path of ['/tokens', '/keys', `/tokens/${token.id}`]) {
		await page.goto(manager.url + path);
		await page.locator('h1, h2').first().waitFor();
		await page.waitForTimeout(150);
		assert.equal(await holds(), false, path);
	}
	let came;
	const areSeen = () => came.some(([url, text]) => url.endsWith(`/api/console/tokens/${token.id}`) && text.includes('Archive'));
	for (const end = Date.now() + 20000; ; await page.waitForTimeout(50)) {
		came = await Promise.all(replies);
		if (areSeen() || Date.now() > end) break;
	}
	assert.ok(areSeen(), 'they were looked at');
	for (const [url, text] of came) assert.ok(!text.includes(ACCESS), `${url} holds the token`);
	assert.equal(await page.evaluate(() => document.cookie), '');
	assert.equal(await page.getByLabel('App Secret').getAttribute('autocomplete').then((a) => /off|new-password|one-time-code/.test(a ?? '')), true);

	const field = page.getByLabel('OAuth 2.0 Access Token');
	await page.getByRole('button', { name: 'Reveal' }).last().click();
	await page.waitForFunction((s) => [...document.querySelectorAll('input, textarea')].some((e) => e.value === s), ACCESS);
	await page.getByRole('button', { name: 'Hide' }).last().click();
	await page.waitForFunction((s) => [...document.querySelectorAll('input, textarea')].every((e) => e.value !== s), ACCESS);
	assert.equal(await holds(), false, 'after hiding');
	assert.doesNotMatch(await field.inputValue(), /sl\./);
	assert.deepEqual(await page.evaluate(async () => [(await indexedDB.databases()).length, (await caches.keys()).length,
		(await navigator.serviceWorker.getRegistrations()).length]), [0, 0, 0]);

	/* Signed out elsewhere: going back shows nothing of before. */
	await page.getByRole('button', { name: 'Reveal' }).last().click();
	await page.waitForFunction((s) => [...document.querySelectorAll('input, textarea')].some((e) => e.value === s), ACCESS);
	await page.context().clearCookies();
	await page.goto(`${manager.url}/sign-in`);
	await page.goBack();
	await page.waitForTimeout(400);
	assert.equal(await holds(), false, 'after going back');
	await page.context().close();
});
