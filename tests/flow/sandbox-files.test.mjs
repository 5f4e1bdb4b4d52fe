// Files of the sandbox: folders, listing, changes, copy, move, delete, revisions.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { contentHash, person, union } from "./files-lib.mjs";
import { startSandbox } from "./sandbox-lib.mjs";

let box;
let dbx;

before(async () => {
	box = await startSandbox();
	dbx = await (await person(box)).files();
});
after(() => box.stop());

test("uploads go to the disk and come back, whole, in part, and not at all", async () => {
	const bytes = Buffer.alloc((4 << 20) + 12345, 0);
	for (let i = 0; i < bytes.length; i += 97) bytes[i] = i % 251;
	const made = await dbx.upload("/data/big.bin", bytes);
	assert.deepEqual([made.size, made.content_hash], [bytes.length, contentHash(bytes)]);
	const down = await dbx.download("/DATA/BIG.BIN");
	assert.equal(down.status, 200);
	assert.ok(down.bytes.equals(bytes));
	assert.equal(JSON.parse(down.headers.get("dropbox-api-result")).rev, made.rev);
	assert.equal(down.headers.get("etag"), `W/"${made.rev}"`);
	assert.equal(down.headers.get("accept-ranges"), "bytes");
	for (const [range, from, to] of [["bytes=0-9", 0, 10], ["bytes=4194300-4194310", 4194300, 4194311],
		["bytes=-5", bytes.length - 5, bytes.length], [`bytes=${bytes.length - 1}-`, bytes.length - 1, bytes.length],
		["bytes=10-99999999", 10, bytes.length]]) {
		const part = await dbx.download("/data/big.bin", { range });
		assert.equal(part.status, 206, range);
		assert.ok(part.bytes.equals(bytes.subarray(from, to)), range);
		assert.equal(part.headers.get("content-range"), `bytes ${from}-${to - 1}/${bytes.length}`);
	}
	const same = await dbx.download("/data/big.bin", { "if-none-match": `"nothing", W/"${made.rev}"` });
	assert.deepEqual([same.status, same.bytes.length], [304, 0]);
	for (const path of [made.id, `rev:${made.rev}`]) assert.ok((await dbx.download(path)).bytes.equals(bytes), path);
	const get = await fetch(`${box.url}/2/files/download?arg=${encodeURIComponent(JSON.stringify({ path: "/data/big.bin" }))}`,
		{ headers: { authorization: `Bearer ${dbx.token}` } });
	assert.equal((await get.arrayBuffer()).byteLength, bytes.length);
	const empty = await dbx.upload("/data/empty", "");
	assert.equal(empty.content_hash, contentHash(Buffer.alloc(0)));
	assert.equal((await dbx.download("/data/empty")).bytes.length, 0);
	assert.deepEqual((await dbx.download("/data")).body.error, union("path/not_file"));
	assert.deepEqual((await dbx.download("/data/no")).body.error, union("path/not_found"));
});

test("what is written where something stands: modes, conflicts, new names", async () => {
	const one = await dbx.upload("/modes/a.txt", "one");
	assert.equal((await dbx.upload("/modes/a.txt", "one")).rev, one.rev); /* the same is no conflict */
	const strict = await dbx.contentError("upload", { path: "/modes/a.txt", strict_conflict: true }, "one");
	assert.deepEqual([strict[".tag"], strict.reason], ["path", union("conflict/file")]);
	assert.equal((await dbx.upload("/modes/A.TXT", "two", { autorename: true })).path_display, "/modes/a (1).txt");
	const two = await dbx.upload("/modes/a.txt", "two", { mode: "overwrite", client_modified: "2001-02-03T04:05:06Z" });
	assert.deepEqual([two.id, two.name, two.client_modified], [one.id, "a.txt", "2001-02-03T04:05:06Z"]);
	assert.notEqual(two.rev, one.rev);
	const update = { mode: { ".tag": "update", update: one.rev } };
	assert.equal((await dbx.content("upload", { path: "/modes/a.txt", ...update }, "three")).status, 409);
	assert.equal((await dbx.upload("/modes/a.txt", "three", { ...update, autorename: true })).name, "a (conflicted copy).txt");
	const rightly = await dbx.upload("/modes/a.txt", "three", { mode: { ".tag": "update", update: two.rev } });
	assert.equal(rightly.id, one.id);
	assert.equal((await dbx.upload(one.id, "four", { mode: "overwrite" })).path_lower, "/modes/a.txt");
	for (const [path, tags] of [["/modes", "conflict/folder"], ["/modes/a.txt/b", "conflict/file_ancestor"],
		["/modes/.DS_Store", "disallowed_name"], ["/modes/../a", "malformed_path"]])
		assert.deepEqual((await dbx.contentError("upload", { path, mode: "overwrite" }, "x")).reason, union(tags), path);
	const hash = await dbx.contentError("upload", { path: "/modes/h", content_hash: "0".repeat(64) }, "x");
	assert.deepEqual(hash, union("content_hash_mismatch"));
	assert.equal((await dbx.upload("/modes/h", "x", { content_hash: contentHash(Buffer.from("x")) })).size, 1);
	assert.equal((await dbx.content("upload", { path: "no slash" }, "x")).status, 400);
});

