/* Rows S-026 and S-160 to S-163: the development CA of `valetkey sandbox --tls`, as files, as other
 * programs see it, and as the manager trusts it. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { forge, tool } from '../lib/forge.mjs';
import { managerClient } from '../lib/http.mjs';
import { app, startAttempt } from '../lib/manager.mjs';
import { run, startDemo, startSandbox, startServe } from '../lib/server.mjs';

const TLS = ['--tls'];
const dirs = [];

function scratch() {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-ca-'));
	dirs.push(dir);
	return dir;
}
after(() => dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

/* A data directory that one start has filled, and nobody uses. */
async function filled() {
	const data = scratch();
	const sandbox = await startSandbox({ data, args: TLS });
	await sandbox.stop({ keep: true });
	return data;
}

const filesBelow = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
	const name = path.join(dir, e.name);
	return e.isDirectory() ? filesBelow(name) : [name];
});

const startAgain = (data) => run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', ...TLS]);

describe('S-161 the CA is constrained to its names', () => {
	const names = [
		['localhost', true, ['subjectAltName=DNS:localhost']],
		['127.0.0.1', true, ['subjectAltName=IP:127.0.0.1']],
		['www.dropbox.com', true, ['subjectAltName=DNS:www.dropbox.com']],
		['evil.example', false, ['subjectAltName=DNS:evil.example']],
		['notdropbox.com', false, ['subjectAltName=DNS:notdropbox.com']],
		['8.8.8.8', false, ['subjectAltName=IP:8.8.8.8']],
		['evil.example', false, ['keyUsage=digitalSignature']], /* only a common name */
	];
	let data, gitThere;

	before(async () => {
		gitThere = (await tool('git', ['--version'])).code === 0;
	});

	test('openssl x509 says so', async () => {
		data = await filled();
		const { out } = await tool('openssl', ['x509', '-in', `${data}/ca.pem`, '-noout', '-text']);
		assert.match(out, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
		assert.match(out, /Name Constraints: critical\s+Permitted:/);
		for (const name of ['IP:127.0.0.0/255.0.0.0', 'DNS:localhost', 'DNS:dropbox.com', 'DNS:dropboxapi.com'])
			assert.ok(out.includes(name), out);
		const end = new Date(/Not After : (.*)/.exec(out)[1]);
		assert.ok(end - Date.now() < 6 * 366 * 86400e3, end.toISOString());
	});

	for (const [name, good, extensions] of names)
		test(`a leaf for ${name} (${extensions[0]}) ${good ? 'passes' : 'is refused by curl, node and git'}`, async () => {
			const { cert, key } = await forge(data, scratch(), extensions[0].startsWith('subject') ? '/O=a leaf' : `/CN=${name}`, extensions);
			const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, res) => res.end('hi'));
			await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
			const { port } = server.address();
			const seen = await Promise.all([curl(name, port), node(name, port), git(name, port)]);
			server.close();
			server.closeAllConnections?.();
			assert.deepEqual(seen, [good, good, gitThere ? good : null], name);
		});

	const curl = async (name, port) =>
		(await tool('curl', ['-sS', '--noproxy', '*', '--cacert', `${data}/ca.pem`, '--connect-to', `::127.0.0.1:${port}`,
			`https://${name}:${port}/`])).code === 0;

	const node = (name, port) =>
		new Promise((resolve) => {
			const url = { host: '127.0.0.1', port, servername: /^[\d.]+$/.test(name) ? '' : name, ca: readFileSync(`${data}/ca.pem`), agent: false };
			const req = https.get({ ...url, headers: { host: name }, checkServerIdentity: () => undefined }, (res) => {
				res.resume();
				resolve(true);
			});
			req.on('error', () => resolve(false));
		});

	/* Debian's git speaks TLS by GnuTLS. It finds no repository here; what it says of the TLS counts. */
	const git = async (name, port) => {
		if (!gitThere) return null;
		const { out } = await tool('git', ['-c', `http.curloptResolve=${name}:${port}:127.0.0.1`, 'ls-remote',
			`https://${name}:${port}/x`], { GIT_SSL_CAINFO: `${data}/ca.pem`, GIT_TERMINAL_PROMPT: '0' });
		return !/certificate|SSL|TLS|reach|connect|resolve/i.test(out);
	};
});

