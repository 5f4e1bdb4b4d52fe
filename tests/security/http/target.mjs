// The program that these tests talk to, and raw bytes to say to it.
//
// Without anything set it is the small test site `http_site` (tests/unit/http_site.c) from
// BUILD_DIR; HTTP_TARGET_BIN names another build of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { converse } from '../../lib/raw.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

function binary() {
	const dirs = [process.env.BUILD_DIR, path.join(root, 'build-asan'), path.join(root, 'build')];
	const found = [process.env.HTTP_TARGET_BIN, ...dirs.filter(Boolean).map((d) => path.join(d, 'http_site'))]
		.filter(Boolean)
		.find((p) => existsSync(p));
	if (!found) throw new Error('http_site is not built: set BUILD_DIR or HTTP_TARGET_BIN');
	return found;
}

// Starts the site; opts become NAME=VALUE arguments. `nofile` runs it under that descriptor limit.
export async function startTarget(opts = {}, { nofile } = {}) {
	const args = Object.entries(opts).map(([k, v]) => `${k}=${v}`);
	const child = nofile
		? spawn('bash', ['-c', `ulimit -n ${nofile}; exec "$0" "$@"`, binary(), ...args])
		: spawn(binary(), args);
	let log = '';
	child.stderr.on('data', (d) => (log += d));
	const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
	const [port, proxyPort] = await new Promise((resolve, reject) => {
		let out = '';
		child.stdout.on('data', (d) => {
			out += d;
			const m = /listening (\d+) proxy (\d+)/.exec(out);
			if (m) resolve([Number(m[1]), Number(m[2])]);
		});
		ended.then(() => reject(new Error(`the site ended at once: ${log}`)));
	});
	return {
		port,
		proxyPort,
		pid: child.pid,
		host: `127.0.0.1:${port}`,
		log: () => log,
		// Ends it the clean way; any sanitizer report or odd exit is an error.
		async stop() {
			child.stdin.end();
			const timer = setTimeout(() => child.kill('SIGKILL'), 30000);
			const { code, signal } = await ended;
			clearTimeout(timer);
			if (code !== 0 || /Sanitizer|runtime error:/.test(log))
				throw new Error(`the site ended with ${code ?? signal}: ${log.slice(-4000)}`);
		},
	};
}

// Its open sockets; without a client these are the listening ones.
export function socketCount(pid) {
	return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
		try {
			return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
		} catch {
			return false; // closed meanwhile
		}
	}).length;
}

// Cuts a stream of bytes into replies. `heads` says for each in turn whether it answers a HEAD.
export function parseReplies(bytes, heads = []) {
	const replies = [];
	let rest = bytes;
	while (rest.length > 0) {
		const end = rest.indexOf('\r\n\r\n');
		if (end < 0) break;
		const [first, ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
		const m = /^HTTP\/1\.1 (\d{3}) /.exec(first);
		if (!m) throw new Error(`not a status line: ${JSON.stringify(first)}`);
		const headers = {};
		for (const line of lines) {
			const at = line.indexOf(': ');
			if (at <= 0) throw new Error(`not a header line: ${JSON.stringify(line)}`);
			const name = line.slice(0, at).toLowerCase();
			headers[name] = name in headers ? `${headers[name]}, ${line.slice(at + 2)}` : line.slice(at + 2);
		}
		const status = Number(m[1]);
		const bodyless = heads[replies.length] || status === 204 || status === 304 || status < 200;
		const length = bodyless ? 0 : Number(headers['content-length']);
		if (!Number.isInteger(length)) throw new Error(`no Content-Length in ${first}`);
		const body = rest.subarray(end + 4, end + 4 + length);
		replies.push({ status, headers, body: body.toString(), complete: body.length === length });
		rest = rest.subarray(end + 4 + length);
	}
	return { replies, leftover: rest };
}

// Sends pieces and collects the replies; see converse (tests/lib/raw.mjs). `replies`: how many to wait for.
export async function talk(port, pieces, { timeout = 30000, quiet = 250, from, ...opt } = {}) {
	const to = { port, host: '127.0.0.1', localAddress: from };
	const { bytes, closed, ms } = await converse(to, pieces, { ...opt, timeout, quiet });
	return { ...parseReplies(bytes, opt.heads), closed, ms };
}

// Until fn() is true or resolves to true; a failure after so many ms that only a fault explains it.
export async function until(fn, what, ms = 20000) {
	for (const end = performance.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
		if (await fn()) return;
		if (performance.now() > end) assert.fail(typeof what === 'function' ? what() : what);
	}
}

// The head of a request, with a Host unless `host` is null.
export function request(target, line, headers = [], body = '', host = `127.0.0.1:${target.port}`) {
	const lines = host === null ? headers : [`Host: ${host}`, ...headers];
	return `${line} HTTP/1.1\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n${body}`;
}

// What hides behind a confused message: its handler counts how often it ran.
export function hidden(target) {
	return request(target, 'GET /hidden');
}

export async function hiddenCount(target) {
	const { replies } = await talk(target.port, request(target, 'GET /hidden-count', ['Connection: close']), { quiet: 2000 });
	return Number(replies[0].body);
}
