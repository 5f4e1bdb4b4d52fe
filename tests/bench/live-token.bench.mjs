/*
 * The live token, the call that every program makes all the time: with the API key, the permission and
 * the counter of production, against nginx returning a constant of the same size and headers, and against
 * redis GET of the same text.
 */
import { startServe } from '../lib/server.mjs';
import { holdIdle } from './lib/idle.mjs';
import { load, redisGet, requestFile, wrk } from './lib/load.mjs';
import { packageVersion } from './lib/machine.mjs';
import { startNginx } from './lib/nginx.mjs';
import { makeCertificate } from './lib/pem.mjs';
import { memory, pin, scratch, SERVER_CORE } from './lib/process.mjs';
import { startRedis } from './lib/redis.mjs';
import { startReport } from './lib/report.mjs';
import { inTurn, median, ROUNDS, SECONDS } from './lib/rounds.mjs';
import { seed, tokenName } from './lib/seed.mjs';

const TOKENS = 10000;
const IDLE = 5000;
const report = startReport('live-token', { versions: ['nginx', 'redis-server', 'wrk'].map(packageVersion) });

const dir = scratch();
const { key } = await seed(dir, TOKENS);
const manager = await startServe({ data: dir, log: 'warn' });
pin(manager.pid, SERVER_CORE);

const authorization = { Authorization: `Bearer ${key}` };
const paths = Array.from({ length: TOKENS }, (_, i) => `/api/v1/tokens/${encodeURIComponent(tokenName(i))}/access-token`);
const example = await fetch(manager.url + paths[0], { headers: authorization });
const body = await example.text();

const ours = { port: manager.port, pids: [manager.pid] };
const certificate = makeCertificate();
const nginx = await startNginx({ body, headers: Object.fromEntries(example.headers), ...certificate });
const redis = await startRedis('token', body);

const requests = (server, some, headers = {}) => requestFile(some, server.port, { ...authorization, ...headers });

/* Every token once, so that the cache has it: what is measured is the reading of live tokens. */
async function warmUp() {
	const file = requests(ours, paths);
	for (let left = TOKENS; left > 0;) left -= (await load(ours, { requests: file, seconds: 1 })).requests;
}

/* Both as they are seen from outside, and by what a request costs the server's processor: the second is
 * the same thing where the server has its core to itself, and still true where it has not. */
function compare(metric, { ours: a, reference: b, bar, stretch }) {
	const busy = { ours_busy: median(a.map((x) => x.busy)).toFixed(2), reference_busy: median(b.map((x) => x.busy)).toFixed(2) };
	const of = (name) => ({ ours: a.map((x) => x[name]), reference: b.map((x) => x[name]) });
	report.metric({ metric, unit: 'requests/s', ...of('rate'), bar, stretch, notes: busy });
	report.metric({ metric: `${metric}, by processor time`, unit: 'requests/s', ...of('per_cpu_second'), bar, stretch });
}

async function keepAlive() {
	const file = { one: requests(ours, paths.slice(0, 1)), all: requests(ours, paths), nginx: requests(nginx, paths.slice(0, 1)), nginxAll: requests(nginx, paths) };
	const count = Math.round((await redisGet(redis, 'token', { count: 20000 })).rate * SECONDS);
	const found = await inTurn({
		one: () => load(ours, { requests: file.one }),
		nginx: () => load(nginx, { requests: file.nginx }),
		redis: () => redisGet(redis, 'token', { count }),
		all: () => load(ours, { requests: file.all }),
		nginxAll: () => load(nginx, { requests: file.nginxAll }),
	});
	compare('keep-alive, 1 token / nginx', { ours: found.one, reference: found.nginx, bar: 0.85, stretch: 1 });
	compare('keep-alive, 10,000 tokens / nginx', { ours: found.all, reference: found.nginxAll, bar: 0.8, stretch: 1 });
	compare('keep-alive, 1 token / redis GET', { ours: found.one, reference: found.redis, bar: 1.2, stretch: 1.5 });
}

async function halfLoad() {
	const file = { ours: requests(ours, paths), nginx: requests(nginx, paths) };
	const peak = Math.min((await load(ours, { requests: file.ours })).rate, (await load(nginx, { requests: file.nginx })).rate);
	const found = await inTurn({
		ours: () => load(ours, { requests: file.ours, per_second: peak / 2 }),
		reference: () => load(nginx, { requests: file.nginx, per_second: peak / 2 }),
	});
	const of = (name) => ({ ours: found.ours.map((x) => x[name]), reference: found.reference.map((x) => x[name]) });
	report.metric({ metric: 'p99 at half of peak load', unit: 'µs', ...of('p99_us'), at_most: true, bar: 1.3, stretch: 1, notes: { per_second: Math.round(peak / 2) } });
	report.metric({ metric: 'p50 at half of peak load', unit: 'µs', ...of('p50_us'), at_most: true });
}

async function perConnection() {
	const file = { ours: requests(ours, paths, { Connection: 'close' }), nginx: requests(nginx, paths, { Connection: 'close' }) };
	const found = await inTurn({
		ours: () => load(ours, { requests: file.ours, reconnect: true }),
		reference: () => load(nginx, { requests: file.nginx, reconnect: true }),
	});
	compare('one request per connection / nginx', found);
}

await warmUp();
/* The same data behind https, in a manager of its own. */
async function overTls() {
	await manager.stop({ keep: true });
	const secure = await startServe({ data: dir, log: 'warn', args: ['--tls-cert', certificate.cert, '--tls-key', certificate.key] });
	pin(secure.pid, SERVER_CORE);
	const server = { port: secure.port, pids: [secure.pid] };
	const found = await inTurn({
		ours: () => wrk(server, secure.url + paths[0], { headers: authorization }),
		reference: () => wrk(nginx, nginx.tls_url + paths[0], { headers: authorization }),
	});
	compare('TLS keep-alive, 1 token / nginx', { ...found, bar: 0.8, stretch: 1 });
	const headers = { ...authorization, Connection: 'close' };
	compare('TLS, one request per connection / nginx', await inTurn({
		ours: () => wrk(server, secure.url + paths[0], { headers }),
		reference: () => wrk(nginx, nginx.tls_url + paths[0], { headers }),
	}));
	await secure.stop({ keep: true });
}

/* 5,000 connections that have asked once and say nothing more. */
async function withIdle() {
	const file = requests(ours, paths.slice(0, 1));
	const result = { ours: [], reference: [] };
	const bytes = [];
	await load(ours, { requests: file });
	for (let i = 0; i < ROUNDS; i++) {
		const before = memory(manager.pid).anonymous;
		const held = await holdIdle(manager.port, IDLE, paths[0], authorization);
		bytes.push((memory(manager.pid).anonymous - before) / IDLE);
		result.ours.push(await load(ours, { requests: file }));
		await held.end();
		result.reference.push(await load(ours, { requests: file }));
	}
	compare('5,000 idle connections / without', { ...result, bar: 0.95, stretch: 1 });
	report.metric({ metric: 'memory of an idle connection', unit: 'bytes', ours: [Math.max(...bytes)], at_most: true, bar: 12000, stretch: 4000 });
}

const parts = { 'keep-alive': keepAlive, 'half load': halfLoad, 'per connection': perConnection, idle: withIdle, TLS: overTls };
for (const [name, measure] of Object.entries(parts)) if (report.wants(name)) await measure(); /* TLS is the last */

report.end();
for (const server of [nginx, redis]) await server.stop();
if (!manager.program.end) await manager.stop({ keep: true });
