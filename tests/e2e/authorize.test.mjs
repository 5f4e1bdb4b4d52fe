/* What a person meets on the way to a consent, and instead of one, by the words on the pages. */
import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { after, before, test } from 'node:test';

import { authorizePath, Browser, exchange, makeApp, startSandbox } from '../flow/sandbox-lib.mjs';
import { openBrowser } from '../lib/browser.mjs';

let box;
let chromium;
let bea;
let bruno;

before(async () => {
	box = await startSandbox();
	chromium = await openBrowser();
	bea = new Browser(box);
	bruno = new Browser(box);
	await bea.signIn('basic');
	await bruno.signIn('business');
});
after(async () => {
	await chromium?.close();
	await box?.stop();
});

async function signIn(page, type) {
	const { email, password } = box.account(type);
	await page.getByLabel('Email').fill(email);
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Sign in' }).click();
}

test('without a redirect URI the code is there to copy, and it works', async () => {
	const app = await makeApp(bea, { name: 'Copied by hand' });
	const page = await chromium.person();
	await page.goto(box.url + authorizePath(app, { redirect_uri: undefined }));
	await signIn(page, 'basic');
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByRole('button', { name: 'Allow', exact: true }).click();
	await page.getByRole('heading', { name: 'copy this code' }).waitFor();
	await page.getByRole('button', { name: 'Copy' }).click();
	const copied = await page.evaluate(() => navigator.clipboard.readText());
	assert.equal(copied, await page.getByLabel('Code').innerText());
	assert.equal((await exchange(box, app, copied, { redirect_uri: undefined })).status, 200);
	await page.context().close();
});

test('Cancel without a redirect URI ends on a page', async () => {
	const app = await makeApp(bea);
	const page = await chromium.person();
	await page.goto(box.url + authorizePath(app, { redirect_uri: undefined }));
	await signIn(page, 'basic');
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByRole('button', { name: 'Cancel', exact: true }).click();
	await page.getByRole('heading', { name: 'Not connected' }).waitFor();
	await page.context().close();
});

test('the wrong kind of account is told to switch, and the right one goes on from there', async () => {
	const app = await makeApp(bea);
	const page = await chromium.person();
	await page.goto(box.url + authorizePath(app, { require_role: 'work' }));
	await signIn(page, 'basic');
	await page.getByRole('heading', { name: 'Another account is needed' }).waitFor();
	await page.getByRole('button', { name: 'Use another account' }).click();
	await signIn(page, 'business');
	await page.getByRole('heading', { name: 'Before you connect this app' }).waitFor();
	await page.context().close();
});

test('a team’s app: no administrator, no consent; an administrator sees the team', async () => {
	const app = await makeApp(bruno, { api: 'business' });
	await bruno.post(`/_web/apps/${app.key}/scopes`, { scopes: ['account_info.read', 'team_info.read', 'members.read'] });
	const page = await chromium.person();
	await page.goto(box.url + authorizePath(app));
	await signIn(page, 'basic');
	await page.getByRole('heading', { name: 'Only a team administrator can connect this app' }).waitFor();
	await page.getByRole('button', { name: 'Use another account' }).click();
	await signIn(page, 'business');
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByRole('heading', { name: 'your team Example Team' }).waitFor();
	await page.getByText('See who is in your team').waitFor();
	await page.context().close();
});

/* A square of one colour, as PNG (RFC 2083). */
function png(size) {
	const table = Array.from({ length: 256 }, (_, n) => Array.from({ length: 8 }).reduce((c) => (c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1), n));
	const crc = (bytes) => ~bytes.reduce((c, b) => table[(c ^ b) & 255] ^ (c >>> 8), -1) >>> 0;
	const u32 = (n) => {
		const b = Buffer.alloc(4);
		b.writeUInt32BE(n);
		return b;
	};
	const chunk = (type, data) => {
		const body = Buffer.concat([Buffer.from(type), data]);
		return Buffer.concat([u32(data.length), body, u32(crc(body))]);
	};
	const rows = Buffer.concat(Array.from({ length: size }, () => Buffer.concat([Buffer.from([0]), Buffer.alloc(size * 3, 0x80)])));
	return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', Buffer.concat([u32(size), u32(size), Buffer.from([8, 2, 0, 0, 0])])), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

test('an app’s own icon and publisher stand on its consent', async () => {
	const app = await makeApp(bea);
	const put = await bea.post(`/_web/apps/${app.key}/icon`, { icon: png(64).toString('base64') });
	assert.ok(put.status < 300, JSON.stringify(put.body));
	await bea.post(`/_web/apps/${app.key}/branding`, { publisher: 'Example Software' });
	const page = await chromium.person();
	await page.goto(box.url + authorizePath(app));
	await signIn(page, 'basic');
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByText('Made by Example Software (Bea Basic)').waitFor();
	assert.equal(await page.locator('img.app-icon').evaluate((img) => img.decode().then(() => img.naturalWidth)), 64);
	await page.context().close();
});
