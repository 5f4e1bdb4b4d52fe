/* The process and its words: rows S-180 to S-182 and S-194 to S-196. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { binary, cleanEnv } from '../lib/binary.mjs';
import { managerClient, managerVisitor, programGet } from '../lib/http.mjs';
import { allBytes, app, assertAbsent, connect, connectToken, makeKey, openCallback, startAttempt } from '../lib/manager.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { request, talk } from '../lib/raw.mjs';
import { run, startDemo, startServe } from '../lib/server.mjs';

const proc = (pid, name) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('S-180 a crash leaves no core and no neighbour can look in', async (t) => {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-core-'));
	t.after(() => rmSync(dir, { recursive: true, force: true }));
	const asRoot = process.getuid() === 0;
	const user = asRoot ? { uid: 65534, gid: 65534 } : {};
	if (asRoot) chownSync(dir, 65534, 65534);
	const copy = path.join(dir, 'valetkey'); /* the tree itself may be out of that user's reach */
	copyFileSync(binary, copy);
	/* abort_on_error and handle_segv: the sanitizer must not swallow the signal that a crash is. */
	const env = { ...cleanEnv(), ASAN_OPTIONS: 'detect_leaks=0:handle_segv=0:disable_coredump=0', VALETKEY_LOG_LEVEL: 'debug' };
	for (const [command, ...rest] of [['serve'], ['sandbox'], ['demo', '--sandbox-listen', '127.0.0.1:0']]) {
		const child = spawn('bash', ['-c', 'ulimit -c unlimited; exec "$0" "$@"', copy, command, '--data', path.join(dir, command),
			'--listen', '127.0.0.1:0', ...rest], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'], ...user });
		const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
		let out = '';
		child.stdout.on('data', (d) => (out += d));
		child.stderr.on('data', (d) => (out += d));
		t.after(() => child.kill('SIGKILL'));
		for (let i = 0; i < 1200 && child.exitCode === null && !/127\.0\.0\.1:\d+/.test(out); i++) await wait(50);
		assert.match(out, /127\.0\.0\.1:\d+/, command);
		assert.match(proc(child.pid, 'limits'), /Max core file size\s+0\s+0/, command);
		/* Not dumpable: everything of it in /proc belongs to root, whoever runs it. */
		for (const name of ['mem', 'environ', 'maps', 'fd']) {
			if (asRoot) assert.equal(statSync(`/proc/${child.pid}/${name}`).uid, 0, `${command}: ${name}`);
			const look = spawnSync('cat', [name === 'fd' ? `/proc/${child.pid}/fd/0` : `/proc/${child.pid}/${name}`], user);
			assert.notEqual(look.status, 0, `${command}: ${name} can be read`);
		}
		child.kill('SIGSEGV');
		assert.equal((await ended).signal, 'SIGSEGV');
		assert.deepEqual(readdirSync(dir, { recursive: true }).filter((f) => /(^|\/)core/.test(f)), []);
	}
});

test('S-181 what came by environment is gone from it', async (t) => {
	const p = await startProvider({ other: () => undefined });
	t.after(() => p.stop());
	const key = `vk_${'k'.repeat(49)}`;
	const env = { ...cleanEnv(), VALETKEY_API_KEY: key, VALETKEY_URL: p.url };
	const child = spawn(binary, ['token', 'get', 'Archive'], { env, stdio: 'ignore' });
	t.after(() => child.kill('SIGKILL'));
	for (let i = 0; i < 1200 && p.requests.length === 0; i++) await wait(25);
	assert.equal(p.requests[0]?.headers.authorization, `Bearer ${key}`, 'it was used');
	let seen = '';
	try {
		seen = proc(child.pid, 'environ');
	} catch (e) {
		assert.equal(e.code, 'EACCES');
	}
	assert.ok(!seen.includes('kkkkkkkk'), 'the key is still in the environment');
	assert.ok(!proc(child.pid, 'cmdline').includes('kkkkkkkk'));
});

