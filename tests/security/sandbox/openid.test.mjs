// Rows of the security checklist about OpenID Connect: id_tokens, the key set, metadata, userinfo.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { advance, api, authorizePath, Browser, consent, control, exchange, grant, makeApp, pkce, refresh, startSandbox } from "../../flow/sandbox-lib.mjs";
import { freePort } from "../../lib/manager.mjs";
import { startSandbox as startAlone } from "../../lib/server.mjs";

const OIDC = ["openid", "profile", "email"];

let box, bea, app;

before(async () => {
	box = await startSandbox();
	bea = new Browser(box);
	await bea.signIn("basic");
	app = await makeApp(bea, { settings: { public_clients: true } });
	await bea.post(`/_web/apps/${app.key}/scopes`, { scopes: ["account_info.read", "files.metadata.read", ...OIDC] });
});
after(() => box.stop());

// As a proxy in front would ask.
function getAs(host, port, path) {
	return new Promise((resolve, reject) => {
		http.get({ host: "127.0.0.1", port, path, headers: { host } }, (res) => {
			let text = "";
			res.on("data", (d) => (text += d));
			res.on("end", () => resolve(text));
		}).on("error", reject);
	});
}

const json = async (path, from = box) => (await fetch(from.url + path)).json();
const keySet = async (from = box) => (await json("/.well-known/jwks.json", from)).keys;

function read(jwt) {
	const [header, claims, signature] = jwt.split(".");
	return {
		header: JSON.parse(Buffer.from(header, "base64url")),
		claims: JSON.parse(Buffer.from(claims, "base64url")),
		signed: Buffer.from(`${header}.${claims}`),
		signature: Buffer.from(signature, "base64url"),
	};
}

function isBy(jwt, jwk) {
	const { signed, signature } = read(jwt);
	return verify("sha256", signed, createPublicKey({ key: jwk, format: "jwk" }), signature);
}

