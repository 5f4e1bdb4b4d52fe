// Authorizations and tokens in all their kinds: what each parameter of /oauth2/authorize does, and what the
// token endpoint answers to each client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { advance, api, authorizePath, beginAuthorize, bootOf, Browser, consent, control, exchange, grant, makeApp, pkce, refresh, startSandbox, token } from "./sandbox-lib.mjs";

const TEAM = ["team_info.read", "members.read", "team_data.member"];

let box, bea, bruno, app;

before(async () => {
	box = await startSandbox();
	bea = new Browser(box);
	bruno = new Browser(box);
	await bea.signIn("basic");
	await bruno.signIn("business");
	app = await makeApp(bea);
});
after(() => box.stop());

const stageOf = async (who, from, params) =>
	(await who.get(`/_web/authorize/${await beginAuthorize(who, from, params)}`)).body;
const fragment = (back) => Object.fromEntries(new URLSearchParams(back.hash.slice(1)));
const works = async (accessToken) => (await api(box, accessToken, "users/get_current_account")).status === 200;

async function publicApp(settings) {
	return makeApp(bea, { settings: { public_clients: true, ...settings } });
}

test("without a redirect URI the code is shown, exchanged without one, and a Cancel goes nowhere", async () => {
	const id = await beginAuthorize(bea, app, { redirect_uri: undefined });
	const view = await bea.get(`/_web/authorize/${id}`);
	assert.equal(view.body.stage, "consent");
	assert.equal(view.body.answer_goes_to, null);
	const { code } = (await bea.post(`/_web/authorize/${id}/allow`)).body;
	assert.equal((await exchange(box, app, code, { redirect_uri: undefined })).status, 200);
	const other = await beginAuthorize(bea, app, { redirect_uri: undefined });
	await bea.get(`/_web/authorize/${other}`);
	assert.deepEqual((await bea.post(`/_web/authorize/${other}/cancel`)).body, { cancelled: true });
});

test("a mistake without a redirect URI is a page for the person", async () => {
	const res = await bea.fetch(authorizePath(app, { redirect_uri: undefined, scope: "nonsense" }));
	assert.equal(res.status, 400);
	const boot = bootOf(await res.text());
	assert.equal(boot.page, "error");
	assert.match(boot.detail, /scope/);
});

test("each parameter is checked, and stands once", async () => {
	const bad = {
		response_mode: "form_post", token_access_type: "forever", require_role: "boss", include_granted_scopes: "all",
		force_reapprove: "yes", force_reauthentication: "1", disable_signup: "maybe", locale: "de_DE; drop",
		code_challenge: "short", code_challenge_method: "S512", nonce: "n".repeat(2001), state: "s".repeat(2001),
	};
	for (const [name, value] of Object.entries(bad)) {
		const { back } = await consent(box, app, { [name]: value });
		assert.equal(back?.searchParams.get("error"), "invalid_request", name);
		assert.match(back.searchParams.get("error_description"), new RegExp(name === "code_challenge_method" ? "code_challenge" : name), name);
	}
	const good = {
		response_mode: "query", token_access_type: "online", require_role: "personal", include_granted_scopes: "user",
		force_reapprove: "false", force_reauthentication: "false", disable_signup: "true", locale: "de_DE", nonce: "n", scope: "account_info.read",
	};
	for (const [name, value] of Object.entries(good)) {
		assert.ok((await consent(box, app, { [name]: value })).code, name);
		const query = `${authorizePath(app).split("?")[1]}&${name}=${value}&${name}=${value}`;
		const { body } = await control(box, "POST", "consent", { query, email: "basic@example.com", decision: "allow" });
		assert.match(body.redirect, /error=invalid_request/, name);
	}
});

test("a choice without a value counts as left out, at both addresses", async () => {
	const none = Object.fromEntries(["response_mode", "token_access_type", "require_role", "include_granted_scopes", "scope",
		"force_reapprove", "force_reauthentication", "disable_signup", "locale", "nonce"].map((name) => [name, ""]));
	assert.ok((await consent(box, app, none)).code);
	const { refresh_token: refreshToken, scope } = await grant(box, app, { token_access_type: "offline" });
	assert.equal((await refresh(box, app, refreshToken, { scope: "" })).body.scope, scope);
	assert.equal((await refresh(box, app, refreshToken, { scope: "no.such" })).body.error, "invalid_scope");
});