test('S-182 no command takes a secret as an argument', async (t) => {
	const manager = await startServe({ log: 'info' });
	await manager.stop({ keep: true });
	const { data } = manager;
	t.after(() => rmSync(data, { recursive: true, force: true }));
	for (const command of ['serve', 'sandbox', 'demo', 'passwd', 'token']) {
		const { out } = await run([command, '--help']);
		assert.ok(out.length > 50, command);
		assert.doesNotMatch(out, /--(password|api-key|key|secret|master-key|token|app-secret)\b(?!-file)/, command);
	}
	for (const option of ['--password', '--api-key', '--secret'])
		for (const command of ['serve', 'passwd', 'token']) assert.ok((await run([command, option, 'x'])).code > 0);
	const password = 'chosen by a person';
	const set = spawnSync(binary, ['passwd', '--data', data], { input: `${password}\n`, env: cleanEnv() });
	assert.equal(set.status, 0, set.stderr.toString());
	assert.ok(!(set.stdout.toString() + set.stderr).includes(password));
	const again = await startServe({ data });
	t.after(() => again.stop({ keep: true }));
	assert.equal(again.password, null, 'no password is shown at a later start');
	await managerClient({ url: again.url, username: 'admin', password });
});

/* Each kind of failure that there is a sentence for, with planted values in it. */
async function everyFailure(ann, p, token, planted) {
	const mine = { app_secret: planted['the app secret'] };
	for (const reply of [
		{ status: 400, json: { error: 'invalid_grant', error_description: 'no' } },
		{ status: 400, json: { error: 'invalid_client', refresh_token: planted.refresh } },
		{ status: 500, text: planted.access }, { status: 302, headers: { location: `/x?token=${planted.access}` }, text: '' },
		{ json: tokenReply({ access_token: `${planted.access} x`, refresh_token: planted.refresh }) },
		{ text: `{"access_token":"${planted.access}"` }, { text: 'x'.repeat(300000) + planted.access },
		{ json: { access_token: planted.access, token_type: 'mac', refresh_token: planted.refresh } },
	]) {
		p.on.token = () => reply;
		await connect(ann, mine);
		await ann.post(`/api/console/tokens/${token.id}/refresh`);
		await ann.patch(`/api/console/tokens/${token.id}`, { app_secret: planted['the app secret'] });
	}
	await ann.post('/api/console/connections', { provider: 'dropbox', app_key: 'x y', scopes: '', ...mine });
	await ann.post('/api/console/connections', { provider: 'dropbox', app_key: app.app_key, scopes: '', app_secret: `${planted['the app secret']} x` });
	await ann.post('/api/console/sign-in', { username: 'admin', password: `${planted.password}x` });
	await ann.post('/api/console/sign-in', { username: planted.password, password: 'x' });
	await ann.call('/api/console/sign-in', { method: 'POST', body: `{"password":"${planted.password}"`, headers: {
		origin: ann.url, 'x-csrf-token': ann.csrf, 'content-type': 'application/json' } });
}

test('S-194 no log, error or file holds a secret or its beginning', async (t) => {
	const mark = () => randomBytes(20).toString('hex');
	const planted = { password: mark(), 'the app secret': mark(), access: mark(), refresh: mark(), code: mark(), 'a header': mark() };
	const p = await startProvider();
	t.after(() => p.stop());
	const manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url }, log: 'debug' });
	t.after(() => manager.stop());
	const first = await managerClient(manager);
	assert.equal((await first.post('/api/console/password', { current: manager.password, new: planted.password })).status, 204);
	const ann = await managerClient({ url: manager.url, username: 'admin', password: planted.password });
	p.on.token = () => ({ json: tokenReply({ access_token: planted.access, refresh_token: planted.refresh }) });
	const token = await connectToken(ann, 'Archive', { app_secret: planted['the app secret'] });
	const { key, id: keyId } = await makeKey(ann);
	const get = (k, headers) => programGet(manager.url, '/api/v1/tokens/Archive/access-token', k, { headers });
	assert.equal((await get(key)).body.access_token, planted.access);
	assert.equal((await get(`${key}x`)).status, 401);
	await get(undefined, { 'x-secret': planted['a header'], cookie: `other=${planted['a header']}`, authorization: `Basic ${planted['a header']}` });
	for (const what of ['reveal', 'test', 'refresh']) assert.equal((await ann.post(`/api/console/tokens/${token.id}/${what}`)).status, 200);
	const attempt = await startAttempt(ann);
	await openCallback(ann, `/oauth/callback/dropbox?code=${planted.code}&state=x${attempt.state.slice(1)}`);
	await openCallback(ann, `/oauth/callback/dropbox?code=${planted.code}&state=${attempt.state}`);
	await everyFailure(ann, p, token, planted);
	const states = p.requests.filter((r) => r.path === '/oauth2/authorize').map((r) => r.query.state);
	const used = p.requests.filter((r) => r.form.code_verifier).map((r) => r.form.code_verifier);
	const csrf = ann.csrf;
	await ann.del(`/api/console/keys/${keyId}`);
	await ann.post('/api/console/sign-out');
	await talk(manager.port, `GET /?${planted.access} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${planted.refresh}\r\n\r\n`);

	const cookies = ann.cookieLines.map((l) => l.split(';')[0].split('=')[1]);
	const secrets = { ...planted, key, state: attempt.state, csrf };
	states.forEach((v, i) => (secrets[`state ${i}`] = v));
	used.forEach((v, i) => (secrets[`verifier ${i}`] = v));
	cookies.forEach((v, i) => (secrets[`cookie ${i}`] = v));
	assert.ok(used.length >= 8 && states.length >= 8 && cookies.length >= 2);
	assert.match(manager.stderr(), / debug event=/, 'the most talkative level');
	assert.ok(manager.stderr().split('\n').length > 40);
	assertAbsent(manager.stderr(), secrets, 'standard error', { prefix: 8 });
	assertAbsent(manager.stdout(), secrets, 'standard output', { prefix: 8 });
	assertAbsent(allBytes(manager.data), secrets, 'the data directory', { prefix: 8 });
});

