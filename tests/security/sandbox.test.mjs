// Rows of the security checklist that are about the sandbox, against the real binary.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
	Browser, advance, api, authorizePath, beginAuthorize, bootOf, connect, exchange, getCode, makeApp,
	pkce, raw, refresh, startSandbox, token,
} from "../flow/sandbox-lib.mjs";

let box;
let basic;
let business;
let app;

before(async () => {
	box = await startSandbox();
	basic = new Browser(box);
	business = new Browser(box);
	await basic.signIn("basic");
	await business.signIn("business");
	app = await makeApp(basic);
});
after(() => box.stop());

const state = async () =>
	(await fetch(box.url + "/_sandbox/state", { headers: { authorization: `Bearer ${box.seed.control_token}` } })).json();

// A request target exactly as written: no URL library touches it.
const rawGet = (target) => raw(box, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nConnection: close\r\n\r\n`);

// A GET with a pooled connection of its own, for floods.
function post(agent, path, body, headers) {
	return new Promise((resolve, reject) => {
		const req = http.request(
			{ agent, host: "127.0.0.1", port: box.port, path, method: "POST", headers: { "content-length": Buffer.byteLength(body), ...headers } },
			(res) => {
				let text = "";
				res.on("data", (c) => (text += c));
				res.on("end", () => resolve({ status: res.statusCode, body: text }));
			},
		);
		req.on("error", reject);
		req.end(body);
	});
}

test("S-051 a redirect URI matches exactly or there is a page and no redirect", async () => {
	const one = await makeApp(basic, { uri: "https://a.example/cb" });
	const two = await makeApp(basic, { uri: "http://localhost" });
	const other = await makeApp(basic, { uri: "https://b.example/cb" });
	const wrong = [
		"https://a.example/CB", "https://A.example/cb", "https://a.example/cb/", "https://a.example/cb?x=1",
		"https://a.example/cb#f", "https://a.example/cb/../x", "https://a.example/cb%2f..", "https://a.example/c%62",
		"https://a.example:443/cb", "https://a.example@evil/cb", "https://a.example.evil/cb",
		"https://a.example%00.evil/cb", "//a.example/cb", "http://a.example/cb", other.uri, "", "https://a.example",
		"javascript:alert(1)//https://a.example/cb",
	];
	const cases = wrong.map((uri) => [one.key, `redirect_uri=${encodeURIComponent(uri)}`]);
	cases.push([one.key, `redirect_uri=${encodeURIComponent(one.uri)}&redirect_uri=${encodeURIComponent(one.uri)}`]);
	cases.push([one.key, "redirect_uri=https://a.example/cb%00"]);
	cases.push([one.key, "redirect_uri=https://a.example/cb%zz"]);
	cases.push([two.key, "redirect_uri=http://localhost:80@evil/"]);
	for (const [key, query] of cases) {
		const { text, status } = await rawGet(`/oauth2/authorize?client_id=${key}&response_type=code&state=s&${query}`);
		assert.equal(status, 400, query);
		assert.doesNotMatch(text, /^location:/im, query);
		assert.doesNotMatch(text, /http-equiv="?refresh/i);
		const html = text.slice(text.indexOf("\r\n\r\n"));
		assert.equal(html.match(/<script/g).length, 2, "the data block and our own bundle");
		assert.doesNotMatch(html, /<a\s/i);
		assert.equal(bootOf(html).page, "error");
	}
	const right = await rawGet(`/oauth2/authorize?client_id=${one.key}&response_type=code&redirect_uri=${encodeURIComponent(one.uri)}`);
	assert.equal(right.status, 200);
});

test("S-052 only absolute https or loopback http URIs can be registered", async () => {
	const mine = await makeApp(basic, { uri: null });
	const bad = [
		"javascript:alert(1)//", "data:text/html,x", "http://evil.example", "https://x/#f", "https://u:p@x/", "https://*.x/",
		"https://x/cb*", "/rel", "https://x/\r\nX:1", "https://x/ y", "https://", "https:///x", "https://x:99999/",
		"https://x:/", "http://127.0.0.1.evil.example/", "http://localhost@evil/", "https://x/\u00e9", "https://x\\@evil/",
		"HTTPS//x", "https://x/" + "a".repeat(10_000), "",
	];
	for (const uri of bad) {
		const reply = await basic.post(`/_web/apps/${mine.key}/redirect-uris`, { uri });
		assert.deepEqual([reply.status, reply.body.field], [400, "uri"], uri.slice(0, 60));
	}
	for (let i = 0; i < 100; i++)
		assert.equal((await basic.post(`/_web/apps/${mine.key}/redirect-uris`, { uri: `https://x.example/${i}` })).status, 200);
	assert.equal((await basic.post(`/_web/apps/${mine.key}/redirect-uris`, { uri: "https://x.example/more" })).status, 400);
});

