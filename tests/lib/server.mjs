/*
 * Starts the real binary on free loopback ports.
 *
 *   const demo = await startDemo();       both halves; demo.seed is the seed line
 *   const sandbox = await startSandbox(); the sandbox alone; accounts as in the seed line
 *   const manager = await startServe({ env: { VALETKEY_DROPBOX_URL: provider.url } });
 *   ... await x.stop();
 *
 * stop() ends the program with SIGTERM and throws when it did not end cleanly or when a sanitizer
 * reported something. A program still running when the test process ends is killed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { binary, cleanEnv, sanitizerReport } from './binary.mjs';

const START_MS = 60000;
const STOP_MS = 60000;
const running = new Set();
const directories = new Set();

process.on('exit', () => {
	for (const child of running) child.kill('SIGKILL');
	for (const dir of directories) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
});

/* How a program ended, for a person. */
function ending({ code, signal }) {
	return signal ? `signal ${signal}` : `status ${code}`;
}

class Program {
	constructor(args, { env, cwd } = {}) {
		this.out = '';
		this.err = '';
		this.watchers = new Set();
		this.child = spawn(binary, args, { env: cleanEnv(env), cwd, stdio: ['ignore', 'pipe', 'pipe'] });
		running.add(this.child);
		this.child.stdout.on('data', (d) => this.take('out', d));
		this.child.stderr.on('data', (d) => this.take('err', d));
		this.holds = 0;
		this.gone = new Promise((resolve) => {
			this.child.on('error', (e) => resolve({ code: -1, signal: e.message }));
			this.child.on('close', (code, signal) => resolve({ code, signal }));
		}).then((end) => {
			running.delete(this.child);
			this.end = end;
			for (const watch of this.watchers) watch();
			return end;
		});
		this.hold(0);
	}

	/* Only somebody who waits for it keeps the test process alive: a test that fails before its
	 * stop() leaves a program behind, but not a test process that never ends. */
	hold(change) {
		this.holds += change;
		for (const part of [this.child, this.child.stdout, this.child.stderr])
			this.holds > 0 ? part.ref() : part.unref();
	}

	get ended() {
		this.hold(1);
		return this.gone.finally(() => this.hold(-1));
	}

	get pid() {
		return this.child.pid;
	}

	take(stream, chunk) {
		this[stream] += chunk;
		for (const watch of this.watchers) watch();
	}

	why(ms) {
		return this.end ? `it ended with ${ending(this.end)}` : `nothing in ${ms} ms`;
	}

	/* Resolves with what find(stdout, stderr) returns, as soon as that is not null. */
	until(find, what, ms = START_MS) {
		this.hold(1);
		return new Promise((resolve, reject) => {
			const watch = () => {
				const found = find(this.out, this.err);
				if (found == null && !this.end && !this.late) return;
				clearTimeout(timer);
				this.watchers.delete(watch);
				this.hold(-1);
				if (found != null) resolve(found);
				else reject(new Error(`${what}: ${this.why(ms)}\n${this.out}${this.err}`));
			};
			const timer = setTimeout(() => {
				this.late = true;
				watch();
				this.late = false;
			}, ms);
			this.watchers.add(watch);
			watch();
		});
	}

	/* SIGTERM, then the end. */
	async terminate() {
		this.child.kill('SIGTERM');
		const timer = setTimeout(() => {
			this.stuck = true;
			this.child.kill('SIGKILL');
		}, STOP_MS);
		const end = await this.ended;
		clearTimeout(timer);
		return end;
	}

	check(end) {
		if (sanitizerReport.test(this.err)) throw new Error(`a sanitizer reported:\n${this.err.slice(-6000)}`);
		if (this.stuck) throw new Error(`the program did not stop within ${STOP_MS} ms`);
		if (end.code !== 0) throw new Error(`the program ended with ${ending(end)}\n${this.err.slice(-4000)}`);
	}
}

/* Runs a short command to its end: { code, signal, out, err }. */
export async function run(args, opt = {}) {
	const program = new Program(args, opt);
	const end = await program.ended;
	if (sanitizerReport.test(program.err)) throw new Error(`a sanitizer reported:\n${program.err.slice(-6000)}`);
	return { ...end, out: program.out, err: program.err };
}