test('S-195 one event is one line, whatever it quotes', async (t) => {
	const p = await startProvider();
	t.after(() => p.stop());
	const manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url }, log: 'debug' });
	t.after(() => manager.stop());
	const ann = await managerClient(manager);
	const nasty = ['a\r\nerror event=planted', '\u2028x', '\x1b[31mred', 'nul\0nul', 'x" event=planted y="', '\u{1f600}', 'y'.repeat(100000)];
	for (const text of nasty) {
		const part = encodeURIComponent(text.slice(0, 4000));
		await ann.call(`/${part}`);
		await ann.call(`/api/v1/tokens/${part}/access-token?x=${part}`);
		await openCallback(ann, `/oauth/callback/${part}?state=x&error=${part}`);
		await managerVisitor(manager).signIn('/api/console/sign-in', { username: text.slice(0, 90), password: 'x' });
		p.on.token = () => ({ status: 400, json: { error: 'invalid_grant', error_description: text } });
		await connect(ann);
		await talk(manager.port, request(manager.port, 'GET /', [`User-Agent: ${Buffer.from(text).toString('latin1').replace(/[\r\n\0]/g, '\t').slice(0, 4000)}`, 'Connection: close']));
		await talk(manager.port, `GET /${Buffer.from(text).toString('latin1').slice(0, 3000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
	}
	const lines = manager.stderr().split('\n').filter((l) => l !== '');
	assert.ok(lines.length > 40);
	for (const line of lines) {
		assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) event=[a-z_.]+( [a-z_]+=("([^"\\\x00-\x1f\x7f-\uffff]|\\.)*"|[^\s"=\\]*))*$/);
		assert.doesNotMatch(line, / (error )?event=.* event=planted(?![^"]*"( |$))/);
		assert.ok(line.length <= 4096);
	}
	assert.ok(!lines.some((l) => l.startsWith('error event=planted')));
});

test('S-196 queries are not logged', async (t) => {
	const demo = await startDemo();
	t.after(() => demo.stop());
	const secret = randomBytes(20).toString('hex');
	const ann = await managerClient(demo);
	await openCallback(ann, `/oauth/callback/dropbox?code=${secret}&state=${secret}`);
	await ann.call(`/tokens?x=${secret}`);
	await ann.call(`/nosuch?x=${secret}`);
	for (const url of [`/oauth2/token?grant_type=refresh_token&refresh_token=${secret}&client_id=x&client_secret=${secret}`,
		`/oauth2/authorize?client_id=x&state=${secret}`, `/nosuch?x=${secret}`])
		for (const method of ['GET', 'POST']) await fetch(demo.sandbox + url, { method, redirect: 'manual' });
	assert.match(demo.stderr(), /\/oauth\/callback\/\{\}|\/oauth\/callback/);
	assert.match(demo.stderr(), /\/oauth2\/token/);
	assertAbsent(demo.stderr() + demo.stdout().replace(/^\{.*\}$/m, ''), { secret }, 'the log', { prefix: 8 });
});
