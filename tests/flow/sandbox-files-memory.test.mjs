/* Ten clients move 160 MB each, up and down, while the sandbox's anonymous memory stays under 64 MiB.
 * Measured on the plain build: the sanitizers' own memory would hide what is looked for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
process.env.VALETKEY_BIN = path.join(root, process.env.BUILD ?? 'build', 'valetkey');
const { startSandbox } = await import('../lib/server.mjs');
const { person } = await import('./files-lib.mjs');

const CLIENTS = 10;
const SIZE = 160 << 20;
const PART = SIZE / 2;
const LIMIT_KB = 64 << 10;
const chunk = Buffer.alloc(1 << 20, 'valetkey ');

let box;
before(async () => (box = await startSandbox({ log: 'warn' })));
after(() => box?.stop());

function anonymousKb() {
	return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))[1]);
}

async function* bytes(length) {
	for (let left = length; left > 0; left -= chunk.length) yield chunk;
}

async function send(dbx, route, arg, length) {
	const res = await fetch(`${box.url}/2/files/${route}`, {
		method: 'POST',
		headers: { authorization: `Bearer ${dbx.token}`, 'content-type': 'application/octet-stream', 'dropbox-api-arg': JSON.stringify(arg) },
		body: bytes(length),
		duplex: 'half',
	});
	assert.equal(res.status, 200, await (res.ok ? '' : res.text()));
	return res.json();
}

async function upload(dbx, name) {
	const { session_id: id } = await send(dbx, 'upload_session/start', {}, PART);
	const made = await send(dbx, 'upload_session/finish', { cursor: { session_id: id, offset: PART }, commit: { path: name } }, PART);
	assert.equal(made.size, SIZE);
}

async function download(dbx, name) {
	const res = await fetch(`${box.url}/2/files/download`, {
		method: 'POST', headers: { authorization: `Bearer ${dbx.token}`, 'dropbox-api-arg': JSON.stringify({ path: name }) },
	});
	let got = 0;
	for await (const part of res.body) got += part.length;
	assert.equal(got, SIZE);
}

test('ten clients at once, 160 MB each', async (t) => {
	const dbx = await (await person({ ...box, account: box.account })).files();
	let peak = 0;
	const timer = setInterval(() => (peak = Math.max(peak, anonymousKb())), 50);
	const names = Array.from({ length: CLIENTS }, (_, i) => `/moved/${i}.bin`);
	await Promise.all(names.map((name) => upload(dbx, name)));
	await Promise.all(names.map((name) => download(dbx, name)));
	clearInterval(timer);
	t.diagnostic(`at most ${peak} kB of anonymous memory`);
	assert.ok(peak > 0 && peak < LIMIT_KB, `${peak} kB`);
});

test('an archive of two thousand files', async (t) => {
	const dbx = await (await person({ ...box, account: box.account })).files();
	for (let i = 0; i < 20; i++) await dbx.upload(`/many/0/${i}.bin`, Buffer.alloc(20_000, i));
	for (let i = 1; i < 100; i++) await dbx.ok('copy_v2', { from_path: '/many/0', to_path: `/many/${i}` });
	let peak = 0;
	const timer = setInterval(() => (peak = Math.max(peak, anonymousKb())), 10);
	const got = await dbx.send('download_zip', { headers: { 'dropbox-api-arg': JSON.stringify({ path: '/many' }) } });
	clearInterval(timer);
	assert.equal(got.status, 200);
	assert.ok(got.bytes.length > 2000 * 20_000);
	t.diagnostic(`at most ${peak} kB of anonymous memory`);
	assert.ok(peak > 0 && peak < LIMIT_KB, `${peak} kB`);
});
