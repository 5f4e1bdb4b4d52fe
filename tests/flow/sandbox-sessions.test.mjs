// Upload sessions of the sandbox: in order, in any order, in batches, across a restart and a kill.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { Files, contentHash, person, union } from "./files-lib.mjs";
import { advance, startSandbox } from "./sandbox-lib.mjs";
import { startDemo } from "../lib/server.mjs";

const BLOCK = 4 << 20;

let box;
let dbx;

before(async () => {
	box = await startSandbox();
	dbx = await (await person(box)).files();
});
after(() => box.stop());

const cursorOf = (session_id, offset) => ({ session_id, offset });

test("in order: start, append, finish; the wrong offset tells the right one", async () => {
	const bytes = randomBytes(BLOCK + 1000);
	const parts = [bytes.subarray(0, 10), bytes.subarray(10, BLOCK), bytes.subarray(BLOCK, BLOCK + 500), bytes.subarray(BLOCK + 500)];
	const { session_id: id } = await dbx.contentOk("upload_session/start", {}, parts[0]);
	assert.equal(await dbx.contentOk("upload_session/append_v2", { cursor: cursorOf(id, 10), content_hash: contentHash(parts[1]) }, parts[1]), null);
	const wrong = { ".tag": "incorrect_offset", correct_offset: BLOCK };
	for (const offset of [0, 10, BLOCK + 1])
		assert.deepEqual(await dbx.contentError("upload_session/append_v2", { cursor: cursorOf(id, offset) }, "x"), wrong);
	assert.deepEqual(await dbx.contentError("upload_session/append_v2", { cursor: cursorOf(id, BLOCK), content_hash: "0".repeat(64) }, "x"),
		union("content_hash_mismatch"));
	await dbx.contentOk("upload_session/append", cursorOf(id, BLOCK), parts[2]);
	const commit = { path: "/sessions/a.bin", mode: "add", client_modified: "2001-02-03T04:05:06Z" };
	assert.deepEqual(await dbx.contentError("upload_session/finish", { cursor: cursorOf(id, 1), commit }, ""),
		{ ".tag": "lookup_failed", lookup_failed: { ".tag": "incorrect_offset", correct_offset: BLOCK + 500 } });
	const made = await dbx.contentOk("upload_session/finish", { cursor: cursorOf(id, BLOCK + 500), commit }, parts[3]);
	assert.deepEqual([made.size, made.content_hash, made.client_modified], [bytes.length, contentHash(bytes), commit.client_modified]);
	assert.ok((await dbx.download("/sessions/a.bin")).bytes.equals(bytes));
	assert.deepEqual(await dbx.contentError("upload_session/finish", { cursor: cursorOf(id, BLOCK + 1000), commit }, ""),
		union("lookup_failed/not_found"));
});

test("a finish that cannot be written keeps the session for another try", async () => {
	await dbx.upload("/sessions/taken", "taken");
	const { session_id: id } = await dbx.contentOk("upload_session/start", { close: true }, "four");
	assert.deepEqual(await dbx.contentError("upload_session/append_v2", { cursor: cursorOf(id, 4) }, "x"), union("closed"));
	const cursor = cursorOf(id, 4);
	assert.deepEqual(await dbx.contentError("upload_session/finish", { cursor, commit: { path: "/sessions/taken" } }, ""), union("path/conflict/file"));
	assert.deepEqual(await dbx.contentError("upload_session/finish", { cursor, commit: { path: "/sessions/free" } }, "x"), union("lookup_failed/closed"));
	assert.equal((await dbx.contentOk("upload_session/finish", { cursor, commit: { path: "/sessions/free" } }, "")).size, 4);
});

test("in any order: pieces of whole blocks, closed by the last, none missing", async () => {
	const bytes = randomBytes(2 * BLOCK + 77);
	const start = { session_type: { ".tag": "concurrent" } };
	assert.deepEqual(await dbx.contentError("upload_session/start", start, "x"), union("concurrent_session_data_not_allowed"));
	assert.deepEqual(await dbx.contentError("upload_session/start", { ...start, close: true }, ""), union("concurrent_session_close_not_allowed"));
	const { session_id: id } = await dbx.contentOk("upload_session/start", start, "");
	const append = (offset, body, close = false) => dbx.content("upload_session/append_v2", { cursor: cursorOf(id, offset), close }, body);
	assert.deepEqual((await append(1, "x", true)).body.error, union("concurrent_session_invalid_offset"));
	assert.deepEqual((await append(0, "x")).body.error, union("concurrent_session_invalid_data_size"));
	const commit = { path: "/sessions/any.bin" };
	const finish = { cursor: cursorOf(id, bytes.length), commit };
	assert.deepEqual(await dbx.contentError("upload_session/finish", finish, ""), union("concurrent_session_not_closed"));
	const replies = await Promise.all([append(BLOCK, bytes.subarray(BLOCK, 2 * BLOCK)), append(0, bytes.subarray(0, BLOCK))]);
	assert.deepEqual(replies.map((r) => r.status), [200, 200]);
	assert.equal((await append(2 * BLOCK, bytes.subarray(2 * BLOCK), true)).status, 200);
	assert.deepEqual(await dbx.contentError("upload_session/finish", finish, "x"), union("concurrent_session_data_not_allowed"));
	assert.equal((await dbx.contentOk("upload_session/finish", finish, "")).content_hash, contentHash(bytes));
	const { session_id: hole } = await dbx.contentOk("upload_session/start", start, "");
	await dbx.contentOk("upload_session/append_v2", { cursor: cursorOf(hole, BLOCK), close: true }, "x");
	assert.deepEqual(await dbx.contentError("upload_session/finish", { cursor: cursorOf(hole, BLOCK + 1), commit: { path: "/sessions/hole" } }, ""),
		union("concurrent_session_missing_data"));
});