test("a listing can be paged, watched and continued; deleted entries on request", async () => {
	for (const name of ["c", "a", "B", "sub/d", "sub/deep/e"]) await dbx.upload(`/list/${name}`, name);
	const { entries, cursor } = await dbx.list("/list", { limit: 1 });
	assert.deepEqual(entries.map((e) => e.name), ["a", "B", "c", "sub"]);
	assert.deepEqual(await dbx.names("/list", { recursive: true, limit: 2 }), ["list", "a", "B", "c", "sub", "d", "deep", "e"]);
	const whole = await dbx.list("/list", { recursive: true });
	const latest = (await dbx.ok("list_folder/get_latest_cursor", { path: "/list", recursive: true })).cursor;
	await dbx.upload("/list/sub/f", "f");
	await dbx.upload("/list/g", "g");
	await dbx.upload("/elsewhere", "x");
	await dbx.ok("delete_v2", { path: "/list/A" });
	assert.deepEqual((await dbx.since(cursor)).seen, ["deleted /list/a", "file /list/g"]);
	const all = ["deleted /list/a", "file /list/g", "file /list/sub/f"];
	for (const from of [whole.cursor, latest]) {
		const first = await dbx.since(from);
		assert.deepEqual(first.seen, all);
		assert.deepEqual((await dbx.since(first.cursor)).seen, []);
	}
	assert.deepEqual(await dbx.names("/list"), ["B", "c", "g", "sub"]);
	const withDeleted = (await dbx.list("/list", { include_deleted: true })).entries;
	assert.deepEqual(withDeleted.map((e) => `${e[".tag"]} ${e.name}`), ["deleted a", "file B", "file c", "file g", "folder sub"]);
	assert.deepEqual(await dbx.error("get_metadata", { path: "/list/a" }), union("path/not_found"));
	assert.equal((await dbx.ok("get_metadata", { path: "/list/a", include_deleted: true }))[".tag"], "deleted");
	const sub = await dbx.ok("get_metadata", { path: "/list/sub" });
	assert.deepEqual(await dbx.names(sub.id), ["d", "deep", "f"]);
	assert.deepEqual(await dbx.error("list_folder", { path: "/list/g" }), union("path/not_folder"));
	assert.deepEqual(await dbx.error("list_folder", { path: "/nowhere" }), union("path/not_found"));
	assert.deepEqual(await dbx.error("list_folder/continue", { cursor: cursor.slice(0, -9) }), union("reset"));
	for (const limit of [0, 2001, "1"]) assert.equal((await dbx.rpc("list_folder", { path: "", limit })).status, 400);
});

test("the longpoll answers when something changed, without a token", async () => {
	const { cursor } = await dbx.ok("list_folder/get_latest_cursor", { path: "", recursive: true });
	const nobody = Object.assign(Object.create(Object.getPrototypeOf(dbx)), { url: dbx.url });
	const waiting = nobody.ok("list_folder/longpoll", { cursor, timeout: 30 });
	await dbx.upload("/polled.txt", "x");
	assert.deepEqual(await waiting, { changes: true });
	assert.deepEqual(await nobody.ok("list_folder/longpoll", { cursor }), { changes: true }); /* at once */
	assert.deepEqual(await nobody.error("list_folder/longpoll", { cursor: "AAAA" }), union("reset"));
	for (const timeout of [29, 481]) assert.equal((await nobody.rpc("list_folder/longpoll", { cursor, timeout })).status, 400);
});

