// The App Console's private API, as its pages use it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { advance, api, beginAuthorize, Browser, connect, makeApp, refresh, startSandbox } from "./sandbox-lib.mjs";

let box, ann;

before(async () => {
	box = await startSandbox();
	ann = new Browser(box);
	await ann.signIn("basic");
});
after(() => box.stop());

test("settings are saved one by one, and nothing else changes", async () => {
	const { key } = await makeApp(ann, { settings: { more_users: false } });
	const settings = `/_web/apps/${key}/settings`;
	const { body: first } = await ann.get(`/_web/apps/${key}`);
	const pick = ({ status, more_users, public_clients, token_life }) => ({ status, more_users, public_clients, token_life });
	assert.deepEqual(pick(first), { status: "development", more_users: false, public_clients: false, token_life: "short" });
	for (const change of [{ status: "production" }, { more_users: true }, { public_clients: true }, { token_life: "none" }]) {
		const { status, body } = await ann.post(settings, change);
		assert.equal(status, 200);
		assert.deepEqual(pick(body), { ...pick(first), ...change });
		const undo = Object.fromEntries(Object.keys(change).map((k) => [k, first[k]]));
		assert.deepEqual(pick((await ann.post(settings, undo)).body), pick(first));
	}
	for (const [bad, field] of [[{ status: "famous" }, "status"], [{ token_life: 5 }, "token_life"], [{ public_clients: "yes" }, "public_clients"]]) {
		const { status, body } = await ann.post(settings, bad);
		assert.equal(status, 400);
		assert.equal(body.field, field);
	}
	assert.deepEqual(pick((await ann.get(`/_web/apps/${key}`)).body), pick(first));
});

test("My apps: newest first, in pages, and by words", async () => {
	const bea = new Browser(box);
	await bea.signIn("business");
	for (let i = 0; i < 7; i++) await makeApp(bea, { name: `Paged ${"abcdefg"[i]}`, uri: null });
	const odd = await makeApp(bea, { name: "100%_sure\\", uri: null });
	const names = [];
	let after = "", pages = 0;
	do {
		const { status, body } = await bea.get(`/_web/apps?limit=3&q=paged&after=${after}`);
		assert.equal(status, 200);
		assert.equal(body.total, 7);
		assert.ok(body.apps.length <= 3);
		names.push(...body.apps.map((a) => a.name));
		after = body.next;
		pages++;
	} while (after !== null);
	assert.equal(pages, 3);
	assert.deepEqual([...names].sort(), [..."abcdefg"].map((c) => `Paged ${c}`));
	const find = async (q) => (await bea.get(`/_web/apps?q=${encodeURIComponent(q)}`)).body.apps.map((a) => a.name);
	assert.deepEqual(await find("AGED C"), ["Paged c"]);
	assert.deepEqual(await find("%_s"), ["100%_sure\\"]);
	assert.deepEqual(await find("e\\"), ["100%_sure\\"]);
	assert.deepEqual(await find(odd.key), ["100%_sure\\"]);
	assert.deepEqual(await find("p%d"), []);
	const all = (await bea.get("/_web/apps")).body;
	assert.deepEqual([all.total, all.apps.length, all.next], [8, 8, null]);
	const times = all.apps.map((a) => a.created_ms);
	assert.deepEqual(times, [...times].sort((a, b) => b - a));
	for (const bad of ["limit=0", "limit=201", "limit=x", "after=x", "after=1", "after=1.a%20b", `q=${"x".repeat(300)}`, "q=a&q=b"])
		assert.equal((await bea.get(`/_web/apps?${bad}`)).status, 400, bad);
});

test("names that pass for Dropbox's own are refused, others are not", async () => {
	const make = (name) => ann.post("/_web/apps", { api: "dropbox", access: "full", name });
	for (const name of ["Dropbox", "dropbox tool", "D r o p b o x", "Dr0pbox Sync", "The Dropbox", "Drоpbоx", "Ｄｒｏｐｂｏｘ", "*Drop-box*", "Drop boxes", "Official Dropbox", "My Dropbox Support"]) {
		const { status, body } = await make(name);
		assert.deepEqual([status, body.field], [400, "name"], name);
	}
	for (const name of ["Files for Dropbox", "Snowdrop Box", "Été"]) assert.equal((await make(name)).status, 201, name);
});

