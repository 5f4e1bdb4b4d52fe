/*
 * A manager at a provider whose contract and whose every answer a test decides:
 *
 *   const w = await startScripted({ rotation: 'strict' });
 *   const t = await w.connect('Archive');
 *   w.replies(page, damaged, rotated());     to the next refreshes, in this order; then good ones
 *   await w.refresh('Archive');
 *   w.shown                                  the refresh tokens that were presented, in this order
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { root } from './binary.mjs';
import { testClock } from './clock.mjs';
import { managerClient, programGet } from './http.mjs';
import { connectToken, freePort, makeKey } from './manager.mjs';
import { startProvider, tokenReply, usual } from './provider.mjs';
import { startServe } from './server.mjs';

export async function startScripted(contract) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-scripted-'));
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	writeFileSync(path.join(dir, 'dropbox.json'), JSON.stringify({ ...dropbox, contract: { confidential: contract } }));
	const clock = testClock();
	const listen = `127.0.0.1:${await freePort()}`;
	const script = [];
	const p = await startProvider({
		token: (req, res) => {
			if (req.form.grant_type !== 'refresh_token') return usual.token(req);
			const next = script.shift() ?? { json: tokenReply() };
			return typeof next === 'function' ? next(req, res) : next;
		},
	});
	const start = (env, data) =>
		startServe({ data, listen, args: ['--providers', dir], env: { VALETKEY_DROPBOX_URL: p.url, ...clock.env, ...env } });
	let manager = await start();
	const { data } = manager;
	const ann = await managerClient(manager);
	const { key } = await makeKey(ann);
	const api = (name, rest, options) =>
		fetch(`${manager.url}/api/v1/tokens/${encodeURIComponent(name)}${rest}`, {
			...options, headers: { authorization: `Bearer ${key}`, ...options?.headers },
		});
	const w = {
		p, ann, key, clock,
		get manager() { return manager; },
		get shown() {
			return p.requests.map((r) => r.form).filter((f) => f.grant_type === 'refresh_token').map((f) => f.refresh_token);
		},
		replies: (...list) => void script.splice(0, script.length, ...list),
		connect: (name) => connectToken(ann, name),
		refresh: (name) => api(name, '/refresh', { method: 'POST' }),
		rejected: (name, fingerprint) =>
			api(name, '/access-token/rejected', {
				method: 'POST', body: JSON.stringify({ fingerprint }), headers: { 'content-type': 'application/json' },
			}),
		live: async (name) =>
			(await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token?min_ttl=0`, key)).body,
		state: async (id) => (await ann.get(`/api/console/tokens/${id}`)).body.token,
		/* What its owner was told of it, oldest first. */
		async told(id) {
			const { events } = (await ann.get('/api/console/events')).body;
			return events.filter((e) => e.about?.id === id).sort((a, b) => Number(a.id.split('-')[1]) - Number(b.id.split('-')[1]));
		},
		advance: (seconds) => clock.advance(manager.program.end ? null : manager, seconds),
		async restart(env) {
			if (!manager.program.end) await manager.kill();
			manager = await start(env, data);
		},
		/* Runs what makes the manager end by itself. */
		async died(act) {
			await Promise.all([act().catch(() => null), manager.program.ended]);
		},
		async until(what, find, ms = 60000) {
			for (const end = Date.now() + ms; ; await new Promise((r) => setTimeout(r, 25))) {
				const found = await find();
				if (found) return found;
				if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms\n${manager.log().slice(-2000)}`);
			}
		},
		async stop() {
			if (!manager.program.end) await manager.stop();
			await p.stop();
			rmSync(dir, { recursive: true, force: true });
		},
	};
	return w;
}

/* A reply that says what it is given, byte for byte, and hangs up. */
export const raw = (...parts) => (req, res) => {
	res.socket.on('error', () => {});
	res.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))), () => res.socket.destroy());
};
