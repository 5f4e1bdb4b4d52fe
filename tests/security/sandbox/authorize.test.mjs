// The authorization request: redirect URIs, what is decided and by whom.
import assert from "node:assert/strict";
import { test } from "node:test";

import { authorizePath, beginAuthorize, bootOf, connect, exchange, makeApp, refresh, token } from "../../flow/sandbox-lib.mjs";
import { app, attempt, basic, box, business, foreign, rawGet, state, useSandbox } from "./lib.mjs";

useSandbox();

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