test("a new secret: the old one is wrong at once, tokens live on, people are asked again", async () => {
	const app = await makeApp(ann);
	const tokens = await connect(ann, app);
	const { status, body, headers } = await ann.post(`/_web/apps/${app.key}/secret/rotate`);
	assert.equal(status, 200);
	assert.equal(headers.get("cache-control"), "no-store");
	assert.match(body.app_secret, /^[a-z0-9]{15}$/);
	assert.notEqual(body.app_secret, app.secret);
	assert.equal((await ann.post(`/_web/apps/${app.key}/secret`)).body.app_secret, body.app_secret);
	assert.equal((await refresh(box, app, tokens.refresh_token)).body.error.split(":")[0], "invalid_client");
	assert.equal((await refresh(box, { ...app, secret: body.app_secret }, tokens.refresh_token)).status, 200);
	assert.equal((await api(box, tokens.access_token, "users/get_current_account")).status, 200);
	const request = await beginAuthorize(ann, app);
	assert.equal((await ann.get(`/_web/authorize/${request}`)).body.stage, "consent");
});

test("domains: added, refused, removed", async () => {
	const { key } = await makeApp(ann);
	const path = `/_web/apps/${key}/domains`;
	assert.deepEqual((await ann.post(path, { domain: " WWW.Example.com " })).body.domains, ["www.example.com"]);
	assert.deepEqual((await ann.post(path, { domain: "localhost:8080" })).body.domains, ["www.example.com", "localhost:8080"]);
	assert.equal((await ann.post(path, { domain: "www.example.com" })).status, 409);
	for (const domain of ["", "https://a.example", "a.example/x", "a..b", "-a.example", "a b", "*.example.com", `${"x".repeat(64)}.example`, "a.example:0", "a@b"]) {
		const { status, body } = await ann.post(path, { domain });
		assert.deepEqual([status, body.field], [400, "domain"], domain);
	}
	assert.deepEqual((await ann.post(`${path}/remove`, { domain: "www.example.com" })).body.domains, ["localhost:8080"]);
});

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

test("branding: texts are checked each on its own, a picture is PNG or JPEG and nothing else", async () => {
	const { key, name } = await makeApp(ann);
	const path = `/_web/apps/${key}`;
	const full = { publisher: "Example & Söhne", website: "https://example.com/app?x=1#top", description: "It does things." };
	const { body } = await ann.post(`${path}/branding`, full);
	assert.deepEqual([body.publisher, body.website, body.description, body.name], [...Object.values(full), name]);
	assert.equal((await ann.post(`${path}/branding`, { name: `${name} two` })).body.publisher, full.publisher);
	for (const [bad, field] of [
		[{ name: "Dropbox two" }, "name"], [{ name: "" }, "name"], [{ publisher: "a\u202eb" }, "publisher"], [{ publisher: "x".repeat(101) }, "publisher"],
		[{ website: "javascript:alert(1)" }, "website"], [{ website: "https://a@b.example/" }, "website"], [{ website: "https://a.example/\"x" }, "website"],
		[{ description: "x".repeat(501) }, "description"], [{ description: 5 }, "description"],
	]) {
		const reply = await ann.post(`${path}/branding`, bad);
		assert.deepEqual([reply.status, reply.body.field], [400, field], JSON.stringify(bad));
	}
	const other = await makeApp(ann);
	assert.equal((await ann.post(`${path}/branding`, { name: other.name })).body.code, "name-taken");
	assert.equal((await ann.post(`${path}/branding`, { website: "" })).body.website, "");

	const upload = (bytes) => ann.post(`${path}/icon`, { icon: bytes.toString("base64") });
	for (const bad of [Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), Buffer.from("GIF89a"), Buffer.alloc(0), PNG.subarray(1)]) {
		const reply = await upload(bad);
		assert.deepEqual([reply.status, reply.body.field], [400, "icon"]);
	}
	assert.equal((await ann.post(`${path}/icon`, { icon: "?" })).status, 400);
	assert.equal((await upload(Buffer.concat([PNG, Buffer.alloc(256 * 1024)]))).status, 400);
	assert.equal((await upload(Buffer.concat([PNG, Buffer.alloc(512 * 1024)]))).status, 413);
	const icon = (body) => `/_web/icons/${body.icon_id}`;
	const first = icon((await upload(PNG)).body);
	const jpeg = Buffer.from("ffd8ffe000104a464946", "hex");
	const second = icon((await upload(jpeg)).body);
	assert.notEqual(second, first);
	assert.equal((await ann.fetch(first)).status, 404);
	const shown = await ann.fetch(second);
	assert.equal(shown.headers.get("content-type"), "image/jpeg");
	assert.deepEqual(Buffer.from(await shown.arrayBuffer()), jpeg);
	assert.equal((await ann.send("DELETE", `${path}/icon`)).body.icon_id, null);
	assert.equal((await ann.fetch(second)).status, 404);
});