test("S-053 an unknown client gives a page, whatever redirect URI comes with it", async () => {
	const evil = "redirect_uri=https%3A%2F%2Fevil.example%2F&response_type=code";
	for (const client of ["", "client_id=", `client_id=${app.key}&client_id=${app.key}`, "client_id=nosuchapp123456", "client_id=a%00b", "client_id=%22%3E%3Csvg%3E"]) {
		const { text, status } = await rawGet(`/oauth2/authorize?${client}&${evil}`);
		assert.equal(status, 400, client);
		assert.doesNotMatch(text, /^location:/im);
	}
});

test("S-054 other errors go to the registered URI with the state intact", async () => {
	const mine = await makeApp(basic, { uri: "http://127.0.0.1:9/cb?own=1" });
	const sent = "%0d%0aSet-Cookie:%20x=1&a=b%26code=1%23";
	const stateSent = encodeURIComponent(decodeURIComponent(sent));
	for (const rest of ["response_type=foo", "response_type=code&scope=nope", "response_type=code&response_type=code"]) {
		const { text, status } = await rawGet(`/oauth2/authorize?client_id=${mine.key}&redirect_uri=${encodeURIComponent(mine.uri)}&${rest}&state=${stateSent}`);
		assert.equal(status, 302, rest);
		const locations = text.match(/^location: .*$/gim);
		assert.equal(locations.length, 1);
		assert.doesNotMatch(text, /^set-cookie:/im);
		const back = new URL(locations[0].slice(10).trim());
		assert.equal(back.searchParams.get("state"), decodeURIComponent(sent));
		assert.equal(back.searchParams.get("own"), "1");
		assert.deepEqual([...new Set(back.searchParams.keys())].sort(), ["error", "error_description", "own", "state"]);
	}
});

test("S-056 one code, one exchange, when fifty arrive together", async () => {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
	const rounds = 200;
	for (let round = 0; round < rounds; round++) {
		const code = await getCode(basic, app);
		const body = new URLSearchParams({
			grant_type: "authorization_code", code, redirect_uri: app.uri, client_id: app.key, client_secret: app.secret,
		}).toString();
		const replies = await Promise.all(
			Array.from({ length: 50 }, () => post(agent, "/oauth2/token", body, { "content-type": "application/x-www-form-urlencoded" })),
		);
		assert.equal(replies.filter((r) => r.status === 200).length, 1, `round ${round}`);
		assert.equal(replies.filter((r) => r.status === 400 && r.body.includes("invalid_grant")).length, 49);
	}
	agent.destroy();
});

test("S-057 a second use of a code revokes what the first one issued, and nothing else", async () => {
	const kept = await connect(basic, app);
	const got = await connect(basic, app);
	assert.equal((await api(box, got.access_token, "users/get_current_account")).status, 200);
	const replay = await exchange(box, app, got.code, { code_verifier: got.verifier });
	assert.deepEqual([replay.status, replay.body.error], [400, "invalid_grant"]);
	assert.equal((await api(box, got.access_token, "users/get_current_account")).status, 401);
	assert.equal((await refresh(box, app, got.refresh_token)).body.error, "invalid_grant");
	assert.equal((await api(box, kept.access_token, "users/get_current_account")).status, 200);
	assert.equal((await refresh(box, app, kept.refresh_token)).status, 200);
});

test("S-058 a code works only for its own client", async () => {
	const b = await makeApp(business);
	const code = await getCode(basic, app);
	const stolen = await exchange(box, { ...b, uri: app.uri }, code);
	assert.equal(stolen.body.error, "invalid_grant");
	assert.equal((await exchange(box, app, code)).status, 200);
});

test("S-059 the token request repeats the redirect URI exactly", async () => {
	await basic.post(`/_web/apps/${app.key}/redirect-uris`, { uri: "http://127.0.0.1:9/second" });
	for (const uri of [undefined, "http://127.0.0.1:9/second", app.uri + "/"])
		assert.equal((await exchange(box, { ...app, uri }, await getCode(basic, app))).body.error, "invalid_grant");
	const none = await getCode(basic, app, { redirect_uri: undefined });
	assert.equal((await exchange(box, app, none)).body.error, "invalid_grant");
});