describe('S-160 keys and certificates', () => {
	test('all private files have mode 0600 in a 0700 directory', async () => {
		const data = path.join(scratch(), 'new');
		const sandbox = await startSandbox({ data, args: TLS });
		await sandbox.stop({ keep: true });
		assert.equal(statSync(data).mode & 0o777, 0o700);
		for (const name of ['ca-key.pem', 'server.pem', 'ca.pem', 'ca-bundle.pem'])
			assert.equal(statSync(path.join(data, name)).mode & 0o777, 0o600, name);
	});

	const faults = [
		['a missing key', (d) => rmSync(`${d}/ca-key.pem`), /ca-key\.pem .*is missing/],
		['another CA\'s key', async (d) => writeFileSync(`${d}/ca-key.pem`, readFileSync(`${await filled()}/ca-key.pem`)), /ca\.pem and .*ca-key\.pem are not a certificate and its key/],
		['a key that others can read', (d) => chmodSync(`${d}/ca-key.pem`, 0o644), /ca-key\.pem can be read by others/],
		['a server key that others can read', (d) => chmodSync(`${d}/server.pem`, 0o640), /server\.pem can be read by others/],
		['a certificate that is none', (d) => writeFileSync(`${d}/ca.pem`, 'nothing'), /ca\.pem and .*are not a certificate/],
	];
	for (const [name, spoil, sentence] of faults)
		test(`${name} stops the start with a sentence`, async () => {
			const data = await filled();
			await spoil(data);
			const { code, err } = await startAgain(data);
			assert.equal(code, 2, err);
			assert.match(err, sentence);
		});

	test('a CA near its end is made again, with all that hangs on it', async () => {
		const data = await filled();
		const before = readFileSync(`${data}/server.pem`, 'utf8');
		const made = await tool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '20',
			'-subj', '/O=old', '-keyout', `${data}/ca-key.pem`, '-out', `${data}/ca.pem`]);
		assert.equal(made.code, 0, made.out);
		await (await startSandbox({ data, args: TLS })).stop({ keep: true });
		const { out } = await tool('openssl', ['x509', '-in', `${data}/ca.pem`, '-noout', '-subject', '-checkend', String(1000 * 86400)]);
		assert.match(out, /sandbox development CA [0-9a-f]{8}\nCertificate will not expire/);
		assert.notEqual(readFileSync(`${data}/server.pem`, 'utf8'), before);
		assert.equal((await tool('openssl', ['verify', '-CAfile', `${data}/ca.pem`, `${data}/server.pem`])).code, 0);
	});

	/* What a start leaves that is killed while it makes an authority anew, at each point. */
	test('a start that ended while it renewed the CA does not stop the next one', async () => {
		const [data, newer] = [await filled(), await filled()];
		const file = (dir, name) => path.join(dir, name);
		const pem = (dir, name) => readFileSync(file(dir, name), 'utf8');
		const put = (name, from, what) => writeFileSync(file(data, name), pem(from, what), { mode: 0o600 });
		const again = async (want) => {
			const sandbox = await startSandbox({ data, args: TLS });
			await sandbox.stop({ keep: true });
			assert.equal(pem(data, 'ca.pem'), want);
			assert.ok(pem(data, 'ca-bundle.pem').includes(want));
			assert.deepEqual(readdirSync(data).filter((n) => n.endsWith('.next')), []);
		};
		const [old, fresh] = [pem(data, 'ca.pem'), pem(newer, 'ca.pem')];
		put('ca.pem.next', newer, 'ca.pem');
		await again(old);
		put('ca.pem.next', newer, 'ca.pem');
		put('ca-key.pem.next', newer, 'ca-key.pem');
		await again(old);
		put('ca.pem.next', newer, 'ca.pem');
		put('ca-key.pem', newer, 'ca-key.pem');
		await again(fresh);
		rmSync(file(data, 'ca.pem'));
		put('ca.pem.next', newer, 'ca.pem');
		await again(fresh);
	});

	test('the server\'s certificate is kept while it is good, and made again near its end or for other names', async () => {
		const data = await filled();
		const file = path.join(data, 'server.pem');
		const restart = async () => {
			await (await startSandbox({ data, args: TLS })).stop({ keep: true });
			return readFileSync(file, 'utf8');
		};
		const first = readFileSync(file, 'utf8');
		assert.equal(await restart(), first);
		const ending = await forge(data, scratch(), '/CN=old', ['subjectAltName=DNS:localhost']);
		writeFileSync(file, readFileSync(ending.cert, 'utf8') + readFileSync(ending.key, 'utf8'));
		const fresh = await restart();
		assert.notEqual(fresh, readFileSync(ending.cert, 'utf8'));
		writeFileSync(path.join(data, 'leaf'), fresh);
		const { out } = await tool('openssl', ['x509', '-in', path.join(data, 'leaf'), '-noout', '-ext', 'subjectAltName', '-enddate']);
		for (const name of ['localhost', '127.0.0.1', 'www.dropbox.com', 'notify.dropboxapi.com']) assert.ok(out.includes(name), out);
		const days = (new Date(/notAfter=(.*)/.exec(out)[1]) - Date.now()) / 86400e3;
		assert.ok(days > 300 && days <= 398, out);
	});
});

