// The sandbox from outside: sign-in, App Console, consent, tokens, API, clock.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
	Browser, advance, api, authorizePath, beginAuthorize, bootOf, connect, exchange, getCode, makeApp,
	refresh, startSandbox, token,
} from "./sandbox-lib.mjs";

let box;
let basic;
let business;
let app;

before(async () => {
	box = await startSandbox();
	basic = new Browser(box);
	business = new Browser(box);
	assert.equal((await basic.signIn("basic")).status, 200);
	assert.equal((await business.signIn("business")).status, 200);
	app = await makeApp(basic);
});
after(() => box.stop());

test("health, pages and the unknown page", async () => {
	const health = await fetch(box.url + "/healthz");
	assert.deepEqual(await health.json(), { status: "ok" });
	for (const path of ["/", "/login", "/developers/apps", "/developers/apps/info/abc", "/account/connected_apps"]) {
		const res = await fetch(box.url + path);
		assert.equal(res.status, 200, path);
		assert.deepEqual(bootOf(await res.text()), { page: "app" });
	}
	assert.equal((await fetch(box.url + "/nowhere")).status, 404);
});

test("signing in: session object, wrong password, unknown address, signing out", async () => {
	const b = new Browser(box);
	const anonymous = await b.session();
	assert.equal(anonymous.account, null);
	assert.equal(anonymous.public_url, box.url);
	assert.equal((await b.signIn("basic", "wrong")).status, 401);
	const nobody = await b.post("/_web/sign-in", { email: "nobody@example.com", password: "x" });
	assert.equal(nobody.status, 401);
	assert.equal(nobody.body.detail, (await b.signIn("basic", "wrong")).body.detail);
	const { body } = await b.signIn("business");
	assert.deepEqual(body.account.team, { name: "Example Team", role: "admin" });
	assert.equal(body.account.type, "business");
	assert.equal(body.account.initials, "BB");
	const out = await b.post("/_web/sign-out");
	assert.equal(out.body.account, null);
	assert.equal((await b.get("/_web/apps")).status, 401);
});

test("the wizard's rules", async () => {
	const make = (body, who = basic) => who.post("/_web/apps", { api: "dropbox", access: "full", name: "Fine name", ...body });
	const made = await make({ name: "  Fine name " });
	assert.equal(made.status, 201);
	assert.match(made.body.app_key, /^[a-z0-9]{15}$/);
	assert.equal(made.body.name, "Fine name");
	assert.equal(made.body.status, "development");
	const granted = made.body.scopes.filter((s) => s.granted).map((s) => s.scope);
	assert.deepEqual(granted, [
		"account_info.read", "files.metadata.read", "files.metadata.write", "files.content.read",
		"files.content.write", "sharing.read", "sharing.write",
	]);
	assert.deepEqual(made.body.scopes.filter((s) => s.fixed).map((s) => s.scope), ["account_info.read"]);
	const taken = await make({ name: "fine NAME" }, business);
	assert.deepEqual([taken.status, taken.body.code], [409, "name-taken"]);
	for (const [body, field] of [
		[{ name: "" }, "name"], [{ name: "x".repeat(51) }, "name"], [{ name: "Dropbox tool" }, "name"],
		[{ name: "a\u202eb" }, "name"], [{ name: "a\nb" }, "name"], [{ api: "x" }, "api"], [{ access: "all" }, "access"],
	]) {
		const reply = await make({ name: "Another", ...body });
		assert.deepEqual([reply.status, reply.body.field], [400, field], JSON.stringify(body));
	}
	const forbidden = await make({ api: "business", name: "Team thing" });
	assert.deepEqual([forbidden.status, forbidden.body.field], [403, "api"]);
	assert.equal((await make({ api: "business", name: "Team thing" }, business)).status, 201);
});

test("an app's settings belong to its owner alone", async () => {
	const mine = await basic.get(`/_web/apps/${app.key}`);
	assert.equal(mine.status, 200);
	assert.equal(mine.body.owner_email, "basic@example.com");
	assert.ok(!JSON.stringify(mine.body).includes(app.secret));
	assert.match(app.secret, /^[a-z0-9]{15}$/);
	assert.ok((await basic.get("/_web/apps")).body.apps.some((a) => a.app_key === app.key));
	for (const reply of [
		await business.get(`/_web/apps/${app.key}`),
		await business.post(`/_web/apps/${app.key}/secret`),
		await business.post(`/_web/apps/${app.key}/redirect-uris`, { uri: "https://a.example/" }),
		await business.post(`/_web/apps/${app.key}/scopes`, { scopes: [] }),
		await business.send("DELETE", `/_web/apps/${app.key}`),
	])
		assert.equal(reply.status, 404);
});