test("S-088 an id_token is RS256 by a published key, for one audience, with nonce and a short life", async () => {
	const nonce = 'n "quoted" ü \u{1f511}';
	for (const odd of [{}, { alg: "none", id_token_signed_response_alg: "HS256" }]) {
		const before = Math.floor(Date.now() / 1000);
		const got = await grant(box, app, { scope: "openid profile", nonce, ...odd });
		const { header, claims } = read(got.id_token);
		assert.equal(header.alg, "RS256");
		const jwk = (await keySet()).find((k) => k.kid === header.kid);
		assert.ok(isBy(got.id_token, jwk));
		assert.equal(claims.iss, (await json("/.well-known/openid-configuration")).issuer);
		assert.equal(claims.aud, app.key);
		assert.equal(claims.sub, got.account_id);
		assert.equal(claims.nonce, nonce);
		assert.ok(claims.exp - claims.iat <= 4 * 3600 && claims.exp > claims.iat);
		assert.ok(claims.iat >= before && claims.auth_time <= claims.iat);
		assert.equal(claims.given_name, "Bea");
		assert.equal(claims.email, undefined, "email was not asked for");
	}
	const [head, claims, signature] = (await grant(box, app, { scope: "openid" })).id_token.split(".");
	const forged = [head, Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url")), sub: "dbid:x" })).toString("base64url"), signature].join(".");
	assert.equal(isBy(forged, (await keySet())[0]), false);
});

test("S-088 there is none without openid, none when the scopes are not named, none from a refresh", async () => {
	assert.equal((await grant(box, app, { scope: "account_info.read" })).id_token, undefined);
	const all = await grant(box, app);
	assert.equal(all.id_token, undefined);
	assert.doesNotMatch(all.scope, /openid|profile|email/);
	const got = await grant(box, app, { scope: "openid" });
	assert.equal((await refresh(box, app, got.refresh_token)).body.id_token, undefined);
	const implicit = await consent(box, app, { response_type: "token", scope: "openid" });
	assert.equal(new URLSearchParams(implicit.back.hash.slice(1)).get("error"), "invalid_scope");
});

test("S-089 the key set has public members only, 2048 bits, another key in each sandbox", async () => {
	const [jwk] = await keySet();
	assert.deepEqual(Object.keys(jwk).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
	assert.equal(createPublicKey({ key: jwk, format: "jwk" }).asymmetricKeyDetails.modulusLength, 2048);
	const other = await startSandbox();
	try {
		const [theirs] = await keySet(other);
		assert.notEqual(theirs.n, jwk.n);
		assert.notEqual(theirs.kid, jwk.kid);
	} finally {
		await other.stop();
	}
});

test("S-089 the private key is sealed: no file has it in the open", async () => {
	const { header } = read((await grant(box, app, { scope: "openid" })).id_token);
	const jwk = (await keySet()).find((k) => k.kid === header.kid);
	// A private key in the open has its modulus beside it, as PKCS#1 and PKCS#8 write it; the public
	// one stands in the store as text only.
	const modulus = Buffer.from(jwk.n, "base64url");
	const files = readdirSync(box.dir, { recursive: true }).map((f) => join(box.dir, f)).filter((f) => statSync(f).isFile());
	const held = files.map((f) => [f, readFileSync(f)]);
	assert.ok(held.some(([, bytes]) => bytes.includes(header.kid)), "the search finds what is there");
	for (const [f, bytes] of held) {
		assert.equal(bytes.includes(modulus), false, f);
		assert.doesNotMatch(bytes.toString("latin1"), /PRIVATE KEY/, f);
	}
});

test("S-089 a replaced key is served until its last token is dead, and no longer", async () => {
	const old = await grant(box, app, { scope: "openid" });
	const { status, body } = await control(box, "POST", "openid/rotate-key", {});
	assert.equal(status, 200);
	const young = await grant(box, app, { scope: "openid" });
	assert.equal(read(young.id_token).header.kid, body.kid);
	const find = async (got) => (await keySet()).find((k) => k.kid === read(got.id_token).header.kid);
	assert.ok(isBy(old.id_token, await find(old)));
	assert.ok(isBy(young.id_token, await find(young)));
	await advance(box, 3540);
	assert.ok(await find(old));
	await advance(box, 60);
	assert.equal(await find(old), undefined);
	assert.ok(await find(young));
});

test("S-090 what the metadata lists works", async () => {
	const meta = await json("/.well-known/openid-configuration");
	assert.equal(meta.issuer, box.url);
	for (const name of ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"]) {
		assert.ok(meta[name].startsWith(`${meta.issuer}/`), name);
		assert.notEqual((await fetch(meta[name])).status, 404, name);
	}
	assert.deepEqual(meta.response_types_supported, ["code", "token"]);
	for (const type of meta.response_types_supported) assert.ok((await consent(box, app, { response_type: type })).body.redirect);
	assert.deepEqual(meta.code_challenge_methods_supported, ["S256", "plain"]);
	for (const method of meta.code_challenge_methods_supported) {
		const { verifier, challenge } = pkce();
		const { code } = await consent(box, app, { code_challenge: method === "plain" ? verifier : challenge, code_challenge_method: method });
		assert.equal((await exchange(box, app, code, { code_verifier: verifier })).status, 200, method);
	}
	assert.deepEqual(meta.token_endpoint_auth_methods_supported, ["client_secret_basic", "client_secret_post", "none"]);
	const { code } = await consent(box, app);
	const basic = await fetch(meta.token_endpoint, {
		method: "POST",
		headers: { authorization: `Basic ${Buffer.from(`${app.key}:${app.secret}`).toString("base64")}` },
		body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: app.uri }),
	});
	assert.equal(basic.status, 200);
	const scopes = new Set(meta.scopes_supported);
	for (const scope of OIDC) assert.ok(scopes.has(scope));
	for (const scope of scopes) {
		const { back } = await consent(box, app, { scope });
		const said = back.searchParams.get("error_description") ?? "";
		assert.doesNotMatch(said, /does not exist/, scope);
	}
	assert.deepEqual(meta.id_token_signing_alg_values_supported, ["RS256"]);
	assert.deepEqual(meta.grant_types_supported, ["authorization_code", "implicit", "refresh_token"]);
});