async function start(command, args, ready, opt) {
	const { data, env, log = 'debug' } = opt;
	const dir = data ?? mkdtempSync(path.join(tmpdir(), 'valetkey-test-'));
	if (data === undefined) directories.add(dir);
	const program = new Program([command, '--data', dir, ...args, ...(opt.args ?? [])], {
		env: { VALETKEY_LOG_LEVEL: log, ...env },
	});
	const drop = () => {
		if (data === undefined) rmSync(dir, { recursive: true, force: true });
	};
	let found;
	try {
		found = await program.until(ready, `valetkey ${command} did not start`);
	} catch (e) {
		await program.terminate();
		drop();
		throw e;
	}
	return {
		...found,
		data: dir,
		pid: program.pid,
		program,
		/* Everything it printed: what a person or a log collector would see. */
		log: () => program.out + program.err,
		stdout: () => program.out,
		stderr: () => program.err,
		/* keep: the data directory stays, for another start with { data: x.data }. */
		async stop({ keep = false } = {}) {
			const end = program.end ?? (await program.terminate());
			if (!keep) rmSync(dir, { recursive: true, force: true });
			program.check(end);
		},
		/* The power cut: no goodbye. The data directory stays. */
		async kill() {
			program.child.kill('SIGKILL');
			await program.ended;
		},
	};
}

function jsonLine(out) {
	const line = /^(\{.*\})\n/m.exec(out);
	return line ? JSON.parse(line[1]) : null;
}

/* { seed, manager, sandbox, control(method, path, body), advance(seconds), … } */
export async function startDemo(opt = {}) {
	const { listen = '127.0.0.1:0', sandboxListen = '127.0.0.1:0' } = opt;
	const args = ['--seed', '--listen', listen, '--sandbox-listen', sandboxListen];
	const demo = await start('demo', args, (out) => {
		const seed = jsonLine(out);
		return seed && { seed };
	}, opt);
	const { seed } = demo;
	return Object.assign(demo, {
		manager: seed.manager_url,
		sandbox: seed.sandbox_url,
		managerPort: Number(new URL(seed.manager_url).port),
		sandboxPort: Number(new URL(seed.sandbox_url).port),
		account: (type) => seed.accounts.find((a) => a.type === type),
		...control(seed.sandbox_url, seed.control_token),
	});
}

/* { url, port, password }: password is the first sign-in's, null when the data directory had one. */
export function startServe(opt = {}) {
	return start('serve', ['--listen', opt.listen ?? '127.0.0.1:0'], (out) => {
		const url = /^Manager: (\S+)$/m.exec(out)?.[1];
		const password = /^First sign-in: username admin, password (\S+)$/m.exec(out)?.[1] ?? null;
		return url ? { url, port: Number(new URL(url).port), username: 'admin', password } : null;
	}, opt);
}

/* { url, port, accounts, account(type), control, advance } */
export async function startSandbox(opt = {}) {
	const sandbox = await start('sandbox', ['--listen', opt.listen ?? '127.0.0.1:0'], (out) => {
		const url = /^Sandbox: (\S+)\n/m.exec(out)?.[1];
		const accounts = [...out.matchAll(/^ {2}(basic|business)\s+(\S+)\s+password (.+)\n/gm)].map(
			([, type, email, password]) => ({ type, email, password }),
		);
		return url && accounts.length >= 2 ? { url, port: Number(new URL(url).port), accounts } : null;
	}, opt);
	const file = path.join(sandbox.data, 'control-token');
	const token = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
	return Object.assign(sandbox, {
		account: (type) => sandbox.accounts.find((a) => a.type === type),
		...control(sandbox.url, token),
	});
}

/* The sandbox's control API. */
function control(url, token) {
	async function call(method, route, body) {
		const res = await fetch(url + route, {
			method,
			headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		if (!res.ok) throw new Error(`${method} ${route}: ${res.status} ${await res.text()}`);
		return res.json();
	}
	return {
		controlToken: token,
		control: call,
		advance: (seconds) => call('POST', '/_sandbox/clock', { advance_s: seconds }),
		state: () => call('GET', '/_sandbox/state'),
	};
}