test("the implicit grant: everything in the fragment, no refresh token, errors there too", async () => {
	const open = await publicApp();
	const { back } = await consent(box, open, { response_type: "token", state: "a&b=c#d", token_access_type: "offline" });
	assert.equal(back.search, "");
	const got = fragment(back);
	assert.deepEqual(Object.keys(got).sort(), ["access_token", "account_id", "expires_in", "scope", "state", "token_type", "uid"]);
	assert.equal(got.state, "a&b=c#d");
	assert.equal(got.token_type, "bearer");
	assert.equal(got.expires_in, "14400");
	assert.ok(await works(got.access_token));
	const denied = await consent(box, open, { response_type: "token", state: "x" }, { decision: "deny" });
	assert.equal(denied.back.search, "");
	assert.deepEqual([fragment(denied.back).error, fragment(denied.back).state], ["access_denied", "x"]);
	for (const params of [{ scope: "nonsense" }, { response_mode: "query" }, { code_challenge: "x".repeat(43) }]) {
		const { back: refused } = await consent(box, open, { response_type: "token", ...params });
		assert.ok(fragment(refused).error, JSON.stringify(params));
		assert.equal(refused.search, "");
	}
	const page = await bea.fetch(authorizePath(open, { response_type: "token", redirect_uri: undefined }));
	assert.equal(page.status, 400, "a token is not for copying");
});

test("include_granted_scopes adds what the person granted before, as far as the app still has it", async () => {
	const mine = await makeApp(bea);
	await grant(box, mine, { scope: "files.metadata.read files.content.read" });
	const plain = await grant(box, mine, { scope: "sharing.read" });
	assert.equal(plain.scope, "account_info.read sharing.read");
	const view = await stageOf(bea, mine, { scope: "sharing.read", include_granted_scopes: "user", force_reapprove: "true" });
	assert.deepEqual(view.scopes.map((s) => s.scope).sort(), ["account_info.read", "files.content.read", "files.metadata.read", "sharing.read"]);
	const more = await grant(box, mine, { scope: "sharing.read", include_granted_scopes: "user" });
	assert.match(more.scope, /files\.content\.read/);
	await bea.post(`/_web/apps/${mine.key}/scopes`, { scopes: ["account_info.read", "files.metadata.read", "sharing.read"] });
	assert.doesNotMatch((await grant(box, mine, { scope: "sharing.read", include_granted_scopes: "user" })).scope, /content/);
	const stranger = await grant(box, mine, { scope: "sharing.read", include_granted_scopes: "user" }, { email: "business@example.com" });
	assert.equal(stranger.scope, "account_info.read sharing.read", "what somebody else granted is not included");
});

test("require_role: the other kind of account is told to switch", async () => {
	for (const [who, role, other] of [[bea, "personal", "work"], [bruno, "work", "personal"]]) {
		assert.equal((await stageOf(who, app, { require_role: role, force_reapprove: "true" })).stage, "consent");
		const refused = await stageOf(who, app, { require_role: other });
		assert.equal(refused.stage, "refused");
		assert.equal(refused.code, "wrong-role");
		assert.equal(refused.other_account, true);
		assert.match(refused.todo, new RegExp(other));
	}
	const { status, body } = await consent(box, app, { require_role: "work" });
	assert.equal(status, 403);
	assert.equal(body.code, "wrong-role");
});

test("force_reauthentication wants a sign-in that is younger than the request", async () => {
	const again = new Browser(box);
	await again.signIn("basic");
	const id = await beginAuthorize(again, app, { force_reauthentication: "true", force_reapprove: "true" });
	assert.equal((await again.get(`/_web/authorize/${id}`)).body.stage, "sign_in");
	await again.signIn("basic");
	assert.equal((await again.get(`/_web/authorize/${id}`)).body.stage, "consent");
});