test('S-162 each data directory has a CA of its own, and its key is in no output', async () => {
	const sandbox = await startSandbox({ args: ['--proxy', '127.0.0.1:0'] });
	const other = await filled();
	const key = readFileSync(path.join(sandbox.data, 'ca-key.pem'), 'utf8');
	assert.notEqual(key, readFileSync(`${other}/ca-key.pem`, 'utf8'));
	const secret = key.split('\n')[1];
	await sandbox.control('POST', '/_sandbox/snapshots', { name: 'one' });
	const said = [await sandbox.state(), await sandbox.control('GET', '/_sandbox/log')].map((o) => JSON.stringify(o));
	const env = await run(['sandbox', 'env', '--data', sandbox.data]);
	for (const text of [...said, env.out, sandbox.log()]) assert.ok(!text.includes(secret));
	assert.match(env.out, /ca\.pem/);
	const files = filesBelow(sandbox.data);
	assert.ok(files.some((file) => file.includes('/snapshots/one/')), files.join());
	for (const file of files)
		if (!file.endsWith('/ca-key.pem')) assert.ok(!readFileSync(file, 'latin1').includes(secret), file);
	await sandbox.stop();
});

test('S-163 the bundle is the system\'s roots and the CA, and nothing outside the data directory changes', async () => {
	const home = scratch();
	const data = scratch();
	const sandbox = await startSandbox({ data, args: TLS, env: { HOME: home } });
	await sandbox.stop({ keep: true });
	assert.deepEqual(readdirSync(home), []);
	const system = readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8');
	assert.equal(readFileSync(`${data}/ca-bundle.pem`, 'utf8'), system + readFileSync(`${data}/ca.pem`, 'utf8'));
	assert.ok(!system.includes(readFileSync(`${data}/ca.pem`, 'utf8').split('\n')[1]));
});