test("copy and move: trees, ids, names, and what stands in the way", async () => {
	const file = await dbx.upload("/from/Sub/x.txt", "x");
	await dbx.upload("/from/y.txt", "y");
	const copied = await dbx.ok("copy_v2", { from_path: "/from", to_path: "/copy/Here" });
	assert.deepEqual([copied.metadata[".tag"], copied.metadata.path_display], ["folder", "/copy/Here"]);
	assert.deepEqual(await dbx.names("/copy/here", { recursive: true }), ["Here", "Sub", "x.txt", "y.txt"]);
	const twin = await dbx.ok("get_metadata", { path: "/copy/here/sub/x.txt" });
	assert.notEqual(twin.id, file.id);
	assert.equal(twin.content_hash, file.content_hash);
	const { cursor } = await dbx.ok("list_folder/get_latest_cursor", { path: "", recursive: true });
	await dbx.ok("move_v2", { from_path: "/from", to_path: "/moved" });
	assert.deepEqual((await dbx.since(cursor)).seen, ["deleted /from", "deleted /from/sub", "deleted /from/sub/x.txt",
		"deleted /from/y.txt", "file /moved/sub/x.txt", "file /moved/y.txt", "folder /moved", "folder /moved/sub"]);
	assert.equal((await dbx.ok("get_metadata", { path: "/moved/Sub/x.txt" })).id, file.id);
	assert.equal((await dbx.download(file.id)).body, "x");
	const letters = await dbx.ok("move_v2", { from_path: "/moved", to_path: "/MOVED" });
	assert.equal(letters.metadata.path_display, "/MOVED");
	assert.equal((await dbx.ok("get_metadata", { path: "/moved/sub/x.txt" })).path_display, "/MOVED/Sub/x.txt");
	for (const [route, from_path, to_path, tags] of [
		["move_v2", "/none", "/some", "from_lookup/not_found"],
		["copy_v2", "/moved/../x", "/some", "from_lookup/malformed_path"],
		["copy_v2", "/moved", "/some/..", "to/malformed_path"],
		["copy_v2", "/moved/y.txt", "/copy/here/y.txt", "to/conflict/file"],
		["copy_v2", "/moved/y.txt", "/copy", "to/conflict/folder"],
		["copy_v2", "/moved/y.txt", "/copy/here/y.txt/z", "to/conflict/file_ancestor"],
		["move_v2", "/moved", "/moved/sub/inner", "cant_move_folder_into_itself"],
		["copy_v2", "/moved", "/moved/sub/inner", "duplicated_or_nested_paths"],
		["move_v2", "/moved", "/MOVED", "duplicated_or_nested_paths"],
	]) assert.deepEqual(await dbx.error(route, { from_path, to_path }), union(tags), `${route} ${from_path} ${to_path}`);
	const again = await dbx.ok("copy_v2", { from_path: "/moved/y.txt", to_path: "/moved/y.txt", autorename: true });
	assert.equal(again.metadata.name, "y (1).txt");
	assert.equal((await dbx.ok("copy", { from_path: file.id, to_path: "/old way" }))[".tag"], "file");
	assert.equal((await dbx.ok("move", { from_path: "/old way", to_path: "/older way" })).name, "older way");
});

test("delete: by path and id, with the rev to be deleted, in both versions", async () => {
	const file = await dbx.upload("/del/a", "a");
	await dbx.upload("/del/b", "b");
	assert.deepEqual(await dbx.error("delete_v2", { path: "/del/a", parent_rev: "123456789" }), union("path_write/conflict/file"));
	assert.deepEqual(await dbx.error("delete_v2", { path: "/del", parent_rev: "123456789" }), union("path_lookup/not_file"));
	assert.deepEqual(await dbx.error("delete_v2", { path: "/del/none" }), union("path_lookup/not_found"));
	assert.equal((await dbx.ok("delete_v2", { path: file.id, parent_rev: file.rev })).metadata.id, file.id);
	assert.equal((await dbx.ok("delete", { path: "/del" }))[".tag"], "folder");
	assert.deepEqual(await dbx.error("get_metadata", { path: "/del/b" }), union("path/not_found"));
	assert.equal((await dbx.rpc("permanently_delete", { path: "/polled.txt" })).status, 401); /* a team's */
	assert.equal((await dbx.rpc("delete_v2", { path: "" })).status, 400);
});