test("an app in development is its owner's, then for 500 others; one in production is everybody's", async () => {
	const alone = await makeApp(bea, { settings: { more_users: false } });
	assert.equal((await stageOf(bea, alone)).stage, "consent");
	const refused = await stageOf(bruno, alone);
	assert.deepEqual([refused.stage, refused.code], ["refused", "app-users-limit"]);
	const id = await beginAuthorize(bruno, alone);
	await bruno.get(`/_web/authorize/${id}`);
	const forced = await bruno.post(`/_web/authorize/${id}/allow`);
	assert.deepEqual([forced.status, forced.body.code], [403, "app-users-limit"]);
	for (const settings of [{ more_users: true }, { more_users: false, status: "production" }]) {
		await bea.post(`/_web/apps/${alone.key}/settings`, settings);
		assert.equal((await stageOf(bruno, alone, { force_reapprove: "true" })).stage, "consent");
	}
});

test("a team's app: connected by an administrator, told by team_id, acting for members", async () => {
	const teams = await makeApp(bruno, { api: "business" });
	const set = await bruno.post(`/_web/apps/${teams.key}/scopes`, { scopes: ["account_info.read", "files.metadata.read", ...TEAM] });
	assert.equal(set.status, 200, JSON.stringify(set.body));
	const refused = await stageOf(bea, teams);
	assert.deepEqual([refused.stage, refused.code], ["refused", "team-admin-only"]);
	const asked = await stageOf(bruno, teams);
	assert.equal(asked.stage, "consent");
	assert.equal(asked.team, "Example Team");
	const got = await grant(box, teams, {}, { email: "business@example.com" });
	assert.match(got.team_id, /^dbtid:.{35}$/);
	assert.equal(got.account_id, undefined);
	assert.equal(got.uid, undefined);
	const info = await api(box, got.access_token, "team/get_info");
	assert.equal(info.body.team_id, got.team_id);
	const { body: members } = await api(box, got.access_token, "team/members/list_v2", {});
	const member = members.members[0].profile.team_member_id;
	const asMember = await api(box, got.access_token, "users/get_current_account", undefined, { "dropbox-api-select-user": member });
	assert.equal(asMember.status, 200);
	assert.equal((await refresh(box, teams, got.refresh_token)).status, 200);
	const user = await grant(box, teams, { scope: "files.metadata.read" });
	assert.ok(user.account_id, "without a team scope it is a person's");
	const both = await grant(box, teams, { scope: "members.read", include_granted_scopes: "team" }, { email: "business@example.com" });
	assert.match(both.scope, /team_info\.read/);
	const open = { ...teams };
	await bruno.post(`/_web/apps/${open.key}/settings`, { public_clients: true });
	const implicit = fragment((await consent(box, open, { response_type: "token" }, { email: "business@example.com" })).back);
	assert.equal(implicit.team_id, got.team_id);
	assert.equal(implicit.uid, undefined);
});

test("an app without expiration gives tokens without end, unless online or offline is asked for", async () => {
	const legacy = await makeApp(bea, { settings: { token_life: "none" } });
	for (const type of [undefined, "legacy"]) {
		const { code } = await consent(box, legacy, { token_access_type: type });
		const { body } = await exchange(box, legacy, code);
		assert.equal(body.expires_in, undefined);
		assert.equal(body.refresh_token, undefined);
		assert.doesNotMatch(body.access_token, /^sl\./);
		assert.match(body.access_token, /^[\w-]{64}$/);
		await advance(box, 5 * 365 * 86400);
		assert.ok(await works(body.access_token));
	}
	const online = (await exchange(box, legacy, (await consent(box, legacy, { token_access_type: "online" })).code)).body;
	assert.equal(online.expires_in, 14400);
	assert.equal(online.refresh_token, undefined);
	const offline = (await exchange(box, legacy, (await consent(box, legacy, { token_access_type: "offline" })).code)).body;
	assert.match(offline.access_token, /^sl\.[\w-]{127,1497}$/);
	assert.match(offline.refresh_token, /^[\w-]{64}$/);
	const short = (await exchange(box, app, (await consent(box, app, { token_access_type: "legacy" })).code)).body;
	assert.equal(short.expires_in, 14400, "legacy is the app's setting");
});

