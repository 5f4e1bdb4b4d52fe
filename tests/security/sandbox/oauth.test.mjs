// Rows of the security checklist about clients without a secret, families of refresh tokens, and how tokens
// are made and looked up.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { advance, api, authorizePath, bootOf, connect, consent, control, exchange, grant, makeApp, pkce, refresh, startSandbox, token } from "../../flow/sandbox-lib.mjs";
import { whileFast } from "../../lib/soon.mjs";
import { app, basic, box, post, state, useSandbox } from "./lib.mjs";

useSandbox();

const works = async (accessToken) => (await api(box, accessToken, "users/get_current_account")).status === 200;
const settings = (which, values) => basic.post(`/_web/apps/${which.key}/settings`, values);
const S256 = (challenge) => ({ code_challenge: challenge, code_challenge_method: "S256" });

test("S-061 ten thousand made-up codes add no rows and slow nobody", async () => {
	const before = await state();
	const form = (i) => new URLSearchParams({ grant_type: "authorization_code", code: `madeup${i}`.padEnd(43, "x"), redirect_uri: app.uri, client_id: app.key, client_secret: app.secret }).toString();
	const agent = new http.Agent({ keepAlive: true });
	const headers = { "content-type": "application/x-www-form-urlencoded" };
	const lane = async (from) => {
		for (let i = from; i < 10000; i += 8) assert.equal((await post(agent, "/oauth2/token", form(i), headers)).status, 400);
	};
	await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(lane));
	agent.destroy();
	const after = await state();
	for (const name of ["codes", "grants", "access_tokens", "refresh_tokens"]) assert.equal(after[name], before[name], name);
	const started = performance.now();
	assert.equal((await refresh(box, app, "x".repeat(64))).status, 400);
	assert.ok(performance.now() - started < 5000);
});

test("S-063 no challenge, no exchange without the secret; an empty challenge is refused before the consent", async () => {
	const open = await makeApp(basic, { settings: { public_clients: true } });
	const { verifier, challenge } = pkce();
	for (const params of [{ code_challenge: "" }, { code_challenge_method: "S256" }]) {
		const res = await fetch(box.url + authorizePath(open, params), { redirect: "manual" });
		assert.equal(res.status, 302);
		assert.equal(new URL(res.headers.get("location")).searchParams.get("error"), "invalid_request");
	}
	const { code } = await consent(box, open);
	for (const extra of [{}, { code_verifier: verifier }, { code_verifier: "" }]) {
		const { status, body } = await exchange(box, open, code, { client_secret: undefined, ...extra });
		assert.ok(status === 400 && /^invalid_(client|grant)/.test(body.error), JSON.stringify(body));
		assert.equal(body.access_token, undefined);
	}
	assert.equal((await exchange(box, open, code)).status, 200, "its secret still exchanges it");
	const other = await consent(box, open, S256(challenge));
	const missing = await exchange(box, open, other.code, { client_secret: undefined });
	assert.equal(missing.body.error, "invalid_grant", "nor with a challenge and without its verifier");
});

test("S-065 without the secret only what was got without it, as long as the app allows that", async () => {
	const open = await makeApp(basic, { settings: { public_clients: true } });
	const alone = (refreshToken) => token(box, { grant_type: "refresh_token", refresh_token: refreshToken, client_id: open.key });
	const withSecret = await grant(box, open);
	assert.match((await alone(withSecret.refresh_token)).body.error, /^invalid_client/);
	const { verifier, challenge } = pkce();
	const { code } = await consent(box, open, { ...S256(challenge), token_access_type: "offline" });
	const { body } = await exchange(box, open, code, { client_secret: undefined, code_verifier: verifier });
	assert.equal((await alone(body.refresh_token)).status, 200);
	await settings(open, { public_clients: false });
	assert.match((await alone(body.refresh_token)).body.error, /^invalid_client/, "the next one already");
	for (const secret of ["", " ", "wrong"])
		assert.match((await refresh(box, { ...open, secret }, body.refresh_token)).body.error, /^invalid_client/);
	assert.match((await token(box, { grant_type: "refresh_token", refresh_token: body.refresh_token, client_id: app.key })).body.error, /^invalid_client/);
});

