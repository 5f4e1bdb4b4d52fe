// Drives the sandbox half of the real binary as a browser and as an app would.
import { createHash, randomBytes } from "node:crypto";
import net from "node:net";

import { startDemo } from "../lib/server.mjs";

// Both halves on free ports, seen from the sandbox's side.
export async function startSandbox(options = {}) {
	const demo = await startDemo(options);
	return {
		seed: demo.seed,
		url: demo.sandbox,
		dir: demo.data,
		port: demo.sandboxPort,
		log: demo.stderr,
		account: demo.account,
		stop: demo.stop,
		pid: demo.pid,
	};
}

// A browser: one cookie jar, the page's CSRF token, its own origin.
export class Browser {
	constructor(box) {
		this.box = box;
		this.cookies = new Map();
		this.csrf = "";
	}
	cookieHeader() {
		return [...this.cookies].map(([k, v]) => `${k}=${v}`).join("; ");
	}
	async fetch(path, { method = "GET", headers = {}, body } = {}) {
		const res = await fetch(this.box.url + path, {
			method,
			redirect: "manual",
			headers: { ...(this.cookies.size ? { cookie: this.cookieHeader() } : {}), ...headers },
			body,
		});
		for (const line of res.headers.getSetCookie?.() ?? splitCookies(res.headers.get("set-cookie"))) {
			const [pair] = line.split(";");
			this.cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
		}
		return res;
	}
	async send(method, path, body = {}, headers = {}) {
		const res = await this.fetch(path, {
			method,
			headers: {
				origin: this.box.url,
				"content-type": "application/json",
				"x-csrf-token": this.csrf,
				...headers,
			},
			body: method === "DELETE" ? undefined : JSON.stringify(body),
		});
		const text = await res.text();
		return { status: res.status, headers: res.headers, body: text ? JSON.parse(text) : null };
	}
	post(path, body, headers) {
		return this.send("POST", path, body, headers);
	}
	async get(path) {
		const res = await this.fetch(path);
		const text = await res.text();
		return { status: res.status, headers: res.headers, body: text ? JSON.parse(text) : null };
	}
	async session() {
		const { body } = await this.get("/_web/session");
		this.csrf = body.csrf;
		return body;
	}
	async signIn(type = "basic", password) {
		const account = this.box.account(type);
		await this.session();
		const reply = await this.post("/_web/sign-in", {
			email: account.email,
			password: password ?? account.password,
		});
		if (reply.status === 200) this.csrf = reply.body.csrf;
		return reply;
	}
}

// Node 18 has no getSetCookie before 18.15; none of our cookies has a comma in it.
function splitCookies(value) {
	return value ? value.split(/,\s*(?=[^;]+=)/) : [];
}

let apps = 0;

// An app with its secret and one redirect URI, made the way the App Console does. Everybody may connect
// it, unless `settings` say otherwise.
export async function makeApp(browser, { access = "full", api = "dropbox", uri = "http://127.0.0.1:9/callback", name, settings } = {}) {
	const made = await browser.post("/_web/apps", { api, access, name: name ?? `App ${++apps} ${randomBytes(3).toString("hex")}` });
	if (made.status !== 201) throw new Error(JSON.stringify(made.body));
	const key = made.body.app_key;
	const saved = await browser.post(`/_web/apps/${key}/settings`, { more_users: true, ...settings });
	if (saved.status !== 200) throw new Error(JSON.stringify(saved.body));
	const { body } = await browser.post(`/_web/apps/${key}/secret`);
	if (uri) await browser.post(`/_web/apps/${key}/redirect-uris`, { uri });
	return { key, secret: body.app_secret, uri, name: made.body.name };
}

