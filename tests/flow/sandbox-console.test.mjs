// The App Console's private API, as its pages use it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser, makeApp, startSandbox } from "./sandbox-lib.mjs";

let box, ann;

before(async () => {
	box = await startSandbox();
	ann = new Browser(box);
	await ann.signIn("basic");
});
after(() => box.stop());

test("settings are saved one by one, and nothing else changes", async () => {
	const { key } = await makeApp(ann);
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