test("S-090 what the metadata does not list is refused, and iss is neither announced nor sent", async () => {
	const meta = await json("/.well-known/openid-configuration");
	for (const type of ["code token", "id_token", "code id_token", "none"])
		assert.equal((await consent(box, app, { response_type: type })).back.searchParams.get("error"), "unsupported_response_type", type);
	for (const mode of ["form_post", "fragment", "jwt"])
		assert.equal((await consent(box, app, { response_mode: mode })).back.searchParams.get("error"), "invalid_request", mode);
	assert.equal((await consent(box, app, { scope: "offline_access" })).back.searchParams.get("error"), "invalid_scope");
	for (const type of ["password", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"]) {
		const res = await fetch(meta.token_endpoint, { method: "POST", body: new URLSearchParams({ grant_type: type, client_id: app.key, client_secret: app.secret }) });
		assert.equal((await res.json()).error, "unsupported_grant_type", type);
	}
	for (const name of ["registration_endpoint", "revocation_endpoint", "introspection_endpoint", "end_session_endpoint", "device_authorization_endpoint", "authorization_response_iss_parameter_supported"])
		assert.equal(meta[name], undefined, name);
	for (const params of [{}, { scope: "nonsense" }])
		assert.equal((await consent(box, app, params)).back.searchParams.get("iss"), null);
});

test("S-090 the public URL changes all addresses together", async () => {
	const port = await freePort();
	const other = await startAlone({ listen: `127.0.0.1:${port}`, args: ["--public-url", "https://sandbox.example"] });
	try {
		const meta = JSON.parse(await getAs("sandbox.example", port, "/.well-known/openid-configuration"));
		assert.equal(meta.issuer, "https://sandbox.example");
		for (const name of ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"])
			assert.ok(meta[name].startsWith(`${meta.issuer}/`), name);
	} finally {
		await other.stop();
	}
});

test("S-091 userinfo answers for openid and gives only what was granted", async () => {
	const userinfo = (accessToken, arg) => api(box, accessToken, "openid/userinfo", arg);
	const without = await grant(box, app, { scope: "account_info.read" });
	const refused = await userinfo(without.access_token);
	assert.equal(refused.status, 401);
	assert.match(refused.body.error_summary, /^missing_scope\//);
	assert.equal(refused.body.error.required_scope, "openid");
	const plain = await grant(box, app, { scope: "openid" });
	const { body } = await userinfo(plain.access_token);
	assert.deepEqual(Object.keys(body).sort(), ["iss", "sub"]);
	assert.equal(body.sub, read(plain.id_token).claims.sub);
	assert.equal(body.iss, read(plain.id_token).claims.iss);
	const whole = await grant(box, app, { scope: OIDC.join(" ") });
	const told = (await userinfo(whole.access_token, null)).body;
	assert.deepEqual(Object.keys(told).sort(), ["email", "email_verified", "family_name", "given_name", "iss", "sub"]);
	const narrowed = await refresh(box, app, whole.refresh_token, { scope: "openid email" });
	assert.deepEqual(Object.keys((await userinfo(narrowed.body.access_token)).body).sort(), ["email", "email_verified", "iss", "sub"]);
	assert.equal((await userinfo(whole.access_token, { surprise: 1 })).status, 400);
	const get = await fetch(`${box.url}/2/openid/userinfo`, { headers: { authorization: `Bearer ${whole.access_token}` } });
	assert.equal((await get.json()).sub, body.sub);
	assert.equal((await fetch(box.url + authorizePath(app))).status, 200);
});