test("without the secret: the code with its verifier, then its refresh tokens", async () => {
	const open = await publicApp();
	const { verifier, challenge } = pkce();
	const S256 = { code_challenge: challenge, code_challenge_method: "S256", token_access_type: "offline" };
	const { code } = await consent(box, open, S256);
	const { status, body } = await exchange(box, open, code, { client_secret: undefined, code_verifier: verifier });
	assert.equal(status, 200, JSON.stringify(body));
	const alone = (extra) => token(box, { grant_type: "refresh_token", refresh_token: body.refresh_token, client_id: open.key, ...extra });
	assert.equal((await alone()).status, 200);
	assert.equal((await alone({ client_secret: open.secret })).status, 200, "the secret is welcome, too");
	assert.match((await alone({ client_secret: "wrong" })).body.error, /^invalid_client/);
	await bea.post(`/_web/apps/${open.key}/settings`, { public_clients: false });
	assert.match((await alone()).body.error, /^invalid_client/);
	assert.equal((await alone({ client_secret: open.secret })).status, 200);
});

test("the token endpoint's errors, as Dropbox words them", async () => {
	const { code } = await consent(box, app, { token_access_type: "offline" });
	const cases = [
		[{ grant_type: "password" }, "unsupported_grant_type"],
		[{}, "invalid_request", /grant_type/],
		[{ grant_type: "authorization_code" }, "invalid_request", /code/],
		[{ grant_type: "refresh_token" }, "invalid_request", /refresh_token/],
		[{ grant_type: "authorization_code", code: "x" }, "invalid_grant", /code doesn't exist or has expired/],
		[{ grant_type: "authorization_code", code }, "invalid_grant", /redirect_uri mismatch/],
		[{ grant_type: "authorization_code", code, redirect_uri: app.uri, code_verifier: "x".repeat(43) }, "invalid_grant", /invalid code verifier/],
		[{ grant_type: "refresh_token", refresh_token: "x" }, "invalid_grant", /refresh token is malformed/],
		[{ grant_type: "refresh_token", refresh_token: "x".repeat(64) }, "invalid_grant", /refresh token is invalid or revoked/],
	];
	for (const [params, error, why] of cases) {
		const { status, body } = await token(box, { client_id: app.key, client_secret: app.secret, ...params });
		assert.equal(status, 400);
		assert.equal(body.error, error, JSON.stringify(params));
		if (why) assert.match(body.error_description, why);
	}
	const wrong = await token(box, { grant_type: "refresh_token", refresh_token: "x", client_id: app.key, client_secret: "wrong" });
	assert.deepEqual([wrong.status, wrong.body], [400, {
		error: "invalid_client: Invalid client_id or client_secret", error_description: "Invalid client_id or client_secret",
	}]);
	const first = await exchange(box, app, code);
	assert.equal(first.status, 200);
	const again = await exchange(box, app, code);
	assert.match(again.body.error_description, /code has already been used/);
	assert.equal(await works(first.body.access_token), false);
	const inQuery = new URLSearchParams({ grant_type: "authorization_code", code: (await consent(box, app)).code, redirect_uri: app.uri, client_id: app.key, client_secret: app.secret });
	assert.equal((await fetch(`${box.url}/oauth2/token?${inQuery}`, { method: "POST" })).status, 200);
});

test("consent without a browser: allow, deny, and what is wrong with the question", async () => {
	const allowed = await consent(box, app, { state: "xyz" });
	assert.equal(allowed.back.searchParams.get("state"), "xyz");
	const denied = await consent(box, app, { state: "xyz" }, { decision: "deny" });
	assert.equal(denied.back.searchParams.get("error"), "access_denied");
	assert.equal(denied.back.searchParams.get("error_description"), "The user chose not to give your app access to their Dropbox account.");
	assert.ok((await consent(box, app, { redirect_uri: undefined })).body.code);
	assert.deepEqual((await consent(box, app, { redirect_uri: undefined }, { decision: "deny" })).body, { cancelled: true });
	for (const [params, who, code] of [
		[{ client_id: "nosuchapp123456" }, {}, "unknown-client"],
		[{ redirect_uri: "https://evil.example/" }, {}, "unknown-redirect-uri"],
		[{}, { email: "nobody@example.com" }, "no-account"],
		[{}, { decision: "perhaps" }, "bad-field"],
	]) {
		const { status, body } = await consent(box, app, params, who);
		assert.deepEqual([status, body.code], [400, code]);
	}
});

test("ending tokens: by token, app, account, e-mail address and grant; expired is not revoked", async () => {
	const mine = await makeApp(bea);
	const end = async (how, which) => {
		const { status, body } = await control(box, "POST", `tokens/${how}`, which);
		assert.equal(status, 200, JSON.stringify(body));
		return body;
	};
	const summary = async (t) => (await api(box, t, "users/get_current_account")).body.error_summary?.split("/")[0];
	const one = await grant(box, mine);
	const two = await grant(box, mine);
	assert.deepEqual(await end("expire", { token: one.access_token }), { access_tokens: 1, refresh_tokens: 0, grants: 1 });
	assert.equal(await summary(one.access_token), "expired_access_token");
	assert.equal(await summary(two.access_token), undefined);
	assert.equal((await refresh(box, mine, one.refresh_token)).status, 200);
	assert.deepEqual(await end("revoke", { token: two.refresh_token }), { access_tokens: 0, refresh_tokens: 1, grants: 1 });
	assert.equal((await refresh(box, mine, two.refresh_token)).body.error, "invalid_grant");
	assert.ok(await works(two.access_token), "the named token alone");
	assert.equal((await end("expire", { app_key: mine.key })).access_tokens, 2);
	assert.equal(await summary(two.access_token), "expired_access_token");
	const three = await grant(box, mine);
	const { grants_detail: details } = (await control(box, "GET", "state")).body;
	const detail = details.find((d) => d.app_key === mine.key && d.offline && d.refreshes === 0 && !d.ended && d.revocations === 0);
	assert.equal((await end("revoke", { grant_id: detail.grant_id })).grants, 1);
	assert.equal(await summary(three.access_token), "invalid_access_token");
	for (const which of [{ email: "BASIC@example.com" }, { account_id: one.account_id }]) {
		const next = await grant(box, mine);
		assert.ok((await end("revoke", which)).grants >= 1);
		assert.equal(await summary(next.access_token), "invalid_access_token");
		assert.equal((await refresh(box, mine, next.refresh_token)).body.error, "invalid_grant");
	}
	assert.deepEqual(await end("revoke", { email: "nobody@example.com" }), { access_tokens: 0, refresh_tokens: 0, grants: 0 });
	for (const bad of [{}, { token: "x", app_key: "y" }, { nonsense: "x" }, { token: 1 }, { token: "x", extra: true }])
		assert.equal((await control(box, "POST", "tokens/expire", bad)).status, 400, JSON.stringify(bad));
});

test("what is dead for long is thrown away", async () => {
	const mine = await makeApp(bea);
	const got = await grant(box, mine);
	await consent(box, mine);
	await control(box, "POST", "tokens/revoke", { token: got.refresh_token });
	await control(box, "POST", "tokens/revoke", { app_key: mine.key });
	await advance(box, 40 * 86400);
	const other = await makeApp(bea);
	await grant(box, other, { token_access_type: "online" });
	const { body } = await control(box, "GET", "state");
	assert.equal(body.codes, 1);
	assert.equal(body.grants_detail.some((d) => d.app_key === mine.key), false);
	assert.ok(body.access_tokens <= 3, `${body.access_tokens}`);
});

test("a scope that stands twice is said to", async () => {
	const { back } = await consent(box, app, { scope: "files.metadata.read files.metadata.read" });
	assert.equal(back.searchParams.get("error"), "invalid_scope");
	assert.match(back.searchParams.get("error_description"), /stands twice/);
});

test("the live log names the app of a token call, in the body or in HTTP Basic", async () => {
	const { refresh_token: refreshToken } = await grant(box, app);
	const basicAuth = (text) => ({ authorization: "Basic " + Buffer.from(text).toString("base64") });
	assert.equal((await refresh(box, app, refreshToken)).status, 200);
	assert.equal((await token(box, { grant_type: "refresh_token", refresh_token: refreshToken }, basicAuth(`${app.key}:${app.secret}`))).status, 200);
	await token(box, { grant_type: "refresh_token", refresh_token: "x" }, { authorization: "Basic %%%" });
	const { body } = await control(box, "GET", "log?limit=3");
	assert.deepEqual(body.entries.filter((e) => e.path === "/oauth2/token").map((e) => e.app_key ?? e.app ?? null), [app.key, app.key, null]);
});
