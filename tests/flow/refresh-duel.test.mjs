/* The duel: eight reader processes and three nodes share one grant at a strict provider through ten
 * expiries. Ten refreshes at the provider, no error at any reader. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { startPostgres } from '../lib/postgres.mjs';
import { startPair } from '../lib/rotation.mjs';

const NODES = 3;
const READERS = 8;
const EXPIRIES = 10;

/* Reads the token from one node after the other and says what it got, as JSON lines; without a pause
 * while it changes, and gently while it does not. */
const reader = `
	const [urls, key, at] = [JSON.parse(process.argv[1]), process.argv[2], process.argv[3]];
	let last = '';
	for (let i = Number(process.argv[4]); ; i++) {
		const url = urls[i % urls.length];
		let status, token;
		try {
			const res = await fetch(url + at, { headers: { authorization: 'Bearer ' + key } });
			status = res.status;
			token = (await res.json()).access_token ?? '';
		} catch (e) {
			status = String(e.cause ?? e);
		}
		const line = JSON.stringify({ status, token });
		if (line !== last || status !== 200) console.log(line);
		last = line;
		await new Promise((r) => setTimeout(r, 20));
	}
`;

function startReader(urls, key, name, n) {
	const at = `/api/v1/tokens/${name}/access-token`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', reader, '--', JSON.stringify(urls), key, at, String(n)], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const it = { seen: [], errors: [], stop: () => child.kill('SIGKILL') };
	let rest = '';
	child.stdout.on('data', (d) => {
		const lines = (rest + d).split('\n');
		rest = lines.pop();
		for (const { status, token } of lines.map((l) => JSON.parse(l)))
			if (status === 200) it.seen.push(token);
			else it.errors.push(status);
	});
	return it;
}

test('ten expiries are ten refreshes, and no reader notices', async (t) => {
	const pg = await startPostgres();
	t.after(() => pg.stop());
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-duel-'));
	t.after(() => rmSync(dir, { recursive: true, force: true }));
	const pair = await startPair({ rotation: 'strict' }, { VALETKEY_STORE: pg.url() });
	t.after(() => pair.stop());
	const nodes = [pair.manager];
	for (let i = 1; i < NODES; i++) {
		const data = path.join(dir, String(i));
		mkdirSync(data, { mode: 0o700 });
		copyFileSync(path.join(pair.manager.data, 'master.key'), path.join(data, 'master.key'));
		nodes.push(await pair.another(data));
	}
	t.after(() => Promise.all(nodes.slice(1).map((n) => n.stop())));

	await pair.connect('Shared');
	const readers = Array.from({ length: READERS }, (_, i) => startReader(nodes.map((n) => n.url), pair.key, 'Shared', i));
	t.after(() => readers.forEach((r) => r.stop()));
	const newest = (r) => r.seen.at(-1);
	const all = (what) => pair.until('every reader has the same token', () => {
		const tokens = new Set(readers.map(newest));
		return tokens.size === 1 && what(newest(readers[0]));
	});
	await all((token) => token !== undefined);

	for (let round = 1; round <= EXPIRIES; round++) {
		const old = newest(readers[0]);
		await pair.sandbox.advance(pair.LIFE_S + 1);
		await pair.clock.advance(nodes, pair.LIFE_S + 1);
		await all((token) => token !== old);
		assert.ok(await pair.works(newest(readers[0])));
		assert.deepEqual(await pair.counts(), { refreshes: round, reuses: 0 });
	}
	for (const r of readers) assert.deepEqual(r.errors, []);
	assert.equal(new Set(readers.flatMap((r) => r.seen)).size, EXPIRIES + 1, 'nobody was given another token');
});