describe('S-026 the manager believes the CA for the sandbox it was given for', () => {
	async function tryIt(args) {
		const sandbox = await startSandbox({ args: TLS });
		const manager = await startServe({ args: ['--dropbox-url', sandbox.url, ...args(sandbox)] });
		const admin = await managerClient(manager);
		const attempt = await startAttempt(admin);
		const page = await admin.get(`/oauth/callback/dropbox?state=${attempt.state}&code=abc`, { accept: 'text/html' });
		const { body } = await admin.get(`/api/console/connections/${attempt.id}`);
		await manager.stop();
		await sandbox.stop();
		return JSON.stringify(body) + page.text;
	}

	test('with --dropbox-ca it reaches the sandbox, which knows no such app', async () => {
		const said = await tryIt((sandbox) => ['--dropbox-ca', path.join(sandbox.data, 'ca.pem')]);
		assert.doesNotMatch(said, /not to be trusted/);
		assert.match(said, /app key|App Key|secret/i);
	});

	test('without it the sandbox is refused, with a sentence that says what to do', async () => {
		const said = await tryIt(() => []);
		assert.match(said, /not to be trusted: could not trust 127\.0\.0\.1:\d+: SSL certificate problem/);
		assert.match(said, /--dropbox-ca/);
	});

	test('with another\'s CA it is refused, too', async () => {
		const other = await filled();
		assert.match(await tryIt(() => ['--dropbox-ca', `${other}/ca.pem`]), /not to be trusted/);
	});

	test('another provider at a server of the same CA is refused, also right after a call to the sandbox', async () => {
		const sandbox = await startSandbox({ args: TLS });
		const providers = scratch();
		const dropbox = JSON.parse(readFileSync(new URL('../../providers/dropbox.json', import.meta.url), 'utf8'));
		const bases = { web: sandbox.url, api: sandbox.url };
		writeFileSync(path.join(providers, 'other.json'), JSON.stringify({ ...dropbox, id: 'other-place', name: 'Other Place', bases }));
		const manager = await startServe({ args: ['--providers', providers, '--dropbox-url', sandbox.url, '--dropbox-ca', path.join(sandbox.data, 'ca.pem')] });
		const admin = await managerClient(manager);
		const said = async (provider) => {
			const attempt = await startAttempt(admin, { provider });
			return (await admin.get(`/oauth/callback/${provider}?state=${attempt.state}&code=abc`, { accept: 'text/html' })).text;
		};
		for (let i = 0; i < 2; i++) {
			assert.doesNotMatch(await said('dropbox'), /not to be trusted/);
			assert.match(await said('other-place'), /What answers for Other Place is not to be trusted/);
		}
		await manager.stop();
		await sandbox.stop();
	});

	test('a CA file that is none, or a CA without an address, stops the start', async () => {
		const data = scratch();
		const serve = (...args) => run(['serve', '--data', path.join(data, 'm'), '--listen', '127.0.0.1:0', ...args]);
		writeFileSync(`${data}/none`, 'nothing');
		assert.match((await serve('--dropbox-url', 'https://127.0.0.1:1', '--dropbox-ca', `${data}/none`)).err, /none is not a certificate/);
		assert.match((await serve('--dropbox-url', 'https://127.0.0.1:1', '--dropbox-ca', `${data}/missing`)).err, /There is no file .*missing/);
		assert.match((await serve('--dropbox-ca', `${data}/none`)).err, /Give --dropbox-url and --dropbox-ca/);
	});

	test('the demo gives its manager the CA of its sandbox', async () => {
		const demo = await startDemo({ args: ['--sandbox-tls', '--sandbox-proxy', '127.0.0.1:0'] });
		assert.match(demo.seed.sandbox_url, /^https:\/\/127\.0\.0\.1:\d+$/);
		assert.match(demo.seed.sandbox_proxy, /^http:\/\/127\.0\.0\.1:\d+$/);
		assert.ok(path.isAbsolute(demo.seed.sandbox_ca));
		const admin = await managerClient(demo);
		const attempt = await startAttempt(admin, app);
		const page = await admin.get(`/oauth/callback/dropbox?state=${attempt.state}&code=abc`, { accept: 'text/html' });
		assert.doesNotMatch(page.text, /not to be trusted/);
		await demo.stop();
	});
});
