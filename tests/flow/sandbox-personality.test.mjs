// Personalities: an app's refresh tokens behave as another provider's. One test for each class of the
// table in docs/sandbox.md, by what a client sees.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { whileFast } from "../lib/soon.mjs";
import { advance, api, Browser, control, grant, makeApp, refresh, startSandbox } from "./sandbox-lib.mjs";

let box, bea;

before(async () => {
	box = await startSandbox();
	bea = new Browser(box);
	await bea.signIn("basic");
});
after(() => box.stop());

// A new app of that personality, connected.
async function connected(personality) {
	const app = await makeApp(bea);
	const put = await control(box, "PUT", `apps/${app.key}/personality`, personality);
	assert.equal(put.status, 200, JSON.stringify(put.body));
	return { app, first: await grant(box, app) };
}


async function works(accessToken) {
	return (await api(box, accessToken, "users/get_current_account")).status === 200;
}

async function renewed(app, token, extra) {
	const { status, body } = await refresh(box, app, token, extra);
	assert.equal(status, 200, JSON.stringify(body));
	return body;
}

async function refused(app, token) {
	const { status, body } = await refresh(box, app, token);
	assert.equal(status, 400);
	assert.equal(body.error, "invalid_grant");
}

test("none, as Dropbox: the refresh token stays and is not told again", async () => {
	const { app, first } = await connected({});
	for (let i = 0; i < 3; i++) {
		const next = await renewed(app, first.refresh_token);
		assert.equal(next.refresh_token, undefined);
		assert.equal(next.expires_in, 14400);
		assert.notEqual(next.access_token, first.access_token);
	}
	assert.ok(await works(first.access_token));
});

test("single: each refresh gives a new one, the old one is dead, the rest lives", async () => {
	const { app, first } = await connected({ rotation: "single" });
	const second = await renewed(app, first.refresh_token);
	assert.notEqual(second.refresh_token, first.refresh_token);
	await refused(app, first.refresh_token);
	assert.ok(await works(second.access_token));
	assert.ok(await works(first.access_token));
	await renewed(app, second.refresh_token);
});

test("strict: using the old one ends the whole family", async () => {
	const { app, first } = await connected({ rotation: "strict" });
	const second = await renewed(app, first.refresh_token);
	const third = await renewed(app, second.refresh_token);
	await refused(app, first.refresh_token);
	await refused(app, third.refresh_token);
	for (const { access_token } of [first, second, third]) assert.equal(await works(access_token), false);
});

test("grace until seconds: the old one gives new pairs for so long and not a second more", async () => {
	/* The sandbox's clock goes on by itself: a second is left. */
	const { app, first, second, reply } = await whileFast(1000, async () => {
		const { app, first } = await connected({ rotation: "grace", grace: { until: "seconds", max_s: 60 } });
		const second = await renewed(app, first.refresh_token);
		await advance(box, 59);
		return { app, first, second, reply: await refresh(box, app, first.refresh_token) };
	});
	assert.equal(reply.status, 200, JSON.stringify(reply.body));
	const again = reply.body;
	assert.notEqual(again.refresh_token, second.refresh_token);
	assert.notEqual(again.access_token, second.access_token);
	await renewed(app, second.refresh_token);
	await renewed(app, again.refresh_token);
	await advance(box, 1);
	await refused(app, first.refresh_token);
	assert.ok(await works(again.access_token), "beyond its grace the old one is dead, not an alarm");
});

test("grace, repeating the same pair, with the life that is left", async () => {
	const { app, first } = await connected({ rotation: "grace", grace: { max_s: 600, repeat: "same" } });
	const second = await renewed(app, first.refresh_token, { scope: "account_info.read" });
	await advance(box, 100);
	const again = await renewed(app, first.refresh_token);
	assert.equal(again.access_token, second.access_token);
	assert.equal(again.refresh_token, second.refresh_token);
	assert.equal(again.scope, "account_info.read");
	assert.ok(again.expires_in <= 14300 && again.expires_in > 14240, `${again.expires_in}`);
});

test("grace until the new refresh token is used", async () => {
	const { app, first } = await connected({ rotation: "grace", grace: { until: "r2_used", max_s: 86400, repeat: "same" } });
	const second = await renewed(app, first.refresh_token);
	assert.ok(await works(second.access_token));
	await advance(box, 80000);
	assert.equal((await renewed(app, first.refresh_token)).refresh_token, second.refresh_token);
	const third = await renewed(app, second.refresh_token);
	await refused(app, first.refresh_token);
	assert.equal((await renewed(app, second.refresh_token)).refresh_token, third.refresh_token);
});

test("grace until the new access token is used", async () => {
	const { app, first } = await connected({ rotation: "grace", grace: { until: "access_used", max_s: 3600 } });
	const second = await renewed(app, first.refresh_token);
	assert.ok(await works(first.access_token), "an older access token says nothing");
	await renewed(app, first.refresh_token);
	assert.ok(await works(second.access_token));
	await refused(app, first.refresh_token);
	const third = await renewed(app, second.refresh_token);
	await advance(box, 3600);
	await refused(app, second.refresh_token);
	await renewed(app, third.refresh_token);
});

test("grace, then strict: beyond the grace the old one ends the family", async () => {
	const { app, first } = await connected({ rotation: "grace", grace: { max_s: 30, after: "strict" } });
	const second = await renewed(app, first.refresh_token);
	await advance(box, 31);
	await refused(app, first.refresh_token);
	await refused(app, second.refresh_token);
	assert.equal(await works(second.access_token), false);
});

