/*
 * What loads a server, from the load's core. Each resolves with { rate, busy, … }: requests a second, and
 * which part of the time the server's processes were running (near 1: the server was what limited it, and
 * not the load).
 *
 *   const requests = requestFile(url, paths, { Authorization: '…' });
 *   await load(server, { requests, connections: 64, seconds: 3 });            tests/bench/load.c
 *   await load(server, { requests, per_second: 10000 });                      { p50_us, p99_us, … }
 *   await wrk(server, url, { headers });                                      TLS too
 *   await redisGet(server, key);
 *
 * server: { port, pids: [those that serve] }.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { root } from '../../lib/binary.mjs';
import { cpuSeconds, LOAD_CORE, runOn, scratch, want } from './process.mjs';
import { SECONDS } from './rounds.mjs';

const program = path.resolve(root, process.env.BUILD || 'build', 'bench_load');

/* Whole requests, one after the other, made before anything is measured. -> its path */
export function requestFile(paths, port, headers) {
	const file = path.join(scratch(), 'requests');
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
	writeFileSync(file, paths.map((p) => `GET ${p} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${lines}\r\n`).join(''));
	return file;
}

/* The same of forms that are posted to one path. */
export function formFile(path_, forms, port, headers = {}) {
	const file = path.join(scratch(), 'requests');
	const lines = Object.entries({ 'Content-Type': 'application/x-www-form-urlencoded', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
	const one = (body) => `POST ${path_} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;
	writeFileSync(file, forms.map((f) => one(`${new URLSearchParams(f)}`)).join(''));
	return file;
}

async function watched({ pids }, run) {
	const cpu = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
	const [cpuBefore, at] = [cpu(), performance.now()];
	const result = await run();
	const seconds = (performance.now() - at) / 1000;
	const used = cpu() - cpuBefore;
	return { ...result, busy: used / seconds, per_cpu_second: (result.rate * seconds) / used };
}

export function load(server, { requests, connections = 64, seconds = SECONDS, per_second: rate, reconnect = false, once = false }) {
	const words = ['--port', server.port, '--requests', requests, '--connections', connections, '--seconds', seconds,
		...(rate ? ['--rate', Math.round(rate)] : []), ...(reconnect ? ['--reconnect'] : []), ...(once ? ['--once'] : [])];
	return watched(server, async () => {
		const found = JSON.parse(await runOn(LOAD_CORE, [program, ...words.map(String)]));
		if (found.requests === 0) throw new Error('no request was answered: the machine has no time for a measurement');
		if (found.errors > 0) throw new Error(`${found.errors} of ${found.requests} requests failed`);
		return { ...found, rate: found.requests / found.seconds };
	});
}

export function wrk(server, url, { connections = 64, seconds = SECONDS, headers = {} } = {}) {
	want('wrk');
	const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
	return watched(server, async () => {
		const out = await runOn(LOAD_CORE, ['wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, ...lines, url]);
		const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]);
		if (!rate || /Non-2xx|Socket errors/.test(out)) throw new Error(`wrk on ${url}:\n${out}`);
		return { rate };
	});
}

/* count: how many requests, since it knows no time. */
export function redisGet(server, key, { connections = 64, count }) {
	want('redis-benchmark');
	return watched(server, async () => {
		const out = await runOn(LOAD_CORE, ['redis-benchmark', '-h', '127.0.0.1', '-p', String(server.port), '--csv',
			'-c', String(connections), '-n', String(count), 'GET', key]);
		const rate = Number(/^"GET[^"]*","([\d.]+)"/m.exec(out)?.[1]);
		if (!rate) throw new Error(`redis-benchmark:\n${out}`);
		return { rate };
	});
}
