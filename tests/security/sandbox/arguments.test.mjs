// What a program can send as an argument, and what must come back: never a failure of ours.
import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, makeApp } from "../../flow/sandbox-lib.mjs";
import { basic, box, business, routes, useSandbox } from "./lib.mjs";

useSandbox();

const deep = (n) => "[".repeat(n) + "]".repeat(n);
const NAMES = ["path", "paths", "from_path", "to_path", "cursor", "entries", "query", "options", "settings", "url", "link_password", "limit",
	"rev", "account_id", "account_ids", "members", "user", "features", "resource", "async_job_id", "max_results", "start", "recursive", "mode",
	"commit", "close", "direct_only", "num_sessions", "timeout", "content_hash", "session_id"];
const VALUES = ["null", "7", "-1", "1e400", "18446744073709551616", "true", '""', '"x"', '"/"', '"//"', '"/a/../b"', '"/\\u0000"', '"\\ud800"', '"id:"', '"rev:"', '"ns:"',
	'"ns:1/x"', "[]", "[null]", "[7]", '["x"]', "[{}]", "{}", '{".tag":7}', '{".tag":"other"}', '{".tag":"path"}', '{".tag":"link"}', '{".tag":"email","email":{}}',
	JSON.stringify("x".repeat(5000)), JSON.stringify("/" + "y/".repeat(3000))];
const WHOLE = ["", "null", "{", "[]", "7", '"x"', "{}", '{"path":"","path":""}', '{"nonsense":1}', deep(10_000), '{"path":' + deep(40) + "}", '{"path":"\xff"}', "x".repeat(70_000)];

async function send(row, token, body) {
	const inHeader = /\/upload$|download|get_thumbnail$|get_thumbnail_v2|get_preview|get_shared_link_file|session\/(append|append_v2|start|finish)$/.test(row.path);
	const text = Buffer.from(body, "latin1");
	if (!inHeader)
		return fetch(box.url + row.path, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: text });
	const arg = /^[\x20-\x7e]*$/.test(body) && body.length < 6000 ? { "dropbox-api-arg": body } : {};
	return fetch(box.url + row.path, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream", ...arg }, body: "x" });
}

// Those that change what the others need, and the one that waits.
const LEFT_OUT = /auth\/token\/revoke|members\/suspend|longpoll/;

// The members that a function's argument has, which it tells by what it refuses.
async function namesOf(row, token) {
	const known = [];
	for (const name of NAMES)
		if (!/unknown field|expected null|request body: could not/.test(await (await send(row, token, `{"${name}":null}`)).text())) known.push(name);
	return known;
}

async function attackOne(row, token, seen) {
	const names = await namesOf(row, token);
	const bodies = [...WHOLE, ...names.flatMap((name) => VALUES.map((value) => `{"${name}":${value}}`))];
	for (const body of bodies) {
		const res = await send(row, token, body);
		const text = await res.text();
		seen.add(res.status);
		assert.ok([200, 400, 409, 413, 429, 431].includes(res.status), `${row.path} ${body.slice(0, 100)}: ${res.status} ${text}`);
		if (res.status === 409) assert.match(JSON.parse(text).error_summary, /^[a-z_/0-9]+\/\.*$/, row.path);
		if (res.status === 400) assert.match(text, /^Error in call to API function "/, `${row.path} ${body.slice(0, 100)}`);
	}
}

async function attack(token, rows) {
	const seen = new Set();
	const queue = [...rows];
	const worker = async () => {
		while (queue.length > 0) await attackOne(queue.pop(), token, seen);
	};
	await Promise.all([worker(), worker(), worker()]);
	return seen;
}

const answered = async (access) =>
	(await routes()).filter((r) => r.method === "POST" && access.includes(r.access) && !r.absent && r.path.startsWith("/2/") && !LEFT_OUT.test(r.path));

test("no argument of a user's function ends in a failure of ours", async () => {
	const app = await makeApp(basic);
	const rows = await answered(["api-user", "api-user-app"]);
	assert.ok(rows.length > 50, `${rows.length} functions`);
	const seen = await attack((await connect(basic, app)).access_token, rows.filter((r) => r.scope !== "files.permanent_delete" && r.scope !== "openid"));
	assert.ok(seen.has(200) && seen.has(400) && seen.has(409) && seen.has(413));
});

test("no argument of a team's function does", async () => {
	const app = await makeApp(business, { api: "business" });
	await business.post(`/_web/apps/${app.key}/scopes`, { scopes: ["team_info.read", "members.read", "members.write"] });
	const seen = await attack((await connect(business, app)).access_token, await answered(["api-team"]));
	assert.ok(seen.has(200) && seen.has(400) && seen.has(409));
});