export function pkce() {
	const verifier = randomBytes(32).toString("base64url");
	return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

export function authorizePath(app, params = {}) {
	const all = { client_id: app.key, response_type: "code", redirect_uri: app.uri, ...params };
	const given = Object.entries(all).filter(([, v]) => v !== undefined);
	return "/oauth2/authorize?" + new URLSearchParams(given);
}

// The boot object of a page.
export function bootOf(html) {
	return JSON.parse(/<script type="application\/json" id="boot">(.*?)<\/script>/s.exec(html)[1]);
}

export async function beginAuthorize(browser, app, params) {
	const res = await browser.fetch(authorizePath(app, params));
	const boot = bootOf(await res.text());
	if (boot.page !== "authorize") throw new Error(JSON.stringify(boot));
	return boot.request;
}

// Through the consent page to a code.
export async function getCode(browser, app, params = {}) {
	const id = await beginAuthorize(browser, app, { force_reapprove: "true", ...params });
	const view = await browser.get(`/_web/authorize/${id}`);
	if (view.body.stage !== "consent") throw new Error(JSON.stringify(view.body));
	const allowed = await browser.post(`/_web/authorize/${id}/allow`);
	if (allowed.status !== 200) throw new Error(JSON.stringify(allowed.body));
	return allowed.body.code ?? new URL(allowed.body.redirect).searchParams.get("code");
}

export async function token(box, params, headers = {}) {
	const res = await fetch(box.url + "/oauth2/token", {
		method: "POST",
		headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
		body: new URLSearchParams(params).toString(),
	});
	return { status: res.status, headers: res.headers, body: await res.json() };
}

export function exchange(box, app, code, extra = {}) {
	const params = {
		grant_type: "authorization_code",
		code,
		redirect_uri: app.uri,
		client_id: app.key,
		client_secret: app.secret,
		...extra,
	};
	return token(box, Object.fromEntries(Object.entries(params).filter(([, v]) => v !== undefined)));
}

export function refresh(box, app, refreshToken, extra = {}) {
	return token(box, {
		grant_type: "refresh_token",
		refresh_token: refreshToken,
		client_id: app.key,
		client_secret: app.secret,
		...extra,
	});
}

// Allow and exchange in one go.
export async function connect(browser, app, params = {}) {
	const { verifier, challenge } = pkce();
	const code = await getCode(browser, app, {
		token_access_type: "offline",
		code_challenge: challenge,
		code_challenge_method: "S256",
		...params,
	});
	const reply = await exchange(browser.box, app, code, { code_verifier: verifier });
	if (reply.status !== 200) throw new Error(JSON.stringify(reply.body));
	return { ...reply.body, code, verifier };
}

export async function api(box, accessToken, route, arg, headers = {}) {
	const res = await fetch(`${box.url}/2/${route}`, {
		method: "POST",
		headers: {
			...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
			...(arg !== undefined ? { "content-type": "application/json" } : {}),
			...headers,
		},
		body: arg !== undefined ? JSON.stringify(arg) : undefined,
	});
	const text = await res.text();
	let body = text;
	try {
		body = JSON.parse(text);
	} catch {
		// plain text errors stay text
	}
	return { status: res.status, headers: res.headers, body };
}

// The control API, as the test that it serves.
export async function control(box, method, path, body) {
	const res = await fetch(`${box.url}/_sandbox/${path}`, {
		method,
		headers: {
			authorization: `Bearer ${box.seed.control_token}`,
			...(body !== undefined ? { "content-type": "application/json" } : {}),
		},
		body: body !== undefined ? JSON.stringify(body) : undefined,
	});
	const text = await res.text();
	return { status: res.status, body: text ? JSON.parse(text) : null };
}

// A consent without a browser: the code, or what the reply says instead.
export async function consent(box, app, params = {}, { email = "basic@example.com", decision = "allow" } = {}) {
	const query = authorizePath(app, params).split("?")[1];
	const { status, body } = await control(box, "POST", "consent", { query, email, decision });
	const back = body.redirect && new URL(body.redirect);
	return { status, body, back, code: body.code ?? back?.searchParams.get("code") };
}

// Consent and exchange without a browser; the token endpoint's reply.
export async function grant(box, app, params = {}, who) {
	const { code, body } = await consent(box, app, { token_access_type: "offline", ...params }, who);
	if (!code) throw new Error(JSON.stringify(body));
	const reply = await exchange(box, app, code);
	if (reply.status !== 200) throw new Error(JSON.stringify(reply.body));
	return reply.body;
}

export async function advance(box, seconds) {
	const res = await fetch(box.url + "/_sandbox/clock", {
		method: "POST",
		headers: { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json" },
		body: JSON.stringify({ advance_s: seconds }),
	});
	return { status: res.status, body: await res.json() };
}

// Bytes over a plain socket, everything that comes back.
export function raw(box, text, { waitMs = 30000 } = {}) {
	return new Promise((resolve) => {
		const socket = net.connect(box.port, "127.0.0.1");
		let got = "";
		const end = () => {
			clearTimeout(timer);
			socket.destroy();
			resolve({ text: got, status: Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1]) });
		};
		const timer = setTimeout(end, waitMs);
		socket.on("data", (chunk) => (got += chunk.toString("latin1")));
		socket.on("close", end);
		socket.on("error", () => {});
		socket.write(text);
	});
}
