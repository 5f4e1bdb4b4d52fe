// Accounts and apps in the control API.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, api, connect, makeApp, startSandbox } from "./sandbox-lib.mjs";

let box;
before(async () => {
	box = await startSandbox();
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

async function signIn(email, password) {
	const browser = new Browser(box);
	await browser.session();
	const reply = await browser.post("/_web/sign-in", { email, password });
	if (reply.status === 200) browser.csrf = reply.body.csrf;
	return { browser, status: reply.status };
}

test("an account that is added can sign in, and is listed", async () => {
	const before = (await control("GET", "accounts")).body.accounts.length;
	const made = await control("POST", "accounts", { email: "Cleo@example.com", password: "pass word", given_name: "Cleo", surname: "C", type: "business", role: "admin" });
	assert.equal(made.status, 201, JSON.stringify(made.body));
	assert.deepEqual([made.body.email, made.body.type, made.body.team.role, made.body.suspended], ["cleo@example.com", "business", "admin", false]);
	assert.match(made.body.account_id, /^dbid:/);
	assert.equal(JSON.stringify(made.body).includes("pass word"), false);
	assert.equal((await signIn("cleo@example.com", "pass word")).status, 200);
	assert.equal((await control("GET", "accounts")).body.accounts.length, before + 1);
	for (const bad of [{ email: "cleo@example.com", given_name: "C", surname: "C" }, { email: "x", given_name: "C", surname: "C" }, { email: "d@example.com", given_name: "C" }, { email: "d@example.com", given_name: "C", surname: "C", id: "dbid:x" }]) {
		const { status } = await control("POST", "accounts", bad);
		assert.ok([400, 409].includes(status), JSON.stringify(bad));
	}
	assert.equal((await control("GET", "accounts")).body.accounts.length, before + 1);
});

test("a suspended account's tokens are refused until it is back", async () => {
	await control("POST", "accounts", { email: "dan@example.com", password: "pw", given_name: "Dan", surname: "D" });
	const { browser } = await signIn("dan@example.com", "pw");
	const got = await connect(browser, await makeApp(browser));
	const ask = () => api(box, got.access_token, "users/get_current_account");
	assert.equal((await ask()).status, 200);
	assert.equal((await control("PUT", "accounts/dan@example.com", { suspended: true })).body.suspended, true);
	assert.equal((await ask()).body.error[".tag"], "user_suspended");
	const id = (await control("GET", "accounts")).body.accounts.find((a) => a.email === "dan@example.com");
	assert.equal(id.suspended, true);
	assert.equal((await control("PUT", `accounts/${id.account_id}`, { suspended: false })).status, 200);
	assert.equal((await ask()).status, 200);
	assert.equal((await control("PUT", "accounts/nobody@example.com", { suspended: true })).status, 404);
	assert.equal((await control("PUT", "accounts/dan@example.com", {})).status, 400);
});

test("the apps of all accounts, with their personalities, can be searched", async () => {
	const ann = new Browser(box);
	await ann.signIn("basic");
	const app = await makeApp(ann, { name: "Findable One" });
	await makeApp(ann, { name: "Other" });
	await control("PUT", `apps/${app.key}/personality`, { rotation: "single" });
	for (const search of ["findable", app.key]) {
		const { body } = await control("GET", `apps?search=${search}`);
		assert.deepEqual(body.apps, [{ app_key: app.key, name: "Findable One", owner: box.account("basic").email, personality: { rotation: "single" } }]);
	}
	assert.ok((await control("GET", "apps")).body.apps.length >= 2);
	assert.equal((await control("GET", "apps?search=%25")).body.apps.length, 0);
	assert.equal((await control("GET", `apps?search=${"x".repeat(201)}`)).status, 400);
});
