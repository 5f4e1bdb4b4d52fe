// Rows of the security checklist that are about the sandbox's control API.
import assert from "node:assert/strict";
import http from "node:http";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import { run, startSandbox as startAlone } from "../lib/server.mjs";
import { Browser, api, connect, makeApp, raw, startSandbox, token } from "../flow/sandbox-lib.mjs";

let box;
let ann;
let app;
let got;

before(async () => {
	box = await startSandbox();
	ann = new Browser(box);
	await ann.signIn("basic");
	app = await makeApp(ann);
	got = await connect(ann, app);
});
after(() => box.stop());

async function control(method, path, body, headers = {}) {
	const res = await fetch(`${box.url}/_sandbox/${path}`, {
		method,
		headers: { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json", ...headers },
		body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
	});
	return { status: res.status, body: await res.json() };
}

// Each row of the control API, with a body that would work.
const ROWS = [
	["GET", "clock"], ["POST", "clock", { advance_s: 1 }], ["GET", "state"],
	["GET", "faults"], ["POST", "faults", { path: "/2/*", mode: "reset" }], ["DELETE", "faults"], ["DELETE", "faults/x"],
	["GET", "limits"], ["PUT", "limits", { per_app: { calls: 1 } }],
	["GET", "settings"], ["PUT", "settings", { new_app_scopes: "minimal" }],
	["GET", "log"],
	["GET", "accounts"], ["POST", "accounts", { email: "s220@example.com", given_name: "S", surname: "T" }],
	["PUT", "accounts/basic@example.com", { suspended: true }], ["GET", "apps"],
	["DELETE", "session"],
	["GET", "snapshots"], ["POST", "snapshots", { name: "s220" }], ["POST", "snapshots/s220/restore", {}], ["DELETE", "snapshots/s220"],
];

test("S-220 every row of the control API wants the control token", async () => {
	const right = box.seed.control_token;
	const state = (await control("GET", "state")).body;
	for (const [method, path, body] of ROWS)
		for (const authorization of ["", "Bearer", `Bearer ${right.slice(0, -1)}`, `Bearer ${right}x`, `Basic ${right}`, `Bearer ${got.access_token}`]) {
			const reply = await control(method, path, body, { authorization, "x-forwarded-for": "127.0.0.1" });
			assert.equal(reply.status, 401, `${method} ${path} ${authorization}`);
		}
	const now = (await control("GET", "state")).body;
	assert.deepEqual([now.faults, now.offset_s, now.accounts], [state.faults, state.offset_s, state.accounts]);
	assert.deepEqual((await control("GET", "limits")).body, { per_token: null, per_app: null });
});

// A request from one of this machine's other addresses, with the name that the sandbox goes by.
function fromOutside(address, port, host, path, headers) {
	return new Promise((resolve, reject) => {
		const req = http.request({ host: address, localAddress: address, port, path, headers: { ...headers, host } }, (res) => {
			res.resume();
			res.on("end", () => resolve(res.statusCode));
		});
		req.on("error", reject);
		req.end();
	});
}

test("S-220 the control API and its page answer on the loopback only", async (t) => {
	const outside = Object.values(networkInterfaces()).flat().find((a) => a.family === "IPv4" && !a.internal)?.address;
	if (!outside) return t.skip("this machine has no other address");
	const open = await startAlone({ listen: "0.0.0.0:0" });
	const headers = { authorization: `Bearer ${open.controlToken}` };
	const { host } = new URL(open.url);
	try {
		for (const extra of [{}, { "x-forwarded-for": "127.0.0.1" }, { forwarded: "for=127.0.0.1" }, { "x-real-ip": "::1" }])
			for (const path of ["/_sandbox", "/_sandbox/state", "/_sandbox/log", "/_sandbox/clock", "/_sandbox/snapshots"])
				assert.equal(await fromOutside(outside, open.port, host, path, { ...headers, ...extra }), 403, path);
		assert.equal(await fromOutside(outside, open.port, host, "/healthz", {}), 200);
		assert.equal((await open.state()).faults, 0);
	} finally {
		await open.stop();
	}
});

test("S-224 the manager has no such API", async () => {
	const unknown = await fetch(`${box.seed.manager_url}/nothing/here`);
	for (const [method, path, body] of [...ROWS, ["GET", ""]]) {
		const res = await fetch(`${box.seed.manager_url}/_sandbox/${path}`, {
			method,
			headers: { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json" },
			body: body && JSON.stringify(body),
		});
		assert.equal(res.status, 404, path);
		if (method === "GET") assert.equal(res.status, unknown.status);
	}
	const rows = await run(["routes"]);
	assert.equal(rows.code, 0);
	assert.equal(/_sandbox|fault|clock/.test(rows.out), false);
});

test("S-221 what changes something takes JSON only, and no reply lets another origin read it", async () => {
	for (const [method, path, body] of ROWS) {
		if (body === undefined) continue;
		for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
			assert.equal((await control(method, path, body, { "content-type": type })).status, 415, path);
	}
	const res = await fetch(`${box.url}/_sandbox/state`, {
		headers: { authorization: `Bearer ${box.seed.control_token}`, origin: "http://evil.example" },
	});
	assert.equal(res.headers.get("access-control-allow-origin"), null);
});

// The control page's browser: what it got for the token, and what it sends.
async function controlPage(token = box.seed.control_token, headers = {}) {
	const res = await fetch(`${box.url}/_sandbox/session`, {
		method: "POST",
		headers: { origin: box.url, "content-type": "application/json", ...headers },
		body: JSON.stringify({ token }),
	});
	return { status: res.status, setCookie: res.headers.get("set-cookie"), body: await res.json() };
}

test("S-221 the page's cookie is given for the token, to our own page only, and is of its own path", async () => {
	for (const token of ["", "x", box.seed.control_token.slice(0, -1), `${box.seed.control_token}x`, got.access_token]) {
		const reply = await controlPage(token);
		assert.ok([400, 401].includes(reply.status), token);
		assert.equal(reply.setCookie, null);
	}
	for (const origin of [undefined, "null", "http://127.0.0.1:1", "http://evil.example", box.url.replace("http:", "https:"), `${box.url}/`]) {
		const reply = await fetch(`${box.url}/_sandbox/session`, {
			method: "POST",
			headers: { ...(origin ? { origin } : {}), "content-type": "application/json" },
			body: JSON.stringify({ token: box.seed.control_token }),
		});
		assert.deepEqual([reply.status, reply.headers.get("set-cookie")], [403, null], origin);
	}
	for (const type of ["text/plain", "application/x-www-form-urlencoded"])
		assert.equal((await controlPage(box.seed.control_token, { "content-type": type })).status, 415);
	const given = await controlPage();
	assert.equal(given.status, 200);
	assert.match(given.setCookie, /^sandbox_[0-9a-f]{8}_control=[A-Za-z0-9_-]{43}; Path=\/_sandbox; HttpOnly; SameSite=Strict$/);
	assert.equal(given.setCookie.includes(box.seed.control_token), false);
	assert.equal(JSON.stringify(given.body).includes(box.seed.control_token), false);
});

test("S-221 the cookie does nothing without the page's security token, and changes want our origin too", async () => {
	const { setCookie, body } = await controlPage();
	const cookie = setCookie.split(";")[0];
	const good = { cookie, "x-csrf-token": body.csrf, origin: box.url, "content-type": "application/json" };
	const call = (method, path, headers, json) =>
		fetch(`${box.url}/_sandbox/${path}`, { method, headers, body: json && JSON.stringify(json) });
	assert.equal((await call("GET", "state", { cookie, "x-csrf-token": body.csrf })).status, 200);
	for (const headers of [{ cookie }, { cookie, "x-csrf-token": "x" }, { "x-csrf-token": body.csrf }, { cookie: `${cookie}x`, "x-csrf-token": body.csrf }, { cookie: `${cookie}; ${cookie}`, "x-csrf-token": body.csrf }, { cookie, "x-csrf-token": ann.csrf }, { ...good, authorization: "Bearer x" }])
		assert.equal((await call("GET", "state", headers)).status, 401, JSON.stringify(headers));
	for (const [method, path, json] of ROWS.filter(([m, p]) => m !== "GET" && p !== "session")) {
		for (const origin of ["http://127.0.0.1:1", "http://localhost", "null"])
			assert.equal((await call(method, path, { ...good, origin }, json)).status, 403, path);
		const { origin, ...without } = good;
		assert.equal((await call(method, path, without, json)).status, 403, path);
		if (json) assert.equal((await call(method, path, { ...good, "content-type": "text/plain" }, json)).status, 415);
	}
	assert.equal((await call("POST", "faults", good, { path: "/2/*", mode: "reset" })).status, 201);
	assert.equal((await call("DELETE", "faults", good)).status, 200);
	const out = await call("DELETE", "session", good);
	assert.match(out.headers.get("set-cookie"), /=; Path=\/_sandbox; HttpOnly; SameSite=Strict; Max-Age=0$/);
});

test("S-222 the token is new at each start, and the page's cookie ends with it", async () => {
	const other = await startSandbox();
	try {
		assert.notEqual(other.seed.control_token, box.seed.control_token);
		assert.equal(other.seed.control_token.length, 43);
		const { setCookie, body } = await controlPage();
		const [, value] = setCookie.split(";")[0].split("=");
		const name = /^([^=]+)=/.exec((await (async () => fetch(`${other.url}/_sandbox/session`, { method: "POST", headers: { origin: other.url, "content-type": "application/json" }, body: JSON.stringify({ token: other.seed.control_token }) }))()).headers.get("set-cookie"))[1];
		const res = await fetch(`${other.url}/_sandbox/state`, { headers: { cookie: `${name}=${value}`, "x-csrf-token": body.csrf } });
		assert.equal(res.status, 401);
		for (const path of ["state", "log", "faults", "accounts", "apps", "settings"])
			assert.equal(JSON.stringify((await control("GET", path)).body).includes(box.seed.control_token), false);
		assert.equal(box.log().includes(box.seed.control_token), false);
	} finally {
		await other.stop();
	}
});

test("S-223 the numbers and texts of faults, limits and settings are bounded", async () => {
	const good = { path: "/2/*", mode: "status", status: 500 };
	const bad = [
		{}, [], { ...good, path: undefined }, { ...good, path: "2/*" }, { ...good, path: "/a*b" }, { ...good, path: "/_sandbox/state" },
		{ ...good, path: `/${"a".repeat(256)}` }, { ...good, path: 1 }, { ...good, mode: "none" }, { ...good, mode: undefined },
		{ ...good, status: undefined }, { ...good, status: 200 }, { ...good, status: 600 }, { ...good, status: "500" }, { ...good, status: 500.5 },
		{ ...good, delay_ms: -1 }, { ...good, delay_ms: 1e9 }, { ...good, delay_ms: 300001 }, { path: "/2/*", mode: "delay" },
		{ path: "/2/*", mode: "drip" }, { path: "/2/*", mode: "drip", bytes_per_s: 0 }, { path: "/2/*", mode: "reset", bytes_per_s: 5 },
		{ ...good, retry_after_s: -1 }, { ...good, retry_after_s: 1e9 }, { ...good, body: "x".repeat(4097) }, { ...good, body: 5 },
		{ ...good, count: 0 }, { ...good, count: -1 }, { ...good, count: 1e7 }, { ...good, skip: -1 }, { ...good, skip: 2 ** 53 },
		{ ...good, method: "TRACE" }, { ...good, grant_type: "x".repeat(200) }, { ...good, command: "ls" },
	];
	for (const fault of bad) {
		const reply = await control("POST", "faults", fault);
		assert.deepEqual([reply.status, reply.body.code], [400, "bad-field"], JSON.stringify(fault));
	}
	for (const text of ["", "null", "{", '{"path":"/2/*","path":"/3"}', `{"path":${"[".repeat(100)}${"]".repeat(100)}}`, '{"path":"/2/*","mode":"status","status":1e999}', '{"path":"/a\\u0000b","mode":"reset"}'])
		assert.equal((await control("POST", "faults", text)).status, 400, text);
	assert.equal((await control("POST", "faults", `{"path":"${"a".repeat(20000)}"}`)).status, 413);
	for (const limit of [0, -1, 1.5, "1", null, 2e9, 2 ** 53]) {
		const reply = await control("PUT", "limits", { per_token: { calls: limit, window_s: 1 } });
		assert.equal(reply.status, 400, String(limit));
	}
	for (const window_s of [0, -1, 86401, "1", [], {}])
		assert.equal((await control("PUT", "limits", { per_app: { calls: 1, window_s } })).status, 400);
	for (const query of ["after=-1", "after=x", "after=1&after=2", "limit=0", "limit=1001", "wait_ms=25001", "wait_ms=99999999999999999999"])
		assert.equal((await control("GET", `log?${query}`)).status, 400, query);
	assert.deepEqual((await control("GET", "faults")).body.faults, []);
	assert.deepEqual((await control("GET", "limits")).body, { per_token: null, per_app: null });
});

test("S-223 there are at most a thousand faults", async () => {
	const fault = { path: "/2/files/list_folder", mode: "status", status: 500, body: "x".repeat(4000), count: null };
	for (let i = 0; i < 1000; i++) assert.equal((await control("POST", "faults", fault)).status, 201);
	const reply = await control("POST", "faults", fault);
	assert.deepEqual([reply.status, reply.body.code], [409, "too-many-faults"]);
	assert.equal((await control("GET", "state")).body.faults, 1000);
	assert.equal((await control("DELETE", "faults")).body.forgotten, 1000);
});

test("S-223 calls that a fault holds up hold up nobody else, and end with a reset", async () => {
	assert.equal((await control("POST", "faults", { path: "/2/users/*", mode: "timeout", delay_ms: 1500, count: 100 })).status, 201);
	const agent = new http.Agent({ maxSockets: 100 });
	const held = Array.from({ length: 100 }, () => new Promise((resolve) => {
		const req = http.request(`${box.url}/2/users/get_current_account`, { agent, method: "POST" }, () => resolve("reply"));
		req.on("error", (e) => resolve(e.code));
		req.end();
	}));
	for (;;) if ((await control("GET", "faults")).body.faults.length === 0) break;
	const began = performance.now();
	assert.equal((await api(box, got.access_token, "files/list_folder", { path: "" })).status, 200);
	/* Held up by a hundred, it would wait until all of them have had their turn at a worker. */
	assert.ok(performance.now() - began < 5000);
	for (const how of await Promise.all(held)) assert.equal(how, "ECONNRESET");
	agent.destroy();
});

test("S-225 the log shows requests masked and as text", async () => {
	const { last } = (await control("GET", "log")).body;
	const planted = [];
	const plant = (name) => {
		planted.push(`${name}PLANTED${planted.length}`);
		return planted.at(-1);
	};
	const form = { "content-type": "application/x-www-form-urlencoded" };
	const secrets = ["client_secret", "code", "refresh_token", "code_verifier", "access_token", "password", "state", "nonce", "arg", "x"];
	for (const name of secrets) {
		const value = plant("value");
		await fetch(`${box.url}/oauth2/token?grant_type=x&${name}=${value}`, { method: "POST" });
		await fetch(`${box.url}/oauth2/token`, { method: "POST", headers: form, body: `grant_type=x&${name}=${plant("body")}` });
		await fetch(`${box.url}/oauth2/authorize?client_id=${app.key}&${name}=${plant("auth")}`);
	}
	await fetch(`${box.url}/2/users/get_current_account?${plant("sl.bare")}`, { method: "POST" });
	await fetch(`${box.url}/2/users/get_current_account?${plant("sl_name")}=1`, { method: "POST" });
	await fetch(`${box.url}/2/nothing/sl.${plant("path")}`, { method: "POST" });
	await fetch(`${box.url}/_web/authorize/${plant("aVeryLongIdOfARequestThatWaits")}`);
	await api(box, plant("bearer"), "users/get_current_account");
	await token(box, { grant_type: "refresh_token" }, { authorization: `Basic ${Buffer.from(`${app.key}:${plant("basic")}`).toString("base64")}` });
	await fetch(`${box.url}/_web/session`, { headers: { cookie: `${[...ann.cookies][0][0]}=${plant("cookie")}`, "x-csrf-token": plant("csrf") } });
	await ann.post("/_web/sign-in", { email: "nobody@example.com", password: plant("typed") });
	await control("GET", "state", undefined, { authorization: `Bearer ${plant("control")}` });
	const html = "<img/src=x/onerror=alert(1)>";
	await raw(box, `GET /nothing/${encodeURIComponent(html)}?locale=${encodeURIComponent(html)} HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nConnection: close\r\n\r\n`);

	const res = await fetch(`${box.url}/_sandbox/log?after=${last}`, { headers: { authorization: `Bearer ${box.seed.control_token}` } });
	assert.match(res.headers.get("content-type"), /^application\/json/);
	assert.equal(res.headers.get("x-content-type-options"), "nosniff");
	const text = await res.text();
	const { entries } = JSON.parse(text);
	assert.ok(entries.length >= secrets.length * 3 + 9, String(entries.length));
	for (const value of [...planted, got.access_token, got.refresh_token, app.secret, box.seed.control_token, ann.csrf, ...ann.cookies.values()])
		assert.equal(text.includes(value), false, value);
	assert.equal(text.includes("<img"), false);
	assert.ok(entries.some((e) => e.query?.includes("client_secret=***")));
	assert.ok(entries.some((e) => e.query?.includes(`client_id=${app.key}`)));
});

test("S-225 the log keeps the last thousand and no more", async () => {
	const first = (await control("GET", "log")).body.last;
	const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
	await Promise.all(Array.from({ length: 1100 }, () => new Promise((resolve, reject) => {
		http.get(`${box.url}/nothing?${"a=b&".repeat(1500)}`, { agent }, (res) => res.resume().on("end", resolve)).on("error", reject);
	})));
	agent.destroy();
	const { entries, last } = (await control("GET", "log")).body;
	assert.equal(last, first + 1100);
	assert.equal(entries.length, 1000);
	assert.deepEqual([entries[0].number, entries.at(-1).number], [last - 999, last]);
	for (const e of entries) assert.ok(e.query.length <= 1024);
});