test("redirect URIs: add, already there, remove", async () => {
	const other = await makeApp(basic, { uri: null });
	const path = `/_web/apps/${other.key}/redirect-uris`;
	for (const uri of ["https://a.example/cb?x=1", "http://localhost:8090/cb", "http://127.0.0.1/", "http://[::1]:80/x"]) {
		const reply = await basic.post(path, { uri });
		assert.equal(reply.status, 200, uri);
		assert.ok(reply.body.redirect_uris.includes(uri));
	}
	assert.equal((await basic.post(path, { uri: "https://a.example/cb?x=1" })).status, 409);
	const left = await basic.post(path + "/remove", { uri: "http://127.0.0.1/" });
	assert.equal(left.body.redirect_uris.length, 3);
});

test("permissions: submit, dependencies, and what a token then may do", async () => {
	const other = await makeApp(basic);
	const path = `/_web/apps/${other.key}/scopes`;
	assert.equal((await basic.post(path, { scopes: ["files.content.read"] })).body.field, "scopes");
	assert.equal((await basic.post(path, { scopes: ["no.such"] })).status, 400);
	const set = await basic.post(path, { scopes: ["files.metadata.read"] });
	assert.deepEqual(set.body.scopes.filter((s) => s.granted).map((s) => s.scope), ["account_info.read", "files.metadata.read"]);
	const got = await connect(basic, other);
	assert.equal(got.scope, "account_info.read files.metadata.read");
	assert.equal((await api(box, got.access_token, "files/list_folder", { path: "" })).status, 200);
	const refused = await api(box, got.access_token, "files/create_folder_v2", { path: "/x" });
	assert.equal(refused.status, 401);
	assert.match(refused.body.error_summary, /^missing_scope\/\.*$/);
	assert.deepEqual(refused.body.error, { ".tag": "missing_scope", required_scope: "files.content.write" });
	await basic.post(path, { scopes: [] });
	assert.equal((await api(box, got.access_token, "files/list_folder", { path: "" })).status, 401);
});

test("consent: sign in first, then what is asked, then Allow; next time straight back", async () => {
	const fresh = await makeApp(basic, { access: "app_folder" });
	const visitor = new Browser(box);
	const id = await beginAuthorize(visitor, fresh, { state: "s 1&2" });
	assert.deepEqual((await visitor.get(`/_web/authorize/${id}`)).body, { stage: "sign_in", app: { name: fresh.name } });
	await visitor.signIn("business");
	const { body } = await visitor.get(`/_web/authorize/${id}`);
	assert.equal(body.stage, "consent");
	assert.equal(body.app.owner_email, "basic@example.com");
	assert.equal(body.app.folder_name, fresh.name);
	assert.equal(body.account.email, "business@example.com");
	assert.equal(body.answer_goes_to, "127.0.0.1:9");
	assert.equal(body.scopes.length, 7);
	const allowed = await visitor.post(`/_web/authorize/${id}/allow`);
	const back = new URL(allowed.body.redirect);
	assert.equal(back.origin + back.pathname, fresh.uri);
	assert.equal(back.searchParams.get("state"), "s 1&2");
	assert.equal((await visitor.post(`/_web/authorize/${id}/allow`)).status, 404);
	const again = await beginAuthorize(visitor, fresh);
	const second = await visitor.get(`/_web/authorize/${again}`);
	assert.equal(second.body.stage, "redirect");
	assert.equal((await exchange(box, fresh, new URL(second.body.redirect).searchParams.get("code"))).status, 200);
	const forced = await beginAuthorize(visitor, fresh, { force_reapprove: "true" });
	assert.equal((await visitor.get(`/_web/authorize/${forced}`)).body.stage, "consent");
});

test("Cancel answers access_denied with the state", async () => {
	const id = await beginAuthorize(basic, app, { state: "abc", force_reapprove: "true" });
	await basic.get(`/_web/authorize/${id}`);
	const { body } = await basic.post(`/_web/authorize/${id}/cancel`);
	const back = new URL(body.redirect);
	assert.equal(back.searchParams.get("error"), "access_denied");
	assert.match(back.searchParams.get("error_description"), /^The user chose not to give your app access/);
	assert.equal(back.searchParams.get("state"), "abc");
});

