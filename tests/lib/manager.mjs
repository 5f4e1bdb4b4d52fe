/*
 * The manager's side of connecting an account, in steps that a test can bend one by one:
 *
 *   const attempt = await startAttempt(ann);          { id, url, state }
 *   const back = await consent(attempt.url);          what the provider sends the browser to
 *   const page = await openCallback(ann, back);       { status, boot, text, headers }
 *   const token = await connectToken(ann, 'Archive'); all of it, saved
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { binary, cleanEnv } from './binary.mjs';

export const app = { app_key: 'abcdefghijklmno', app_secret: 'secretsecret123' };

export async function startAttempt(client, fields = {}) {
	const reply = await client.post('/api/console/connections', { provider: 'dropbox', scopes: '', ...app, ...fields });
	assert.equal(reply.status, 201, reply.text);
	const url = new URL(reply.body.authorization_url);
	return { id: reply.body.id, url, state: url.searchParams.get('state'), text: reply.text };
}

/* Where the provider sends the browser after its own page. */
export async function consent(url) {
	const res = await fetch(url, { redirect: 'manual' });
	assert.equal(res.status, 302, 'the provider did not consent');
	return new URL(res.headers.get('location'));
}

/* The data that a page was given; null when it is no page of ours. */
export function bootOf(text) {
	const found = /<script type="application\/json" id="boot">(.*?)<\/script>/s.exec(text);
	return found ? JSON.parse(found[1]) : null;
}

/* `back` may hold anything: it is sent to the client's own server as it is written. */
export async function openCallback(client, back, headers = {}) {
	const target = typeof back === 'string' ? back : back.pathname + back.search;
	const reply = await client.get(target, { accept: 'text/html', ...headers });
	return { ...reply, boot: bootOf(reply.text) };
}

export async function connection(client, id) {
	const reply = await client.get(`/api/console/connections/${id}`);
	assert.equal(reply.status, 200, reply.text);
	return reply.body.connection;
}

/* From the click to the end of the pop-up. */
export async function connect(client, fields) {
	const attempt = await startAttempt(client, fields);
	const page = await openCallback(client, await consent(attempt.url));
	return { ...attempt, page, connection: await connection(client, attempt.id) };
}

export async function connectToken(client, name, fields = {}) {
	const { description = '', ...rest } = fields;
	const done = await connect(client, rest);
	assert.equal(done.page.boot?.outcome, 'connected', done.page.text);
	const saved = await client.post('/api/console/tokens', { connection: done.id, name, description });
	assert.equal(saved.status, 201, saved.text);
	return saved.body.token;
}

export async function tokens(client) {
	return (await client.get('/api/console/tokens')).body.tokens;
}

/* An API key for the given tokens, or for all of them. */
export async function makeKey(client, { label = 'test', tokens: list } = {}) {
	const what = list ? { all_tokens: false, token_ids: list.map((t) => t.id) } : { all_tokens: true, token_ids: [] };
	const reply = await client.post('/api/console/keys', { label, ...what });
	assert.equal(reply.status, 201, reply.text);
	return { key: reply.body.key, ...reply.body.record };
}

/* The manager's own list of its routes: [{ method, path, access }], {} stands for one segment. */
export function routes() {
	return new Promise((resolve, reject) => {
		const child = spawn(binary, ['routes'], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
		let out = '';
		child.stdout.on('data', (d) => (out += d));
		child.on('error', reject);
		child.on('close', () =>
			resolve(
				out.trim().split('\n').map((line) => {
					const [method, route, access] = line.trim().split(/\s+/);
					return { method, path: route, access };
				}),
			),
		);
	});
}

/* Every file below a directory, in one: what someone who stole it has. */
export function allBytes(dir) {
	const files = readdirSync(dir, { withFileTypes: true });
	return Buffer.concat(
		files.flatMap((f) => {
			const full = path.join(dir, f.name);
			if (f.isDirectory()) return [allBytes(full)];
			return f.isFile() ? [readFileSync(full)] : [];
		}),
	);
}

/* The ways in which a text could lie around. */
export function disguises(secret) {
	const raw = Buffer.from(secret);
	const inner = (s) => s.replace(/=+$/, '');
	return {
		raw,
		base64: Buffer.from(inner(raw.toString('base64'))),
		base64url: Buffer.from(raw.toString('base64url')),
		hex: Buffer.from(raw.toString('hex')),
		HEX: Buffer.from(raw.toString('hex').toUpperCase()),
		'UTF-16': Buffer.from(secret, 'utf16le'),
		reversed: Buffer.from([...secret].reverse().join('')),
		percent: Buffer.from(encodeURIComponent(secret)),
	};
}

/* Asserts that none of the secrets ({ name: text }) is in the bytes in any disguise. */
export function assertAbsent(bytes, secrets, where, { prefix } = {}) {
	const hay = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
	for (const [name, secret] of Object.entries(secrets)) {
		assert.ok(secret && secret.length >= 8, `${name} is too short to look for`);
		for (const [how, needle] of Object.entries(disguises(secret)))
			assert.equal(hay.indexOf(needle), -1, `${where} holds ${name} (${how})`);
		if (prefix) assert.equal(hay.indexOf(secret.slice(0, prefix)), -1, `${where} holds the beginning of ${name}`);
	}
}

/* A port nobody listens on just now: for a manager whose printed address is its public URL, or that starts again.
 * It lies below those that the system gives away, so that nobody is given it meanwhile. */
export async function freePort() {
	for (;;) {
		const port = 11000 + Math.floor(Math.random() * 21000);
		const probe = net.createServer();
		const free = await new Promise((resolve) => {
			probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
		});
		if (free) return port;
	}
}
