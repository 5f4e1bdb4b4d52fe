// Rows of the security checklist about the pages of a consent, in Chromium where a page is looked at.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { authorizePath, beginAuthorize, bootOf, Browser, makeApp } from "../../flow/sandbox-lib.mjs";
import { openBrowser } from "../../lib/browser.mjs";
import { app, basic, box, business, state, useSandbox } from "./lib.mjs";

useSandbox();

let chromium;

before(async () => {
	chromium = await openBrowser();
});
after(() => chromium?.close({ allowFaults: true }));

// A page that notes what no page of ours may do.
async function person() {
	const page = await chromium.person();
	const said = [];
	page.on("dialog", (d) => {
		said.push(d.message());
		d.dismiss();
	});
	page.on("console", (m) => /content security policy/i.test(m.text()) && said.push(m.text()));
	return { page, said };
}

async function signIn(page, type = "basic") {
	const { email, password } = box.account(type);
	await page.getByLabel("Email").fill(email);
	await page.getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Sign in" }).click();
}

test("S-055 what an error page repeats is text", async () => {
	const { page, said } = await person();
	for (const payload of ['"><svg onload=alert(1)>', "javascript:alert(1)", "<img src=x onerror=alert(1)>"]) {
		for (const params of [{ client_id: payload }, { redirect_uri: payload }, { redirect_uri: undefined, scope: payload }, { redirect_uri: undefined, response_type: payload }, { redirect_uri: undefined, state: payload, locale: payload }]) {
			const answer = await page.goto(box.url + authorizePath(app, params));
			assert.equal(answer.status(), 400);
			await page.getByRole("heading", { name: "This app cannot be connected" }).waitFor();
			assert.equal(await page.locator("main svg[onload], main img").count(), 0);
			assert.equal(await page.locator('a[href^="javascript:" i]').count(), 0);
			if (params.redirect_uri) assert.equal(await page.getByText(payload, { exact: true }).count(), 1, "shown as it is");
		}
	}
	assert.deepEqual(said, []);
	await page.context().close();
});

// Somebody else's server, which notes what reaches it.
async function listen() {
	const requests = [];
	const server = http.createServer((req, res) => {
		let body = "";
		req.on("data", (d) => (body += d));
		req.on("end", () => {
			requests.push({ method: req.method, url: req.url, headers: req.headers, body });
			res.end("<!doctype html><title>back</title>");
		});
	});
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	return { requests, url: `http://localhost:${server.address().port}/back`, stop: () => server.close() };
}

test("S-079 after sign-in and decision the browser arrives by GET, without body, cookie or telling referrer", async () => {
	const evil = await listen();
	const mine = await makeApp(basic, { uri: evil.url });
	try {
		for (const answer of ["Cancel", "Allow"]) {
			const { page } = await person();
			await page.goto(box.url + authorizePath(mine, { state: "s" }));
			await signIn(page);
			await page.getByRole("button", { name: "Continue" }).click();
			await page.getByRole("button", { name: answer, exact: true }).click();
			await page.waitForURL(/\/back\?/);
			await page.context().close();
		}
		const arrived = evil.requests.filter((r) => r.url.startsWith("/back"));
		assert.equal(arrived.length, 2);
		for (const { method, headers, body } of arrived) {
			assert.equal(method, "GET");
			assert.equal(body, "");
			assert.equal(headers.cookie, undefined);
			assert.doesNotMatch(headers.referer ?? "", /\?/);
		}
	} finally {
		evil.stop();
	}
});

test("S-079 what the server itself redirects is 302, and no decision is a redirect", async () => {
	const wrong = await basic.fetch(authorizePath(app, { scope: "nonsense" }));
	assert.equal(wrong.status, 302);
	const id = await beginAuthorize(basic, app, { force_reapprove: "true" });
	await basic.get(`/_web/authorize/${id}`);
	assert.equal((await basic.post(`/_web/authorize/${id}/allow`)).status, 200);
});

test("S-083 a name with marks that hide or turn text is refused, any other is shown as text, apart", async () => {
	for (const name of ["Exa\u202Emple", "Exa\u200Bmple", "Exa\u2066mple", "Exa\u0007mple"]) {
		const made = await basic.post("/_web/apps", { api: "dropbox", access: "full", name });
		assert.equal(made.status, 400, JSON.stringify(name));
	}
	const named = await makeApp(basic, { name: "<b>Official</b> \u05D0\u05D1\u05D2 &amp; \u0645\u062D" });
	const { page, said } = await person();
	await page.goto(box.url + authorizePath(named));
	await signIn(page);
	await page.getByRole("button", { name: "Continue" }).click();
	await page.getByRole("heading", { name: named.name }).waitFor();
	assert.equal(await page.locator("main b").count(), 0);
	assert.equal(await page.locator("h1 bdi").textContent(), named.name);
	assert.deepEqual(said, []);
	await page.context().close();
});

const EVERY = [
	"account_info.read", "account_info.write", "files.metadata.read", "files.metadata.write", "files.content.read", "files.content.write",
	"sharing.read", "sharing.write", "file_requests.read", "file_requests.write", "contacts.read", "contacts.write", "openid", "profile", "email",
	"team_info.read", "team_info.write", "team_data.member", "team_data.team_space", "team_data.content.read", "team_data.content.write",
	"members.read", "members.write", "members.delete", "groups.read", "groups.write", "sessions.list", "sessions.modify", "events.read",
];

