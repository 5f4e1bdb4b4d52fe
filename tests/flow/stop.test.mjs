/* What an orderly stop does with a refresh under way, at a provider that takes a refresh token once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { root } from '../lib/binary.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider, tokenReply, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

async function until(what, find) {
	for (const end = Date.now() + 60000; ; await new Promise((r) => setTimeout(r, 20))) {
		if (await find()) return;
		assert.ok(Date.now() < end, what);
	}
}

async function strict(t) {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-stop-'));
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	writeFileSync(path.join(dir, 'dropbox.json'), JSON.stringify({ ...dropbox, contract: { confidential: { rotation: 'strict' } } }));
	const p = await startProvider();
	const start = (data) => startServe({ data, args: ['--providers', dir], env: { VALETKEY_DROPBOX_URL: p.url } });
	const manager = await start();
	const ann = await managerClient(manager);
	const token = await connectToken(ann, 'Stopping');
	const { key } = await makeKey(ann);
	const pair = {
		p, manager,
		refreshes: () => p.requests.filter((r) => r.form.grant_type === 'refresh_token').length,
		refresh: () => ann.post(`/api/console/tokens/${token.id}/refresh`).catch(() => null),
		async restart() {
			pair.manager = await start(manager.data);
		},
		live: async (query = '') => (await programGet(pair.manager.url, `/api/v1/tokens/Stopping/access-token${query}`, key)).body,
	};
	t.after(async () => {
		if (!pair.manager.program.end) await pair.manager.stop();
		await p.stop();
		rmSync(dir, { recursive: true, force: true });
	});
	return pair;
}

test('a stop waits for the reply of a provider that rotates, also a slow one', async (t) => {
	const pair = await strict(t);
	pair.p.on.token = async (req) => {
		if (req.form.grant_type !== 'refresh_token') return usual.token(req);
		await new Promise((r) => setTimeout(r, 8000));
		return { json: tokenReply({ access_token: 'sl.u.the-new-one' }) };
	};
	const asked = pair.refresh();
	await until('the refresh leaves', () => pair.refreshes() === 1);
	process.kill(pair.manager.pid, 'SIGTERM');
	await pair.manager.program.ended;
	await asked;
	await pair.restart();
	assert.equal((await pair.live()).access_token, 'sl.u.the-new-one');
	assert.equal(pair.refreshes(), 1);
});

/* So that whoever else writes waits. */
async function holdWriter(file) {
	const program = [
		'import sqlite3, sys',
		'db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)',
		'db.execute("BEGIN IMMEDIATE")',
		'print("held", flush=True)',
		'sys.stdin.read()',
		'db.execute("COMMIT")',
	].join('\n');
	const child = spawn('python3', ['-c', program, file], { stdio: ['pipe', 'pipe', 'inherit'] });
	await once(child.stdout, 'data');
	return async () => {
		child.stdin.end();
		await once(child, 'exit');
	};
}

test('an attempt that was being recorded when the stop came does not leave', async (t) => {
	const pair = await strict(t);
	const before = (await pair.live()).access_token;
	const letGo = await holdWriter(path.join(pair.manager.data, 'valetkey.db'));
	const asked = pair.refresh();
	await new Promise((r) => setTimeout(r, 300));
	process.kill(pair.manager.pid, 'SIGTERM');
	await new Promise((r) => setTimeout(r, 300));
	await letGo();
	await pair.manager.program.ended;
	await asked;
	assert.equal(pair.refreshes(), 0);
	await pair.restart();
	/* Nothing is in doubt: the refresh token is sent at once. */
	await until('another access token', async () => (await pair.live('?min_ttl=14390')).access_token !== before);
	assert.equal(pair.refreshes(), 1);
});
