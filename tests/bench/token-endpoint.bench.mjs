/*
 * The sandbox's token endpoint, refresh grant and code exchange, against Glewlwyd (SQLite), oidc-provider
 * and oauth2-mock-server (both in memory). What the sandbox acknowledged must hold after it was killed.
 *
 * Against Glewlwyd twice. With both data directories on a disk, as each program is shipped: Glewlwyd waits for
 * the disk at each commit, the sandbox does not (it survives a kill, not a power cut). And with both in memory,
 * where neither waits: that is the stricter one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { startSandbox } from '../lib/server.mjs';
import { startGlewlwyd } from './lib/glewlwyd.mjs';
import { formFile, load } from './lib/load.mjs';
import { packageVersion } from './lib/machine.mjs';
import { freePort, pin, scratch, SERVER_CORE, startOn } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { inTurn, median, ROUNDS } from './lib/rounds.mjs';

const GRANTS = 1000; /* of ours; the others are given HANDFUL, and are none the slower for it */
const HANDFUL = 10;
const ROWS = 1_000_000;
/* Requests in a round: work for a second or two each. A number of requests measures the same on a machine
 * that has other things to do as well, where so many seconds might see none of them. */
const REFRESHES = { ours: 40000, glewlwyd: 600, 'oidc-provider': 1500, 'oauth2-mock-server': 400 };
/* oidc-provider keeps a thousand things in memory, and several for each code. */
const CODES = { ours: 4000, glewlwyd: 150, 'oidc-provider': 120, 'oauth2-mock-server': 300 };
const ROUND_MAX_S = 120;
const KEPT = 3000; /* acknowledged before the kill */
/* A program that is compiled while it runs is measured when it does not get faster any more. */
const WARM_ROUNDS_MAX = 12;
const WARM_GAIN = 1.03;

const references = {
	glewlwyd: { name: 'Glewlwyd, both databases in memory', bar: 50, stretch: 150 },
	'oidc-provider': { name: 'oidc-provider', bar: 15, stretch: 40 },
	'oauth2-mock-server': { name: 'oauth2-mock-server', bar: 30, stretch: 90 },
};

/* --- the servers: { port, pids, path, headers, refreshForms, codeForms(n) } --- */

const APP = { key: 'benchkey0000001', secret: 'benchsecret0001', callback: 'http://localhost/callback' };
function seedFile(tokens) {
	const file = path.join(scratch(), 'seed.json');
	writeFileSync(file, JSON.stringify({
		accounts: [{ email: 'ann@example.com', password: 'not a secret', given_name: 'Ann', surname: 'Example' },
			{ email: 'bob@example.com', password: 'not a secret', given_name: 'Bob', surname: 'Example', type: 'business' }],
		apps: [{ owner: 'ann@example.com', name: 'Bench', app_key: APP.key, app_secret: APP.secret, redirect_uris: [APP.callback] }],
		grants: tokens.map((refresh_token) => ({ app: APP.key, account: 'ann@example.com', offline: true, refresh_token })),
	}));
	return file;
}

async function startOurs({ memory }) {
	const dir = scratch({ memory });
	const tokens = Array.from({ length: GRANTS }, (_, i) => `bench_${i}_`.padEnd(64, 'x'));
	const sandbox = await startSandbox({ data: dir, log: 'warn', args: ['--seed', seedFile(tokens)] });
	const client = { client_id: APP.key, client_secret: APP.secret };
	pin(sandbox.pid, SERVER_CORE);

	async function code() {
		const query = new URLSearchParams({ client_id: APP.key, response_type: 'code', redirect_uri: APP.callback, token_access_type: 'offline' });
		const { redirect } = await sandbox.control('POST', '/_sandbox/consent', { query: `${query}`, email: 'ann@example.com', decision: 'allow' });
		return new URL(redirect).searchParams.get('code');
	}
	return {
		dir, sandbox, url: sandbox.url, port: sandbox.port, pids: [sandbox.pid], path: '/oauth2/token', headers: {},
		refreshForms: tokens.map((refresh_token) => ({ grant_type: 'refresh_token', refresh_token, ...client })),
		async codeForms(n) {
			const codes = [];
			while (codes.length < n) codes.push(...(await Promise.all(Array.from({ length: 20 }, code))));
			return codes.map((c) => ({ grant_type: 'authorization_code', code: c, redirect_uri: APP.callback, ...client }));
		},
		stop: (how) => sandbox.stop(how),
	};
}

