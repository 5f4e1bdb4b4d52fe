/* S-215, the part about a server that is killed in the midst of everything. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { Files, contentHash, person } from '../flow/files-lib.mjs';
import { startDemo } from '../lib/server.mjs';

const WRITERS = 4;
const ROUNDS = 4;

const names = (dir) => readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => e.name);

/* How many contents an account can ask for: its files, and what they were. */
async function kept(dbx) {
	let count = 0;
	for (const e of (await dbx.list('', { recursive: true })).entries.filter((one) => one['.tag'] === 'file'))
		count += (await dbx.ok('list_revisions', { path: e.id, mode: 'id', limit: 100 })).entries.length;
	return count;
}

/* Overwrites its file until the server is gone; tells which versions were acknowledged and sent. */
async function write(dbx, name, versions, state) {
	for (;;) {
		const n = versions.length;
		const bytes = Buffer.concat([Buffer.from(`${n}\n`), randomBytes(1_500_000)]);
		versions.push(contentHash(bytes));
		try {
			await dbx.upload(name, bytes, { mode: 'overwrite' });
		} catch {
			return;
		}
		state.acknowledged[name] = n;
		if (++state.count === state.until) state.kill();
	}
}

test('S-215 a killed server shows the old or the new of each file, nothing between, and loses nothing it acknowledged', async () => {
	const data = mkdtempSync(path.join(tmpdir(), 'valetkey-kill-'));
	const files = path.join(data, 'sandbox', 'files');
	const versions = Object.fromEntries(Array.from({ length: WRITERS }, (_, i) => [`/killed/${i}`, []]));
	const state = { acknowledged: {} };
	let token, seeded;
	for (let round = 0; round < ROUNDS; round++) {
		const demo = await startDemo({ data, log: 'warn' });
		token ??= (await (await person({ seed: demo.seed, url: demo.sandbox, account: demo.account })).files()).token;
		const dbx = new Files(demo.sandbox, token);
		seeded ??= names(path.join(files, 'store')).length - (await kept(dbx));
		Object.assign(state, { count: 0, until: 5 + 3 * round, kill: () => demo.program.child.kill('SIGKILL') });
		await Promise.all(Object.entries(versions).map(([name, list]) => write(dbx, name, list, state)));
		await demo.kill();
	}
	const demo = await startDemo({ data });
	const dbx = new Files(demo.sandbox, token);
	for (const [name, list] of Object.entries(versions)) {
		if (state.acknowledged[name] === undefined) continue;
		const got = await dbx.download(name);
		const meta = JSON.parse(got.headers.get('dropbox-api-result'));
		const at = list.indexOf(contentHash(got.bytes));
		assert.equal(meta.content_hash, contentHash(got.bytes));
		assert.ok(at >= state.acknowledged[name], `${name}: version ${at}, ${state.acknowledged[name]} was acknowledged`);
		for (const old of (await dbx.ok('list_revisions', { path: name, limit: 100 })).entries) {
			const bytes = (await dbx.download(`rev:${old.rev}`)).bytes;
			assert.equal(contentHash(bytes), old.content_hash);
		}
	}
	assert.deepEqual([names(path.join(files, 'incoming')), names(path.join(files, 'sessions'))], [[], []]);
	/* every file on disk is a version that somebody can still ask for */
	assert.equal(names(path.join(files, 'store')).length, seeded + (await kept(dbx)));
	await demo.stop();
	rmSync(data, { recursive: true, force: true });
});
