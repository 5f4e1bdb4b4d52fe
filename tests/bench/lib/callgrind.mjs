/*
 * How many instructions a request costs the server, counted by callgrind: the same on a busy machine as on
 * an idle one. Only the server's loops are counted (loop_main, src/http/loop.c), and two runs that differ only
 * in the number of requests are taken from each other, so that the start and the end drop out.
 *
 *   await instructionsPerRequest({ args: ['serve', '--data', dir], request: (port) => '…' })
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { binary, cleanEnv } from '../../lib/binary.mjs';

const START_MS = 60000;
const FEW = 300;
const MANY = 1300;

/* The server's port, from the line that it prints when it is ready. */
function ready(child) {
	return new Promise((resolve, reject) => {
		let out = '';
		const late = setTimeout(() => reject(new Error(`no start under callgrind:\n${out}`)), START_MS);
		const found = () => /^(?:Manager|Sandbox): \S+:(\d+)$/m.exec(out)?.[1];
		child.on('close', (code) => reject(new Error(`callgrind ended with ${code}:\n${out}`)));
		child.stderr.on('data', (d) => (out += d));
		child.stdout.on('data', (d) => {
			out += d;
			if (!found()) return;
			clearTimeout(late);
			resolve(Number(found()));
		});
	});
}

/* One after the other on one connection; each reply must be a 200 and comes in one piece. */
function ask(port, text, count) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ port, host: '127.0.0.1' }, () => socket.write(text));
		let left = count;
		socket.on('error', reject);
		socket.on('data', (reply) => {
			if (!reply.toString('latin1').startsWith('HTTP/1.1 200 ')) reject(new Error(reply.toString()));
			else if (--left > 0) socket.write(text);
			else socket.end(resolve);
		});
	});
}

async function total(dir, { args, request }, count) {
	const out = path.join(dir, `out.${count}`);
	const words = ['--tool=callgrind', '--toggle-collect=loop_main', `--callgrind-out-file=${out}`, '--log-file=/dev/null', binary, ...args];
	const child = spawn('valgrind', words, { env: cleanEnv({ VALETKEY_LISTEN: '127.0.0.1:0' }), stdio: ['ignore', 'pipe', 'pipe'] });
	const gone = new Promise((resolve) => child.on('close', resolve));
	try {
		const port = await ready(child);
		await ask(port, request(port), count);
	} finally {
		child.kill('SIGTERM');
		await gone;
	}
	return Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(out, 'utf8'))[1]);
}

export async function instructionsPerRequest(what) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-callgrind-'));
	try {
		const few = await total(dir, what, FEW);
		const many = await total(dir, what, MANY);
		return Math.round((many - few) / (MANY - FEW));
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}
