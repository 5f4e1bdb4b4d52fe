/* S-161 in Chromium: a browser that trusts the sandbox's CA believes it for its names and for no others,
 * whatever somebody signs with its key. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { forge } from '../lib/forge.mjs';
import { startSandbox } from '../lib/server.mjs';

const NAMES = ['x.dropbox.com', 'evil.example', 'notdropbox.com', 'dropbox.com.evil.example'];
const dirs = [];
let sandbox, browser;

before(async () => {
	sandbox = await startSandbox({ args: ['--tls'] });
	browser = await openBrowser({ ca: path.join(sandbox.data, 'ca.pem'), here: NAMES });
});
after(async () => {
	await browser?.close({ allowFaults: true });
	await sandbox?.stop();
	dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true }));
});

/* 'opened', or why Chromium did not open a page with that certificate under that name. */
async function open(name, extension) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-leaf-'));
	dirs.push(dir);
	const { cert, key } = await forge(sandbox.data, dir, '/O=a leaf', [`subjectAltName=${extension}`, 'extendedKeyUsage=serverAuth']);
	const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, res) => res.end('hello'));
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const page = await browser.person();
	const said = await page.goto(`https://${name}:${server.address().port}/`).then(() => 'opened', (e) => /net::(\w+)/.exec(e.message)?.[1] ?? e.message);
	await page.context().close();
	server.close();
	server.closeAllConnections?.();
	return said;
}

test('S-161 the sandbox itself and a name of Dropbox are opened', async () => {
	const page = await browser.person();
	assert.equal((await page.goto(sandbox.url)).status(), 200);
	assert.equal(await open('x.dropbox.com', 'DNS:x.dropbox.com'), 'opened');
	assert.equal(await open('localhost', 'DNS:localhost'), 'opened');
});

for (const name of NAMES.slice(1))
	test(`S-161 ${name} is refused`, async () => {
		assert.match(await open(name, `DNS:${name}`), /^ERR_CERT_/);
	});
