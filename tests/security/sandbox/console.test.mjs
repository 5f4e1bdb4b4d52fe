// Apps and their secrets in the App Console.
import assert from "node:assert/strict";
import { test } from "node:test";

import { app, basic, business, useSandbox } from "./lib.mjs";

useSandbox();

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
