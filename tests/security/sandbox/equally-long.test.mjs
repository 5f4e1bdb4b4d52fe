// Rows of the security checklist about what the time of an answer tells. tests/run runs this file with nothing
// beside it: what else the machine does would hide a difference.
import assert from "node:assert/strict";
import { test } from "node:test";

import { grant, makeApp, raw, refresh } from "../../flow/sandbox-lib.mjs";
import { app, basic, box, business, useSandbox } from "./lib.mjs";
import { assertEquallyLong } from "./timing.mjs";

useSandbox();

test("S-093 the time of an answer does not tell that somebody else's app exists", async () => {
	const mine = await makeApp(basic);
	const ask = async (key) => assert.equal((await business.get(`/_web/apps/${key}`)).status, 404);
	await assertEquallyLong({ near: () => ask(mine.key), far: () => ask("zzzzzzzzzzzzzzz") }, 300);
});

// Each app takes a few wrong secrets a minute, so there are many apps.
test("S-064 a secret that is nearly right takes as long to refuse as one that is not at all", async () => {
	const apps = [];
	for (let i = 0; i < 60; i++) apps.push(await makeApp(basic, { uri: null }));
	const ask = async (mine, secret) => {
		const { status, body } = await refresh(box, { ...mine, secret }, "x".repeat(64));
		assert.match(`${status} ${body.error}`, /^40[01] invalid_client/);
	};
	const other = (c) => (c === "x" ? "y" : "x");
	await assertEquallyLong({
		near: (i) => ask(apps[i % 60], apps[i % 60].secret.slice(0, -1) + other(apps[i % 60].secret.at(-1))),
		far: (i) => ask(apps[i % 60], [...apps[i % 60].secret].map(other).join("")),
	}, 180);
});

test("S-073 a token that is nearly right takes as long as one that is not at all", async () => {
	const { access_token: live } = await grant(box, app);
	const near = live.slice(0, -1) + (live.at(-1) === "A" ? "B" : "A");
	const far = "sl." + [...live.slice(3)].map((c) => (c === "x" ? "y" : "x")).join("");
	const ask = async (value) => {
		const { status } = await raw(box, `POST /2/users/get_current_account HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nAuthorization: Bearer ${value}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
		assert.equal(status, 401);
	};
	await assertEquallyLong({ near: () => ask(near), far: () => ask(far) }, 700);
});