test("S-060 a code lives ten minutes", async () => {
	const young = await getCode(basic, app);
	await advance(box, 595);
	assert.equal((await exchange(box, app, young)).status, 200);
	const old = await getCode(basic, app);
	await advance(box, 601);
	assert.equal((await exchange(box, app, old)).body.error, "invalid_grant");
});

test("S-061 after five wrong verifiers the code is dead", async () => {
	const { verifier, challenge } = pkce();
	const code = await getCode(basic, app, { code_challenge: challenge, code_challenge_method: "S256" });
	for (let i = 0; i < 5; i++)
		assert.equal((await exchange(box, app, code, { code_verifier: pkce().verifier })).body.error_description, "invalid code verifier");
	assert.equal((await exchange(box, app, code, { code_verifier: verifier })).body.error, "invalid_grant");
	const rows = (await state()).codes;
	for (let i = 0; i < 50; i++) await exchange(box, app, "madeup" + i);
	assert.equal((await state()).codes, rows);
});

test("S-062 a challenge demands its verifier and the other way round", async () => {
	const { verifier, challenge } = pkce();
	const S256 = { code_challenge: challenge, code_challenge_method: "S256" };
	for (const wrong of [undefined, verifier.slice(0, 42), verifier + "=", challenge, "x".repeat(129)])
		assert.equal((await exchange(box, app, await getCode(basic, app, S256), { code_verifier: wrong })).body.error, "invalid_grant");
	assert.equal((await exchange(box, app, await getCode(basic, app), { code_verifier: verifier })).body.error, "invalid_grant");
	const plain = { code_challenge: verifier };
	assert.equal((await exchange(box, app, await getCode(basic, app, plain), { code_verifier: verifier })).status, 200);
	const hashed = await getCode(basic, app, { code_challenge: challenge });
	assert.equal((await exchange(box, app, hashed, { code_verifier: verifier })).body.error, "invalid_grant");
});

test("S-064 unknown client and wrong secret look the same; two methods are refused", async () => {
	const mine = await makeApp(basic);
	const code = "x".repeat(43);
	const replies = [];
	for (const [key, secret] of [[mine.key, "wrong"], ["nosuchapp123456", "wrong"], [mine.key, ""], [mine.key, mine.secret + " "], ["", ""]]) {
		const { status, body } = await exchange(box, { ...mine, key, secret }, code);
		replies.push(JSON.stringify([status, body]));
	}
	assert.equal(new Set(replies).size, 1, replies.join("\n"));
	const basicAuth = { authorization: "Basic " + Buffer.from(`${mine.key}:${mine.secret}`).toString("base64") };
	const both = await token(box, { grant_type: "refresh_token", refresh_token: "x", client_id: mine.key, client_secret: mine.secret }, basicAuth);
	assert.deepEqual([both.status, both.body.error], [400, "invalid_request"]);
	for (const value of ["Basic %%%", "Basic " + Buffer.from("nocolon").toString("base64"), "Basic "]) {
		const reply = await token(box, { grant_type: "refresh_token", refresh_token: "x" }, { authorization: value });
		assert.ok(reply.status === 401 || reply.status === 400, value);
		assert.match(reply.body.error, /^invalid_(client|request)/);
	}
	for (let i = 0; i < 25; i++) await exchange(box, { ...mine, secret: "wrong" + i }, code);
	assert.equal((await exchange(box, { ...mine, secret: "wrong" }, code)).status, 429);
	assert.equal((await exchange(box, app, code)).status, 400, "another client is not slowed");
});

test("S-065 a client with a secret must prove it", async () => {
	const got = await connect(basic, app);
	const alone = await token(box, { grant_type: "refresh_token", refresh_token: got.refresh_token, client_id: app.key });
	assert.match(alone.body.error, /^invalid_client/);
	const { verifier, challenge } = pkce();
	const code = await getCode(basic, app, { code_challenge: challenge, code_challenge_method: "S256" });
	assert.match((await exchange(box, { ...app, secret: undefined }, code, { code_verifier: verifier })).body.error, /^invalid_client/);
});