test("batches of sessions: start, append, finish", async () => {
	const { session_ids: ids } = await dbx.ok("upload_session/start_batch", { num_sessions: 3 });
	const entries = ids.map((id, i) => ({ cursor: cursorOf(id, i === 2 ? 5 : 0), length: 3, close: true }));
	const appended = await dbx.contentOk("upload_session/append_batch", { entries }, "aaabbbccc");
	assert.deepEqual(appended.entries, [{ ".tag": "success" }, { ".tag": "success" },
		{ ".tag": "failure", failure: { ".tag": "incorrect_offset", correct_offset: 0 } }]);
	assert.deepEqual(await dbx.contentError("upload_session/append_batch", { entries }, "aaabbbcc"), union("length_mismatch"));
	const finish = ids.map((id, i) => ({ cursor: cursorOf(id, i === 2 ? 0 : 3), commit: { path: `/sessions/batch${i}` } }));
	const made = await dbx.ok("upload_session/finish_batch_v2", { entries: finish });
	assert.deepEqual(made.entries.map((e) => e.name ?? e.failure), ["batch0", "batch1", union("lookup_failed/not_closed")]);
	assert.equal(made.entries[0][".tag"], "success");
	assert.equal((await dbx.download("/sessions/batch1")).body, "bbb");
	const again = await dbx.ok("upload_session/finish_batch", { entries: finish.slice(0, 1) });
	assert.deepEqual(again, { ".tag": "complete", entries: [{ ".tag": "failure", failure: union("lookup_failed/not_found") }] });
});

test("a session lives seven days", async () => {
	const { session_id: id } = await dbx.contentOk("upload_session/start", {}, "x");
	await advance(box, 6 * 86400);
	dbx = await (await person(box)).files({ app: dbx.app });
	await dbx.contentOk("upload_session/append_v2", { cursor: cursorOf(id, 1) }, "y");
	await advance(box, 86400 + 1);
	dbx = await (await person(box)).files({ app: dbx.app });
	assert.deepEqual(await dbx.contentError("upload_session/append_v2", { cursor: cursorOf(id, 2) }, "z"), union("not_found"));
	const sessions = path.join(box.dir, "sandbox", "files", "sessions");
	assert.ok(readdirSync(sessions).includes(id));
	await dbx.contentOk("upload_session/start", {}, "");
	assert.ok(!readdirSync(sessions).includes(id)); /* swept by the next one */
});

test("a session that has lost a part of its content is gone, and gives no file", async () => {
	const { session_id: id } = await dbx.contentOk("upload_session/start", {}, "acknowledged");
	truncateSync(path.join(box.dir, "sandbox", "files", "sessions", id), 5); /* as a power cut can leave it */
	assert.deepEqual(await dbx.contentError("upload_session/append_v2", { cursor: cursorOf(id, 12) }, "z"), union("not_found"));
	assert.deepEqual(await dbx.contentError("upload_session/finish", { cursor: cursorOf(id, 12), commit: { path: "/holes" } }, ""), union("lookup_failed/not_found"));
	assert.deepEqual(await dbx.error("get_metadata", { path: "/holes" }), union("path/not_found"));
});

test("sessions survive a restart; what was never acknowledged is swept away", async () => {
	const data = mkdtempSync(path.join(tmpdir(), "valetkey-sessions-"));
	const first = await startDemo({ data });
	const owner = await (await person({ seed: first.seed, url: first.sandbox, account: first.account })).files();
	const { session_id: id } = await owner.contentOk("upload_session/start", {}, "begun ");
	await owner.upload("/kept", "kept");
	await first.kill();
	const files = (dir) => readdirSync(path.join(data, "sandbox", "files", dir), { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => e.name);
	const kept = files("store").sort();
	/* as a kill in the midst of an upload leaves it: the body alone, and the body in place already */
	writeFileSync(path.join(data, "sandbox", "files", "incoming", "a".repeat(32)), "half");
	writeFileSync(path.join(data, "sandbox", "files", "sessions", "b".repeat(32)), "orphan");
	const second = await startDemo({ data });
	assert.deepEqual([files("incoming"), files("sessions"), files("store").sort()], [[], [id], kept]);
	const again = new Files(second.sandbox, owner.token);
	await again.contentOk("upload_session/append_v2", { cursor: cursorOf(id, 6) }, "ended");
	await again.contentOk("upload_session/finish", { cursor: cursorOf(id, 11), commit: { path: "/done" } }, "");
	assert.equal((await again.download("/done")).body, "begun ended");
	assert.equal((await again.download("/kept")).body, "kept");
	await second.stop();
	rmSync(data, { recursive: true, force: true });
});