test("batches: each entry by itself, and the first version all or nothing", async () => {
	const folders = await dbx.ok("create_folder_batch", { paths: ["/batch/a", "/batch/a", "/batch/b"] });
	assert.deepEqual(folders.entries.map((e) => e[".tag"]), ["success", "failure", "success"]);
	assert.equal(folders[".tag"], "complete");
	assert.deepEqual(folders.entries[1].failure, union("path/conflict/folder"));
	const job = await dbx.ok("create_folder_batch", { paths: ["/batch/a"], autorename: true, force_async: true });
	assert.equal(job[".tag"], "async_job_id");
	const done = await dbx.ok("create_folder_batch/check", { async_job_id: job.async_job_id });
	assert.equal(done.entries[0].metadata.name, "a (1)");
	assert.deepEqual(await dbx.error("delete_batch/check", { async_job_id: job.async_job_id }), union("invalid_async_job_id"));
	await dbx.upload("/batch/f", "f");
	const entries = [{ from_path: "/batch/f", to_path: "/batch/g" }, { from_path: "/batch/none", to_path: "/batch/h" }];
	const copied = await dbx.ok("copy_batch_v2", { entries });
	assert.deepEqual(copied.entries[0].success.name, "g");
	assert.deepEqual(copied.entries[1], { ".tag": "failure", failure: { ".tag": "relocation_error", relocation_error: union("from_lookup/not_found") } });
	const old = await dbx.ok("move_batch", { entries: [{ from_path: "/batch/f", to_path: "/batch/i" }, entries[1]] });
	assert.deepEqual(await dbx.ok("move_batch/check", { async_job_id: old.async_job_id }), { ".tag": "failed", failed: union("from_lookup/not_found") });
	assert.equal((await dbx.ok("get_metadata", { path: "/batch/f" })).name, "f"); /* undone */
	const moved = await dbx.ok("move_batch", { entries: [{ from_path: "/batch/f", to_path: "/batch/i" }] });
	assert.equal(moved.entries[0].metadata.name, "i");
	const gone = await dbx.ok("delete_batch", { entries: [{ path: "/batch/i" }, { path: "/batch/i" }] });
	assert.deepEqual(gone.entries.map((e) => e[".tag"]), ["success", "failure"]);
	assert.deepEqual(gone.entries[1].failure, union("path_lookup/not_found"));
	assert.equal((await dbx.rpc("move_batch_v2", { entries: [] })).status, 400);
});

test("revisions: what a file was, by path and by id, and back again", async () => {
	const revs = [];
	for (const text of ["one", "two", "three"]) revs.push((await dbx.upload("/rev/a", text, { mode: "overwrite" })).rev);
	const list = await dbx.ok("list_revisions", { path: "/rev/a" });
	assert.deepEqual(list.entries.map((e) => e.rev), [...revs].reverse());
	assert.deepEqual([list.is_deleted, list.has_more], [false, false]);
	const page = await dbx.ok("list_revisions", { path: "/rev/a", limit: 1, before_rev: revs[2] });
	assert.deepEqual([page.entries.map((e) => e.rev), page.has_more], [[revs[1]], true]);
	assert.equal((await dbx.download(`rev:${revs[0]}`)).body, "one");
	assert.equal((await dbx.ok("get_metadata", { path: `rev:${revs[1]}` })).size, 3);
	const { id } = await dbx.ok("restore", { path: "/rev/a", rev: revs[0] });
	assert.equal((await dbx.download("/rev/a")).body, "one");
	await dbx.ok("move_v2", { from_path: "/rev/a", to_path: "/rev/b" });
	assert.equal((await dbx.ok("list_revisions", { path: id, mode: "id" })).entries.length, 5);
	assert.equal((await dbx.ok("list_revisions", { path: "/rev/b" })).entries.length, 1);
	await dbx.ok("delete_v2", { path: "/rev" });
	const gone = await dbx.ok("list_revisions", { path: "/rev/a" });
	assert.equal(gone.is_deleted, true);
	assert.match(gone.server_deleted, /^\d{4}-/);
	assert.equal((await dbx.ok("restore", { path: "/rev/a", rev: revs[1] })).path_display, "/rev/a");
	assert.equal((await dbx.download("/rev/a")).body, "two");
	assert.deepEqual(await dbx.error("restore", { path: "/rev/a", rev: "0123456789" }), union("invalid_revision"));
	assert.deepEqual(await dbx.error("restore", { path: "/rev", rev: revs[1] }), union("path_write/conflict/folder"));
	assert.deepEqual(await dbx.error("list_revisions", { path: "/rev" }), union("path/not_file"));
	assert.deepEqual(await dbx.error("list_revisions", { path: "/rev/a", before_rev: "0123456789" }), union("invalid_before_rev"));
	assert.deepEqual(await dbx.error("list_revisions", { path: id, mode: "id", before_rev: revs[0] }), union("before_rev_not_supported"));
});

test("folders take the way of writing of those above them", async () => {
	await dbx.ok("create_folder_v2", { path: "/Ordner" });
	assert.equal((await dbx.upload("/ORDNER/Datei.TXT", "x")).path_display, "/Ordner/Datei.TXT");
	assert.equal((await dbx.ok("create_folder", { path: "/oRdNeR/Neu" })).path_display, "/Ordner/Neu");
	assert.deepEqual(await dbx.error("create_folder_v2", { path: "/Ordner/datei.txt" }), union("path/conflict/file"));
	assert.deepEqual(await dbx.error("create_folder_v2", { path: "/Ordner/datei.txt/x" }), union("path/conflict/file_ancestor"));
});