test("S-066 the token endpoint takes POST, one value each, forms only, small bodies", async () => {
	for (const method of ["GET", "PUT", "HEAD", "DELETE"]) {
		const res = await fetch(box.url + "/oauth2/token", { method });
		assert.equal(res.status, 405, method);
		assert.match(res.headers.get("allow"), /POST/);
	}
	const got = await connect(basic, app);
	const good = { grant_type: "refresh_token", refresh_token: got.refresh_token, client_id: app.key, client_secret: app.secret };
	const form = new URLSearchParams(good).toString();
	const send = async (query, body, type = "application/x-www-form-urlencoded") => {
		const res = await fetch(box.url + "/oauth2/token" + query, { method: "POST", headers: { "content-type": type }, body });
		return { status: res.status, text: await res.text() };
	};
	for (const [query, body, type] of [
		["", form + "&grant_type=refresh_token"], ["?grant_type=authorization_code", form], ["", form.replace("grant_type", "grant_type[]")],
		["", JSON.stringify(good), "application/json"], ["", form, "multipart/form-data; boundary=x"], ["", form + "&x=%zz&grant_type=%"],
		["", form.replace(got.refresh_token, "%00")],
	]) {
		const { status, text } = await send(query, body, type);
		assert.equal(status, 400, text);
		assert.equal(JSON.parse(text).error, "invalid_request", body);
	}
	assert.equal((await send("", form + "&x=" + "a".repeat(2_000_000))).status, 413);
	assert.equal((await send("", form)).status, 200);
});

test("S-067 replies with secrets forbid caching and sniffing", async () => {
	for (const reply of [await exchange(box, app, await getCode(basic, app)), await exchange(box, app, "nonsense")]) {
		assert.equal(reply.headers.get("cache-control"), "no-store");
		assert.equal(reply.headers.get("content-type"), "application/json");
		assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
	}
	const basicAuth = { authorization: "Basic " + Buffer.from(`${app.key}:wrong`).toString("base64") };
	const refused = await token(box, { grant_type: "refresh_token", refresh_token: "x" }, basicAuth);
	assert.equal(refused.status, 401);
	assert.match(refused.headers.get("www-authenticate"), /^Basic /);
});

test("S-068 a refresh may narrow and never widen", async () => {
	const got = await connect(basic, app, { scope: "files.metadata.read files.content.read" });
	const narrow = await refresh(box, app, got.refresh_token, { scope: "files.metadata.read" });
	assert.equal(narrow.body.scope, "files.metadata.read");
	assert.equal((await api(box, narrow.body.access_token, "users/get_current_account")).status, 401);
	assert.equal((await refresh(box, app, got.refresh_token)).body.scope, got.scope);
	for (const scope of ["files.metadata.read files.content.write", "files.metadata.read files.metadata.read", "*", ""])
		assert.equal((await refresh(box, app, got.refresh_token, { scope })).body.error, "invalid_scope", scope);
});

test("S-069 later changes of an app's permissions need new consent", async () => {
	const mine = await makeApp(basic);
	const path = `/_web/apps/${mine.key}/scopes`;
	await basic.post(path, { scopes: ["files.metadata.read", "sharing.read"] });
	const got = await connect(basic, mine);
	await basic.post(path, { scopes: ["files.metadata.read", "files.content.read"] });
	const renewed = (await refresh(box, mine, got.refresh_token)).body.access_token;
	const arg = { headers: { authorization: `Bearer ${renewed}`, "dropbox-api-arg": '{"path":"/welcome.txt"}' } };
	assert.equal((await fetch(box.url + "/2/files/download", arg)).status, 401);
	const removed = await api(box, got.access_token, "users/get_account", { account_id: got.account_id });
	assert.equal(removed.body.error[".tag"], "missing_scope");
	const pending = await beginAuthorize(basic, mine, { force_reapprove: "true" });
	await basic.get(`/_web/authorize/${pending}`);
	await basic.post(path, { scopes: [] });
	const allowed = await basic.post(`/_web/authorize/${pending}/allow`);
	const last = await exchange(box, mine, new URL(allowed.body.redirect).searchParams.get("code"));
	assert.equal(last.body.scope, "account_info.read");
});

