// Who may call which function of the API.
import assert from "node:assert/strict";
import { test } from "node:test";

import { api, connect, makeApp, raw, refresh } from "../../flow/sandbox-lib.mjs";
import { app, basic, box, business, routes, useSandbox } from "./lib.mjs";

useSandbox();

// The one permission of a user's function that only an app for teams can have.
const TEAM_SCOPE = "files.permanent_delete";

async function giveAll(mine, all) {
	const own = all.filter((r) => r.access.startsWith("api-user") && !["-", TEAM_SCOPE].includes(r.scope));
	const scopes = [...new Set([...own.map((r) => r.scope), "contacts.read"])];
	const { status, body } = await basic.post(`/_web/apps/${mine.key}/scopes`, { scopes });
	assert.equal(status, 200, JSON.stringify(body));
	return scopes.join(" ");
}

// A grant with each permission there is, of a person; narrowed tokens by what they lack.
async function everything() {
	const all = (await routes()).filter((r) => r.path.startsWith("/2/"));
	const mine = await makeApp(basic);
	const got = await connect(basic, mine, { scope: await giveAll(mine, all) });
	const lacking = new Map();
	return {
		all, got,
		async without(scope) {
			const others = got.scope.split(" ").filter((s) => s !== scope).join(" ");
			if (!lacking.has(scope)) lacking.set(scope, (await refresh(box, mine, got.refresh_token, { scope: others })).body.access_token);
			return lacking.get(scope);
		},
	};
}

const call = async ({ method, path }, headers = {}) => {
	const res = await fetch(box.url + path, { method, headers });
	const text = await res.text();
	return { status: res.status, text, body: /json/.test(res.headers.get("content-type") ?? "") ? JSON.parse(text) : undefined };
};
const bearer = (token) => ({ authorization: `Bearer ${token}` });

test("S-070 every function checks the permission that is its own, and names it", async () => {
	const { all, without } = await everything();
	const mine = all.filter((r) => ["api-user", "api-user-app"].includes(r.access) && r.scope !== "-");
	assert.ok(mine.length > 130, `${mine.length} functions of a user`);
	for (const row of mine) {
		const reply = await call(row, bearer(await without(row.scope)));
		if (row.path === "/2/sharing/relinquish_access") {
			assert.deepEqual([reply.status, reply.body.error], [401, { ".tag": "route_access_denied" }]);
			continue;
		}
		assert.equal(reply.status, 401, `${row.path}: ${reply.text}`);
		assert.deepEqual(reply.body.error, { ".tag": "missing_scope", required_scope: row.scope }, row.path);
		assert.match(reply.body.error_summary, /^missing_scope\/\.*$/);
	}
});

test("S-070 a user's token is nothing to a team's function, and an app's credentials nothing to a user's", async () => {
	const { all, got } = await everything();
	const teams = all.filter((r) => r.access === "api-team");
	assert.ok(teams.length >= 100, `${teams.length} functions of a team`);
	for (const row of teams) {
		const reply = await call(row, bearer(got.access_token));
		assert.equal(reply.status, 400, row.path);
		assert.match(reply.text, new RegExp(`^Error in call to API function "${row.path.slice(3)}": This API function operates on a team`));
	}
	const asApp = { authorization: "Basic " + Buffer.from(`${app.key}:${app.secret}`).toString("base64") };
	for (const row of all.filter((r) => ["api-user", "api-team", "api-any"].includes(r.access))) {
		assert.equal((await call(row, asApp)).status, 400, row.path);
		assert.equal((await call(row)).status, 400, row.path);
		assert.equal((await call(row, bearer("sl.madeup"))).status, 401, row.path);
	}
	for (const row of all.filter((r) => r.access === "api-app")) {
		assert.equal((await call(row, bearer(got.access_token))).status, 400, row.path);
		assert.equal((await call(row, { authorization: "Basic " + Buffer.from(`${app.key}:wrong`).toString("base64") })).status, 401);
	}
});

// The same for a team: each permission there is.
async function everythingOfATeam() {
	const all = (await routes()).filter((r) => r.path.startsWith("/2/"));
	const scopes = [...new Set([...all.map((r) => r.scope), "contacts.read", "team_data.member", "team_data.content.read", "files.team_metadata.read", "team_data.governance.read"])].filter((s) => s !== "-");
	const mine = await makeApp(business, { api: "business" });
	const set = await business.post(`/_web/apps/${mine.key}/scopes`, { scopes });
	assert.equal(set.status, 200, JSON.stringify(set.body));
	const got = await connect(business, mine, { scope: scopes.join(" ") });
	assert.match(got.team_id, /^dbtid:/);
	const lacking = new Map();
	return {
		all, got,
		async without(scope) {
			const others = got.scope.split(" ").filter((s) => s !== scope).join(" ");
			if (!lacking.has(scope)) lacking.set(scope, (await refresh(box, mine, got.refresh_token, { scope: others })).body.access_token);
			return lacking.get(scope);
		},
	};
}

