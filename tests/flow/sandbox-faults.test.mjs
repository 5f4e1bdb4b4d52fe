// Faults, limits, settings and the log of the control API.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { Browser, advance, api, connect, makeApp, refresh, startSandbox, token } from "./sandbox-lib.mjs";

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

async function control(method, path, body) {
	const res = await fetch(`${box.url}/_sandbox/${path}`, {
		method,
		headers: { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json" },
		body: body === undefined ? undefined : JSON.stringify(body),
	});
	return { status: res.status, body: await res.json() };
}

async function spoil(fault) {
	const { status, body } = await control("POST", "faults", fault);
	assert.equal(status, 201, JSON.stringify(body));
	return body.id;
}

const state = async () => (await control("GET", "state")).body;
const list = (headers) => api(box, got.access_token, "files/list_folder", { path: "" }, headers);

// One request on a connection of its own: everything that comes back, and how it ended.
function call(path, { method = "POST", headers = {}, body = "" } = {}) {
	return new Promise((resolve) => {
		const began = performance.now();
		const chunks = [];
		const end = (how) => resolve({ how, bytes: Buffer.concat(chunks), ms: performance.now() - began });
		const req = http.request(box.url + path, { method, agent: false, headers: { "content-length": Buffer.byteLength(body), ...headers } });
		req.on("error", (e) => end(e.code));
		req.on("response", (res) => {
			res.on("data", (c) => chunks.push(c));
			res.on("error", (e) => end(`cut ${e.code}`));
			res.on("end", () => end(res.statusCode));
		});
		req.end(body);
	});
}

const callApi = () =>
	call("/2/files/list_folder", {
		headers: { authorization: `Bearer ${got.access_token}`, "content-type": "application/json" },
		body: '{"path":""}',
	});

test("a status fault on the API has the API's shape, and so many calls are spoilt", async () => {
	await spoil({ path: "/2/files/*", mode: "status", status: 429, retry_after_s: 7, count: 2 });
	for (let i = 0; i < 2; i++) {
		const reply = await list();
		assert.deepEqual([reply.status, reply.headers.get("retry-after")], [429, "7"]);
		assert.match(reply.body.error_summary, /^too_many_requests\//);
		assert.deepEqual(reply.body.error, { reason: { ".tag": "too_many_requests" }, retry_after: 7 });
		assert.ok(reply.headers.get("x-dropbox-request-id"));
	}
	assert.equal((await list()).status, 200);
	assert.equal((await state()).faults, 0);
});

test("a status fault needs no token, tells no Retry-After unless asked, and takes a body of its own", async () => {
	await spoil({ path: "/2/*", mode: "status", status: 503 });
	const bare = await api(box, null, "users/get_current_account");
	assert.deepEqual([bare.status, bare.headers.get("retry-after"), typeof bare.body], [503, null, "string"]);
	await spoil({ path: "/2/*", mode: "status", status: 409, body: { error_summary: "mine/", error: { ".tag": "mine" } } });
	const own = await api(box, null, "users/get_current_account");
	assert.deepEqual([own.status, own.body.error[".tag"]], [409, "mine"]);
	await spoil({ path: "/2/*", mode: "status", status: 401 });
	const auth = await api(box, got.access_token, "users/get_current_account");
	assert.deepEqual([auth.status, auth.body.error[".tag"]], [401, "invalid_access_token"]);
});

test("a status fault on the token endpoint has OAuth's shape", async () => {
	for (const [status, error] of [[429, "too_many_requests"], [503, "temporarily_unavailable"], [500, "server_error"], [400, "invalid_request"], [401, /^invalid_client/]]) {
		await spoil({ path: "/oauth2/token", mode: "status", status });
		const reply = await token(box, { grant_type: "refresh_token" });
		assert.equal(reply.status, status);
		assert.match(reply.body.error, new RegExp(error));
		assert.ok(reply.body.error_description);
	}
});

test("lose_reply: the code is spent, and nothing comes back", async () => {
	const tokens = (await state()).access_tokens;
	await spoil({ path: "/oauth2/token", grant_type: "refresh_token", mode: "lose_reply" });
	const body = new URLSearchParams({
		grant_type: "refresh_token", refresh_token: got.refresh_token, client_id: app.key, client_secret: app.secret,
	}).toString();
	const lost = await call("/oauth2/token", { headers: { "content-type": "application/x-www-form-urlencoded" }, body });
	assert.deepEqual([lost.how, lost.bytes.length], ["ECONNRESET", 0]);
	assert.equal((await state()).access_tokens, tokens + 1);
	assert.equal((await refresh(box, app, got.refresh_token)).status, 200);
});

test("the grant type is read from the query as well, and others are let through", async () => {
	await spoil({ path: "/oauth2/token", grant_type: "refresh_token", mode: "reset", count: null });
	assert.equal((await token(box, { grant_type: "authorization_code" })).status, 400);
	assert.equal((await call("/oauth2/token?grant_type=refresh_token")).how, "ECONNRESET");
	assert.equal((await control("DELETE", "faults")).body.forgotten, 1);
});

test("reset, timeout and garbage leave everything as it was", async () => {
	const tokens = (await state()).access_tokens;
	const body = new URLSearchParams({
		grant_type: "refresh_token", refresh_token: got.refresh_token, client_id: app.key, client_secret: app.secret,
	}).toString();
	const headers = { "content-type": "application/x-www-form-urlencoded" };
	await spoil({ path: "/oauth2/token", mode: "reset" });
	assert.equal((await call("/oauth2/token", { headers, body })).how, "ECONNRESET");
	await spoil({ path: "/oauth2/token", mode: "timeout", delay_ms: 300 });
	const late = await call("/oauth2/token", { headers, body });
	assert.equal(late.how, "ECONNRESET");
	assert.ok(late.ms >= 290, String(late.ms));
	await spoil({ path: "/oauth2/token", mode: "garbage" });
	assert.match(String((await call("/oauth2/token", { headers, body })).how), /^HPE_/);
	assert.equal((await state()).access_tokens, tokens);
});

test("cut, drip and delay spoil the real reply", async () => {
	const whole = await callApi();
	assert.equal(whole.how, 200);
	await spoil({ path: "/2/files/list_folder", mode: "cut" });
	const cut = await callApi();
	assert.match(String(cut.how), /ECONNRESET/);
	assert.ok(cut.bytes.length < whole.bytes.length);
	await spoil({ path: "/2/files/list_folder", mode: "drip", bytes_per_s: 4000 });
	const slow = await callApi();
	assert.deepEqual([slow.how, slow.bytes.length], [200, whole.bytes.length]);
	assert.ok(slow.ms > (whole.bytes.length / 4000) * 800, String(slow.ms));
	await spoil({ path: "/2/files/list_folder", mode: "delay", delay_ms: 250 });
	const delayed = await callApi();
	assert.equal(delayed.how, 200);
	assert.ok(delayed.ms >= 240, String(delayed.ms));
});

test("uploads and downloads, whose bodies are files, are spoilt alike", async () => {
	const send = (name, body) =>
		call("/2/files/upload", {
			headers: {
				authorization: `Bearer ${got.access_token}`, "content-type": "application/octet-stream",
				"dropbox-api-arg": JSON.stringify({ path: name, mode: "overwrite" }),
			},
			body,
		});
	const fetchFile = (name) =>
		call("/2/files/download", { headers: { authorization: `Bearer ${got.access_token}`, "dropbox-api-arg": JSON.stringify({ path: name }) } });
	const body = Buffer.alloc(300000, 65);

	await spoil({ path: "/2/files/upload", mode: "lose_reply" });
	assert.equal((await send("/lost.bin", body)).how, "ECONNRESET");
	assert.deepEqual((await fetchFile("/lost.bin")).bytes, body, "it was processed");

	await spoil({ path: "/2/files/upload", mode: "status", status: 429, retry_after_s: 3 });
	const { status } = await api(box, got.access_token, "files/upload", undefined, { "dropbox-api-arg": '{"path":"/never.bin"}', "content-type": "application/octet-stream" });
	assert.equal(status, 429);
	assert.equal((await fetchFile("/never.bin")).how, 409);
	await spoil({ path: "/2/files/upload", mode: "reset" });
	assert.match(String((await send("/never.bin", body)).how), /ECONNRESET|EPIPE/);
	assert.equal((await fetchFile("/never.bin")).how, 409);

	await spoil({ path: "/2/files/download", mode: "cut" });
	const cut = await fetchFile("/lost.bin");
	assert.match(String(cut.how), /ECONNRESET/);
	assert.ok(cut.bytes.length > 0 && cut.bytes.length < body.length, String(cut.bytes.length));
	await spoil({ path: "/2/files/download", mode: "drip", bytes_per_s: 1000000 });
	const slow = await fetchFile("/lost.bin");
	assert.deepEqual(slow.bytes, body);
	assert.ok(slow.ms > 200, String(slow.ms));
	assert.equal((await state()).faults, 0);
});

test("method, skip, app and account choose the calls; the list tells what is left", async () => {
	const bruno = new Browser(box);
	await bruno.signIn("business");
	const his = await connect(bruno, await makeApp(bruno));
	const mine = () => api(box, got.access_token, "users/get_current_account");
	const theirs = () => api(box, his.access_token, "users/get_current_account");

	await spoil({ path: "/2/*", mode: "status", status: 500, method: "GET" });
	assert.equal((await mine()).status, 200);
	await control("DELETE", "faults");

	const id = await spoil({ path: "/2/users/*", mode: "status", status: 500, skip: 1, count: 2, app_key: app.key });
	assert.deepEqual([(await theirs()).status, (await mine()).status, (await mine()).status], [200, 200, 500]);
	const left = (await control("GET", "faults")).body.faults;
	assert.deepEqual(left, [{ id, path: "/2/users/*", app_key: app.key, mode: "status", status: 500, skip: 0, count: 1, hits: 1 }]);
	assert.equal((await control("DELETE", `faults/${id}`)).status, 200);
	assert.equal((await control("DELETE", `faults/${id}`)).status, 404);

	await spoil({ path: "/2/users/*", mode: "status", status: 502, account: box.account("business").email });
	assert.deepEqual([(await mine()).status, (await theirs()).status], [200, 502]);
	assert.equal((await api(box, "wrong", "users/get_current_account")).status, 401);

	await spoil({ path: "/oauth2/token", mode: "status", status: 503, app_key: app.key });
	assert.equal((await token(box, { grant_type: "x", client_id: his.app_key ?? "someoneelse" })).status, 400);
	const basic = Buffer.from(`${app.key}:x`).toString("base64");
	assert.equal((await token(box, { grant_type: "x" }, { authorization: `Basic ${basic}` })).status, 503);
});

test("the first fault that fits spoils the call, and the control API is never spoilt", async () => {
	await spoil({ path: "/2/files/list_folder", mode: "status", status: 500 });
	await spoil({ path: "/*", mode: "status", status: 599, count: null });
	assert.equal((await list()).status, 500);
	assert.equal((await list()).status, 599);
	assert.equal((await fetch(`${box.url}/oauth2/authorize`)).status, 599);
	assert.equal((await control("DELETE", "faults")).status, 200);
	assert.equal((await list()).status, 200);
});

test("limits answer 429 until the window on the sandbox's clock is over", async () => {
	const rule = { per_token: { calls: 3, window_s: 3600 }, per_app: null };
	assert.deepEqual((await control("PUT", "limits", rule)).body, rule);
	for (let i = 0; i < 3; i++) assert.equal((await list()).status, 200);
	const over = await list();
	assert.equal(over.status, 429);
	assert.match(over.body.error_summary, /^too_many_requests\//);
	const wait = Number(over.headers.get("retry-after"));
	assert.ok(wait > 0 && wait <= 3600);
	assert.equal(over.body.error.retry_after, wait);
	const other = await refresh(box, app, got.refresh_token);
	assert.equal((await api(box, other.body.access_token, "users/get_current_account")).status, 200);
	await advance(box, wait);
	assert.equal((await list()).status, 200);

	await control("PUT", "limits", { per_app: { calls: 2 } });
	assert.deepEqual((await control("GET", "limits")).body, { per_token: null, per_app: { calls: 2, window_s: 60 } });
	await advance(box, 60);
	assert.equal((await list()).status, 200);
	assert.equal((await api(box, other.body.access_token, "users/get_current_account")).status, 200);
	assert.equal((await list()).status, 429);
	assert.equal((await control("PUT", "limits", {})).status, 200);
	assert.equal((await list()).status, 200);
});

test("a setting changes what a new app may do", async () => {
	assert.equal((await control("GET", "settings")).body.new_app_scopes, "procedure");
	assert.equal((await control("PUT", "settings", { new_app_scopes: "minimal" })).body.new_app_scopes, "minimal");
	const fresh = await makeApp(ann);
	const { body } = await ann.get(`/_web/apps/${fresh.key}`);
	assert.deepEqual(body.scopes.filter((s) => s.granted).map((s) => s.scope), ["account_info.read"]);
	assert.equal((await control("PUT", "settings", { new_app_scopes: "some" })).status, 400);
	assert.equal((await control("PUT", "settings", { other: 1 })).status, 400);
	assert.equal((await control("PUT", "settings", { new_app_scopes: "procedure" })).body.new_app_scopes, "procedure");
});

test("the log tells what was asked, by whom, and how it ended", async () => {
	const { last } = (await control("GET", "log")).body;
	await list();
	await spoil({ path: "/2/users/get_current_account", mode: "lose_reply" });
	await call("/2/users/get_current_account", { headers: { authorization: `Bearer ${got.access_token}` } });
	await refresh(box, app, "wrong");
	await control("GET", "state");
	const { entries } = (await control("GET", `log?after=${last}`)).body;
	assert.deepEqual(entries.map((e) => [e.method, e.path, e.status]), [
		["POST", "/2/files/list_folder", 200],
		["POST", "/_sandbox/faults", 201],
		["POST", "/2/users/get_current_account", null],
		["POST", "/oauth2/token", 400],
	]);
	assert.deepEqual([entries[0].app_key, entries[0].email], [app.key, box.account("basic").email]);
	assert.equal(entries[2].fault, "lose_reply");
	assert.deepEqual([entries[3].grant_type, entries[3].app_key, entries[3].code], ["refresh_token", app.key, "invalid_grant"]);
	for (const e of entries) assert.match(e.time, /^\d{4}-\d\d-\d\dT/);
	assert.equal((await control("GET", "log?limit=1")).body.entries.length, 1);
});

test("the log can be followed: the reply waits for the next request", async () => {
	const { last } = (await control("GET", "log")).body;
	const next = control("GET", `log?after=${last}&wait_ms=20000`);
	await list();
	const { entries } = (await next).body;
	assert.deepEqual([entries.length, entries[0].path], [1, "/2/files/list_folder"]);
	const none = await control("GET", `log?after=${last + 1}&wait_ms=100`);
	assert.deepEqual(none.body, { entries: [], last: last + 1 });
});