async function glewlwyd(where) {
	const server = await startGlewlwyd(where);
	const tokens = await server.refreshTokens(HANDFUL);
	const { client_id, callback: redirect_uri } = server;
	return {
		...server, headers: {},
		refreshForms: tokens.map((refresh_token) => ({ grant_type: 'refresh_token', refresh_token, client_id })),
		codeForms: async (n) => (await server.codes(n)).map((code) => ({ grant_type: 'authorization_code', code, redirect_uri, client_id })),
	};
}

async function startNode(file) {
	const port = await freePort();
	const server = await startOn(SERVER_CORE, [process.execPath, path.join(import.meta.dirname, 'lib', file), String(port)], { port });
	return { ...server, pids: [server.pid], url: `http://127.0.0.1:${port}`, path: '/token', headers: {} };
}

async function oidcProvider() {
	const server = await startNode('oidc-provider.mjs');
	const client = { client_id: 'bench', client_secret: 'a-secret-of-the-bench' };
	const make = async (kind, n) => (await fetch(`${server.url}/bench/${kind}?n=${n}`)).json();
	return {
		...server,
		refreshForms: (await make('refresh-tokens', HANDFUL)).map((refresh_token) => ({ grant_type: 'refresh_token', refresh_token, ...client })),
		codeForms: async (n) => (await make('codes', n)).map((code) => ({ grant_type: 'authorization_code', code, redirect_uri: APP.callback, ...client })),
	};
}

async function mockServer() {
	const server = await startNode('mock-server.mjs');
	const some = (n, form) => Array.from({ length: n }, (_, i) => form(`made-up-${i}`));
	return {
		...server,
		refreshForms: some(HANDFUL, (refresh_token) => ({ grant_type: 'refresh_token', refresh_token, client_id: 'bench' })),
		codeForms: async (n) => some(n, (code) => ({ grant_type: 'authorization_code', code, client_id: 'bench', redirect_uri: APP.callback })),
	};
}

const inMemory = { memory: true };
const onDisk = { memory: false };
const ours = await startOurs(inMemory);
const servers = { ours, glewlwyd: await glewlwyd(inMemory), 'oidc-provider': await oidcProvider(), 'oauth2-mock-server': await mockServer() };
const shipped = { ours: await startOurs(onDisk), glewlwyd: await glewlwyd(onDisk) };
const npm = (name) => `${name} ${JSON.parse(readFileSync(path.join(import.meta.dirname, 'node_modules', name, 'package.json'))).version}`;
const report = startReport('token-endpoint', { versions: [packageVersion('glewlwyd'), npm('oidc-provider'), npm('oauth2-mock-server')] });

/* --- measuring --- */

/* Each sends what it answers 200 to, or the measurement ends. */
async function check(server, form) {
	const res = await fetch(`http://127.0.0.1:${server.port}${server.path}`, {
		method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...server.headers }, body: `${new URLSearchParams(form)}`,
	});
	const body = await res.text();
	if (res.status !== 200 || !JSON.parse(body).access_token) throw new Error(`${server.path}: ${res.status} ${body}`);
}

const busy = (list) => median(list.map((x) => x.busy)).toFixed(2);
const sides = (a, b, field) => ({ ours: a.map((x) => x[field]), reference: b.map((x) => x[field]) });

/* As seen from outside, and by processor time: true also where the server does not have its core to itself. */
function compare(what, found) {
	for (const [key, { name, bar, stretch }] of Object.entries(references)) {
		const [a, b] = [found.ours, found[key]];
		report.metric({ metric: `${what} / ${name}`, unit: 'requests/s', ...sides(a, b, 'rate'), bar, stretch, notes: { ours_busy: busy(a), reference_busy: busy(b), ours_p50_us: median(a.map((x) => x.p50_us)) } });
		report.metric({ metric: `${what} / ${name}, by processor time`, unit: 'requests/s', ...sides(a, b, 'per_cpu_second'), bar, stretch });
	}
}

/* Who waits for a disk is not told by the time of a processor. */
function compareShipped(what, { ours: a, glewlwyd: b }) {
	const { bar, stretch } = references.glewlwyd;
	report.metric({ metric: `${what} / Glewlwyd`, unit: 'requests/s', ...sides(a, b, 'rate'), bar, stretch, notes: { ours_busy: busy(a), reference_busy: busy(b) } });
}