test("S-070 a team's token: every function of a team checks its permission, and a user's one is for a member that is named", async () => {
	const { all, got, without } = await everythingOfATeam();
	const { body: { members } } = await api(box, got.access_token, "team/members/list_v2", {});
	const select = { "dropbox-api-select-user": members[0].profile.team_member_id };
	for (const row of all.filter((r) => r.access === "api-team")) {
		const reply = await call(row, bearer(await without(row.scope)));
		assert.deepEqual([reply.status, reply.body?.error], [401, { ".tag": "missing_scope", required_scope: row.scope }], row.path);
	}
	const users = all.filter((r) => ["api-user", "api-user-app"].includes(r.access) && r.path !== "/2/sharing/relinquish_access");
	for (const row of users) {
		const bare = await call(row, bearer(got.access_token));
		assert.equal(bare.status, 400, row.path);
		assert.match(bare.text, /operates on a single Dropbox account/);
		const reply = await call(row, { ...bearer(await without(row.scope)), ...select });
		assert.deepEqual([reply.status, reply.body?.error], [401, { ".tag": "missing_scope", required_scope: row.scope }], row.path);
		const noMember = await call(row, { ...bearer(await without("team_data.member")), ...select });
		assert.deepEqual([noMember.status, noMember.body?.error], [401, { ".tag": "missing_scope", required_scope: "team_data.member" }], row.path);
	}
	const absent = all.filter((r) => r.absent && r.access === "api-team");
	assert.ok(absent.length > 80);
	for (const row of absent)
		assert.match((await call(row, bearer(got.access_token))).text, /: The sandbox does not have this function\.$/, row.path);
});

test("S-070 a function that the sandbox does not have says so, after token and permission", async () => {
	const { all, got } = await everything();
	const absent = all.filter((r) => r.absent && r.access === "api-user" && r.path !== "/2/sharing/relinquish_access" && r.scope !== TEAM_SCOPE);
	assert.ok(absent.length > 40);
	for (const row of absent) {
		const reply = await call(row, bearer(got.access_token));
		assert.deepEqual([reply.status, reply.text], [400, `Error in call to API function "${row.path.slice(3)}": The sandbox does not have this function.`]);
	}
	assert.equal((await call({ method: "POST", path: "/2/files/nonsense" }, bearer(got.access_token))).status, 400);
});

test("S-070 an app-folder app gets no function that is not for such apps, and its path root is its own", async () => {
	const { all } = await everything();
	const mine = await makeApp(basic, { access: "app_folder" });
	await giveAll(mine, all);
	const got = await connect(basic, mine);
	for (const path of ["/2/sharing/list_folders", "/2/contacts/delete_manual_contacts", "/2/account/set_profile_photo"]) {
		const reply = await call({ method: "POST", path }, bearer(got.access_token));
		assert.equal(reply.status, 400);
		assert.match(reply.text, /app folder/);
	}
});

test("S-070 Dropbox-API-Path-Root gives no other namespace", async () => {
	const { access_token: t } = await connect(basic, app);
	const me = (await api(box, t, "users/get_current_account")).body.root_info;
	const list = (root) => api(box, t, "files/list_folder", { path: "" }, { "dropbox-api-path-root": typeof root === "string" ? root : JSON.stringify(root) });
	for (const tag of ["root", "namespace_id"])
		assert.equal((await list({ ".tag": tag, [tag]: me.home_namespace_id })).status, 200);
	assert.equal((await list({ ".tag": "home" })).status, 200);
	const denied = await list({ ".tag": "namespace_id", namespace_id: "1" });
	assert.deepEqual([denied.status, denied.body.error], [422, { ".tag": "no_permission" }]);
	const moved = await list({ ".tag": "root", root: "1" });
	assert.deepEqual([moved.status, moved.body.error], [422, { ".tag": "invalid_root", invalid_root: me }]);
	assert.match(moved.body.error_summary, /^invalid_root\//);
	for (const wrong of ["{", "[]", "7", '{".tag":"other"}', '{".tag":"root"}', '{".tag":"root","root":7}', "{}"])
		assert.equal((await list(wrong)).status, 400, wrong);
});

test("S-070 a user's token acts for nobody else", async () => {
	const { access_token: t } = await connect(basic, app);
	for (const name of ["dropbox-api-select-user", "dropbox-api-select-admin"]) {
		const reply = await api(box, t, "users/get_current_account", undefined, { [name]: "dbmid:" + "A".repeat(35) });
		assert.equal(reply.status, 400);
		assert.match(reply.body, /needs the access token of a team/);
	}
});

test("S-087 a bearer token counts in the header only", async () => {
	const { access_token: t } = await connect(basic, app);
	const route = "/2/users/get_current_account";
	assert.equal((await fetch(`${box.url}${route}?access_token=${t}`, { method: "POST" })).status, 400);
	assert.equal((await fetch(box.url + route, { method: "POST", headers: { cookie: `access_token=${t}` } })).status, 400);
	assert.equal((await fetch(`${box.url}${route}?authorization=Bearer%20${t}`, { method: "POST" })).status, 400);
	const asBrowser = `${route}?authorization=Bearer%20${t}&reject_cors_preflight=true`;
	assert.equal((await fetch(box.url + asBrowser, { method: "POST" })).status, 200, "the one form that Dropbox has for browsers");
	assert.equal((await fetch(box.url + asBrowser, { method: "POST", headers: { authorization: `Bearer ${t}` } })).status, 400);
	assert.equal((await fetch(box.url + route, { method: "POST", headers: { authorization: `Bearer ${t}  ` } })).status, 200);
	for (const scheme of ["bearer", "BEARER", "Bearer"])
		assert.equal((await fetch(box.url + route, { method: "POST", headers: { authorization: `${scheme} ${t}` } })).status, 200);
	const twice = await raw(box, `POST ${route} HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nAuthorization: Bearer ${t}\r\nAuthorization: Bearer ${t}\r\nContent-Length: 0\r\n\r\n`);
	assert.equal(twice.status, 400);
});
