// The control API, and what the log tells.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, api, connect, exchange, raw, refresh, token } from "../../flow/sandbox-lib.mjs";
import { app, basic, box, state, useSandbox } from "./lib.mjs";

useSandbox();

test("S-194 no log line holds a secret", async () => {
	const marked = await connect(basic, app, { state: "MARKEDstateMARKED" });
	await exchange(box, { ...app, secret: "MARKEDsecretMARKED" }, "MARKEDcodeMARKED");
	await refresh(box, app, "MARKEDrefreshMARKED" + "x".repeat(45));
	await refresh(box, app, marked.refresh_token);
	await api(box, "sl.MARKEDtokenMARKED", "users/get_current_account");
	await api(box, marked.access_token, "files/list_folder", { path: "/MARKEDpathMARKED", MARKEDfieldMARKED: 1 });
	await fetch(`${box.url}/oauth2/token?grant_type=refresh_token&refresh_token=MARKEDqueryMARKED&client_id=${app.key}&client_secret=${app.secret}`, { method: "POST" });
	await new Browser(box).signIn("basic", "MARKEDpasswordMARKED");
	await fetch(box.url + "/_sandbox/state", { headers: { authorization: "Bearer MARKEDcontrolMARKED" } });
	await fetch(box.url + "/_web/apps", { headers: { cookie: "x=MARKEDcookieMARKED" } });
	await raw(box, `GET /MARKEDpathMARKED?code=MARKEDcodeMARKED HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nAuthorization Bearer MARKEDbrokenMARKED\r\n\r\n`);
	const log = box.log();
	assert.match(log, /event=http\.request.*route=\/oauth2\/token/, "the log is on and tells of requests");
	assert.doesNotMatch(log, /MARKED/);
	const secrets = [
		marked.access_token, marked.refresh_token, marked.code, marked.verifier, app.secret, basic.csrf,
		...basic.cookies.values(), box.seed.control_token, ...box.seed.accounts.map((a) => a.password),
	];
	for (const value of secrets)
		for (const form of [value, value.slice(3, 14), encodeURIComponent(value), Buffer.from(value).toString("base64").slice(0, 20)])
			assert.equal(log.includes(form), false);
});

test("S-220 the control API wants the control token on the loopback", async () => {
	const right = box.seed.control_token;
	for (const value of [undefined, "", "Bearer", "Bearer ", `Bearer ${right.slice(0, 20)}`, `Bearer ${right}x`, `Basic ${right}`]) {
		const headers = { "x-forwarded-for": "127.0.0.1", ...(value === undefined ? {} : { authorization: value }) };
		assert.equal((await fetch(box.url + "/_sandbox/state", { headers })).status, 401, value);
		const res = await fetch(box.url + "/_sandbox/clock", { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: '{"advance_s":1}' });
		assert.equal(res.status, 401);
	}
	assert.ok(right.length >= 22);
});

test("S-221 a form cannot drive the control API", async () => {
	const headers = { authorization: `Bearer ${box.seed.control_token}` };
	for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
		const res = await fetch(box.url + "/_sandbox/clock", { method: "POST", headers: { ...headers, "content-type": type }, body: '{"advance_s":1}' });
		assert.equal(res.status, 415);
	}
});

test("S-222 state tells no secret", async () => {
	const text = JSON.stringify(await state());
	for (const value of [box.seed.control_token, app.secret, ...box.seed.accounts.map((a) => a.password)])
		assert.equal(text.includes(value), false);
});

test("S-223 the clock's input is bounded", async () => {
	const before = (await state()).offset_s;
	const headers = { authorization: `Bearer ${box.seed.control_token}`, "content-type": "application/json" };
	for (const value of ["-1", "9223372036854775808", "1e400", "NaN", '"5"', "1.5", "null", "315360001", "[]", "{}"]) {
		const res = await fetch(box.url + "/_sandbox/clock", { method: "POST", headers, body: `{"advance_s":${value}}` });
		assert.equal(res.status, 400, value);
	}
	assert.equal((await state()).offset_s, before);
});
