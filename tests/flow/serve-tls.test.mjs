/* valetkey serve --tls-cert --tls-key: the manager speaks https itself. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { tool } from '../lib/forge.mjs';
import { talk } from '../lib/raw.mjs';
import { run, startServe } from '../lib/server.mjs';

const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-tls-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function certificate(name) {
	const files = { cert: path.join(dir, `${name}.pem`), key: path.join(dir, `${name}-key.pem`) };
	const made = await tool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', files.key, '-out', files.cert]);
	assert.equal(made.code, 0, made.out);
	chmodSync(files.key, 0o600);
	return files;
}

const ours = await certificate('ours');
const other = await certificate('other');
const words = ({ cert, key }) => [...(cert ? ['--tls-cert', cert] : []), ...(key ? ['--tls-key', key] : [])];

function get(url, options) {
	return new Promise((resolve, reject) => {
		https.get(url, { ca: readFileSync(ours.cert), agent: false, ...options }, (res) => {
			res.resume();
			res.on('end', () => resolve({ status: res.statusCode, protocol: res.socket.getProtocol() }));
		}).on('error', reject);
	});
}

test('the manager answers over TLS with the certificate that it was given', async () => {
	const manager = await startServe({ args: words(ours) });
	assert.match(manager.url, /^https:\/\/127\.0\.0\.1:\d+$/);
	assert.deepEqual(await get(`${manager.url}/healthz`), { status: 200, protocol: 'TLSv1.3' });
	assert.deepEqual(await get(`${manager.url}/healthz`, { maxVersion: 'TLSv1.2' }), { status: 200, protocol: 'TLSv1.2' });
	await assert.rejects(get(`${manager.url}/healthz`, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }));
	await assert.rejects(get(`${manager.url}/healthz`, { ca: readFileSync(other.cert) }));
	assert.doesNotMatch(manager.log(), /PRIVATE KEY/);
	await manager.stop();
});

test('a session over TLS is kept in a cookie for https alone', async () => {
	const manager = await startServe({ args: words(ours) });
	const cookies = await new Promise((resolve, reject) => {
		https.get(`${manager.url}/api/console/session`, { ca: readFileSync(ours.cert), agent: false }, (res) => {
			res.resume();
			resolve(res.headers['set-cookie'] ?? []);
		}).on('error', reject);
	});
	assert.ok(cookies.length > 0);
	for (const cookie of cookies) assert.match(cookie, /^__Host-.*; Secure/);
	await manager.stop();
});

test('what speaks plain HTTP to it gets no reply', async () => {
	const manager = await startServe({ args: words(ours) });
	const plain = await talk(manager.port, ['GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n']);
	assert.equal(plain.status, undefined);
	await manager.stop();
});

for (const [what, files, why] of [
	['a certificate without its key', { cert: ours.cert }, /belong together/],
	['a key without its certificate', { key: ours.key }, /belong together/],
	['a key of another certificate', { cert: ours.cert, key: other.key }, /belongs to the certificate/],
	['a certificate that is none', { cert: ours.key, key: ours.key }, /not a certificate in PEM/],
	['a file that is not there', { cert: path.join(dir, 'none'), key: ours.key }, /none/],
])
	test(`the manager does not start with ${what}`, async () => {
		const data = mkdtempSync(path.join(dir, 'data-'));
		const ended = await run(['serve', '--data', data, '--listen', '127.0.0.1:0', ...words(files)]);
		assert.ok(ended.code > 0);
		assert.match(ended.err, why);
	});

test('the manager does not start with a key that others may read', async () => {
	const { cert, key } = await certificate('open');
	chmodSync(key, 0o644);
	const ended = await run(['serve', '--data', mkdtempSync(path.join(dir, 'data-')), '--listen', '127.0.0.1:0', ...words({ cert, key })]);
	assert.equal(ended.code, 2);
	assert.match(ended.err, /chmod 600|read/);
});
