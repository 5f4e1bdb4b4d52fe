/* rclone as Debian ships it, its dropbox backend, with nothing but HTTPS_PROXY and SSL_CERT_FILE: its
 * API hosts are fixed, so it believes that it talks to Dropbox. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { person, startDropbox } from './lib.mjs';

const REDIRECT = 'http://localhost:53682/'; /* rclone's own, fixed */
const BIG = 160 * 1024 * 1024;

let demo, bea, dir;

before(async () => {
	demo = await startDropbox();
	bea = await person(demo, readFileSync(demo.ca));
	dir = mkdtempSync(path.join(tmpdir(), 'valetkey-rclone-'));
});
after(async () => {
	await demo?.stop();
	if (dir) rmSync(dir, { recursive: true, force: true });
});

function environment(extra = {}) {
	return {
		PATH: process.env.PATH,
		HOME: dir,
		HTTPS_PROXY: demo.proxy,
		SSL_CERT_FILE: demo.ca,
		RCLONE_CONFIG: path.join(dir, 'none.conf'),
		...extra,
	};
}

function start(args, env) {
	const child = spawn('rclone', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
	const state = { child, out: '', err: '' };
	child.stdout.on('data', (d) => (state.out += d));
	child.stderr.on('data', (d) => (state.err += d));
	state.ended = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code) => resolve(code));
	});
	return state;
}

/* Resolves with the match as soon as rclone has said it. */
function says(state, pattern) {
	return new Promise((resolve, reject) => {
		const look = () => {
			const found = pattern.exec(state.err + state.out);
			if (found) resolve(found);
		};
		state.child.stdout.on('data', look);
		state.child.stderr.on('data', look);
		state.ended.then(() => reject(new Error(`rclone ended: ${state.err}${state.out}`)));
		look();
	});
}

/* On a connection of its own: one that was kept may be that of an rclone that has ended. */
function visit(address) {
	return new Promise((resolve, reject) => {
		http.get(address, { agent: false }, (res) => resolve(res.resume())).on('error', reject);
	});
}

/* `rclone authorize`: its little server sends the browser to the consent page and takes the code. */
async function authorize(app) {
	const state = start(['authorize', 'dropbox', app.key, app.secret, '--auth-no-open-browser'], environment());
	const [, local] = await says(state, /(http:\/\/127\.0\.0\.1:53682\/auth\?state=\S+)/);
	const away = await visit(local);
	const back = await bea.allow(away.headers.location);
	/* It may have ended with the code before its page has left. */
	const page = await visit(back).catch((e) => (e.code === 'ECONNRESET' ? null : Promise.reject(e)));
	if (page) assert.equal(page.statusCode, 200);
	assert.equal(await state.ended, 0, state.err);
	return /(\{"access_token".*\})/.exec(state.out)[1];
}

async function remote(name, options) {
	const app = await bea.app(name, { uris: [REDIRECT], ...options });
	const token = await authorize(app);
	const env = environment({
		RCLONE_CONFIG_BOX_TYPE: 'dropbox',
		RCLONE_CONFIG_BOX_CLIENT_ID: app.key,
		RCLONE_CONFIG_BOX_CLIENT_SECRET: app.secret,
		RCLONE_CONFIG_BOX_TOKEN: token,
	});
	return async function rclone(...args) {
		const state = start(['--retries', '1', '--low-level-retries', '2', ...args], env);
		const code = await state.ended;
		assert.equal(code, 0, `rclone ${args.join(' ')}: ${code}\n${state.err}${state.out}`);
		return state.out;
	};
}

async function sha256(file) {
	const hash = createHash('sha256');
	for await (const part of createReadStream(file)) hash.update(part);
	return hash.digest('hex');
}

function writeBig(file) {
	const block = Buffer.alloc(BIG / 4);
	for (let i = 0; i < 4; i++) {
		randomFillSync(block);
		writeFileSync(file, block, { flag: i === 0 ? 'w' : 'a' });
	}
}

describe('an app with full access', () => {
	let rclone;
	before(async () => {
		rclone = await remote('rclone full');
	});

	test('lsf shows what is there', async () => {
		assert.deepEqual((await rclone('lsf', 'box:')).trim().split('\n').sort(),
			['Documents/', 'Pictures/', 'Welcome.txt']);
	});

	test('copy takes 160 MB there by an upload session and back, and check compares the content hash', async () => {
		const file = path.join(dir, 'big', 'big.bin');
		mkdirSync(path.dirname(file));
		writeBig(file);
		await rclone('copy', path.dirname(file), 'box:big');
		await rclone('check', path.dirname(file), 'box:big');
		await rclone('copy', 'box:big', path.join(dir, 'back'));
		assert.equal(await sha256(path.join(dir, 'back', 'big.bin')), await sha256(file));
	});

	test('sync makes the other side the same, twice, in letters of many scripts', async () => {
		const tree = path.join(dir, 'tree');
		mkdirSync(path.join(tree, 'Größe', 'tief'), { recursive: true });
		for (const name of ['a.txt', 'Größe/b ✓.txt', 'Größe/tief/c.txt', 'empty'])
			writeFileSync(path.join(tree, name), name === 'empty' ? '' : `this is ${name}\n`);
		await rclone('sync', tree, 'box:tree');
		await rclone('check', tree, 'box:tree');
		rmSync(path.join(tree, 'a.txt'));
		writeFileSync(path.join(tree, 'Größe', 'b ✓.txt'), 'changed');
		await rclone('sync', tree, 'box:tree');
		await rclone('check', tree, 'box:tree');
		assert.equal(await rclone('cat', 'box:tree/Größe/b ✓.txt'), 'changed');
		assert.ok(!(await rclone('lsf', 'box:tree')).includes('a.txt'));
	});

	test('about, moveto, purge', async () => {
		assert.match(await rclone('about', 'box:'), /Total:.*\n.*Used:/);
		await rclone('moveto', 'box:Welcome.txt', 'box:Moved.txt');
		assert.match(await rclone('cat', 'box:Moved.txt'), /sandbox/);
		await rclone('purge', 'box:Pictures');
		assert.ok(!(await rclone('lsf', 'box:')).includes('Pictures'));
	});
});

test('an app with an app folder sees that folder as its root', async () => {
	const rclone = await remote('rclone folder', { access: 'app_folder' });
	assert.equal(await rclone('lsf', 'box:'), '');
	writeFileSync(path.join(dir, 'inside.txt'), 'inside');
	await rclone('copy', path.join(dir, 'inside.txt'), 'box:');
	assert.equal(await rclone('lsf', 'box:'), 'inside.txt\n');
	assert.equal(await rclone('cat', 'box:inside.txt'), 'inside');
});
