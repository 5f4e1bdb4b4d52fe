/* A machine that vanishes without a word must not keep a stream for ever. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';

import { makeKey } from '../lib/manager.mjs';
import { managerClient } from '../lib/http.mjs';
import { startServe } from '../lib/server.mjs';

const KEEPALIVE = '02'; /* proc(5): the timer that is active */
const BOUND_S = 30;

/* The kernel's line of the manager's end of a connection: which timer runs, and for how long still. */
function timer(serverPort, clientPort) {
	const end = (port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
	const line = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((l) => l.trim().split(/\s+/))
		.find((f) => f[1] === end(serverPort) && f[2] === end(clientPort));
	const [active, when] = line[5].split(':');
	return { active, s: Number.parseInt(when, 16) / 100 };
}

async function ask(url, path, key) {
	const { port } = new URL(url);
	const socket = net.connect(Number(port), '127.0.0.1');
	socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
	const head = await new Promise((resolve) => socket.once('data', (d) => resolve(d.toString())));
	return { socket, head };
}

test('the peer of a stream is asked by the kernel whether it is still there', async (t) => {
	const manager = await startServe();
	t.after(() => manager.stop());
	const { key } = await makeKey(await managerClient(manager));
	const port = Number(new URL(manager.url).port);
	const stream = await ask(manager.url, '/api/v1/events/stream', key);
	assert.match(stream.head, /^HTTP\/1\.1 200 /);
	let now;
	/* What was just sent has a timer of its own until it is acknowledged. */
	for (let i = 0; i < 2000 && now?.active !== KEEPALIVE; i++) {
		now = timer(port, stream.socket.localPort);
		await new Promise((r) => setTimeout(r, 10));
	}
	assert.equal(now.active, KEEPALIVE);
	assert.ok(now.s < BOUND_S, `${now.s} s`);
	stream.socket.destroy();

	/* Any other connection ends by the server's own time limits. */
	const other = await ask(manager.url, '/healthz', key);
	assert.notEqual(timer(port, other.socket.localPort).active, KEEPALIVE);
	other.socket.destroy();
});