async function warmUp(measure) {
	let best = 0;
	for (let i = 0; i < WARM_ROUNDS_MAX; i++) {
		const { per_cpu_second: now } = await measure();
		if (now < best * WARM_GAIN) return;
		best = now;
	}
}

async function refreshesOf(group) {
	const measures = {};
	for (const [name, server] of Object.entries(group)) {
		await check(server, server.refreshForms[0]);
		const forms = Array.from({ length: REFRESHES[name] }, (_, i) => server.refreshForms[i % server.refreshForms.length]);
		const requests = formFile(server.path, forms, server.port, server.headers);
		measures[name] = () => load(server, { requests, once: true, seconds: ROUND_MAX_S });
		await warmUp(measures[name]);
	}
	return inTurn(measures, { warm: false });
}

async function exchangesOf(group) {
	const measures = {};
	for (const [name, server] of Object.entries(group)) {
		await check(server, (await server.codeForms(1))[0]);
		measures[name] = async () => {
			const forms = (await server.codeForms(CODES[name])).slice(0, CODES[name]);
			return load(server, { requests: formFile(server.path, forms, server.port, server.headers), once: true, seconds: ROUND_MAX_S });
		};
	}
	return inTurn(measures);
}

/* The same with a million rows in the table of access tokens: one number each, before and after. */
async function growth() {
	const forms = Array.from({ length: REFRESHES.ours }, (_, i) => ours.refreshForms[i % GRANTS]);
	const requests = formFile(ours.path, forms, ours.port);
	const rows = async () => (await ours.sandbox.state()).access_tokens;
	const samples = async () => {
		const list = [];
		while (list.length < ROUNDS) list.push(await load(ours, { requests, once: true, seconds: ROUND_MAX_S }));
		return list.map((x) => x.per_cpu_second);
	};
	const few = await samples();
	const from = await rows();
	while ((await rows()) < ROWS) await load(ours, { requests, seconds: 10 });
	report.metric({ metric: `refresh at ${ROWS.toLocaleString('en')} rows / before, by processor time`, unit: 'requests/s', ours: await samples(), reference: few, bar: 0.8, stretch: 0.95, notes: { rows_before: from, rows: await rows() } });
}

/* --- killed --- */

async function works(url, access) {
	const res = await fetch(`${url}/2/users/get_current_account`, { method: 'POST', headers: { authorization: `Bearer ${access}` } });
	await res.arrayBuffer();
	return res.status === 200;
}

async function killed() {
	const kept = [];
	const client = async (form) => {
		for (;;) {
			const res = await fetch(ours.url + ours.path, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `${new URLSearchParams(form)}` });
			kept.push((await res.json()).access_token);
		}
	};
	const clients = ours.refreshForms.slice(0, 64).map(client);
	while (kept.length < KEPT) await new Promise((resolve) => setTimeout(resolve, 10));
	ours.sandbox.program.child.kill('SIGKILL');
	await Promise.allSettled(clients);
	await ours.sandbox.kill();
	const again = await startSandbox({ data: ours.dir, log: 'warn' });
	let lost = 0;
	for (const access of kept) if (!(await works(again.url, access))) lost++;
	await again.stop({ keep: true });
	report.metric({ metric: 'acknowledged tokens lost by kill -9', unit: 'tokens', ours: [lost], at_most: true, bar: 0, notes: { acknowledged: kept.length } });
}

const parts = {
	refresh: async () => compare('refresh', await refreshesOf(servers)),
	'refresh on a disk': async () => compareShipped('refresh', await refreshesOf(shipped)),
	'code exchange': async () => compare('code exchange', await exchangesOf(servers)),
	'code exchange on a disk': async () => compareShipped('code exchange', await exchangesOf(shipped)),
	growth,
	killed,
};
for (const [name, measure] of Object.entries(parts)) if (report.wants(name)) await measure();
for (const server of [servers.glewlwyd, shipped.glewlwyd, servers['oidc-provider'], servers['oauth2-mock-server']]) await server.stop('SIGKILL');
for (const { sandbox } of [shipped.ours, ...(report.wants('killed') ? [] : [ours])]) await sandbox.kill();
report.end();
