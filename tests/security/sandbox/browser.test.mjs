// Sessions, cookies and what other origins can do.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, api, authorizePath, beginAuthorize, bootOf, connect, makeApp, raw, startSandbox, token } from "../../flow/sandbox-lib.mjs";
import { app, attempt, basic, box, business, foreign, routes, state, useSandbox } from "./lib.mjs";

useSandbox();

test("S-104 signing in makes a new session and kills the one before", async () => {
	const b = new Browser(box);
	await b.session();
	const [name, anonymous] = [...b.cookies][0];
	await b.signIn("basic");
	const first = b.cookies.get(name);
	assert.notEqual(first, anonymous);
	const use = async (value) => (await fetch(box.url + "/_web/apps", { headers: { cookie: `${name}=${value}` } })).status;
	assert.equal(await use(anonymous), 401);
	assert.equal(await use(first), 200);
	await b.signIn("business");
	assert.notEqual(b.cookies.get(name), first);
	assert.equal(await use(first), 401);
	const planted = "A".repeat(43);
	const victim = new Browser(box);
	victim.cookies.set(name, planted);
	await victim.signIn("basic");
	assert.notEqual(victim.cookies.get(name), planted);
	assert.equal(await use(planted), 401);
	const last = victim.cookies.get(name);
	await victim.post("/_web/sign-out");
	assert.equal(await use(last), 401);
});

test("S-105 the session cookie's flags", async () => {
	const res = await fetch(box.url + "/_web/session");
	const cookie = res.headers.get("set-cookie");
	assert.match(cookie, /^sandbox_[0-9a-f]{8}=[A-Za-z0-9_-]{43}; /);
	for (const flag of [/; HttpOnly/i, /; SameSite=Lax/i, /; Path=\/(;|$)/i]) assert.match(cookie, flag);
	assert.doesNotMatch(cookie, /Domain|Secure/i);
});

test("S-106 two sandboxes on one host do not take each other's cookies", async () => {
	const second = await startSandbox();
	try {
		const there = new Browser(second);
		await there.signIn("basic");
		const [name, value] = [...there.cookies][0];
		const [ours] = [...basic.cookies][0];
		assert.notEqual(name, ours);
		const use = (n) => fetch(box.url + "/_web/apps", { headers: { cookie: `${n}=${value}` } });
		assert.equal((await use(name)).status, 401);
		assert.equal((await use(ours)).status, 401);
	} finally {
		await second.stop();
	}
});

test("S-107 duplicate cookies never carry a session", async () => {
	const [name, value] = [...basic.cookies][0];
	const get = (lines) => raw(box, `GET /_web/apps HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\n${lines}Connection: close\r\n\r\n`);
	const planted = "B".repeat(43);
	for (const lines of [
		`Cookie: ${name}=${planted}; ${name}=${value}\r\n`, `Cookie: ${name}=${value}; ${name}=${planted}\r\n`,
		`Cookie: ${name}=${planted}\r\nCookie: ${name}=${value}\r\n`, `Cookie: ;\r\n`, `Cookie: =\r\n`, `Cookie: ${name}\r\n`,
	])
		assert.equal((await get(lines)).status, 401, lines);
	assert.equal((await get(`Cookie: a="1; ${name}=${value}\r\n`)).status, 200);
});

test("S-108 every state-changing row demands our Origin and this session's token", async () => {
	const mine = await makeApp(basic);
	await connect(basic, mine);
	const link = (await basic.get("/_web/connected-apps")).body.apps.find((a) => a.app_key === mine.key);
	const id = await beginAuthorize(basic, mine, { force_reapprove: "true" });
	await basic.get(`/_web/authorize/${id}`);
	const args = { apps: mine.key, "connected-apps": link.grant_id, authorize: id };
	const rows = (await routes()).filter((r) => r.access === "change" || r.access === "sign");
	assert.ok(rows.length >= 11, `${rows.length} rows`);
	const before = [await state(), (await basic.get(`/_web/apps/${mine.key}`)).body];
	const good = { cookie: basic.cookieHeader(), origin: box.url, "x-csrf-token": basic.csrf, "content-type": "application/json" };
	for (const { method, path } of rows)
		for (const headers of foreign(good)) {
			const real = path.replace("{}", args[path.split("/")[2]] ?? "x");
			assert.equal(await attempt(method, real, headers, method === "DELETE" ? undefined : "{}"), 403, `${method} ${real} ${headers.origin}`);
		}
	assert.deepEqual([await state(), (await basic.get(`/_web/apps/${mine.key}`)).body].map((o) => ({ ...o, now: 0 })), before.map((o) => ({ ...o, now: 0 })));
	assert.equal((await basic.get("/_web/session")).body.account.email, "basic@example.com");
});

test("S-109 JSON routes take JSON only, and safe methods change nothing", async () => {
	const good = { cookie: basic.cookieHeader(), origin: box.url, "x-csrf-token": basic.csrf };
	const body = JSON.stringify({ api: "dropbox", access: "full", name: "Plain form" });
	for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
		assert.equal(await attempt("POST", "/_web/apps", { ...good, "content-type": type }, body), 415, type);
	const before = (await state()).apps;
	for (const headers of [{}, { "x-http-method-override": "DELETE" }])
		await attempt("GET", `/_web/apps/${app.key}?_method=DELETE`, { ...good, ...headers });
	assert.equal((await state()).apps, before);
});

