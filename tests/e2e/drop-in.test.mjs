/* Drop-in mode in a real browser: with the sandbox as its proxy and its CA in the store, and nothing else changed, a person signs
 * in and consents at https://www.dropbox.com. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { person as signedIn, startDropbox } from '../clients/lib.mjs';
import { openBrowser } from '../lib/browser.mjs';
import { signInSandbox } from './walk.mjs';

let demo, browser, program, app, arrived;

before(async () => {
	demo = await startDropbox();
	program = createServer((req, res) => {
		const url = new URL(req.url, 'http://localhost');
		if (url.pathname === '/callback') arrived = url; /* and not its icon */
		res.setHeader('content-type', 'text/html').end('<title>Back</title>back at the program');
	});
	await new Promise((resolve) => program.listen(0, '127.0.0.1', resolve));
	const bea = await signedIn(demo, readFileSync(demo.ca));
	app = await bea.app('Drop-in browser', { uris: [callback()] });
	browser = await openBrowser({ proxy: demo.proxy, ca: demo.ca });
});
after(async () => {
	await browser?.close();
	program?.close();
	await demo?.stop();
});

const callback = () => `http://127.0.0.1:${program.address().port}/callback`;

function authorization(extra = {}) {
	const query = new URLSearchParams({ client_id: app.key, response_type: 'code', redirect_uri: callback(), state: 's 1', ...extra });
	return `https://www.dropbox.com/oauth2/authorize?${query}`;
}

async function consent(page, answer) {
	await page.getByRole('heading', { name: 'Before you connect this app' }).waitFor();
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByRole('button', { name: answer, exact: true }).click();
	await page.getByText('back at the program').waitFor();
}

test('sign-in and consent at https://www.dropbox.com, and back to the program', async () => {
	const page = await browser.person();
	await page.goto(authorization());
	assert.equal(new URL(page.url()).host, 'www.dropbox.com');
	await signInSandbox(page, demo.account('basic'));
	await consent(page, 'Allow');
	assert.equal(arrived.searchParams.get('state'), 's 1');
	assert.match(arrived.searchParams.get('code'), /^[\w-]{20,}$/);

	/* S-105: its cookie is for that name alone and for https. */
	const cookies = await page.context().cookies('https://www.dropbox.com');
	assert.equal(cookies.length, 1);
	assert.match(cookies[0].name, /^__Host-sandbox_/);
	assert.ok(cookies[0].secure && cookies[0].httpOnly);
	assert.equal(cookies[0].domain, 'www.dropbox.com');

	/* The session is there for the next one. */
	await page.goto(authorization({ force_reapprove: 'true' }));
	await consent(page, 'Cancel');
	assert.equal(arrived.searchParams.get('error'), 'access_denied');
});

test('www.dropbox.com says who is signed in and where the App Console is; the rest is not there', async () => {
	const page = await browser.person();
	await page.goto('https://www.dropbox.com/');
	await signInSandbox(page, demo.account('business'));
	await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
	await page.getByText(demo.sandbox, { exact: true }).waitFor();
	assert.equal(await page.getByRole('link', { name: 'My apps' }).count(), 0);
	for (const address of ['/developers/apps', '/account/connected_apps', '/_sandbox/', '/nothing']) {
		const reply = await page.goto(`https://www.dropbox.com${address}`);
		assert.equal(reply.status(), 404, address);
	}
	await page.goto('https://www.dropbox.com/developers/apps');
	await page.getByText('at ' + demo.sandbox).waitFor();
	const statuses = await page.evaluate(() => Promise.all(['/_web/apps', '/_web/connected-apps', '/_sandbox/state', '/2/users/get_current_account'].map(async (a) => (await fetch(a)).status)));
	assert.ok(statuses.every((s) => s === 404 || s === 400 || s === 405), statuses.join());
});

test('a host that the sandbox does not stand for is not reached', async () => {
	const page = await browser.person();
	await assert.rejects(page.goto('https://example.com/'), /ERR_TUNNEL_CONNECTION_FAILED/);
});
