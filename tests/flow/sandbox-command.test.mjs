/* `valetkey sandbox --ephemeral -- COMMAND` and `valetkey sandbox env`. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { binary, cleanEnv } from '../lib/binary.mjs';
import { run, startDemo, startSandbox } from '../lib/server.mjs';

const scratch = mkdtempSync(path.join(tmpdir(), 'valetkey-command-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const sandboxed = (args, script, opt) => run(['sandbox', '--ephemeral', ...args, '--', 'bash', '-c', script], opt);

/* The variables that a script sees, and where its sandbox kept its data. */
async function seen(args = [], opt = {}) {
	const { code, out, err } = await sandboxed(args, 'env -0', opt);
	assert.equal(code, 0, err);
	return Object.fromEntries(out.split('\0').filter(Boolean).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

describe('a command', () => {
	test('gets the sandbox\'s address, its control token and the proxy, and nothing remains', async () => {
		const env = await seen();
		assert.match(env.VALETKEY_SANDBOX_URL, /^http:\/\/127\.0\.0\.1:\d+$/);
		assert.match(env.VALETKEY_SANDBOX_CONTROL_TOKEN, /^[\w-]{43}$/);
		assert.match(env.HTTPS_PROXY, /^http:\/\/127\.0\.0\.1:\d+$/);
		assert.equal(env.https_proxy, env.HTTPS_PROXY);
		assert.equal(env.NO_PROXY, 'localhost,127.0.0.1,::1');
		assert.equal(env.NODE_USE_ENV_PROXY, '1');
		const dir = path.dirname(env.NODE_EXTRA_CA_CERTS);
		assert.equal(env.SSL_CERT_FILE, path.join(dir, 'ca-bundle.pem'));
		assert.ok(!existsSync(dir), dir);
	});

	test('talks to the sandbox at its address and through the proxy; the output is its own', async () => {
		const { code, out, err } = await sandboxed([], `
			curl -fsS "$VALETKEY_SANDBOX_URL/healthz"; echo
			curl -fsS "$VALETKEY_SANDBOX_URL/_sandbox/state" -H "Authorization: Bearer $VALETKEY_SANDBOX_CONTROL_TOKEN" | head -c 1; echo
			curl -sS -X POST https://api.dropboxapi.com/2/check/user; echo
			curl -sS https://example.com/ 2>&1 || echo "refused $?"`);
		assert.equal(code, 0, err);
		assert.match(out, /^\{"status":"ok"\}\n\{\nError in call to API function "check\/user": .*\ncurl: .*403\nrefused 56\n$/);
		assert.equal(err, '');
	});

	test('has the status that the command ended with, 128 and the signal, 127 or 126', async () => {
		assert.equal((await sandboxed([], 'exit 7')).code, 7);
		assert.equal((await sandboxed([], 'kill -KILL $$')).code, 137);
		const missing = await run(['sandbox', '--ephemeral', '--', 'no-such-command-here']);
		assert.equal(missing.code, 127);
		assert.match(missing.err, /The command no-such-command-here could not be started: No such file/);
		assert.equal((await run(['sandbox', '--ephemeral', '--', '/etc/passwd'])).code, 126);
		assert.equal((await run(['sandbox', '--ephemeral', '--'])).code, 2);
	});

	test('keeps its own options, file modes, core limit and descriptors', async () => {
		const { out } = await run(['sandbox', '--ephemeral', '--', 'bash', '-c', 'umask; ulimit -Sc; ulimit -Hc; echo "$@"; ls /proc/self/fd | wc -l', 'x', '--help', '--data']);
		const here = await new Promise((resolve) => execFile('bash', ['-c', 'umask; ulimit -Sc; ulimit -Hc'], (e, o) => resolve(o)));
		const [mask, soft, hard, args, fds] = out.split('\n');
		assert.equal(`${mask}\n${soft}\n${hard}\n`, here);
		assert.equal(args, '--help --data');
		/* ls itself has three and the directory; a test runner may leave one or two open. */
		assert.ok(Number(fds) <= 7, out);
	});

	test('gets the signals that the sandbox is sent, and the sandbox ends after it', async () => {
		const child = spawn(binary, ['sandbox', '--ephemeral', '--', 'bash', '-c',
			'trap "echo got TERM; exit 3" TERM; trap "echo got USR1" USR1; dirname "$SSL_CERT_FILE"; while :; do read -t 1 <> <(:); done'],
			{ env: cleanEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
		let out = '';
		const says = (pattern) => new Promise((resolve) => {
			const look = () => pattern.test(out) && resolve();
			child.stdout.on('data', look);
			look();
		});
		child.stdout.on('data', (d) => (out += d));
		await says(/\n/);
		const dir = out.split('\n')[0];
		assert.ok(existsSync(dir));
		child.kill('SIGUSR1');
		await says(/got USR1/);
		child.kill('SIGTERM');
		const code = await new Promise((resolve) => child.on('close', resolve));
		assert.match(out, /got TERM/);
		assert.equal(code, 3);
		assert.ok(!existsSync(dir));
	});

	test('works with a kept data directory, too, and with a port of its choice', async () => {
		const data = path.join(scratch, 'kept');
		const script = 'curl -fsS "$VALETKEY_SANDBOX_URL/healthz" >/dev/null && echo "$VALETKEY_SANDBOX_URL"';
		const { code, out } = await run(['sandbox', '--data', data, '--listen', '127.0.0.1:0', '--tls', '--', 'bash', '-c', script]);
		assert.equal(code, 0);
		assert.match(out, /^https:/);
		assert.ok(existsSync(path.join(data, 'sandbox.db')));
	});
});

test('--ephemeral alone keeps nothing, whichever signal ends it', async () => {
	for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
		const child = spawn(binary, ['sandbox', '--ephemeral', '--tls', '--listen', '127.0.0.1:0'], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
		let out = '';
		const dir = await new Promise((resolve) => {
			child.stdout.on('data', (d) => {
				out += d;
				const ca = /^CA: +(\S+)$/m.exec(out);
				if (ca) resolve(path.dirname(ca[1]));
			});
		});
		assert.equal(statSync(dir).mode & 0o777, 0o700);
		child.kill(signal);
		assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0, signal);
		assert.ok(!existsSync(dir), signal);
	}
	const both = await run(['sandbox', '--ephemeral', '--data', path.join(scratch, 'both')]);
	assert.equal(both.code, 2);
	assert.match(both.err, /--ephemeral keeps nothing/);
});

describe('sandbox env', () => {
	test('prints lines that a shell can take, whatever the directory is called', async () => {
		const data = path.join(scratch, 'it\'s a "dir" $(no) \\ ünd\nso');
		mkdirSync(data);
		const sandbox = await startSandbox({ data, args: ['--proxy', '127.0.0.1:0'] });
		const { code, out, err } = await run(['sandbox', 'env', '--data', data]);
		assert.equal(code, 0, err);
		const script = `eval "$1"; curl -sS -X POST https://api.dropboxapi.com/2/check/user; printf '\\n%s' "$NODE_EXTRA_CA_CERTS"`;
		const shell = await new Promise((resolve) => execFile('sh', ['-c', script, 'sh', out], { env: { PATH: process.env.PATH } }, (e, o, er) => resolve(o + er)));
		assert.match(shell, /^Error in call to API function "check\/user"/);
		assert.ok(shell.endsWith(`\n${data}/ca.pem`), shell);
		assert.ok(!out.includes(readFileSync(`${data}/control-token`, 'utf8').trim()));
		assert.equal(statSync(`${data}/running.json`).mode & 0o777, 0o600);
		await sandbox.stop({ keep: true });
		assert.ok(!existsSync(`${data}/running.json`));
	});

	test('--json prints an object; the demo\'s sandbox has it too', async () => {
		const demo = await startDemo({ args: ['--sandbox-proxy', '127.0.0.1:0'] });
		const { out } = await run(['sandbox', 'env', '--json', '--data', path.join(demo.data, 'sandbox')]);
		const env = JSON.parse(out);
		assert.equal(env.VALETKEY_SANDBOX_URL, demo.seed.sandbox_url);
		assert.equal(env.HTTPS_PROXY, demo.seed.sandbox_proxy);
		assert.equal(env.NODE_EXTRA_CA_CERTS, demo.seed.sandbox_ca);
		await demo.stop();
	});

	test('without a proxy or TLS there is the address only', async () => {
		const sandbox = await startSandbox();
		const { out } = await run(['sandbox', 'env', '--data', sandbox.data]);
		assert.equal(out, `export VALETKEY_SANDBOX_URL='${sandbox.url}'\n`);
		await sandbox.stop();
	});

	test('needs a running sandbox: one that was killed is not taken for one', async () => {
		const sandbox = await startSandbox({ args: ['--proxy', '127.0.0.1:0'] });
		await sandbox.kill();
		assert.ok(existsSync(`${sandbox.data}/running.json`));
		const after = await run(['sandbox', 'env', '--data', sandbox.data]);
		assert.equal(after.code, 1);
		assert.equal(after.out, '');
		assert.match(after.err, /No sandbox is running on the data directory .*\n.*Start one: valetkey sandbox/);
		assert.equal((await run(['sandbox', 'env', '--data', path.join(scratch, 'nothing')])).code, 1);
		assert.equal((await run(['sandbox', 'env'])).code, 2);
	});

	test('keeps of NO_PROXY what the sandbox does not stand for', async () => {
		const sandbox = await startSandbox({ args: ['--proxy', '127.0.0.1:0'] });
		const list = async (NO_PROXY) => JSON.parse((await run(['sandbox', 'env', '--json', '--data', sandbox.data], { env: { NO_PROXY } })).out).NO_PROXY;
		const local = 'localhost,127.0.0.1,::1';
		assert.equal(await list('.internal, 10.0.0.0/8,localhost'), `${local},.internal,10.0.0.0/8`);
		for (const entry of ['*', 'dropbox.com', '.dropbox.com', '*.dropboxapi.com', 'API.dropboxapi.com', 'com', '.com'])
			assert.equal(await list(`${entry},keep.example`), `${local},keep.example`, entry);
		assert.equal(await list('x.dropbox.com,notdropbox.com'), `${local},x.dropbox.com,notdropbox.com`);
		await sandbox.stop();
	});
});