test("without a redirect URI the code is shown for copying", async () => {
	const code = await getCode(basic, app, { redirect_uri: undefined });
	assert.equal((await exchange(box, app, code, { redirect_uri: undefined })).status, 200);
});

test("the token reply, offline and online", async () => {
	const got = await connect(basic, app);
	assert.match(got.access_token, /^sl\.[A-Za-z0-9_-]{135,}$/);
	assert.match(got.refresh_token, /^[A-Za-z0-9_-]{64}$/);
	assert.equal(got.token_type, "bearer");
	assert.equal(got.expires_in, 14400);
	assert.match(got.account_id, /^dbid:.{35}$/);
	assert.match(got.uid, /^\d+$/);
	assert.equal((await connect(basic, app, { token_access_type: "online" })).refresh_token, undefined);
});

test("parameters in the query, credentials by Basic", async () => {
	const got = await connect(basic, app);
	const params = new URLSearchParams({ grant_type: "refresh_token", refresh_token: got.refresh_token });
	const res = await fetch(`${box.url}/oauth2/token?${params}`, {
		method: "POST",
		headers: { authorization: "Basic " + Buffer.from(`${app.key}:${app.secret}`).toString("base64") },
	});
	const body = await res.json();
	assert.equal(res.status, 200, JSON.stringify(body));
	assert.ok(res.headers.get("x-dropbox-request-id"));
	assert.equal(body.refresh_token, undefined);
	assert.equal((await api(box, body.access_token, "users/get_current_account")).status, 200);
});

test("wrong credentials are told as Dropbox tells them", async () => {
	const reply = await refresh(box, { ...app, secret: "wrong" }, "x".repeat(64));
	assert.equal(reply.status, 400);
	assert.deepEqual(reply.body, {
		error: "invalid_client: Invalid client_id or client_secret",
		error_description: "Invalid client_id or client_secret",
	});
	assert.equal((await token(box, { client_id: app.key, client_secret: app.secret })).body.error, "invalid_request");
	assert.equal((await token(box, { grant_type: "password", client_id: app.key, client_secret: app.secret })).body.error, "unsupported_grant_type");
});

