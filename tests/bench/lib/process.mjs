/*
 * Programs that are measured, each on a core of its own: servers on SERVER_CORE, what loads them on
 * LOAD_CORE. What was started ends with this process.
 *
 *   const nginx = await startOn(SERVER_CORE, ['nginx', …], { port });    waits for the port
 *   pin(manager.pid, SERVER_CORE)                                         all its threads
 *   await runOn(LOAD_CORE, ['wrk', …])                                    what it printed
 *   await nginx.stop()
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os, { tmpdir } from 'node:os';
import path from 'node:path';

export const SERVER_CORE = 0;
export const LOAD_CORE = Math.min(1, os.cpus().length - 1);

const START_MS = 20000;
const running = new Set();
const directories = new Set();

process.on('exit', () => {
	for (const child of running) child.kill('SIGKILL');
	for (const dir of directories) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/* An empty directory that is removed at the end; in memory where nobody is to wait for the disk. */
export function scratch({ memory = false } = {}) {
	const dir = mkdtempSync(path.join(memory && existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'valetkey-bench-'));
	directories.add(dir);
	return dir;
}

/* A port nobody listens on just now. */
export function freePort() {
	return new Promise((resolve) => {
		const probe = net.createServer().listen(0, '127.0.0.1', () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
}

function knock(port) {
	return new Promise((resolve) => {
		const socket = net.connect({ port, host: '127.0.0.1' }, () => {
			socket.destroy();
			resolve(true);
		});
		socket.on('error', () => resolve(false));
	});
}

/* A program and its words must be there: said before anything is measured. */
export function want(...programs) {
	const missing = programs.filter((p) => !['/usr/bin', '/usr/sbin', '/usr/local/bin'].some((d) => existsSync(path.join(d, p))));
	if (missing.length > 0) throw new Error(`${missing.join(', ')}: not installed; run make bench-deps`);
}

export function pin(pid, core) {
	execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
}

function launch(core, [program, ...args], opt) {
	const child = spawn('taskset', ['-c', String(core), program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...opt });
	running.add(child);
	child.text = '';
	for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (child.text += d));
	child.gone = new Promise((resolve) => {
		child.on('error', (e) => resolve({ code: -1, signal: e.message }));
		child.on('close', (code, signal) => resolve({ code, signal }));
	}).then((end) => {
		running.delete(child);
		child.end = end;
		return end;
	});
	return child;
}

/* Starts a server and waits until its port takes connections. */
export async function startOn(core, command, { port, ready, ...opt } = {}) {
	const child = launch(core, command, opt);
	const until = Date.now() + START_MS;
	const isReady = ready ?? (() => knock(port));
	while (!(await isReady(child.text))) {
		if (child.end || Date.now() > until) throw new Error(`${command[0]} does not start:\n${child.text}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	return {
		pid: child.pid,
		port,
		output: () => child.text,
		async stop(signal = 'SIGTERM') {
			child.kill(signal);
			await child.gone;
		},
	};
}

/* Runs a program to its end; throws when it fails. -> what it printed */
export async function runOn(core, command, opt = {}) {
	const child = launch(core, command, opt);
	const end = await child.gone;
	if (end.code !== 0) throw new Error(`${command.join(' ')} ended with ${end.code ?? end.signal}:\n${child.text}`);
	return child.text;
}

/* Memory of a process that no file is behind, and all that is resident, in bytes. */
export function memory(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
	return { anonymous: kib('RssAnon') * 1024, resident: kib('VmRSS') * 1024 };
}

/* Seconds of processor time that a process has had, all its threads together. */
export function cpuSeconds(pid) {
	const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
	return (Number(fields[11]) + Number(fields[12])) / 100;
}
