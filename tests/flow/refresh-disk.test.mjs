/* A disk that takes its time, and one that fails: nothing is acted upon before it is there, and nothing is lost. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { root } from '../lib/binary.mjs';
import { managerClient } from '../lib/http.mjs';
import { connectToken } from '../lib/manager.mjs';
import { startProvider, tokenReply, usual } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const LATE_MS = 60000;
const MEANWHILE_MS = 400; /* long enough for what must not happen */
const room = mkdtempSync(path.join(tmpdir(), 'valetkey-disk-'));
const shim = path.join(room, 'disk.so');
after(() => rmSync(room, { recursive: true, force: true }));
execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, path.join(root, 'tests/lib/disk.c')]);

async function until(what, find) {
	for (const end = Date.now() + LATE_MS; ; await pause(20)) {
		const found = await find();
		if (found) return found;
		assert.ok(Date.now() < end, `${what}: not within ${LATE_MS} ms`);
	}
}

/* Where a lost reply is a lost grant. The provider answers refreshes in turn, with what `answers` gives. */
async function startStrict(t, name, answers) {
	const providers = mkdtempSync(path.join(room, 'providers-'));
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	writeFileSync(path.join(providers, 'dropbox.json'), JSON.stringify({ ...dropbox, contract: { confidential: { rotation: 'strict' } } }));
	const p = await startProvider();
	t.after(() => p.stop());
	const asked = [];
	p.on.token = (req) => {
		if (req.form.grant_type !== 'refresh_token') return usual.token(req);
		asked.push(req.form.refresh_token);
		return answers[asked.length - 1](req);
	};
	const held = path.join(room, name);
	const manager = await startServe({ args: ['--providers', providers], env: {
		VALETKEY_DROPBOX_URL: p.url, LD_PRELOAD: shim, DISK_HELD: held, ASAN_OPTIONS: 'verify_asan_link_order=0',
	} });
	t.after(() => manager.stop());
	const disk = {
		set: (how) => writeFileSync(`${held}.${how}`, ''),
		end: (how) => rmSync(`${held}.${how}`),
		waitsFor: () => until('a sync', () => existsSync(held)).then(() => rmSync(held)),
	};
	return { manager, ann: await managerClient(manager), asked, disk };
}

const renewed = (n) => ({ json: tokenReply({ access_token: `sl.u.new-${n}`, refresh_token: `R-${n}` }) });
const row = (manager, id) => JSON.parse(execFileSync('sqlite3', ['-json', `file:${manager.data}/valetkey.db?mode=ro`,
	`SELECT attempt_stage AS stage, refreshed_ms > created_ms AS fresh FROM token WHERE id = '${id}'`], { encoding: 'utf8' }))[0];

test('a request leaves when its record is on the disk, a reply is read and a reader told when it is sealed there', async (t) => {
	let release;
	const released = new Promise((resolve) => (release = resolve));
	const { manager, ann, asked, disk } = await startStrict(t, 'slow', [async () => (await released, renewed(1))]);
	const { id } = await connectToken(ann, 'Archive');
	disk.set('hold');
	let told = false;
	const refresh = ann.post(`/api/console/tokens/${id}/refresh`).then((r) => ((told = true), r));
	await disk.waitsFor();
	await pause(MEANWHILE_MS);
	assert.equal(asked.length, 0, 'it is not recorded yet');
	disk.end('hold');
	await until('the request', () => asked.length === 1);
	disk.set('hold');
	release();
	await disk.waitsFor();
	await pause(MEANWHILE_MS);
	assert.equal(told, false);
	assert.deepEqual(row(manager, id), { stage: 1, fresh: 0 }, 'the reply is not sealed yet');
	disk.end('hold');
	assert.equal((await refresh).status, 200);
	assert.deepEqual(row(manager, id), { stage: 0, fresh: 1 });
	assert.equal(asked.length, 1);
});

test('a reply that comes while the disk fails is sealed when it is back, and what was not sent is not in doubt', async (t) => {
	let release;
	const released = new Promise((resolve) => (release = resolve));
	const { manager, ann, asked, disk } = await startStrict(t, 'failing', [async () => (await released, renewed(1)), () => renewed(2)]);
	const first = await connectToken(ann, 'First');
	const second = await connectToken(ann, 'Second');
	const ask = (id) => ann.post(`/api/console/tokens/${id}/refresh`);
	const one = ask(first.id);
	await until('the request', () => asked.length === 1);
	disk.set('fail');
	const two = ask(second.id);
	await until('its claim is not settled', () => manager.log().includes('store.not_settled'));
	await pause(MEANWHILE_MS);
	assert.equal(asked.length, 1, 'the second is not recorded, so not sent');
	release();
	await until('its reply is not sealed', () => /token.refresh_not_recorded.*reply/.test(manager.log()));
	disk.end('fail');
	assert.deepEqual([(await one).status, (await two).status], [200, 200]);
	for (const { id } of [first, second]) assert.deepEqual(row(manager, id), { stage: 0, fresh: 1 });
	assert.equal(asked.length, 2, 'each was sent once');
});
