/*
 * The real manager and the real sandbox, which behaves by one rotation contract that both know:
 *
 *   const pair = await startPair({ rotation: 'strict', refresh_kills_access: true });
 *   const token = await pair.connect('Archive');
 *   await pair.restart({ VALETKEY_CRASH_AT: '5' });    a manager that ends in the middle
 *   await pair.died(() => pair.refresh('Archive'));
 *   await pair.restart();
 *   await pair.advance(3600);                           both clocks
 *   (await pair.counts()).refreshes
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { root } from './binary.mjs';
import { testClock } from './clock.mjs';
import { managerClient, programGet } from './http.mjs';
import { freePort, makeKey, openCallback, startAttempt } from './manager.mjs';
import { startSandbox, startServe } from './server.mjs';

const app = { app_key: 'rotationkey0001', app_secret: 'rotationsecret1' };
const email = 'ann@example.com';
const LIFE_S = 14400;

/* What the definition calls a contract, the sandbox calls a personality. */
function personality({ rotation, grace, refresh_kills_access = false }) {
	return { rotation, refresh_kills_access, ...(grace ? { grace: { repeat: 'new', ...grace } } : {}) };
}

function files(dir, url, contract) {
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	const seed = {
		accounts: [
			{ email, password: 'not a secret 1', given_name: 'Ann', surname: 'Example', type: 'basic' },
			{ email: 'bob@example.com', password: 'not a secret 2', given_name: 'Bob', surname: 'Example', type: 'business', role: 'admin' },
		],
		team: { name: 'Example' },
		apps: [{ name: 'Rotation', owner: email, ...app, api: 'dropbox', access: 'full', redirect_uris: [`${url}/oauth/callback/dropbox`] }],
	};
	writeFileSync(path.join(dir, 'dropbox.json'), JSON.stringify({ ...dropbox, contract: { confidential: contract } }));
	writeFileSync(path.join(dir, 'seed'), JSON.stringify(seed));
}

/* env: of every manager, such as VALETKEY_STORE. */
export async function startPair(contract, own = {}) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-rotation-'));
	const port = await freePort();
	const url = `http://127.0.0.1:${port}`;
	files(dir, url, contract);
	const sandbox = await startSandbox({ args: ['--seed', path.join(dir, 'seed')] });
	await sandbox.control('PUT', `/_sandbox/apps/${app.app_key}/personality`, personality(contract));
	const clock = testClock();
	const start = (env, data) =>
		startServe({
			data,
			listen: `127.0.0.1:${port}`,
			args: ['--providers', dir],
			env: { VALETKEY_DROPBOX_URL: sandbox.url, ...clock.env, ...own, ...env },
		});
	let manager = await start();
	const ann = await managerClient(manager);
	const { key } = await makeKey(ann);
	const at = (name, rest) => `/api/v1/tokens/${encodeURIComponent(name)}${rest}`;
	const { data } = manager;
	let base = { refreshes: 0, reuses: 0 };
	const totals = async () => {
		const all = (await sandbox.state()).grants_detail;
		const sum = (what) => all.reduce((n, g) => n + g[what], 0);
		return { refreshes: sum('refreshes'), reuses: sum('reuses') };
	};

	return {
		sandbox, ann, key, url, clock,
		get manager() { return manager; },

		/* By consent, without a browser. */
		async connect(name) {
			const attempt = await startAttempt(ann, app);
			const { redirect } = await sandbox.control('POST', '/_sandbox/consent', {
				query: attempt.url.searchParams.toString(), email, decision: 'allow',
			});
			const page = await openCallback(ann, new URL(redirect));
			assert.equal(page.boot?.outcome, 'connected', page.text);
			const saved = await ann.post('/api/console/tokens', { connection: attempt.id, name, description: '' });
			assert.equal(saved.status, 201, saved.text);
			base = await totals();
			return saved.body.token;
		},
		/* Another node on the same store, with a data directory of its own. */
		async another(nodeData) {
			const own_port = await freePort();
			const node = await startServe({
				data: nodeData,
				listen: `127.0.0.1:${own_port}`,
				args: ['--providers', dir, '--public-url', url],
				env: { VALETKEY_DROPBOX_URL: sandbox.url, ...clock.env, ...own },
			});
			return Object.assign(node, { url: `http://127.0.0.1:${own_port}` });
		},
		async restart(env) {
			if (!manager.program.end) await manager.kill();
			manager = await start(env, data);
		},
		/* Runs what makes the manager end by itself. */
		async died(act) {
			await Promise.all([act().catch(() => null), manager.program.ended]);
			assert.equal(manager.program.end.signal, 'SIGKILL', manager.log().slice(-2000));
		},
		async advance(seconds) {
			await sandbox.advance(seconds);
			await clock.advance(manager.program.end ? null : manager, seconds);
		},
		refresh: (name) =>
			fetch(url + at(name, '/refresh'), { method: 'POST', headers: { authorization: `Bearer ${key}` } }),
		live: (name, query = '?min_ttl=0') => programGet(url, at(name, `/access-token${query}`), key),
		async state(id) {
			return (await ann.get(`/api/console/tokens/${id}`)).body.token;
		},
		/* Does the provider take this access token? */
		async works(access) {
			const res = await fetch(`${sandbox.url}/2/users/get_current_account`, {
				method: 'POST', headers: { authorization: `Bearer ${access}` },
			});
			return res.status === 200;
		},
		/* Since the newest connect: how often the provider refreshed, and was shown a spent refresh token. */
		async counts() {
			const now = await totals();
			return { refreshes: now.refreshes - base.refreshes, reuses: now.reuses - base.reuses };
		},
		remove: (id) => ann.del(`/api/console/tokens/${id}`),
		async until(what, find, ms = 60000) {
			for (const end = Date.now() + ms; ; await new Promise((r) => setTimeout(r, 25))) {
				const found = await find();
				if (found) return found;
				if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms\n${manager.log().slice(-2000)}`);
			}
		},
		async stop() {
			await manager.stop().catch((e) => {
				if (!manager.program.end || manager.program.end.signal !== 'SIGKILL') throw e;
			});
			await sandbox.stop();
			rmSync(dir, { recursive: true, force: true });
		},
		LIFE_S,
	};
}
