/*
 * The real manager, the real sandbox, and one token for each kind of provider: an app of its own, whose
 * personality is what the manager's definition says.
 *
 *   const world = await startWorld();
 *   world.tokens                     [{ name, kind, app, id, … }]
 *   await world.kill(node); await world.restart(node);     one of world.nodes
 *   await world.advance(3600);       both clocks, the manager's first
 *   await world.reconnect(token);    as its owner does
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { root, sanitizerReport } from '../lib/binary.mjs';
import { testClock } from '../lib/clock.mjs';
import { managerClient } from '../lib/http.mjs';
import { freePort, makeKey, openCallback, startAttempt } from '../lib/manager.mjs';
import { startSandbox, startServe } from '../lib/server.mjs';
import { startCluster } from './cluster.mjs';
import { mountDisk, whyNoDisk } from './disk.mjs';

const email = 'ann@example.com';
const MONTH_S = 2592000;

/* Once spent, a refresh token of these is dead: at once, or after a grace that jumps of the clock outrun. */
const once = ({ rotation, grace }) => rotation === 'single' || rotation === 'strict' || grace?.until === 'seconds';

const shapes = {
	none: { rotation: 'none' },
	'grace-seconds': { rotation: 'grace', grace: { until: 'seconds', max_s: 600 } },
	'grace-refresh-used': { rotation: 'grace', grace: { until: 'r2_used', max_s: MONTH_S } },
	'grace-access-used': { rotation: 'grace', grace: { until: 'access_used', max_s: MONTH_S } },
	single: { rotation: 'single' },
	strict: { rotation: 'strict' },
};
export const kinds = Object.entries(shapes).flatMap(([id, contract]) => [
	{ id, contract, once: once(contract) },
	{ id: `${id}-kills`, contract: { ...contract, refresh_kills_access: true }, once: once(contract) },
]);

/* The definition's contract as the sandbox's personality. Beyond its grace a spent one is an alarm. */
function personality({ grace, ...rest }) {
	return { ...rest, ...(grace ? { grace: { repeat: 'new', after: 'strict', ...grace } } : {}) };
}

function makeTokens(url, copies) {
	return kinds.flatMap((kind, k) =>
		Array.from({ length: copies }, (_, c) => ({
			name: `${kind.id.replaceAll('-', ' ')} ${c}`,
			kind,
			app: { app_key: `chaosapp${String(k).padStart(3, '0')}${String(c).padStart(4, '0')}`, app_secret: 'chaossecret0001' },
			redirect: `${url}/oauth/callback/${kind.id}`,
		})));
}

function writeSeed(file, tokens) {
	const person = (e, given_name, more) => ({ email: e, password: 'not a secret 1', given_name, surname: 'Example', ...more });
	writeFileSync(file, JSON.stringify({
		accounts: [person(email, 'Ann', { type: 'basic' }), person('bob@example.com', 'Bob', { type: 'business', role: 'admin' })],
		team: { name: 'Example' },
		apps: tokens.map(({ name, app, redirect }) => ({
			name: `Chaos ${name}`, owner: email, ...app, api: 'dropbox', access: 'full', redirect_uris: [redirect],
		})),
	}));
}

