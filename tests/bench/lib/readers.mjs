/*
 * Programs that read live tokens all the time, one after the other each, and how long they waited.
 *
 *   const readers = startReaders(url, key, 100000, 4);   … ;   await readers.stop()
 *   -> { count, failed, p99_ms, slowest_ms }
 */
import http from 'node:http';

import { tokenName } from './seed.mjs';

function read(agent, url, key, name) {
	return new Promise((resolve) => {
		const at = `${url}/api/v1/tokens/${encodeURIComponent(name)}/access-token?min_ttl=0`;
		const req = http.get(at, { agent, headers: { authorization: `Bearer ${key}` } }, (res) => {
			res.resume();
			res.on('end', () => resolve(res.statusCode === 200));
		});
		req.on('error', () => resolve(false));
	});
}

export function startReaders(url, key, tokens, readers) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: readers });
	const times = [];
	let stopped = false, failed = 0;

	async function reader(from) {
		for (let i = from; !stopped; i += 7919) {
			const began = performance.now();
			failed += !(await read(agent, url, key, tokenName(i % tokens)));
			times.push(performance.now() - began);
		}
	}
	const all = Array.from({ length: readers }, (_, i) => reader(i));
	return {
		async stop() {
			stopped = true;
			await Promise.all(all);
			agent.destroy();
			times.sort((a, b) => a - b);
			const at = (share) => Number(times[Math.floor((times.length - 1) * share)].toFixed(2));
			return { count: times.length, failed, p99_ms: at(0.99), slowest_ms: at(1) };
		},
	};
}