// Characters as frequent as chance has it: chi-square under its 99.9 % bound, by Wilson and Hilferty.
function assertFlat(texts, alphabet, what) {
	const seen = new Map([...alphabet].map((c) => [c, 0]));
	let total = 0;
	for (const c of texts.join("")) {
		assert.ok(seen.has(c), `${what}: ${c}`);
		seen.set(c, seen.get(c) + 1);
		total += 1;
	}
	const expected = total / seen.size;
	const chi = [...seen.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
	const k = seen.size - 1;
	const bound = k * (1 - 2 / (9 * k) + 3.09 * Math.sqrt(2 / (9 * k))) ** 3;
	assert.ok(chi < bound, `${what}: ${chi} is not below ${bound}`);
	return Math.log2(seen.size);
}

test("S-071 codes and tokens are random text of at least 128 bits, never the same twice", async () => {
	const found = { code: [], access: [], refresh: [] };
	const one = async () => {
		const { code } = await consent(box, app, { token_access_type: "offline" });
		const { body } = await exchange(box, app, code);
		found.code.push(code);
		found.access.push(body.access_token.slice(3));
		found.refresh.push(body.refresh_token);
	};
	for (let i = 0; i < 100; i++) await Promise.all([one(), one(), one(), one(), one()]);
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	for (const [what, list] of Object.entries(found)) {
		assert.equal(new Set(list).size, 500, what);
		assert.equal(new Set(list.map((v) => v.slice(0, 6))).size, 500, `${what}: no shared beginning`);
		// The last letter of a code carries 4 of its 6 bits.
		const bits = assertFlat(list.map((v) => v.slice(0, 42)), letters, what);
		assert.ok(bits * list[0].length >= 128);
	}
	const secrets = [];
	for (let i = 0; i < 60; i++) secrets.push((await basic.post(`/_web/apps/${app.key}/secret/rotate`)).body.app_secret);
	app.secret = secrets.at(-1);
	assert.equal(new Set(secrets).size, 60);
	assertFlat(secrets, "abcdefghijklmnopqrstuvwxyz0123456789", "app secret");
});

test("S-071 two sandboxes started together differ in everything", async () => {
	const [one, two] = await Promise.all([startSandbox(), startSandbox()]);
	try {
		assert.notEqual(one.seed.control_token, two.seed.control_token);
		for (const type of ["basic", "business"]) assert.notEqual(one.account(type).password, two.account(type).password);
		const state = (b) => fetch(b.url + "/_web/session").then((r) => r.headers.get("set-cookie"));
		assert.notEqual(await state(one), await state(two));
	} finally {
		await Promise.all([one.stop(), two.stop()]);
	}
});

async function withPersonality(personality) {
	const mine = await makeApp(basic);
	assert.equal((await control(box, "PUT", `apps/${mine.key}/personality`, personality)).status, 200);
	return { mine, first: await grant(box, mine) };
}

const detailOf = async (mine) => (await state()).grants_detail.find((d) => d.app_key === mine.key);

test("S-076 strict: a spent refresh token kills the whole family, access tokens too, and is counted", async () => {
	const { mine, first } = await withPersonality({ rotation: "strict" });
	const second = (await refresh(box, mine, first.refresh_token)).body;
	const third = (await refresh(box, mine, second.refresh_token)).body;
	assert.ok(await works(third.access_token));
	assert.equal((await refresh(box, mine, first.refresh_token)).body.error, "invalid_grant");
	assert.equal((await refresh(box, mine, third.refresh_token)).body.error, "invalid_grant");
	for (const { access_token: dead } of [first, second, third]) assert.equal(await works(dead), false);
	const { refreshes, reuses, revocations, ended } = await detailOf(mine);
	assert.deepEqual({ refreshes, reuses, revocations, ended }, { refreshes: 2, reuses: 1, revocations: 1, ended: true });
	const links = (await basic.get("/_web/connected-apps")).body.apps;
	assert.equal(links.some((l) => l.app_key === mine.key), false);
});

test("S-076 strict: two refreshes at once give one success, then the family is dead", async () => {
	for (let round = 0; round < 10; round++) {
		const { mine, first } = await withPersonality({ rotation: "strict" });
		const both = await Promise.all([refresh(box, mine, first.refresh_token), refresh(box, mine, first.refresh_token)]);
		assert.deepEqual(both.map((r) => r.status).sort(), [200, 400]);
		const won = both.find((r) => r.status === 200).body;
		assert.equal(await works(won.access_token), false);
		assert.equal((await refresh(box, mine, won.refresh_token)).body.error, "invalid_grant");
	}
});

test("S-076 strict: another app, a wrong secret or a made-up token kill nothing", async () => {
	const { mine, first } = await withPersonality({ rotation: "strict" });
	const second = (await refresh(box, mine, first.refresh_token)).body;
	assert.equal((await refresh(box, app, first.refresh_token)).body.error, "invalid_grant");
	assert.match((await refresh(box, { ...mine, secret: "wrong" }, first.refresh_token)).body.error, /^invalid_client/);
	assert.equal((await refresh(box, mine, "x".repeat(64))).body.error, "invalid_grant");
	assert.equal((await refresh(box, mine, second.refresh_token)).status, 200);
});

test("S-076 grace allows the old one for its seconds and not one more", async () => {
	const { mine, first, second, allowed } = await whileFast(2000, async () => {
		const { mine, first } = await withPersonality({ rotation: "grace", grace: { until: "seconds", max_s: 30 } });
		const second = (await refresh(box, mine, first.refresh_token)).body;
		await advance(box, 28);
		return { mine, first, second, allowed: (await refresh(box, mine, first.refresh_token)).status };
	});
	assert.equal(allowed, 200);
	await advance(box, 2);
	assert.equal((await refresh(box, mine, first.refresh_token)).body.error, "invalid_grant");
	assert.equal((await refresh(box, mine, second.refresh_token)).status, 200);
	const { refreshes, reuses, revocations } = await detailOf(mine);
	assert.deepEqual({ refreshes, reuses, revocations }, { refreshes: 3, reuses: 1, revocations: 0 }, "what the grace allows is no reuse");
});

test("S-072 a reply that is kept to be repeated is sealed", async () => {
	const { mine, first } = await withPersonality({ rotation: "grace", grace: { repeat: "same" } });
	const second = (await refresh(box, mine, first.refresh_token)).body;
	assert.equal((await refresh(box, mine, first.refresh_token)).body.refresh_token, second.refresh_token, "it is kept");
	for (const name of readdirSync(box.dir, { recursive: true })) {
		const file = join(box.dir, name);
		if (!statSync(file).isFile()) continue;
		const bytes = readFileSync(file);
		for (const value of [second.access_token, second.refresh_token])
			for (const form of [value, Buffer.from(value).toString("base64"), Buffer.from(value).toString("hex")]) assert.equal(bytes.includes(form), false, name);
	}
});

test("S-074 an id_token opens nothing, and nothing else passes for one", async () => {
	const mine = await makeApp(basic);
	await basic.post(`/_web/apps/${mine.key}/scopes`, { scopes: ["account_info.read", "openid"] });
	const got = await grant(box, mine, { scope: "openid" });
	assert.equal((await api(box, got.id_token, "users/get_current_account")).status, 401);
	assert.equal((await api(box, got.id_token, "openid/userinfo")).status, 401);
	assert.equal((await refresh(box, mine, got.id_token)).body.error, "invalid_grant");
	assert.equal((await exchange(box, mine, got.id_token)).body.error, "invalid_grant");
	assert.equal((await fetch(`${box.url}/_sandbox/state`, { headers: { authorization: `Bearer ${got.id_token}` } })).status, 401);
});

test("S-084 a client that need not prove itself is never sent straight back", async () => {
	const open = await makeApp(basic, { settings: { public_clients: true } });
	await connect(basic, open);
	const stage = async (params) => {
		const boot = bootOf(await (await basic.fetch(authorizePath(open, params))).text());
		return (await basic.get(`/_web/authorize/${boot.request}`)).body.stage;
	};
	const { challenge } = pkce();
	assert.equal(await stage(S256(challenge)), "consent");
	assert.equal(await stage({ response_type: "token" }), "consent");
	assert.equal(await stage({}), "redirect", "a code without a challenge needs the secret");
	await basic.post(`/_web/apps/${open.key}/secret/rotate`);
	assert.equal(await stage({}), "consent", "a new secret is a new client");
});

test("S-084 what was agreed to for one address is not agreed to for another", async () => {
	const mine = await makeApp(basic);
	const second = "http://127.0.0.1:9/second";
	await basic.post(`/_web/apps/${mine.key}/redirect-uris`, { uri: second });
	await connect(basic, mine, { scope: "files.metadata.read files.content.read" });
	await connect(basic, { ...mine, uri: second }, { scope: "sharing.read" });
	const stage = async (scope) => {
		const boot = bootOf(await (await basic.fetch(authorizePath(mine, { scope, redirect_uri: second }))).text());
		return (await basic.get(`/_web/authorize/${boot.request}`)).body.stage;
	};
	assert.equal(await stage("files.content.read files.metadata.read"), "consent");
	assert.equal(await stage("sharing.read"), "redirect");
	await connect(basic, { ...mine, uri: second }, { scope: "files.metadata.read" });
	assert.equal(await stage("sharing.read files.metadata.read"), "redirect", "two consents for one address add up");
});

test("S-086 an implicit token stands in the fragment only, and there is no refresh token", async () => {
	const open = await makeApp(basic, { settings: { public_clients: true } });
	for (const params of [{ response_type: "token", response_mode: "query" }, { response_type: "code token" }, { response_type: "token code" }]) {
		const { back } = await consent(box, open, params);
		assert.doesNotMatch(back.href, /access_token/);
		assert.match(back.href, /error=(invalid_request|unsupported_response_type)/);
	}
	const { back } = await consent(box, open, { response_type: "token", token_access_type: "offline" });
	assert.equal(back.search, "");
	const got = new URLSearchParams(back.hash.slice(1));
	assert.ok(await works(got.get("access_token")));
	assert.equal(got.get("refresh_token"), null);
	assert.equal(got.get("code"), null);
	await settings(open, { public_clients: false });
	const { back: refused } = await consent(box, open, { response_type: "token" });
	assert.equal(refused.searchParams.get("error"), "unauthorized_client");
	assert.equal(refused.hash, "");
});
