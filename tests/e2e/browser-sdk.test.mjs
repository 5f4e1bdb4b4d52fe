/* The dropbox SDK in a page of a program's own: a public client, another origin, no server between. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { person as signedIn, startDropbox } from '../clients/lib.mjs';
import { openBrowser } from '../lib/browser.mjs';
import { signInSandbox } from './walk.mjs';

const sdk = readFileSync(createRequire(import.meta.url).resolve('dropbox/dist/Dropbox-sdk.min.js'));
const SCOPES = ['account_info.read', 'files.metadata.read', 'files.content.read', 'files.content.write'];

let demo, browser, program, stranger, app;

/* A site of static files, as such a program has. */
async function site() {
	const server = createServer((req, res) => {
		if (req.url === '/sdk.js') return res.setHeader('content-type', 'text/javascript').end(sdk);
		return res.setHeader('content-type', 'text/html').end('<title>Program</title><script src="/sdk.js"></script>');
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

before(async () => {
	demo = await startDropbox();
	[program, stranger] = [await site(), await site()];
	const bea = await signedIn(demo, readFileSync(demo.ca));
	app = await bea.app('SDK in a page', { uris: [program.url], scopes: SCOPES, publicClients: true });
	browser = await openBrowser({ proxy: demo.proxy, ca: demo.ca });
});
after(async () => {
	await browser?.close({ allowFaults: true }); /* the stranger's refusals are in its console */
	program?.server.close();
	stranger?.server.close();
	await demo?.stop();
});

/* Consent by PKCE, then what the program does with its token; all of it in the page. */
async function connect(page) {
	await page.goto(program.url);
	const address = await page.evaluate(async ([clientId, redirect]) => {
		const auth = new Dropbox.DropboxAuth({ clientId });
		const url = await auth.getAuthenticationUrl(redirect, 's', 'code', 'offline', undefined, undefined, true);
		sessionStorage.setItem('verifier', auth.getCodeVerifier());
		return url;
	}, [app.key, program.url]);
	await page.goto(address);
	await signInSandbox(page, demo.account('basic'));
	await page.getByRole('heading', { name: 'Before you connect this app' }).waitFor();
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByRole('button', { name: 'Allow', exact: true }).click();
	await page.waitForURL(`${program.url}*`);
	return page.evaluate(async ([clientId, redirect]) => {
		const auth = new Dropbox.DropboxAuth({ clientId });
		auth.setCodeVerifier(sessionStorage.getItem('verifier'));
		const code = new URL(location.href).searchParams.get('code');
		const { result } = await auth.getAccessTokenFromCode(redirect, code);
		auth.setRefreshToken(result.refresh_token);
		auth.setAccessTokenExpiresAt(new Date(0)); /* so that the next call refreshes */
		const dbx = new Dropbox.Dropbox({ auth });
		const me = await dbx.usersGetCurrentAccount();
		await dbx.filesUpload({ path: '/from a page – ü.txt', contents: 'written in a page' });
		const file = await dbx.filesDownload({ path: '/from a page – ü.txt' });
		const missing = await dbx.filesGetMetadata({ path: '/not there' }).catch((e) => e);
		return {
			access: auth.getAccessToken(),
			email: me.result.email,
			text: await file.result.fileBlob.text(),
			name: file.result.name,
			missing: [missing.status, missing.error?.error_summary],
		};
	}, [app.key, program.url]);
}

test('the SDK in a page: PKCE, a refresh, upload, download, and an error that it can read; a stranger\'s page reads nothing', async () => {
	const page = await browser.person();
	const done = await connect(page);
	assert.equal(done.email, demo.account('basic').email);
	assert.equal(done.text, 'written in a page');
	assert.equal(done.name, 'from a page – ü.txt');
	assert.equal(done.missing[0], 409);
	assert.match(done.missing[1], /^path\/not_found\//);

	await page.goto(stranger.url);
	const refused = await page.evaluate(async (accessToken) => {
		const dbx = new Dropbox.Dropbox({ accessToken });
		return String(await dbx.usersGetCurrentAccount().catch((e) => e));
	}, done.access);
	assert.match(refused, /Failed to fetch/);
});
