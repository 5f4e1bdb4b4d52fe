/*
 * The manager from the start of its process to its first answer, with no, ten thousand and a million
 * tokens, and what it then has of memory for itself: idle, when every token was read, and for each
 * connection that is held open. TOKENS=100000 makes the largest smaller.
 */
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

import { end, firstAnswer } from './lib/first-answer.mjs';
import { memory, scratch } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { ROUNDS } from './lib/rounds.mjs';
import { seed, tokenName } from './lib/seed.mjs';

const MANY = Number(process.env.TOKENS) || 1000000;
const SETTLE_MS = 300;
const READERS = 32;
const IDLE = 10000;
const report = startReport('start');
const top = scratch();

const serve = (data) => (port) => ['serve', '--data', data, '--listen', `127.0.0.1:${port}`];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function times(dataOf) {
	const ms = [];
	for (let i = 0; i <= ROUNDS; i++) {
		const started = await firstAnswer(serve(dataOf(i)));
		await end(started.child);
		if (i > 0) ms.push(started.ms);
	}
	return ms;
}

/* After the first round, which makes it or warms it up. */
async function start(metric, dataOf, bar, stretch) {
	if (!report.wants(metric)) return;
	report.metric({ metric, unit: 'ms', ours: await times(dataOf), bar, stretch, at_most: true });
}

async function seeded(tokens) {
	const data = path.join(top, String(tokens));
	return { data, ...(await seed(data, tokens)) };
}

async function readAll(port, key, tokens) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: READERS });
	let next = 0;
	const read = (i) => new Promise((resolve, reject) => {
		const url = `/api/v1/tokens/${encodeURIComponent(tokenName(i))}/access-token`;
		http.get({ host: '127.0.0.1', port, path: url, agent, headers: { authorization: `Bearer ${key}` } }, (res) => {
			res.resume();
			res.on('end', () => (res.statusCode === 200 ? resolve() : reject(new Error(`${url}: ${res.statusCode}`))));
		}).on('error', reject);
	});
	await Promise.all(Array.from({ length: READERS }, async () => {
		while (next < tokens) await read(next++);
	}));
	agent.destroy();
}

async function memoryOf({ data, key_for_all: key }, tokens) {
	const { child, port } = await firstAnswer(serve(data));
	await pause(SETTLE_MS);
	const idle = memory(child.pid).anonymous;
	report.metric({ metric: `memory, ${tokens} tokens at rest`, unit: 'MiB', ours: [idle / 2 ** 20], at_most: true });
	await readAll(port, key, tokens);
	const read = memory(child.pid).anonymous;
	const perMillion = ((read - idle) / tokens) * 1e6;
	report.metric({ metric: 'memory of a million tokens, each of them read', unit: 'MB', ours: [perMillion / 1e6], bar: 1200, stretch: 600, at_most: true });
	await end(child);
}

/* From several addresses: one may hold half of all connections. */
function hold(port, i) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${1 + (i % 4)}` }, () =>
			socket.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
		socket.once('data', () => resolve(socket));
		for (const what of ['error', 'close']) socket.once(what, () => reject(new Error('a connection was not held')));
	});
}

/* Made before: the first start hashes a password, which takes 64 MiB for a moment. */
async function memoryIdle(data) {
	await times(() => data);
	const { child, port } = await firstAnswer(serve(data));
	await pause(SETTLE_MS);
	const idle = memory(child.pid).anonymous;
	report.metric({ metric: 'memory, idle', unit: 'MiB', ours: [idle / 2 ** 20], bar: 16, stretch: 8, at_most: true });
	const held = [];
	while (held.length < IDLE) held.push(...(await Promise.all(Array.from({ length: 100 }, (_, i) => hold(port, i)))));
	report.metric({ metric: 'memory of an idle connection', unit: 'kB', ours: [(memory(child.pid).anonymous - idle) / IDLE / 1000], bar: 12, stretch: 4, at_most: true });
	for (const socket of held) socket.removeAllListeners().destroy();
	await end(child);
}

const empty = path.join(top, 'empty');
await start('start, a new data directory', (i) => path.join(top, `new-${i}`), 30, 10);
await start('start, no tokens', () => empty, 30, 10);
if (report.wants('memory, idle')) await memoryIdle(empty);
for (const tokens of [10000, MANY]) {
	const metric = `start, ${tokens} tokens`;
	if (!report.wants(metric) && !report.wants('memory of a million')) continue;
	const made = await seeded(tokens);
	await start(metric, () => made.data, tokens > 10000 ? 300 : 30, tokens > 10000 ? 50 : 10);
	if (tokens === MANY && report.wants('memory of a million')) await memoryOf(made, tokens);
}
report.end();