test("Generate gives a token for one's own account; Unlink all users ends every token", async () => {
	const app = await makeApp(ann);
	const path = `/_web/apps/${app.key}`;
	const made = await ann.post(`${path}/generate`);
	assert.equal(made.headers.get("cache-control"), "no-store");
	assert.match(made.body.access_token, /^sl\./);
	assert.equal(made.body.expires_in, 14400);
	const me = await api(box, made.body.access_token, "users/get_current_account");
	assert.equal(me.body.email, "basic@example.com");

	await ann.post(`${path}/settings`, { token_life: "none" });
	const endless = (await ann.post(`${path}/generate`)).body;
	assert.equal(endless.expires_in, null);
	assert.doesNotMatch(endless.access_token, /^sl\./);

	const other = await makeApp(ann);
	const elsewhere = await connect(ann, other);
	const tokens = await connect(ann, app);
	assert.equal((await ann.get(path)).body.users_linked, 1);
	assert.equal((await ann.post(`${path}/unlink`)).body.users_linked, 0);
	for (const token of [made.body.access_token, endless.access_token, tokens.access_token])
		assert.equal((await api(box, token, "users/get_current_account")).status, 401);
	assert.equal((await refresh(box, app, tokens.refresh_token)).status, 400);
	assert.equal((await api(box, elsewhere.access_token, "users/get_current_account")).status, 200);
});

test("permissions of a team are for apps of the Business API", async () => {
	const bea = new Browser(box);
	await bea.signIn("business");
	const scopes = ["team_info.read", "members.read"];
	const plain = await makeApp(bea);
	const team = await makeApp(bea, { api: "business" });
	const refused = await bea.post(`/_web/apps/${plain.key}/scopes`, { scopes });
	assert.deepEqual([refused.status, refused.body.field], [400, "scopes"]);
	const { body } = await bea.post(`/_web/apps/${team.key}/scopes`, { scopes });
	assert.deepEqual(body.scopes.filter((s) => s.granted).map((s) => s.scope), ["account_info.read", ...scopes]);
	const row = (name) => body.scopes.find((s) => s.scope === name);
	assert.deepEqual([row("members.write").needs, row("openid").needs, row("email").needs], ["members.read", null, "openid"]);
	assert.deepEqual([row("members.read").team, row("openid").team], [true, false]);
});

test("connected apps tell whose they are and when they last had a token", async () => {
	const app = await makeApp(ann, { access: "app_folder" });
	await ann.post(`/_web/apps/${app.key}/branding`, { publisher: "Example Works", website: "https://example.com" });
	const tokens = await connect(ann, app);
	const row = async () => (await ann.get("/_web/connected-apps")).body.apps.find((a) => a.app_key === app.key);
	const first = await row();
	assert.deepEqual([first.publisher, first.website, first.icon_id, first.folder_name], ["Example Works", "https://example.com", null, app.name]);
	await advance(box, 60);
	await refresh(box, app, tokens.refresh_token);
	assert.ok((await row()).token_ms >= first.token_ms + 60000);
});

test("names are one whatever their letters' case and form; folders are never shared", async () => {
	const bea = new Browser(box);
	await bea.signIn("business");
	const make = async (who, name) => (await who.post("/_web/apps", { api: "dropbox", access: "app_folder", name })).body;
	assert.equal((await make(ann, "Caf\u00e9 Stra\u00dfe")).folder_name, "Caf\u00e9 Stra\u00dfe");
	assert.equal((await make(bea, "CAFE\u0301 STRASSE")).code, "name-taken");
	assert.deepEqual((await ann.get(`/_web/apps?q=${encodeURIComponent("cafE\u0301")}`)).body.total, 1);
	assert.equal((await make(ann, "one/two")).folder_name, "one_two");
	assert.equal((await make(bea, "One:Two")).folder_name, "One_Two (2)");
	const renamed = await make(ann, "Before");
	await ann.post(`/_web/apps/${renamed.app_key}/branding`, { name: "After" });
	assert.equal((await make(bea, "before")).folder_name, "before (2)");
});
