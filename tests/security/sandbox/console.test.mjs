// Apps, their secrets and their webhooks in the App Console.
import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, makeApp, refresh } from "../../flow/sandbox-lib.mjs";
import { startHook } from "../../lib/hook.mjs";
import { app, basic, box, business, routes, useSandbox } from "./lib.mjs";

useSandbox();

test("S-092 the app secret is not told until Show, only to the owner, and ends with its rotation", async () => {
	const mine = await makeApp(basic);
	const tokens = await connect(basic, mine);
	const page = await (await basic.fetch(`/developers/apps/info/${mine.key}`)).text();
	const scripts = [...page.matchAll(/src="([^"]+)"/g)].map(([, src]) => src);
	const paths = ["/_web/apps", `/_web/apps/${mine.key}`, `/_web/apps/${mine.key}/webhooks`, "/_web/session", "/_web/connected-apps", ...scripts];
	for (const text of [page, ...(await Promise.all(paths.map(async (p) => (await basic.fetch(p)).text())))])
		assert.equal(text.includes(mine.secret), false);
	for (const tail of ["/settings", "/branding", "/redirect-uris", "/unlink"]) {
		const { body } = await basic.post(`/_web/apps/${mine.key}${tail}`, { uri: "https://a.example/" });
		assert.equal(JSON.stringify(body).includes(mine.secret), false, tail);
	}
	assert.equal((await basic.get(`/_web/apps/${mine.key}/secret`)).status, 405);
	assert.equal((await business.post(`/_web/apps/${mine.key}/secret`)).status, 404);
	assert.equal((await business.post(`/_web/apps/${mine.key}/secret/rotate`)).status, 404);
	const shown = await basic.post(`/_web/apps/${mine.key}/secret`);
	assert.equal(shown.headers.get("cache-control"), "no-store");
	assert.equal(shown.body.app_secret, mine.secret);

	const again = await connect(basic, mine);
	const rotated = await basic.post(`/_web/apps/${mine.key}/secret/rotate`);
	assert.equal(rotated.headers.get("cache-control"), "no-store");
	const old = await refresh(box, mine, again.refresh_token);
	assert.deepEqual([old.status, old.body.error.startsWith("invalid_client")], [400, true]);
	assert.equal((await refresh(box, { ...mine, secret: rotated.body.app_secret }, again.refresh_token)).status, 200);
	assert.ok(tokens.refresh_token);
});

test("S-093 another account's apps and webhooks do not exist for you", async () => {
	const hook = await startHook();
	const mine = await makeApp(basic);
	const { body: added } = await basic.post(`/_web/apps/${mine.key}/webhooks`, { uri: hook.url });
	const theirs = { key: mine.key, hook: added.webhooks[0].id };
	const nobodys = { key: "zzzzzzzzzzzzzzz", hook: "zzzzzzzzzzzzzzzzzzzzzz" };
	const body = { uri: "https://a.example/", domain: "a.example", scopes: [], status: "production", enabled: false, name: "Taken over", icon: "" };
	const rows = (await routes()).filter((r) => r.path.startsWith("/_web/apps/{}"));
	assert.ok(rows.length >= 18, `${rows.length} rows`);
	const before = (await basic.get(`/_web/apps/${mine.key}`)).body;
	for (const { method, path } of rows) {
		const ask = async ({ key, hook: id }) => {
			const real = path.replace("{}", key).replace("{}", id);
			const reply = method === "GET" ? await business.get(real) : await business.send(method, real, body);
			const headers = [...reply.headers].filter(([name]) => !["date", "x-request-id"].includes(name));
			delete reply.body.request_id;
			return { status: reply.status, body: reply.body, headers };
		};
		const told = await ask(theirs);
		assert.equal(told.status, 404, `${method} ${path}`);
		assert.deepEqual(told, await ask(nobodys), `${method} ${path}`);
	}
	assert.deepEqual((await basic.get(`/_web/apps/${mine.key}`)).body, before);
	// A webhook of one's own other app is not one of this app's either.
	const other = await makeApp(basic);
	assert.equal((await basic.send("DELETE", `/_web/apps/${other.key}/webhooks/${theirs.hook}`)).status, 404);
	assert.equal((await basic.post(`/_web/apps/${other.key}/webhooks/${theirs.hook}`, { enabled: false })).status, 404);
	const list = (await business.get("/_web/apps?limit=200")).body;
	assert.ok(list.apps.every((a) => a.app_key !== mine.key));
	assert.equal((await business.get(`/_web/apps?q=${mine.key}`)).body.total, 0);
	await hook.stop();
});