test("S-111 no reply lets another origin read it", async () => {
	const paths = [["OPTIONS", "/_web/apps"], ["GET", "/_web/session"], ["GET", "/_sandbox/state"], ["GET", "/"], ["GET", "/oauth2/authorize"],
		["OPTIONS", "/2/users/get_current_account"], ["POST", "/2/users/get_current_account"], ["OPTIONS", "/oauth2/token"], ["POST", "/oauth2/token"]];
	for (const origin of ["https://evil.example", "null", box.url + ".evil.example", "http://127.0.0.1:1"])
		for (const [method, path] of paths) {
			const res = await fetch(box.url + path, { method, headers: { origin } });
			assert.equal(res.headers.get("access-control-allow-origin"), null);
			assert.equal(res.headers.get("access-control-allow-private-network"), null);
		}
});

test("S-112 another Host is refused before routing", async () => {
	const paths = ["/healthz", "/", "/assets/sandbox.js", "/_sandbox/state", "/_web/session", "/2/users/get_current_account", "/oauth2/authorize", "/nowhere"];
	const hosts = [
		`evil.example:${box.port}`, "127.0.0.1.evil.example", "127.0.0.1:9", "[::1]evil", "", `u@127.0.0.1:${box.port}`,
		`127.0.0.1.:${box.port}`,
	];
	for (const path of paths)
		for (const host of hosts) {
			const { status, text } = await raw(box, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
			assert.ok(status === 421 || status === 400, `${path} ${host}: ${status}`);
			assert.doesNotMatch(text, /set-cookie|boot/i);
		}
	for (const host of ["127.0.0.1", "localhost", "[::1]"])
		assert.equal((await raw(box, `GET /healthz HTTP/1.1\r\nHost: ${host}:${box.port}\r\nConnection: close\r\n\r\n`)).status, 200);
});

test("S-113 a strict policy stands on every HTML reply", async () => {
	for (const path of ["/", "/developers/apps", "/nowhere", authorizePath(app), "/oauth2/authorize?client_id=x", authorizePath(app, { response_type: "x" })]) {
		const res = await fetch(box.url + path, { redirect: "manual" });
		const policy = Object.fromEntries(res.headers.get("content-security-policy").split(";").map((d) => [d.trim().split(" ")[0], d.trim().split(" ").slice(1).join(" ")]));
		assert.equal(policy["default-src"], "'none'", path);
		for (const name of ["script-src", "style-src", "connect-src"]) assert.equal(policy[name], "'self'");
		for (const name of ["base-uri", "object-src", "frame-ancestors"]) assert.equal(policy[name], "'none'");
		assert.equal(policy["form-action"], "'self'");
		assert.doesNotMatch(res.headers.get("content-security-policy"), /unsafe|data:|\*|http:/);
		const html = await res.text();
		for (const script of html.match(/<script[^>]*>/g) ?? [])
			assert.ok(/type="application\/json"/.test(script) || /src="\/assets\//.test(script), script);
		assert.doesNotMatch(html, /\son\w+=|style=|javascript:/i);
	}
});

test("S-116 what a page repeats is data, never markup", async () => {
	const payloads = ['"><svg onload=alert(1)>', "</script><script>alert(1)</script>", "<!--<script>", "javascript:alert(1)", "\u2028\u2029&lt;"];
	for (const payload of payloads) {
		const shown = await fetch(box.url + authorizePath(app, { redirect_uri: payload }));
		const html = await shown.text();
		assert.equal(shown.status, 400);
		assert.equal(bootOf(html).redirect_uri, payload);
		assert.equal(html.match(/<script/gi).length, 2);
		assert.doesNotMatch(html, /<svg|<!--/i);
		for (const params of [{ client_id: payload }, { scope: payload }, { state: payload, response_type: payload }]) {
			const text = await (await fetch(box.url + authorizePath(app, params), { redirect: "manual" })).text();
			assert.doesNotMatch(text, /<svg|alert\(1\)/i);
		}
	}
	const named = await makeApp(basic, { name: "<b>Official</b> </script>" });
	assert.equal(named.name, "<b>Official</b> </script>");
	const list = await basic.fetch("/_web/apps");
	assert.equal(list.headers.get("content-type"), "application/json");
	assert.equal((await fetch(box.url + "/%3Cscript%3E")).status, 404);
});

test("S-123 an unknown address and a wrong password take the same time", async () => {
	const b = new Browser(box);
	await b.session();
	const time = async (email) => {
		const started = performance.now();
		assert.equal((await b.post("/_web/sign-in", { email, password: "wrong password" })).status, 401);
		return performance.now() - started;
	};
	const known = [];
	const unknown = [];
	for (let i = 0; i < 4; i++) {
		known.push(await time("business@example.com"));
		unknown.push(await time(`nobody${i}@example.com`));
	}
	/* What a busy machine adds to one of them is not in the shortest. */
	assert.ok(Math.min(...unknown) > Math.min(...known) / 2, `${known} against ${unknown}`);
	for (let i = 0; i < 10; i++) await b.post("/_web/sign-in", { email: "Flood@example.com", password: "x" });
	const slowed = await b.post("/_web/sign-in", { email: "flOOd@example.com", password: "x" });
	assert.equal(slowed.status, 429);
	assert.ok(Number(slowed.headers.get("retry-after")) > 0);
});

test("S-123 a flood of wrong app keys does not make the wrong passwords forgotten", async () => {
	const b = new Browser(box);
	await b.session();
	const email = "flooded@example.com";
	for (let i = 0; i < 10; i++) await b.post("/_web/sign-in", { email, password: "x" });
	const wrong = (i) => token(box, { grant_type: "refresh_token", refresh_token: "x", client_id: `wrong${i}`, client_secret: "x" });
	for (let i = 0; i < 600; i += 20) await Promise.all(Array.from({ length: 20 }, (_, k) => wrong(i + k)));
	assert.equal((await b.post("/_web/sign-in", { email, password: "x" })).status, 429);
});