test("refresh_kills_access: with each rotation the old access tokens die", async () => {
	for (const rotation of ["none", "single"]) {
		const { app, first } = await connected({ rotation, refresh_kills_access: true });
		const second = await renewed(app, first.refresh_token);
		assert.equal(await works(first.access_token), false, rotation);
		assert.ok(await works(second.access_token), rotation);
	}
});

test("an idle refresh token dies, a used one does not", async () => {
	const { app, first } = await connected({ refresh_token_idle_s: 1000 });
	for (let i = 0; i < 3; i++) {
		await advance(box, 900);
		await renewed(app, first.refresh_token);
	}
	await advance(box, 1000);
	await refused(app, first.refresh_token);
});

test("a maximum age counts from the consent, or from the issue of each token", async () => {
	const fixed = await connected({ rotation: "single", refresh_token_max_age_s: 1000 });
	const moving = await connected({ rotation: "single", refresh_token_max_age_s: 1000, max_age_from: "issue" });
	await advance(box, 900);
	const fixedNext = await renewed(fixed.app, fixed.first.refresh_token);
	const movingNext = await renewed(moving.app, moving.first.refresh_token);
	await advance(box, 101);
	await refused(fixed.app, fixedNext.refresh_token);
	await renewed(moving.app, movingNext.refresh_token);
});

test("expires_in as a number, as text, absent, and zero for tokens without end", async () => {
	for (const [how, expected] of [["number", 600], ["text", "600"], ["absent", undefined]]) {
		const { app, first } = await connected({ expires_in: how, access_life_s: 600 });
		assert.equal(first.expires_in, expected);
		assert.equal((await renewed(app, first.refresh_token)).expires_in, expected);
		await advance(box, 600);
		assert.equal(await works(first.access_token), false);
	}
	const { first } = await connected({ expires_in: "zero" });
	assert.equal(first.expires_in, 0);
	await advance(box, 400 * 86400);
	assert.ok(await works(first.access_token));
});

test("two refreshes at once: one wins; with strict the family is dead afterwards", async () => {
	const single = await connected({ rotation: "single" });
	const strict = await connected({ rotation: "strict" });
	for (const [{ app, first }, lives] of [[single, true], [strict, false]]) {
		const both = await Promise.all([1, 2].map(() => refresh(box, app, first.refresh_token)));
		assert.deepEqual(both.map((r) => r.status).sort(), [200, 400]);
		const won = both.find((r) => r.status === 200).body;
		assert.equal((await refresh(box, app, won.refresh_token)).status === 200, lives);
	}
});

test("a changed personality holds from the next refresh on", async () => {
	const { app, first } = await connected({});
	await renewed(app, first.refresh_token);
	await control(box, "PUT", `apps/${app.key}/personality`, { rotation: "single" });
	const next = await renewed(app, first.refresh_token);
	await control(box, "PUT", `apps/${app.key}/personality`, {});
	await refused(app, first.refresh_token);
	assert.equal((await renewed(app, next.refresh_token)).refresh_token, undefined);
});

test("a personality is read back, and a bad one is refused by the name of its member", async () => {
	const app = await makeApp(bea);
	const path = `apps/${app.key}/personality`;
	assert.deepEqual((await control(box, "GET", path)).body, { rotation: "none" });
	const whole = {
		rotation: "grace",
		grace: { until: "r2_used", max_s: 5, repeat: "same", after: "strict" },
		refresh_kills_access: true,
		refresh_token_idle_s: 60,
		refresh_token_max_age_s: 600,
		max_age_from: "issue",
		expires_in: "text",
		access_life_s: 30,
	};
	assert.deepEqual((await control(box, "PUT", path, whole)).body, whole);
	assert.deepEqual((await control(box, "GET", path)).body, whole);
	const bad = [
		[{ rotation: "twice" }, "rotation"],
		[{ rotation: 1 }, "rotation"],
		[{ grace: {} }, "grace"],
		[{ rotation: "grace", grace: "long" }, "grace"],
		[{ rotation: "grace", grace: { until: "never" } }, "until"],
		[{ rotation: "grace", grace: { max_s: 0 } }, "max_s"],
		[{ rotation: "grace", grace: { max_s: 1e12 } }, "max_s"],
		[{ rotation: "grace", grace: { repeat: true } }, "repeat"],
		[{ rotation: "grace", grace: { wrong: 1 } }, "wrong"],
		[{ refresh_kills_access: "yes" }, "refresh_kills_access"],
		[{ refresh_token_idle_s: -1 }, "refresh_token_idle_s"],
		[{ refresh_token_max_age_s: 1.5 }, "refresh_token_max_age_s"],
		[{ max_age_from: "issue" }, "max_age_from"],
		[{ expires_in: "soon" }, "expires_in"],
		[{ access_life_s: null }, "access_life_s"],
		[{ surprise: 1 }, "surprise"],
	];
	for (const [body, member] of bad) {
		const reply = await control(box, "PUT", path, body);
		assert.equal(reply.status, 400, JSON.stringify(body));
		assert.match(reply.body.detail, new RegExp(`\\b${member}\\b`));
	}
	assert.equal((await control(box, "PUT", path, [1])).status, 400);
	assert.deepEqual((await control(box, "GET", path)).body, whole, "a refused one changes nothing");
	assert.equal((await control(box, "PUT", "apps/nosuchapp000000/personality", {})).status, 404);
});
