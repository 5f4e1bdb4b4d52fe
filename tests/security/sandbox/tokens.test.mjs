// Codes, tokens and the token endpoint.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { advance, api, beginAuthorize, connect, exchange, getCode, makeApp, pkce, refresh, token } from "../../flow/sandbox-lib.mjs";
import { app, basic, box, business, post, state, useSandbox } from "./lib.mjs";

useSandbox();

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
	for (const scope of ["files.metadata.read files.content.write", "files.metadata.read files.metadata.read", "*"])
		assert.equal((await refresh(box, app, got.refresh_token, { scope })).body.error, "invalid_scope", scope);
	/* Without a value it counts as left out (RFC 6749 section 3.2). */
	assert.equal((await refresh(box, app, got.refresh_token, { scope: "" })).body.scope, got.scope);
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