async function control(method, path, body) {
	const headers = { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json" };
	const res = await fetch(`${box.url}/_sandbox/${path}`, { method, headers, body: JSON.stringify(body) });
	assert.equal(res.status, 200);
}

test("S-094 webhooks are http or https, and with the deny setting public, whatever the address looks like", async (t) => {
	const hook = await startHook();
	const mine = await makeApp(basic);
	const add = async (uri) => {
		const { status, body } = await basic.post(`/_web/apps/${mine.key}/webhooks`, { uri });
		return { status, ...body };
	};
	for (const uri of ["file:///etc/passwd", "gopher://127.0.0.1/", "dict://127.0.0.1/", "ftp://127.0.0.1/", "smb://127.0.0.1/", "ldap://127.0.0.1/", "data:text/plain,x", "javascript:alert(1)", "//127.0.0.1/", "http://", "http://a@127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1/#x", "http://a b/", "http://evil\\@127.0.0.1/", "http://127.0.0.1/\r\nX: y", ""]) {
		const { status, field } = await add(uri);
		assert.deepEqual([status, field], [400, "uri"], uri);
	}
	t.after(() => control("PUT", "settings", { webhook_targets: "any" }));
	await control("PUT", "settings", { webhook_targets: "public" });
	const sentences = new Set();
	for (const host of ["127.0.0.1", "10.0.0.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "[::1]", "[::]", "[::ffff:10.0.0.1]", "[fd00::1]", "[fe80::1]", "[64:ff9b::a00:1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"]) {
		for (const port of [hook.port, 1]) {
			const { status, detail } = await add(`http://${host}:${port}/`);
			assert.equal(status, 400, host);
			sentences.add(detail.replace(/call \S+: /, "call X: "));
		}
	}
	assert.deepEqual([...sentences], ["The webhook did not answer: cannot call X: only public addresses may be called."]);
	assert.equal(hook.requests.length, 0);
	await control("PUT", "settings", { webhook_targets: "any" });
	assert.equal((await add(hook.url)).status, 200);
	// The rule counts at the call, not only at registration.
	const tokens = await connect(basic, mine);
	await control("PUT", "settings", { webhook_targets: "public" });
	await fetch(`${box.url}/2/files/create_folder_v2`, { method: "POST", headers: { authorization: `Bearer ${tokens.access_token}`, "content-type": "application/json" }, body: JSON.stringify({ path: "/Not told" }) });
	let last;
	while (!last) [last] = (await basic.get(`/_web/apps/${mine.key}/webhooks`)).body.webhooks[0].deliveries;
	assert.match(last.error, /only public addresses/);
	assert.equal(hook.requests.length, 1);
	await hook.stop();
});

test("S-094 an endless, slow or redirecting webhook is cut, and delays no call", async () => {
	const hook = await startHook();
	const elsewhere = await startHook();
	const mine = await makeApp(basic);
	const tokens = await connect(basic, mine);
	const path = `/_web/apps/${mine.key}/webhooks`;
	assert.equal((await basic.post(path, { uri: hook.url })).status, 200);
	let name = 0;
	const change = async () => {
		const res = await fetch(`${box.url}/2/files/create_folder_v2`, { method: "POST", headers: { authorization: `Bearer ${tokens.access_token}`, "content-type": "application/json" }, body: JSON.stringify({ path: `/Cut ${++name}` }) });
		assert.equal(res.status, 200);
	};
	const logged = async (n) => {
		for (;;) {
			const { deliveries } = (await basic.get(path)).body.webhooks[0];
			if (deliveries.length >= n) return deliveries[0];
		}
	};
	const retry = () => control("POST", "clock", { advance_s: 301 });

	const closed = new Promise((resolve) => {
		hook.answer = (req, res) => {
			res.writeHead(200);
			const more = () => res.write(Buffer.alloc(65536), () => (res.destroyed ? null : setImmediate(more)));
			res.on("close", resolve);
			more();
		};
	});
	await change();
	assert.match((await logged(1)).error, /size limit/);
	await closed;

	hook.answer = (req, res) => res.writeHead(307, { location: elsewhere.url }).end();
	await retry();
	const redirected = await logged(2);
	assert.deepEqual([redirected.status, redirected.delivered], [307, false]);
	assert.equal(elsewhere.requests.length, 0);

	// Held for good: calls are answered meanwhile, and the program ends in time with it open.
	const held = new Promise((resolve) => (hook.answer = resolve));
	await retry();
	await held;
	for (let i = 0; i < 5; i++) await change();
	await elsewhere.stop();
	await hook.stop();
});

test("S-094 challenges that hang are few at a time, and hold neither the store nor the other calls", async () => {
	const hook = await startHook();
	const mine = await makeApp(basic);
	const path = `/_web/apps/${mine.key}/webhooks`;
	const held = [];
	const four = new Promise((resolve) => {
		hook.answer = (req, res) => held.push(res) === 4 && resolve();
	});
	const waiting = [0, 1, 2, 3].map((i) => basic.post(path, { uri: `${hook.url}/${i}` }));
	await four;
	const fifth = await basic.post(path, { uri: `${hook.url}/more` });
	assert.deepEqual([fifth.status, fifth.body.code], [503, "too-many-challenges"]);
	assert.equal((await basic.post(`/_web/apps/${mine.key}/settings`, { more_users: true })).status, 200);
	for (const res of held) res.writeHead(404).end();
	for (const reply of await Promise.all(waiting)) assert.equal(reply.status, 400);
	await hook.stop();
});

test("S-116 an icon is a picture or nothing, and its reply is no page", async () => {
	const markup = Buffer.from("<html><script>alert(1)</script>");
	for (const bad of [markup, Buffer.from("<svg onload='alert(1)'/>"), Buffer.from("GIF89a<script>"), Buffer.from("\ufeff<svg/>")])
		assert.equal((await basic.post(`/_web/apps/${app.key}/icon`, { icon: bad.toString("base64") })).status, 400);
	const png = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), markup]);
	const { body } = await basic.post(`/_web/apps/${app.key}/icon`, { icon: png.toString("base64") });
	const res = await fetch(`${box.url}/_web/icons/${body.icon_id}`);
	assert.equal(res.headers.get("content-type"), "image/png");
	assert.equal(res.headers.get("x-content-type-options"), "nosniff");
	assert.equal(res.headers.get("cross-origin-resource-policy"), "same-origin");
	assert.match(res.headers.get("content-security-policy"), /^default-src 'none'; .*frame-ancestors 'none'/);
	assert.equal((await fetch(`${box.url}/_web/icons/${app.key}`)).status, 404);
});