test("S-083 the page names app, maker, account, every scope in words, and where the answer goes", async () => {
	const uri = `https://an-app.example/${"a/long/path/".repeat(60)}`;
	const large = await makeApp(business, { api: "business", name: "N".repeat(50), uri });
	const set = await business.post(`/_web/apps/${large.key}/scopes`, { scopes: EVERY });
	assert.equal(set.status, 200, JSON.stringify(set.body));
	await business.post(`/_web/apps/${large.key}/branding`, { name: large.name, publisher: "Pub Lisher" });
	for (const width of [1280, 380]) {
		const { page } = await person();
		await page.setViewportSize({ width, height: 700 });
		await page.goto(box.url + authorizePath(large, { scope: EVERY.join(" ") }));
		await signIn(page, "business");
		await page.getByRole("button", { name: "Continue" }).click();
		const card = page.locator(".consent");
		const words = await card.innerText();
		for (const expected of [large.name, "Pub Lisher", "Bruno Business", "business@example.com", "Example Team", "an-app.example", "In development"])
			assert.ok(words.includes(expected), expected);
		const lines = page.locator(".grant-read li, .grant-write li");
		assert.equal(await lines.count(), EVERY.length);
		for (let i = 0; i < EVERY.length; i++) {
			await lines.nth(i).scrollIntoViewIfNeeded();
			assert.ok((await lines.nth(i).innerText()).length > 10);
			const at = await lines.nth(i).boundingBox();
			assert.ok(at.x >= 0 && at.x + at.width <= width, `line ${i} is cut off at ${width}`);
		}
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "nothing is wider than the window");
		const [allow, cancel] = await Promise.all(["Allow", "Cancel"].map((name) => page.getByRole("button", { name, exact: true }).boundingBox()));
		assert.deepEqual([allow.width, allow.height], [cancel.width, cancel.height], "equal answers");
		await page.context().close();
	}
});

test("S-083 Allow does nothing in the first half second", async () => {
	const { page } = await person();
	await page.goto(`${box.url}/login`);
	await signIn(page);
	await page.getByRole("heading", { name: "My apps" }).waitFor();
	await page.clock.install();
	await page.goto(box.url + authorizePath(app, { force_reapprove: "true" }));
	await page.getByRole("button", { name: "Continue" }).waitFor();
	await page.clock.pauseAt(Date.now() + 60000);
	await page.getByRole("button", { name: "Continue" }).click();
	const allow = page.getByRole("button", { name: "Allow", exact: true });
	await allow.waitFor();
	assert.equal(await allow.isDisabled(), true);
	assert.equal(await page.getByRole("button", { name: "Cancel", exact: true }).isDisabled(), false);
	await page.clock.runFor(499);
	assert.equal(await allow.isDisabled(), true);
	await page.clock.runFor(200);
	assert.equal(await allow.isDisabled(), false);
	await page.context().close();
});

// Python is there because meson needs it; node has no SQLite of its own before version 22.
function sql(statement) {
	const dir = [box.dir, ...readdirSync(box.dir).map((d) => join(box.dir, d))].find((d) => existsSync(join(d, "sandbox.db")));
	const script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=60)\ndb.execute(sys.argv[2])\ndb.commit()";
	const done = spawnSync(existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3", ["-c", script, join(dir, "sandbox.db"), statement]);
	assert.equal(done.status, 0, done.stderr.toString());
}

test("S-085 team scopes need the administrator at the moment of the decision", async () => {
	const teams = await makeApp(business, { api: "business" });
	await business.post(`/_web/apps/${teams.key}/scopes`, { scopes: ["account_info.read", "team_info.read"] });
	const before = (await state()).grants;
	const outsider = await beginAuthorize(basic, teams);
	await basic.get(`/_web/authorize/${outsider}`);
	const direct = await basic.post(`/_web/authorize/${outsider}/allow`);
	assert.deepEqual([direct.status, direct.body.code], [403, "team-admin-only"]);
	const id = await beginAuthorize(business, teams);
	assert.equal((await business.get(`/_web/authorize/${id}`)).body.stage, "consent");
	for (const [column, without, again] of [["role", "'member'", "'admin'"], ["suspended", "1", "0"]]) {
		sql(`UPDATE accounts SET ${column} = ${without} WHERE email = 'business@example.com'`);
		const late = await business.post(`/_web/authorize/${id}/allow`);
		assert.equal(late.status, 403, column);
		assert.equal(JSON.stringify(late.body).includes("code="), false);
		sql(`UPDATE accounts SET ${column} = ${again} WHERE email = 'business@example.com'`);
	}
	assert.equal((await state()).grants, before, "no grant, no code");
	assert.equal((await business.post(`/_web/authorize/${id}/allow`)).status, 200);
});

test("S-085 nothing of the request can be added to what the administrator sees", async () => {
	const plain = await makeApp(business, { api: "business" });
	await business.post(`/_web/apps/${plain.key}/scopes`, { scopes: ["account_info.read", "files.metadata.read", "team_info.read"] });
	const other = new Browser(box);
	await other.signIn("basic");
	const boot = bootOf(await (await other.fetch(authorizePath(plain, { scope: "files.metadata.read" }))).text());
	await other.get(`/_web/authorize/${boot.request}`);
	const { body } = await other.post(`/_web/authorize/${boot.request}/allow`, { scope: "team_info.read", team_id: "dbtid:x" });
	const code = new URL(body.redirect).searchParams.get("code");
	const form = new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: plain.uri, client_id: plain.key, client_secret: plain.secret });
	const got = await (await fetch(`${box.url}/oauth2/token`, { method: "POST", body: form })).json();
	assert.equal(got.scope, "account_info.read files.metadata.read");
	assert.equal(got.team_id, undefined);
});
