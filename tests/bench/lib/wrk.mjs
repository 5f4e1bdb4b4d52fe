/*
 * wrk, on the load's core, as many requests as the server takes.
 *
 *   const { requests_per_s, errors } = await wrk(url, { connections: 64, seconds: 3, headers: {} });
 */
import { LOAD_CORE, runOn, want } from './process.mjs';
import { SECONDS } from './rounds.mjs';

export async function wrk(url, { connections = 64, seconds = SECONDS, headers = {} } = {}) {
	want('wrk');
	const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
	const out = await runOn(LOAD_CORE, ['wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, ...lines, url]);
	const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0);
	const errors = (/Socket errors: (.*)/.exec(out)?.[1].match(/\d+/g) ?? []).reduce((n, x) => n + Number(x), 0);
	const found = /Requests\/sec:\s+([\d.]+)/.exec(out);
	if (!found || bad > 0 || errors > 0) throw new Error(`wrk on ${url}:\n${out}`);
	return { requests_per_s: Number(found[1]) };
}