test("the clock: expiry, refresh, the life of a code", async () => {
	const got = await connect(basic, app);
	const young = await getCode(basic, app);
	await advance(box, 590);
	assert.equal((await exchange(box, app, young)).status, 200);
	const old = await getCode(basic, app);
	await advance(box, 601);
	assert.equal((await exchange(box, app, old)).body.error, "invalid_grant");
	const moved = await advance(box, 14400);
	assert.equal(moved.body.offset_s, 590 + 601 + 14400);
	const expired = await api(box, got.access_token, "users/get_current_account");
	assert.equal(expired.status, 401);
	assert.match(expired.body.error_summary, /^expired_access_token\//);
	const renewed = await refresh(box, app, got.refresh_token);
	assert.equal(renewed.status, 200);
	assert.equal((await api(box, renewed.body.access_token, "users/get_current_account")).status, 200);
});

test("the Date of a reply is that of the clock by which tokens end, also after it was moved", async () => {
	const { body } = await advance(box, 7200);
	const { headers } = await api(box, "none", "users/get_current_account");
	const date = Date.parse(headers.get("date"));
	assert.ok(Math.abs(date - (Date.now() + body.offset_s * 1000)) < 60000, headers.get("date"));
});

test("revoking ends the grant; disconnecting ends them all; deleting the app too", async () => {
	const one = await connect(basic, app);
	const two = await connect(basic, app);
	assert.equal((await api(box, one.access_token, "auth/token/revoke")).body, null);
	assert.equal((await api(box, one.access_token, "users/get_current_account")).status, 401);
	assert.equal((await refresh(box, app, one.refresh_token)).body.error, "invalid_grant");
	assert.equal((await api(box, two.access_token, "users/get_current_account")).status, 200);
	const link = (await basic.get("/_web/connected-apps")).body.apps.find((a) => a.app_key === app.key);
	assert.equal((await business.send("DELETE", `/_web/connected-apps/${link.grant_id}`)).status, 404);
	assert.equal((await basic.send("DELETE", `/_web/connected-apps/${link.grant_id}`)).status, 204);
	assert.equal((await api(box, two.access_token, "users/get_current_account")).status, 401);
	const doomed = await makeApp(basic);
	const three = await connect(business, doomed);
	assert.equal((await basic.send("DELETE", `/_web/apps/${doomed.key}`)).status, 204);
	assert.equal((await api(box, three.access_token, "users/get_current_account")).status, 401);
	assert.equal((await business.get("/_web/connected-apps")).body.apps.some((a) => a.app_key === doomed.key), false);
});

test("who am I, as Dropbox says it", async () => {
	const got = await connect(business, app);
	const { body, headers } = await api(box, got.access_token, "users/get_current_account", null);
	assert.equal(body.account_id, got.account_id);
	assert.equal(body.name.display_name, "Bruno Business");
	assert.deepEqual(body.account_type, { ".tag": "business" });
	assert.equal(body.team.name, "Example Team");
	assert.match(body.team_member_id, /^dbmid:/);
	assert.equal(body.root_info[".tag"], "user");
	assert.ok(headers.get("x-dropbox-request-id"));
	const space = await api(box, got.access_token, "users/get_space_usage");
	assert.equal(space.body.allocation[".tag"], "team");
	const other = await connect(basic, app);
	const seen = await api(box, got.access_token, "users/get_account", { account_id: other.account_id });
	assert.equal(seen.body.email, "basic@example.com");
	assert.equal(seen.body.is_teammate, false);
	const missing = await api(box, got.access_token, "users/get_account", { account_id: "dbid:" + "A".repeat(35) });
	assert.deepEqual([missing.status, missing.body.error], [409, { ".tag": "no_account" }]);
	assert.deepEqual((await api(box, got.access_token, "check/user", { query: "hello" })).body, { result: "hello" });
	const basicAuth = "Basic " + Buffer.from(`${app.key}:${app.secret}`).toString("base64");
	assert.deepEqual((await api(box, null, "check/app", { query: "hi" }, { authorization: basicAuth })).body, { result: "hi" });
});

test("arguments: text errors with status 400", async () => {
	const got = await connect(basic, app);
	const call = async (route, init) => {
		const res = await fetch(`${box.url}/2/${route}`, { method: "POST", ...init });
		return [res.status, res.headers.get("content-type"), await res.text()];
	};
	const authorization = `Bearer ${got.access_token}`;
	const json = { authorization, "content-type": "application/json" };
	for (const [route, init] of [
		["users/get_current_account", {}],
		["users/get_current_account", { headers: { authorization: "Basic eDp5" } }],
		["users/get_current_account", { headers: json, body: "{}" }],
		["files/list_folder", { headers: json, body: "{" }],
		["files/list_folder", { headers: json, body: '{"path":7}' }],
		["files/list_folder", { headers: json, body: '{"path":"","nonsense":1}' }],
		["files/list_folder", { headers: json, body: '{"path":"/"}' }],
		["files/list_folder", { headers: json, body: '{"path":"","limit":2001}' }],
		["files/list_folder", { headers: { authorization, "content-type": "text/html" }, body: '{"path":""}' }],
	]) {
		const [status, type, text] = await call(route, init);
		assert.equal(status, 400, text);
		assert.match(type, /^text\/plain/);
		assert.ok(text.startsWith(`Error in call to API function "${route}": `), text);
	}
	const wrong = await api(box, "sl.nonsense", "users/get_current_account");
	assert.deepEqual([wrong.status, wrong.body.error], [401, { ".tag": "invalid_access_token" }]);
});

test("files: list with pages, changes, metadata, folders, delete", async () => {
	const { access_token: t } = await connect(basic, app);
	const whole = (await api(box, t, "files/list_folder", { path: "" })).body;
	assert.deepEqual(whole.entries.map((e) => e.name), ["Documents", "Pictures", "Welcome.txt"].sort());
	assert.equal(whole.has_more, false);
	let page = (await api(box, t, "files/list_folder", { path: "", recursive: true, limit: 2 })).body;
	const seen = [...page.entries];
	while (page.has_more) {
		page = (await api(box, t, "files/list_folder/continue", { cursor: page.cursor })).body;
		seen.push(...page.entries);
	}
	assert.deepEqual(seen.map((e) => e.path_lower), [
		"/documents", "/documents/meeting notes.md", "/documents/shopping list.txt", "/pictures",
		"/pictures/square.svg", "/welcome.txt",
	]);
	const folder = await api(box, t, "files/create_folder_v2", { path: "/New/Deep" });
	assert.equal(folder.body.metadata.path_display, "/New/Deep");
	assert.equal(folder.body.metadata[".tag"], undefined);
	const twice = await api(box, t, "files/create_folder_v2", { path: "/new/DEEP" });
	assert.equal(twice.status, 409);
	assert.match(twice.body.error_summary, /^path\/conflict\/folder\/\.*$/);
	assert.deepEqual(twice.body.error, { ".tag": "path", path: { ".tag": "conflict", conflict: { ".tag": "folder" } } });
	const renamed = await api(box, t, "files/create_folder_v2", { path: "/New/Deep", autorename: true });
	assert.equal(renamed.body.metadata.name, "Deep (1)");
	const meta = await api(box, t, "files/get_metadata", { path: "/NEW" });
	assert.equal(meta.body[".tag"], "folder");
	assert.equal((await api(box, t, "files/get_metadata", { path: meta.body.id })).body.name, "New");
	assert.equal((await api(box, t, "files/delete_v2", { path: "/New" })).body.metadata.name, "New");
	const gone = await api(box, t, "files/get_metadata", { path: "/New/Deep" });
	assert.deepEqual(gone.body.error, { ".tag": "path", path: { ".tag": "not_found" } });
	const changed = [];
	for (let next = page; ; ) {
		next = (await api(box, t, "files/list_folder/continue", { cursor: next.cursor })).body;
		changed.push(...next.entries);
		if (!next.has_more) break;
	}
	assert.deepEqual(changed.map((e) => [e[".tag"], e.path_lower]).sort(), [
		["deleted", "/new"], ["deleted", "/new/deep"], ["deleted", "/new/deep (1)"],
	]);
	const stolen = await api(box, (await connect(business, app)).access_token, "files/list_folder/continue", { cursor: page.cursor });
	assert.deepEqual(stolen.body.error, { ".tag": "reset" });
});

async function upload(t, arg, content, type = "application/octet-stream") {
	const res = await fetch(`${box.url}/2/files/upload`, {
		method: "POST",
		headers: { authorization: `Bearer ${t}`, "content-type": type, "dropbox-api-arg": JSON.stringify(arg) },
		body: content,
	});
	const text = await res.text();
	return { status: res.status, body: res.headers.get("content-type") === "application/json" ? JSON.parse(text) : text };
}

test("files: upload, modes, download", async () => {
	const { access_token: t } = await connect(basic, app);
	const made = await upload(t, { path: "/Up/caf\u00e9.txt".replace("\u00e9", "e"), client_modified: "2020-01-02T03:04:05Z" }, "hello");
	assert.equal(made.status, 200, JSON.stringify(made.body));
	assert.equal(made.body.size, 5);
	assert.equal(made.body.client_modified, "2020-01-02T03:04:05Z");
	assert.match(made.body.rev, /^[0-9a-f]{9,}$/);
	assert.match(made.body.id, /^id:.{22}$/);
	assert.equal(made.body.content_hash.length, 64);
	assert.equal((await upload(t, { path: "/Up/cafe.txt" }, "hello")).body.rev, made.body.rev);
	const clash = await upload(t, { path: "/Up/cafe.txt" }, "other");
	assert.equal(clash.status, 409);
	assert.match(clash.body.error_summary, /^path\/conflict\/file\/\.*$/);
	assert.deepEqual(clash.body.error.reason, { ".tag": "conflict", conflict: { ".tag": "file" } });
	assert.equal((await upload(t, { path: "/Up/cafe.txt", autorename: true }, "other")).body.name, "cafe (1).txt");
	const update = { path: "/Up/cafe.txt", mode: { ".tag": "update", update: made.body.rev } };
	const replaced = await upload(t, update, "third");
	assert.equal(replaced.body.id, made.body.id);
	assert.equal((await upload(t, update, "fourth")).status, 409);
	assert.equal((await upload(t, { path: "/Up/cafe.txt", mode: "overwrite" }, Buffer.alloc(1 << 20, 7))).status, 200);
	assert.equal((await upload(t, { path: "/Up/big" }, Buffer.alloc((9 << 20) + 1))).body.size, (9 << 20) + 1);
	assert.equal((await upload(t, { path: "/Up/cafe.txt/below" }, "x")).status, 409);
	assert.equal((await upload(t, { path: "/Up/wrong" }, "x", "application/json")).status, 400);
	const mismatch = await upload(t, { path: "/Up/h", content_hash: "0".repeat(64) }, "x");
	assert.deepEqual(mismatch.body.error, { ".tag": "content_hash_mismatch" });
	const res = await fetch(`${box.url}/2/files/download?arg=${encodeURIComponent('{"path":"/welcome.txt"}')}`, {
		headers: { authorization: `Bearer ${t}` },
	});
	assert.equal(res.status, 200);
	const meta = JSON.parse(res.headers.get("dropbox-api-result"));
	assert.equal(meta.name, "Welcome.txt");
	assert.equal((await res.text()).length, meta.size);
});

test("an app-folder app sees its own folder only", async () => {
	const boxed = await makeApp(basic, { access: "app_folder" });
	const inside = (await connect(basic, boxed)).access_token;
	const outside = (await connect(basic, app)).access_token;
	assert.deepEqual((await api(box, inside, "files/list_folder", { path: "" })).body.entries, []);
	const made = await upload(inside, { path: "/Note.txt" }, "mine");
	assert.equal(made.body.path_display, "/Note.txt");
	const full = await api(box, outside, "files/get_metadata", { path: `/Apps/${boxed.name}/note.txt` });
	assert.equal(full.body.id, made.body.id);
	const welcome = await api(box, outside, "files/get_metadata", { path: "/Welcome.txt" });
	for (const path of ["/Welcome.txt", welcome.body.id, `rev:${welcome.body.rev}`, "/../Welcome.txt"])
		assert.equal((await api(box, inside, "files/get_metadata", { path })).status, 409, path);
	const list = await api(box, inside, "files/list_folder", { path: "", recursive: true });
	assert.deepEqual(list.body.entries.map((e) => e.path_lower), ["/note.txt"]);
});

test("requests of the authorization page that cannot be answered", async () => {
	const page = async (params) => {
		const res = await fetch(box.url + authorizePath(app, params), { redirect: "manual" });
		return { status: res.status, location: res.headers.get("location"), boot: res.status === 302 ? null : bootOf(await res.text()) };
	};
	const unknown = await page({ client_id: "a".repeat(15) });
	assert.deepEqual([unknown.status, unknown.location, unknown.boot.page], [400, null, "error"]);
	const uri = await page({ redirect_uri: "https://evil.example/" });
	assert.equal(uri.boot.redirect_uri, "https://evil.example/");
	assert.match(uri.boot.detail, /exactly match/);
	for (const [params, error] of [
		[{ response_type: "token" }, "unauthorized_client"],
		[{ response_type: "foo" }, "unsupported_response_type"],
		[{ response_type: undefined }, "invalid_request"],
		[{ scope: "files.metadata.read nope" }, "invalid_scope"],
		[{ scope: "contacts.read" }, "invalid_scope"],
		[{ code_challenge: "short" }, "invalid_request"],
		[{ code_challenge: "x".repeat(43), code_challenge_method: "S512" }, "invalid_request"],
		[{ token_access_type: "forever" }, "invalid_request"],
	]) {
		const { status, location } = await page({ state: "st", ...params });
		assert.equal(status, 302, JSON.stringify(params));
		const back = new URL(location);
		assert.deepEqual([back.searchParams.get("error"), back.searchParams.get("state")], [error, "st"]);
	}
});

test("a restart keeps accounts, passwords, apps, tokens and the clock; the control token is new", async () => {
	const first = await startSandbox();
	const b = new Browser(first);
	await b.signIn();
	const kept = await makeApp(b);
	const got = await connect(b, kept);
	await advance(first, 3600);
	await first.stop({ keep: true });
	const second = await startSandbox({ data: first.dir });
	assert.deepEqual(second.seed.accounts, first.seed.accounts);
	assert.notEqual(second.seed.control_token, first.seed.control_token);
	assert.equal((await api(second, got.access_token, "users/get_current_account")).status, 200);
	const state = await (await fetch(second.url + "/_sandbox/state", {
		headers: { authorization: `Bearer ${second.seed.control_token}` },
	})).json();
	assert.equal(state.offset_s, 3600);
	assert.equal(state.apps, 1);
	await second.stop();
});
