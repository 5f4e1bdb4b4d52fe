/* Drop-in mode: programs of several runtimes that know of no other address than Dropbox's own, with
 * nothing but the variables of `valetkey sandbox env`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';

import { run } from '../lib/server.mjs';
import { person, startDropbox } from './lib.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const CHECK = 'https://api.dropboxapi.com/2/check/app';
let demo, app, env;

before(async () => {
	demo = await startDropbox();
	const bea = await person(demo, readFileSync(demo.ca));
	app = await bea.app('Drop-in');
	const { out } = await run(['sandbox', 'env', '--json', '--data', path.join(demo.data, 'sandbox')]);
	env = { ...JSON.parse(out), PATH: process.env.PATH, HOME: demo.data, KEY: app.key, SECRET: app.secret };
});
after(() => demo?.stop());

function program(name, ...args) {
	return new Promise((resolve) => {
		execFile(name, args, { env, cwd: root }, (e, out, err) => resolve({ code: e ? (e.code ?? -1) : 0, out, err }));
	});
}

const there = async (name, ...args) => (await program(name, ...args)).code === 0;

function saysHello({ code, out, err }) {
	assert.equal(code, 0, err + out);
	assert.deepEqual(JSON.parse(out), { result: 'hello' });
}

describe('a program asks api.dropboxapi.com', () => {
	test('curl', async () => {
		saysHello(await program('curl', '-sS', '-u', `${app.key}:${app.secret}`, CHECK, '-H', 'Content-Type: application/json', '-d', '{"query":"hello"}'));
	});

	/* From Node 24 on fetch obeys NODE_USE_ENV_PROXY; before, a program brings an agent. */
	test('node', async () => {
		const [major] = process.versions.node.split('.').map(Number);
		const own = major >= 24
			? 'const ask = fetch;'
			: `import { HttpsProxyAgent } from 'https-proxy-agent'; import fetch from 'node-fetch';
			   const agent = new HttpsProxyAgent(process.env.HTTPS_PROXY);
			   const ask = (url, options) => fetch(url, { ...options, agent });`;
		saysHello(await program(process.execPath, '--input-type=module', '-e', `${own}
			const basic = Buffer.from(process.env.KEY + ':' + process.env.SECRET).toString('base64');
			const res = await ask('${CHECK}', { method: 'POST', body: '{"query":"hello"}',
				headers: { authorization: 'Basic ' + basic, 'content-type': 'application/json' } });
			console.log(await res.text());`));
	});

	test('python', async (t) => {
		if (!(await there('python3', '-c', ''))) return t.skip('no python3 here');
		saysHello(await program('python3', '-c', `
import base64, os, urllib.request
basic = base64.b64encode((os.environ["KEY"] + ":" + os.environ["SECRET"]).encode()).decode()
print(urllib.request.urlopen(urllib.request.Request("${CHECK}", b'{"query":"hello"}',
	{"Authorization": "Basic " + basic, "Content-Type": "application/json"})).read().decode())`));
	});

	test('python with requests', async (t) => {
		if (!(await there('python3', '-c', 'import requests'))) return t.skip('no requests here');
		saysHello(await program('python3', '-c', `
import os, requests
print(requests.post("${CHECK}", auth=(os.environ["KEY"], os.environ["SECRET"]), json={"query": "hello"}).text)`));
	});

	/* It finds no repository; that it may ask is the point. */
	test('git', async (t) => {
		if (!(await there('git', '--version'))) return t.skip('no git here');
		const { err } = await program('git', 'ls-remote', 'https://www.dropbox.com/some/repository');
		assert.match(err, /repository .* not found/);
	});
});

test('a host that is not Dropbox\'s is refused, and the loopback is reached directly', async () => {
	const elsewhere = await program('curl', '-sS', 'https://example.com/');
	assert.match(elsewhere.err, /403/);
	const direct = await program('curl', '-sS', `${demo.sandbox}/healthz`);
	assert.equal(direct.out, '{"status":"ok"}');
});
