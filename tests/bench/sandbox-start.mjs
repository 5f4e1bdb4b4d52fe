/*
 * How long a sandbox takes from the start of its process to its first answer, and how much memory of
 * its own it has when idle. Not a test: prints a table. The numbers in docs/sandbox.md come from here.
 *
 *   make && node tests/bench/sandbox-start.mjs [ROUNDS]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

import { binary, cleanEnv } from '../lib/binary.mjs';

const ROUNDS = Number(process.argv[2]) || 20;
const REQUEST = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

/* One try: true when an answer came. */
function ask(port, secure) {
	return new Promise((resolve) => {
		const open = () => socket.write(REQUEST.replace('localhost', `localhost:${port}`));
		const socket = secure
			? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, open)
			: net.connect({ port, host: '127.0.0.1' }, open);
		let said = '';
		socket.on('data', (d) => (said += d));
		socket.on('error', () => {});
		socket.on('close', () => resolve(said.startsWith('HTTP/1.1 200')));
	});
}

function memory(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
	return { anon: of('RssAnon'), all: of('VmRSS'), threads: Number(/Threads:\s+(\d+)/.exec(status)[1]) };
}

async function once(args, data, secure) {
	const port = await freePort();
	const began = process.hrtime.bigint();
	const child = spawn(binary, ['sandbox', '--data', data, '--listen', `127.0.0.1:${port}`, ...args], { env: cleanEnv(), stdio: 'ignore' });
	while (!(await ask(port, secure))) await new Promise(setImmediate);
	const ms = Number(process.hrtime.bigint() - began) / 1e6;
	await new Promise((resolve) => setTimeout(resolve, 200));
	const used = memory(child.pid);
	child.kill();
	await new Promise((resolve) => child.on('close', resolve));
	return { ms, ...used };
}

async function measure(name, args, { secure = false, fresh = false } = {}) {
	const top = mkdtempSync(path.join(tmpdir(), 'valetkey-bench-'));
	const rows = [];
	if (!fresh) await once(args, path.join(top, 'kept'), secure);
	for (let i = 0; i < ROUNDS; i++) rows.push(await once(args, path.join(top, fresh ? String(i) : 'kept'), secure));
	rmSync(top, { recursive: true, force: true });
	const times = rows.map((r) => r.ms).sort((a, b) => a - b);
	const anon = Math.max(...rows.map((r) => r.anon));
	console.log(`${name.padEnd(28)} ${times[ROUNDS >> 1].toFixed(1).padStart(7)} ${times.at(-1).toFixed(1).padStart(7)} ms   ${anon.toFixed(1).padStart(5)} MiB   ${rows[0].threads} threads`);
}

console.log(`${'start to first answer'.padEnd(28)}  median   worst      anonymous`);
await measure('new data directory', [], { fresh: true });
await measure('again', []);
await measure('new, --tls --proxy', ['--tls', '--proxy', ':0'], { secure: true, fresh: true });
await measure('again, --tls --proxy', ['--tls', '--proxy', ':0'], { secure: true });
