/* Many tokens due at once, and a provider that hangs: each provider's pace is its own, and nobody who reads
 * waits for either. Nothing here waits for time to pass: providers answer when the test says so. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { root } from '../lib/binary.mjs';
import { testClock } from '../lib/clock.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const LIFE_S = 14400;
const WAIT_MS = 60000;
const WINDOW = 16; /* LANE_CALLS_MIN: as many as one asks a provider at once whose pace is not known */
const CONNECTIONS = 64; /* to one host */
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-storm-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function until(what, question) {
	for (const end = Date.now() + WAIT_MS; !(await question()); await pause(20))
		if (Date.now() > end) throw new Error(`${what}: not within ${WAIT_MS} ms`);
}

/* Refreshes wait at its door until it opens. */
function gate(provider) {
	const it = { waiting: 0, most: 0, answered: 0 };
	const opened = new Promise((resolve) => (it.open = resolve));
	provider.on.token = async (req) => {
		if (req.form.grant_type !== 'refresh_token') return usual.token(req);
		it.most = Math.max(it.most, ++it.waiting);
		await opened;
		it.waiting--;
		it.answered++;
		return usual.token(req);
	};
	return it;
}

const refreshesOf = (provider) => provider.requests.filter((r) => r.form.grant_type === 'refresh_token').map((r) => r.form.refresh_token);

test('tokens that are due at once are refreshed once each, at the provider\'s pace, and no reader waits', async () => {
	const MANY = 80;
	const provider = await startProvider();
	const clock = testClock();
	const manager = await startServe({ log: 'info', env: { VALETKEY_DROPBOX_URL: provider.url, ...clock.env } });
	const ann = await managerClient(manager);
	const names = Array.from({ length: MANY }, (_, i) => `Token ${i}`);
	for (const name of names) await connectToken(ann, name);
	const { key } = await makeKey(ann);
	const read = (name) => programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token?min_ttl=0`, key);
	const before = new Map();
	for (const name of names) before.set(name, (await read(name)).body.access_token);

	const held = gate(provider);
	provider.requests.length = 0;
	/* All are due, and live for four minutes yet. */
	await clock.advance(manager, LIFE_S - 240);
	await until('a window of requests', () => held.waiting === WINDOW);
	/* While the provider answers nobody, every reader is answered at once, with what still lives. */
	for (const name of names) assert.equal((await read(name)).body.access_token, before.get(name));
	assert.equal(held.answered, 0);
	assert.equal(held.most, WINDOW, 'no more are asked of a provider that has not answered one');

	held.open();
	await until('all refreshes', () => held.answered === MANY);
	await until('all new tokens', async () => (await read(names.at(-1))).body.access_token !== before.get(names.at(-1)));
	const shown = refreshesOf(provider);
	assert.equal(shown.length, MANY);
	assert.equal(new Set(shown).size, MANY, 'each once');
	assert.ok(held.most <= CONNECTIONS, `${held.most} at once`);
	for (const name of names)
		await until(`the new token of ${name}`, async () => (await read(name)).body.access_token !== before.get(name));
	await manager.stop();
	await provider.stop();
});

test('one provider that answers in 20 s never delays another', async () => {
	const MANY = 40; /* more than a window of each */
	const [quick, slow] = [await startProvider(), await startProvider()];
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	const providers = path.join(dir, 'providers');
	mkdirSync(providers);
	writeFileSync(path.join(providers, 'slow.json'), JSON.stringify({ ...dropbox, id: 'slow', name: 'Slow', bases: { web: slow.url, api: slow.url } }));
	const clock = testClock();
	const manager = await startServe({ log: 'info', args: ['--providers', providers], env: { VALETKEY_DROPBOX_URL: quick.url, ...clock.env } });
	const ann = await managerClient(manager);
	for (let i = 0; i < MANY; i++) {
		await connectToken(ann, `Quick ${i}`);
		await connectToken(ann, `Slow ${i}`, { provider: 'slow' });
	}
	const { key } = await makeKey(ann);
	const read = (name, query = '?min_ttl=0') => programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}/access-token${query}`, key);
	const old = (await read('Quick 0')).body.access_token;

	const hanging = gate(slow); /* answers only when this test lets it */
	quick.requests.length = 0;
	await clock.advance(manager, LIFE_S - 240);
	await until('the slow provider has all it is asked', () => hanging.waiting === WINDOW);
	await until('every token of the quick one is refreshed', () => refreshesOf(quick).length === MANY);
	await until('and readers have it', async () => (await read('Quick 0')).body.access_token !== old);
	/* Also one who waits for a refresh of its own, past all that waits for the slow one. */
	const fresh = await read('Quick 1', '?min_ttl=20000');
	assert.equal(fresh.status, 200, fresh.text);
	assert.equal(hanging.answered, 0);
	assert.equal(hanging.most, WINDOW);
	hanging.open();
	await until('then the slow one is served too', () => hanging.answered === MANY);
	await manager.stop();
	await Promise.all([quick.stop(), slow.stop()]);
});