/* client_auth: the log tells the app that stands in the form. */
function writeDefinitions(dir, sandbox) {
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	const bases = { web: sandbox.url, api: sandbox.url };
	for (const { id, contract } of kinds)
		writeFileSync(path.join(dir, `${id}.json`), JSON.stringify({ ...dropbox, id, name: `Chaos ${id}`, bases, client_auth: 'body', contract: { confidential: contract } }));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* What was interrupted by a restart is asked again. */
async function retried(ask, times = 5) {
	for (let i = 1; ; i++) {
		try {
			return await ask();
		} catch (e) {
			if (i === times || e.name === 'AssertionError') throw e;
			await pause(100 * i);
		}
	}
}

/* What the managers of this run wrote: when each token's new pair was stored (whole seconds, in ms). */
class Writings {
	constructor() {
		this.old = '';
		this.stored = [];
	}

	static read(text) {
		return [...text.matchAll(/^(\S+) \w+ event=token\.refreshed token="?([^\s"]+)/gm)].map(([, at, id]) => ({ id, at: Date.parse(at) }));
	}

	/* Of one that has ended. */
	take(text) {
		assert.ok(!sanitizerReport.test(text), text.slice(-6000));
		this.stored.push(...Writings.read(text));
		this.old = (this.old + text).slice(-20000);
	}

	of(id, running) {
		return [...this.stored, ...Writings.read(running)].filter((s) => s.id === id).map((s) => s.at).sort((a, b) => a - b);
	}
}

/* One manager with a file, or `count` managers on one PostgreSQL. */
async function startNodes({ dir, pg, count, url, args, env, disk }) {
	const nodes = [];
	for (let i = 0; i < Math.max(1, count); i++) {
		const data = path.join(dir, `node-${i}`);
		const listen = i === 0 ? new URL(url).host : `127.0.0.1:${await freePort()}`;
		mkdirSync(data, { mode: 0o700 });
		if (i === 0 && disk) Object.assign(disk, mountDisk(data));
		if (i > 0) copyFileSync(path.join(dir, 'node-0/master.key'), path.join(data, 'master.key'));
		const more = i > 0 ? ['--public-url', url] : [];
		const start = () =>
			startServe({ data, log: 'info', listen, args: [...args, ...more], env: { ...(pg ? { VALETKEY_STORE: pg.url() } : {}), ...env } });
		nodes.push({ url: `http://${listen}`, start, manager: await start() });
	}
	return nodes;
}

/* The clock of some programs: what it shows, for a time of this program's, and the other way. */
class Shifts {
	constructor() {
		this.rows = [{ from: 0, offset_ms: 0 }];
	}

	by(seconds) {
		this.rows.push({ from: Date.now(), offset_ms: this.rows.at(-1).offset_ms + seconds * 1000 });
	}

	at(wall) {
		return wall + this.rows.findLast((s) => wall >= s.from).offset_ms;
	}

	/* What it said earliest between two moments: it may have been set back there. */
	least(from, to) {
		return Math.min(this.at(from), ...this.rows.filter((s) => s.from > from && s.from <= to).map((s) => this.at(s.from)));
	}

	/* Several, when it was set back meanwhile. */
	walls(at) {
		return this.rows.map((s, i) => ({ wall: at - s.offset_ms, from: s.from - 2000, to: (this.rows[i + 1]?.from ?? Infinity) + 2000 }))
			.filter(({ wall, from, to }) => wall >= from && wall <= to).map(({ wall }) => wall);
	}
}

