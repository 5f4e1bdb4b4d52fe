/*
 * What the tests of real clients share: a demo whose sandbox speaks TLS and answers as a CONNECT
 * proxy, apps made in its App Console, and consent given as a person's browser would.
 */
import { readFileSync } from 'node:fs';
import https from 'node:https';

import { HttpsProxyAgent } from 'https-proxy-agent';

import { startDemo } from '../lib/server.mjs';

export async function startDropbox() {
	const demo = await startDemo({ args: ['--sandbox-tls', '--sandbox-proxy', '127.0.0.1:0'] });
	return Object.assign(demo, { ca: demo.seed.sandbox_ca, proxy: demo.seed.sandbox_proxy });
}

/* Node's agent for the sandbox's proxy, which trusts its CA for what is inside the tunnel. */
class TunnelAgent extends HttpsProxyAgent {
	constructor(proxy, ca) {
		super(proxy);
		this.ca = ca;
	}

	connect(req, options) {
		return super.connect(req, { ...options, ca: this.ca });
	}
}

export function tunnelAgent(demo) {
	return new TunnelAgent(demo.proxy, readFileSync(demo.ca));
}

/* One HTTPS request to the sandbox itself, trusting its CA. */
function request(url, ca, { method, headers, body }) {
	return new Promise((resolve, reject) => {
		const req = https.request(url, { method, headers, ca }, (res) => {
			const parts = [];
			res.on('data', (d) => parts.push(d));
			res.on('end', () => {
				resolve({ status: res.statusCode, headers: res.headers, text: Buffer.concat(parts).toString() });
			});
		});
		req.on('error', reject);
		req.end(body);
	});
}

/* A signed-in person at the sandbox: the pages' private API, as the pages use it. */
export class Person {
	constructor(demo, ca) {
		this.url = demo.sandbox;
		this.ca = ca;
		this.cookies = new Map();
		this.csrf = '';
	}

	async call(method, path, body) {
		const reply = await request(new URL(path, this.url), this.ca, {
			method,
			headers: {
				origin: this.url,
				'x-csrf-token': this.csrf,
				cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; '),
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
			},
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		for (const line of reply.headers['set-cookie'] ?? []) {
			const pair = line.split(';')[0];
			this.cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
		}
		if (reply.status >= 400) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
		return /json/.test(reply.headers['content-type'] ?? '') ? JSON.parse(reply.text) : reply.text;
	}

	async signIn({ email, password }) {
		this.csrf = (await this.call('GET', '/_web/session')).csrf;
		this.csrf = (await this.call('POST', '/_web/sign-in', { email, password })).csrf;
		return this;
	}

	/* An app as the App Console makes it: { key, secret, name }. */
	async app(name, { api = 'dropbox', access = 'full', uris = [], scopes, publicClients = false } = {}) {
		const { app_key: key } = await this.call('POST', '/_web/apps', { api, access, name });
		const { app_secret: secret } = await this.call('POST', `/_web/apps/${key}/secret`, {});
		for (const uri of uris) await this.call('POST', `/_web/apps/${key}/redirect-uris`, { uri });
		if (scopes) await this.call('POST', `/_web/apps/${key}/scopes`, { scopes });
		if (publicClients) await this.call('POST', `/_web/apps/${key}/settings`, { public_clients: true });
		return { key, secret, name };
	}

	/* Opens the address that a client gave, and says Allow: where the browser is sent, or the code. */
	async allow(address) {
		const { search } = new URL(address);
		const page = await this.call('GET', `/oauth2/authorize${search}`);
		const boot = JSON.parse(/<script type="application\/json" id="boot">(.*?)<\/script>/s.exec(page)[1]);
		if (boot.page !== 'authorize') throw new Error(JSON.stringify(boot));
		const view = await this.call('GET', `/_web/authorize/${boot.request}`);
		if (view.stage === 'redirect') return new URL(view.redirect);
		const { redirect, code } = await this.call('POST', `/_web/authorize/${boot.request}/allow`, {});
		return redirect ? new URL(redirect) : code;
	}
}

export async function person(demo, ca, type = 'basic') {
	return new Person(demo, ca).signIn(demo.account(type));
}