test("S-070 every route checks its scope", async () => {
	const routes = {
		"users/get_current_account": ["account_info.read", null], "users/get_space_usage": ["account_info.read", null],
		"check/user": ["account_info.read", { query: "x" }], "users/get_account": ["sharing.read", { account_id: "dbid:" + "A".repeat(35) }],
		"files/list_folder": ["files.metadata.read", { path: "" }], "files/list_folder/continue": ["files.metadata.read", { cursor: "x" }],
		"files/get_metadata": ["files.metadata.read", { path: "/Welcome.txt" }], "files/create_folder_v2": ["files.content.write", { path: "/S070" }],
		"files/delete_v2": ["files.content.write", { path: "/Welcome.txt" }], "files/download": ["files.content.read", undefined],
		"files/upload": ["files.content.write", undefined],
	};
	const source = readFileSync(new URL("../../src/sandbox/routes.c", import.meta.url), "utf8");
	const inTable = new Set([...source.matchAll(/"\/2\/([^"]+)", API\((?!NONE)/g)].map((m) => m[1]));
	assert.deepEqual([...inTable].sort(), Object.keys(routes).sort());
	const got = await connect(basic, app);
	for (const [route, [scope, arg]] of Object.entries(routes)) {
		const others = got.scope.split(" ").filter((s) => s !== scope).join(" ");
		const narrow = (await refresh(box, app, got.refresh_token, { scope: others })).body.access_token;
		const headers = { "dropbox-api-arg": '{"path":"/S070"}', "content-type": "application/octet-stream" };
		const reply = await api(box, narrow, route, arg, arg === undefined ? headers : {});
		assert.equal(reply.status, 401, route);
		assert.deepEqual(reply.body.error, { ".tag": "missing_scope", required_scope: scope });
	}
	assert.equal((await api(box, got.access_token, "files/get_metadata", { path: "/S070" })).status, 409, "nothing was written");
});

test("S-072 tokens, codes and secrets are not in the data directory as they are", async () => {
	const got = await connect(basic, app);
	const open = await getCode(basic, app);
	const dir = box.dir;
	const files = readdirSync(dir, { recursive: true, withFileTypes: true })
		.filter((f) => f.isFile())
		.map((f) => join(f.parentPath ?? f.path ?? dir, f.name))
		.filter((f) => !f.endsWith("control-token"));
	assert.ok(files.some((f) => f.endsWith("sandbox.db")) && files.some((f) => f.endsWith("sandbox.db-wal")));
	const values = [got.access_token, got.refresh_token, got.code, open, app.secret, basic.csrf, ...basic.cookies.values(), box.account("basic").password];
	for (const file of files) {
		const bytes = readFileSync(file);
		for (const value of values)
			for (const form of [value, Buffer.from(value).toString("base64"), Buffer.from(value).toString("hex"), Buffer.from(value, "utf16le")])
				assert.equal(bytes.includes(form), false, file);
	}
});

test("S-074 each credential works in its own place only", async () => {
	const got = await connect(basic, app);
	const code = await getCode(basic, app);
	const cookie = [...basic.cookies.values()][0];
	for (const wrong of [got.refresh_token, code, cookie, app.secret, box.seed.control_token, box.seed.api_key ?? "vk_x", basic.csrf])
		assert.equal((await api(box, wrong, "users/get_current_account")).status, 401);
	for (const wrong of [got.access_token, code, cookie, app.secret, "x".repeat(64)])
		assert.equal((await refresh(box, app, wrong)).body.error, "invalid_grant");
	for (const wrong of [got.access_token, got.refresh_token, cookie])
		assert.equal((await exchange(box, app, wrong)).body.error, "invalid_grant");
	for (const wrong of [got.access_token, app.secret, cookie]) {
		const res = await fetch(box.url + "/_sandbox/state", { headers: { authorization: `Bearer ${wrong}` } });
		assert.equal(res.status, 401);
	}
});

test("S-075 a refresh token works only for its own client", async () => {
	const b = await makeApp(business);
	const got = await connect(basic, app);
	assert.equal((await refresh(box, b, got.refresh_token)).body.error, "invalid_grant");
	assert.equal((await refresh(box, app, got.refresh_token)).status, 200);
});

// Everything a page elsewhere could try, with the person's own cookies on board.
const foreign = (good) => [
	{ ...good, origin: "http://127.0.0.1:9999" }, { ...good, origin: "null" }, { ...good, origin: "https://evil.example" },
	{ ...good, origin: box.url.replace("127.0.0.1", "localhost") }, { ...good, origin: undefined },
	{ ...good, origin: box.url + ".evil" }, { ...good, "x-csrf-token": undefined }, { ...good, "x-csrf-token": "" },
	{ ...good, "x-csrf-token": business.csrf },
];

async function attempt(method, path, headers, body) {
	const given = Object.fromEntries(Object.entries(headers).filter(([, v]) => v !== undefined));
	const res = await fetch(box.url + path, { method, headers: given, body, redirect: "manual" });
	return res.status;
}

test("S-077 revoking, disconnecting and deleting end exactly what they should", async () => {
	const one = await makeApp(basic);
	const two = await makeApp(business);
	const grants = { a1: await connect(basic, one), a2: await connect(business, one), b1: await connect(basic, two), b2: await connect(business, two) };
	const alive = async () => {
		const list = [];
		for (const [name, got] of Object.entries(grants))
			if ((await api(box, got.access_token, "users/get_current_account")).status === 200) list.push(name);
		return list.join(" ");
	};
	assert.equal(await alive(), "a1 a2 b1 b2");
	await api(box, grants.a1.access_token, "auth/token/revoke");
	assert.equal(await alive(), "a2 b1 b2");
	const link = (await basic.get("/_web/connected-apps")).body.apps.find((a) => a.app_key === two.key);
	await basic.send("DELETE", `/_web/connected-apps/${link.grant_id}`);
	assert.equal(await alive(), "a2 b2");
	await basic.send("DELETE", `/_web/apps/${one.key}`);
	assert.equal(await alive(), "b2");
	assert.equal((await refresh(box, one, grants.a2.refresh_token)).status, 400);
	assert.equal((await refresh(box, two, grants.b2.refresh_token)).status, 200);
});

test("S-080 Allow counts only from our own page, in this session, for this request", async () => {
	const mine = await makeApp(basic);
	const id = await beginAuthorize(basic, mine);
	await basic.get(`/_web/authorize/${id}`);
	const before = await state();
	const good = { cookie: basic.cookieHeader(), origin: box.url, "x-csrf-token": basic.csrf, "content-type": "application/json" };
	for (const decision of ["allow", "cancel"]) {
		for (const headers of foreign(good))
			assert.equal(await attempt("POST", `/_web/authorize/${id}/${decision}`, headers, "{}"), 403, JSON.stringify(headers.origin));
		assert.equal((await business.post(`/_web/authorize/${id}/${decision}`)).status, 404, "somebody else's request");
		assert.equal((await business.get(`/_web/authorize/${id}`)).status, 404);
		for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
			assert.equal(await attempt("POST", `/_web/authorize/${id}/${decision}`, { ...good, "content-type": type }, "{}"), 415);
	}
	const after = await state();
	assert.deepEqual([after.codes, after.grants, after.connected_apps], [before.codes, before.grants, before.connected_apps]);
	assert.equal((await basic.get(`/_web/authorize/${id}`)).body.stage, "consent", "nothing was remembered as approved");
	assert.equal((await basic.post(`/_web/authorize/${id}/allow`)).status, 200);
});

test("S-081 the decision cannot change who gets what, and counts once", async () => {
	const mine = await makeApp(basic, { uri: "http://127.0.0.1:9/mine" });
	const id = await beginAuthorize(basic, mine, { state: "st", scope: "files.metadata.read" });
	await basic.get(`/_web/authorize/${id}`);
	const before = (await state()).codes;
	const fields = { client_id: app.key, scope: "files.content.write", redirect_uri: "https://evil.example/", state: "other", account_id: "dbid:x" };
	const first = await basic.post(`/_web/authorize/${id}/allow`, fields);
	assert.ok(first.body.redirect.startsWith("http://127.0.0.1:9/mine?code="));
	assert.equal(new URL(first.body.redirect).searchParams.get("state"), "st");
	assert.equal((await basic.post(`/_web/authorize/${id}/allow`, fields)).status, 404);
	assert.equal((await state()).codes, before + 1);
	const got = await exchange(box, mine, new URL(first.body.redirect).searchParams.get("code"));
	assert.equal(got.body.scope, "account_info.read files.metadata.read");
});

test("S-082 no page can be framed", async () => {
	for (const path of ["/", "/login", "/nowhere", authorizePath(app), "/oauth2/authorize", "/oauth2/authorize?client_id=x"]) {
		const res = await fetch(box.url + path, { redirect: "manual" });
		assert.match(res.headers.get("content-security-policy"), /frame-ancestors 'none'/, path);
		assert.equal(res.headers.get("x-frame-options"), "DENY");
	}
});

test("S-084 a remembered approval covers the same address and no more scopes", async () => {
	const mine = await makeApp(basic);
	await basic.post(`/_web/apps/${mine.key}/redirect-uris`, { uri: "http://127.0.0.1:9/second" });
	await connect(basic, mine, { scope: "files.metadata.read" });
	const stage = async (params) => (await basic.get(`/_web/authorize/${await beginAuthorize(basic, mine, params)}`)).body.stage;
	assert.equal(await stage({ scope: "files.metadata.read", redirect_uri: "http://127.0.0.1:9/second" }), "consent");
	assert.equal(await stage({ scope: "files.metadata.read files.content.read" }), "consent");
	assert.equal(await stage({ scope: "files.metadata.read", force_reapprove: "true" }), "consent");
	assert.equal(await stage({ scope: "files.metadata.read" }), "redirect");
});

test("S-086 response_type=token is refused and never puts a token anywhere", async () => {
	for (const params of [{ response_type: "token" }, { response_type: "code token" }, { response_mode: "fragment" }]) {
		const res = await fetch(box.url + authorizePath(app, params), { redirect: "manual" });
		assert.equal(res.status, 302);
		const back = new URL(res.headers.get("location"));
		assert.match(back.searchParams.get("error"), /^(unauthorized_client|unsupported_response_type|invalid_request)$/);
		assert.equal(back.hash, "");
		assert.doesNotMatch(back.href, /access_token/);
	}
});

test("S-087 a bearer token counts in the header only", async () => {
	const { access_token: t } = await connect(basic, app);
	const route = "/2/users/get_current_account";
	assert.equal((await fetch(`${box.url}${route}?access_token=${t}`, { method: "POST" })).status, 400);
	assert.equal((await fetch(box.url + route, { method: "POST", headers: { cookie: `access_token=${t}` } })).status, 400);
	for (const scheme of ["bearer", "BEARER", "Bearer"])
		assert.equal((await fetch(box.url + route, { method: "POST", headers: { authorization: `${scheme} ${t}` } })).status, 200);
	const twice = await raw(box, `POST ${route} HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nAuthorization: Bearer ${t}\r\nAuthorization: Bearer ${t}\r\nContent-Length: 0\r\n\r\n`);
	assert.equal(twice.status, 400);
});

test("S-092 the app secret is not told until Show, and only to the owner", async () => {
	for (const path of ["/_web/apps", `/_web/apps/${app.key}`, `/developers/apps/info/${app.key}`, "/_web/session"]) {
		const text = await (await basic.fetch(path)).text();
		assert.equal(text.includes(app.secret), false, path);
	}
	const shown = await basic.post(`/_web/apps/${app.key}/secret`);
	assert.equal(shown.headers.get("cache-control"), "no-store");
	assert.equal(shown.body.app_secret, app.secret);
});

test("S-093 another account's apps do not exist for you", async () => {
	const random = "zzzzzzzzzzzzzzz";
	for (const [method, tail] of [["GET", ""], ["DELETE", ""], ["POST", "/secret"], ["POST", "/redirect-uris"], ["POST", "/redirect-uris/remove"], ["POST", "/scopes"]]) {
		const ask = async (key) => {
			const path = `/_web/apps/${key}${tail}`;
			const { status, body } = method === "GET" ? await business.get(path) : await business.send(method, path, { uri: "https://a.example/", scopes: [] });
			delete body.request_id;
			return [status, body];
		};
		const theirs = await ask(app.key);
		assert.equal(theirs[0], 404, method + tail);
		assert.deepEqual(theirs, await ask(random));
	}
});

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
	const rows = [
		["POST", "/_web/sign-in", { email: "business@example.com", password: box.account("business").password }],
		["POST", "/_web/sign-out", {}],
		["POST", "/_web/apps", { api: "dropbox", access: "full", name: "From elsewhere" }],
		["POST", `/_web/apps/${mine.key}/secret`, {}],
		["POST", `/_web/apps/${mine.key}/redirect-uris`, { uri: "https://evil.example/" }],
		["POST", `/_web/apps/${mine.key}/redirect-uris/remove`, { uri: mine.uri }],
		["POST", `/_web/apps/${mine.key}/scopes`, { scopes: [] }],
		["DELETE", `/_web/apps/${mine.key}`, undefined],
		["DELETE", `/_web/connected-apps/${link.grant_id}`, undefined],
		["POST", `/_web/authorize/${id}/allow`, {}],
		["POST", `/_web/authorize/${id}/cancel`, {}],
	];
	const source = readFileSync(new URL("../../src/sandbox/routes.c", import.meta.url), "utf8");
	const inTable = source.match(/\{ (POST|DELETE), "\/_web\//g).length;
	assert.equal(rows.length, inTable, "a row of routes.c is left out here");
	const before = [await state(), (await basic.get(`/_web/apps/${mine.key}`)).body];
	const good = { cookie: basic.cookieHeader(), origin: box.url, "x-csrf-token": basic.csrf, "content-type": "application/json" };
	for (const [method, path, body] of rows)
		for (const headers of foreign(good))
			assert.equal(await attempt(method, path, headers, body && JSON.stringify(body)), 403, `${method} ${path} ${headers.origin}`);
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
	for (const origin of ["https://evil.example", "null", box.url + ".evil.example", "http://127.0.0.1:1"])
		for (const [method, path] of [["OPTIONS", "/_web/apps"], ["GET", "/_web/session"], ["OPTIONS", "/2/users/get_current_account"], ["GET", "/_sandbox/state"]]) {
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
	const median = (list) => list.sort((x, y) => x - y)[2];
	assert.ok(median(unknown) > median(known) / 2, `${known} against ${unknown}`);
	for (let i = 0; i < 10; i++) await b.post("/_web/sign-in", { email: "Flood@example.com", password: "x" });
	const slowed = await b.post("/_web/sign-in", { email: "flOOd@example.com", password: "x" });
	assert.equal(slowed.status, 429);
	assert.ok(Number(slowed.headers.get("retry-after")) > 0);
});

test("S-194 no log line holds a secret", async () => {
	const marked = await connect(basic, app, { state: "MARKEDstateMARKED" });
	await exchange(box, { ...app, secret: "MARKEDsecretMARKED" }, "MARKEDcodeMARKED");
	await refresh(box, app, "MARKEDrefreshMARKED" + "x".repeat(45));
	await refresh(box, app, marked.refresh_token);
	await api(box, "sl.MARKEDtokenMARKED", "users/get_current_account");
	await api(box, marked.access_token, "files/list_folder", { path: "/MARKEDpathMARKED", MARKEDfieldMARKED: 1 });
	await fetch(`${box.url}/oauth2/token?grant_type=refresh_token&refresh_token=MARKEDqueryMARKED&client_id=${app.key}&client_secret=${app.secret}`, { method: "POST" });
	await new Browser(box).signIn("basic", "MARKEDpasswordMARKED");
	await fetch(box.url + "/_sandbox/state", { headers: { authorization: "Bearer MARKEDcontrolMARKED" } });
	await fetch(box.url + "/_web/apps", { headers: { cookie: "x=MARKEDcookieMARKED" } });
	await raw(box, `GET /MARKEDpathMARKED?code=MARKEDcodeMARKED HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nAuthorization Bearer MARKEDbrokenMARKED\r\n\r\n`);
	const log = box.log();
	assert.match(log, /event=http\.request.*route=\/oauth2\/token/, "the log is on and tells of requests");
	assert.doesNotMatch(log, /MARKED/);
	const secrets = [
		marked.access_token, marked.refresh_token, marked.code, marked.verifier, app.secret, basic.csrf,
		...basic.cookies.values(), box.seed.control_token, ...box.seed.accounts.map((a) => a.password),
	];
	for (const value of secrets)
		for (const form of [value, value.slice(3, 14), encodeURIComponent(value), Buffer.from(value).toString("base64").slice(0, 20)])
			assert.equal(log.includes(form), false);
});

test("S-220 the control API wants the control token on the loopback", async () => {
	const right = box.seed.control_token;
	for (const value of [undefined, "", "Bearer", "Bearer ", `Bearer ${right.slice(0, 20)}`, `Bearer ${right}x`, `Basic ${right}`]) {
		const headers = { "x-forwarded-for": "127.0.0.1", ...(value === undefined ? {} : { authorization: value }) };
		assert.equal((await fetch(box.url + "/_sandbox/state", { headers })).status, 401, value);
		const res = await fetch(box.url + "/_sandbox/clock", { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: '{"advance_s":1}' });
		assert.equal(res.status, 401);
	}
	assert.ok(right.length >= 22);
});

test("S-221 a form cannot drive the control API", async () => {
	const headers = { authorization: `Bearer ${box.seed.control_token}` };
	for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
		const res = await fetch(box.url + "/_sandbox/clock", { method: "POST", headers: { ...headers, "content-type": type }, body: '{"advance_s":1}' });
		assert.equal(res.status, 415);
	}
});

test("S-222 state tells no secret", async () => {
	const text = JSON.stringify(await state());
	for (const value of [box.seed.control_token, app.secret, ...box.seed.accounts.map((a) => a.password)])
		assert.equal(text.includes(value), false);
});

test("S-223 the clock's input is bounded", async () => {
	const before = (await state()).offset_s;
	const headers = { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json" };
	for (const value of ["-1", "9223372036854775808", "1e400", "NaN", '"5"', "1.5", "null", "315360001", "[]", "{}"]) {
		const res = await fetch(box.url + "/_sandbox/clock", { method: "POST", headers, body: `{"advance_s":${value}}` });
		assert.equal(res.status, 400, value);
	}
	assert.equal((await state()).offset_s, before);
});