/* nodes: managers on one PostgreSQL; 0: one manager with a file, on a small disk where there can be one. */
export async function startWorld({ copies = 1, nodes: count = 0, standby = true } = {}) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-chaos-'));
	const url = `http://127.0.0.1:${await freePort()}`;
	const tokens = makeTokens(url, copies);
	writeSeed(path.join(dir, 'seed'), tokens);
	const sandbox = await startSandbox({ args: ['--seed', path.join(dir, 'seed')], log: 'warn' });
	const definitions = mkdtempSync(path.join(dir, 'providers-'));
	writeDefinitions(definitions, sandbox);
	for (const t of tokens) await sandbox.control('PUT', `/_sandbox/apps/${t.app.app_key}/personality`, personality(t.kind.contract));
	const clock = testClock();
	const pg = count > 0 ? await startCluster({ standby }) : null;
	const disk = pg || whyNoDisk() ? null : {};
	const nodes = await startNodes({ dir, pg, count, url, args: ['--providers', definitions], env: clock.env, disk });
	const [{ manager }] = nodes;
	const running = () => nodes.map((n) => n.manager).filter((m) => !m.program.end);
	const log = () => nodes.map((n) => n.manager.log()).join('');
	const ann = await managerClient(manager);
	const { key } = await makeKey(ann);
	const writings = new Writings();
	const theirs = new Shifts();
	const mine = new Shifts();

	const world = {
		sandbox, tokens, nodes, pg, disk,
		/* The clocks of the provider and of the managers. */
		theirs, mine,
		now: () => theirs.at(Date.now()),
		managerNow: () => mine.at(Date.now()),
		behind_s: 0, /* how far the managers' clock was set back */
		async kill(node) {
			const { program } = node.manager;
			if (program.end) throw new Error(`the manager ended by itself:\n${node.manager.log().slice(-6000)}`);
			await node.manager.kill();
		},
		async restart(node) {
			writings.take(node.manager.log());
			node.manager = await node.start();
		},
		/* The manager must not believe an access token alive that the provider has let run out. */
		async advance(seconds) {
			mine.by(seconds);
			await clock.advance(running(), seconds);
			theirs.by(seconds);
			await sandbox.advance(seconds);
		},
		/* The managers' clock alone goes wrong, and is put right. */
		async setBack(seconds) {
			world.behind_s += seconds;
			mine.by(-seconds);
			await clock.advance(running(), -seconds);
		},
		putRight: () => world.setBack(-world.behind_s),
		stored: (t) => writings.of(t.id, log()),
		log: () => writings.old + log(),
		async connect(t) {
			await retried(async () => {
				const attempt = await startAttempt(ann, { provider: t.kind.id, ...t.app, ...(t.id ? { token_id: t.id } : {}) });
				const query = attempt.url.searchParams.toString();
				const { redirect } = await sandbox.control('POST', '/_sandbox/consent', { query, email, decision: 'allow' });
				const page = await openCallback(ann, new URL(redirect));
				assert.equal(page.boot?.outcome, 'connected', page.text);
				if (t.id) return;
				const saved = await ann.post('/api/console/tokens', { connection: attempt.id, name: t.name, description: '' });
				assert.equal(saved.status, 201, saved.text);
				t.id = saved.body.token.id;
			});
		},
		/* As the console shows them: Map of id -> token. */
		async states() {
			const reply = await retried(async () => {
				const got = await ann.get('/api/console/tokens');
				if (got.status !== 200) throw new Error(`the list of tokens: ${got.status} ${got.text}`);
				return got;
			});
			return new Map(reply.body.tokens.map((t) => [t.id, t]));
		},
		path: (t, rest, node = nodes[0]) => `${node.url}/api/v1/tokens/${encodeURIComponent(t.name)}${rest}`,
		/* A program's call: { status, body }. */
		async ask(t, rest, { method = 'GET', body, node, ms = 60000 } = {}) {
			const res = await fetch(world.path(t, rest, node), {
				method,
				headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
				body: body && JSON.stringify(body),
				signal: AbortSignal.timeout(ms),
			});
			return { status: res.status, body: await res.json() };
		},
		/* The provider refused it to the caller. */
		report: (t, access, node) =>
			world.ask(t, '/access-token/rejected', { method: 'POST', body: { fingerprint: createHash('sha256').update(access).digest('hex') }, node }),
		/* The status with which the provider's API answers this access token. */
		async use(access) {
			const res = await fetch(`${sandbox.url}/2/users/get_current_account`, {
				method: 'POST', headers: { authorization: `Bearer ${access}` }, signal: AbortSignal.timeout(60000),
			});
			await res.arrayBuffer();
			return res.status;
		},
		async stop() {
			await Promise.all(running().map((m) => m.stop({ keep: true })));
			await sandbox.stop();
			await pg?.stop();
			disk?.umount();
			rmSync(dir, { recursive: true, force: true });
		},
	};
	for (const t of tokens) await world.connect(t);
	return world;
}
