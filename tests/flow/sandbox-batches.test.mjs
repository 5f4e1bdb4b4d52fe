// Batches of the sandbox's files: what one that fails leaves behind.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { person } from "./files-lib.mjs";
import { startSandbox } from "./sandbox-lib.mjs";

let box;
let dbx;

before(async () => {
	box = await startSandbox();
	dbx = await (await person(box)).files();
});
after(() => box.stop());

async function settings(body) {
	const token = readFileSync(path.join(box.dir, "sandbox", "control-token"), "utf8").trim();
	const res = await fetch(`${box.url}/_sandbox/settings`, {
		method: "PUT", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: JSON.stringify(body),
	});
	assert.equal(res.status, 200);
	return res.json();
}

test("a setting that is a number goes back to its default with null", async () => {
	assert.equal((await settings({ quota_basic: 500 })).quota_basic, 500);
	assert.equal((await settings({ quota_basic: null })).quota_basic, null);
	await dbx.upload("/as before", "x".repeat(1000));
});

test("a batch that is undone keeps the contents that it gave up on its way", async () => {
	for (const name of ["a", "b", "c"]) await dbx.upload(`/${name}`, name.repeat(1000));
	const old = await dbx.upload("/a", "A".repeat(1000), { mode: "overwrite" });
	await settings({ quota_basic: 500 }); /* nothing that is deleted now fits into the history */
	const entries = ["/a", "/b", "/c"].map((p) => ({ path: p }));
	const reply = await dbx.rpc("delete_batch", { entries: [...entries, { path: 7 }] });
	assert.equal(reply.status, 400, JSON.stringify(reply.body));
	await settings({ quota_basic: 1 << 20 });
	assert.equal((await dbx.download("/a")).body, "A".repeat(1000));
	assert.equal((await dbx.download("/b")).body, "b".repeat(1000));
	assert.equal((await dbx.download("/c")).body, "c".repeat(1000));
	const { entries: all } = await dbx.ok("list_revisions", { path: "/a" });
	assert.equal(all[0].rev, old.rev);
	for (const one of all) assert.equal((await dbx.download(`rev:${one.rev}`)).status, 200, one.rev);
});
