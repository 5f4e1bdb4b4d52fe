/*
 * How long a program takes from the start of its process to its first answer over HTTP.
 *
 *   const { ms, child, port } = await firstAnswer((port) => ['serve', '--data', dir, '--listen', `127.0.0.1:${port}`]);
 *   await end(child);
 */
import { spawn } from 'node:child_process';
import net from 'node:net';

import { binary, cleanEnv } from '../../lib/binary.mjs';
import { freePort } from './process.mjs';

const TRY_MS = 60000;

/* One try: whether an answer came. */
function ask(port) {
	return new Promise((resolve) => {
		const socket = net.connect({ port, host: '127.0.0.1' }, () =>
			socket.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`));
		let said = '';
		socket.on('data', (d) => (said += d));
		socket.on('error', () => {});
		socket.on('close', () => resolve(said.startsWith('HTTP/1.1 200')));
	});
}

export async function firstAnswer(args) {
	const port = await freePort();
	const began = process.hrtime.bigint();
	const child = spawn(binary, args(port), { env: cleanEnv({ VALETKEY_LOG_LEVEL: 'warn' }), stdio: 'ignore' });
	while (!(await ask(port))) {
		if (child.exitCode !== null || process.hrtime.bigint() - began > BigInt(TRY_MS) * 1000000n) {
			child.kill('SIGKILL');
			throw new Error(`valetkey ${args(port).join(' ')} gives no answer`);
		}
		await new Promise(setImmediate);
	}
	return { ms: Number(process.hrtime.bigint() - began) / 1e6, child, port };
}

export function end(child) {
	return new Promise((resolve) => {
		child.on('close', resolve);
		child.kill();
	});
}
