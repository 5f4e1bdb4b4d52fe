// Webhooks: the challenge of a new one, and the signed word that files changed.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, afterEach, before, test } from "node:test";

import { challengeBack, startHook } from "../lib/hook.mjs";
import { advance, api, Browser, connect, makeApp, startSandbox } from "./sandbox-lib.mjs";

let box, ann, bea;
const open = [];

before(async () => {
	box = await startSandbox();
	[ann, bea] = [new Browser(box), new Browser(box)];
	await ann.signIn("basic");
	await bea.signIn("business");
});
after(() => box.stop());
afterEach(async () => {
	for (const hook of open.splice(0)) await hook.stop();
});

async function listener() {
	const hook = await startHook();
	open.push(hook);
	return hook;
}

const path = (app) => `/_web/apps/${app.key}/webhooks`;
const add = (app, uri, who = ann) => who.post(path(app), { uri });
const list = async (app) => (await ann.get(path(app))).body.webhooks;

// An app of Ann's with a webhook, connected to her account.
async function listening(options) {
	const hook = await listener();
	const app = await makeApp(ann, options);
	const tokens = await connect(ann, app);
	const { status, body } = await add(app, hook.url);
	assert.equal(status, 200, JSON.stringify(body));
	return { hook, app, token: tokens.access_token, account: tokens.account_id, uid: Number(tokens.uid), id: body.webhooks[0].id };
}

async function folder(token, name) {
	const made = await api(box, token, "files/create_folder_v2", { path: `/${name}` });
	assert.equal(made.status, 200, JSON.stringify(made.body));
}

// The log of the one webhook, once it has n entries.
async function logOf(app, n) {
	for (;;) {
		const [{ deliveries }] = await list(app);
		if (deliveries.length >= n) return deliveries;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

let names = 0;
const fresh = () => `Folder ${++names}`;

test("a webhook is added when it gives the challenge back", async () => {
	const hook = await listener();
	const app = await makeApp(ann);
	const { status, body } = await add(app, `  ${hook.url}?from=a b`.replace(" b", "%20b"));
	assert.equal(status, 200);
	assert.deepEqual(body.webhooks.map(({ uri, enabled, deliveries }) => ({ uri, enabled, deliveries })), [{ uri: `${hook.url}?from=a%20b`, enabled: true, deliveries: [] }]);
	assert.match(hook.requests[0].url, /^\/hook\?from=a%20b&challenge=[A-Za-z0-9_-]{43}$/);
	assert.equal((await add(app, `${hook.url}?from=a%20b`)).status, 409);
	assert.equal(hook.requests.length, 1);
});

test("what does not give it back is refused, and the answer says what came", async () => {
	const hook = await listener();
	const app = await makeApp(ann);
	const other = await listener();
	const answers = [
		[(req, res) => res.writeHead(500).end(), /status 500/],
		[(req, res) => res.writeHead(200, { "content-type": "text/html" }).end("<b>hello</b>"), /12 bytes \(text\/html\)/],
		[(req, res) => res.writeHead(200).end(`${new URL(req.url, "http://h").searchParams.get("challenge")}\n`), /44 bytes \(no type\)/],
		[(req, res) => res.writeHead(302, { location: `${other.url}${new URL(req.url, "http://h").search}` }).end(), /redirect.*not followed/],
		[(req, res) => res.writeHead(200).end(Buffer.alloc(20000)), /size limit/],
		[(req, res) => res.socket.destroy(), /no complete reply/],
	];
	for (const [answer, words] of answers) {
		hook.answer = answer;
		const { status, body } = await add(app, hook.url);
		assert.deepEqual([status, body.code, body.field], [400, "no-challenge", "uri"]);
		assert.match(body.detail, words);
	}
	assert.equal(other.requests.length, 0);
	await hook.stop();
	assert.match((await add(app, hook.url)).body.detail, /could not connect/);
	assert.deepEqual(await list(app), []);
});

test("an app has ten webhooks at most", async () => {
	const hook = await listener();
	const app = await makeApp(ann);
	for (let i = 0; i < 10; i++) assert.equal((await add(app, `${hook.url}/${i}`)).status, 200);
	assert.equal((await add(app, `${hook.url}/more`)).body.code, "too-many-uris");
	assert.equal(hook.requests.length, 10);
});

test("a change of a connected account is told, signed", async () => {
	const { hook, app, token, account, uid } = await listening();
	await folder(token, fresh());
	const { text, body, headers } = await hook.next();
	assert.deepEqual(body, { list_folder: { accounts: [account] }, delta: { users: [uid] } });
	assert.equal(headers["content-type"], "application/json");
	assert.equal(headers["x-dropbox-signature"], createHmac("sha256", app.secret).update(text).digest("hex"));
	const [last] = await logOf(app, 1);
	assert.deepEqual([last.delivered, last.status, last.attempt, last.accounts, last.error, last.again_ms], [true, 200, 1, 1, null, null]);

	const { body: renewed } = await ann.post(`/_web/apps/${app.key}/secret/rotate`);
	await folder(token, fresh());
	const after = await hook.next();
	assert.equal(after.headers["x-dropbox-signature"], createHmac("sha256", renewed.app_secret).update(after.text).digest("hex"));
});

test("nobody hears of an account that did not connect the app", async () => {
	const { hook, token, account } = await listening();
	const theirs = await makeApp(bea);
	const stranger = await connect(bea, theirs);
	await folder(stranger.access_token, fresh());
	await folder(token, fresh());
	assert.deepEqual((await hook.next()).body.list_folder.accounts, [account]);
});

test("an app-folder app hears of its folder only", async () => {
	const wide = await listening();
	const app = await makeApp(ann, { access: "app_folder" });
	const tokens = await connect(ann, app);
	await wide.hook.next(); // the folder was made
	const hook = await listener();
	await add(app, hook.url);
	await folder(wide.token, fresh());
	await wide.hook.next();
	await folder(tokens.access_token, fresh());
	await wide.hook.next();
	await hook.next();
	assert.equal(hook.requests.filter((r) => r.method === "POST").length, 1);
});

test("a slow webhook delays no call, and hears of what gathered meanwhile in one", async () => {
	const { hook, token } = await listening();
	let release;
	const held = new Promise((resolve) => (release = resolve));
	hook.answer = async (req, res) => {
		await held;
		challengeBack(req, res);
	};
	await folder(token, fresh());
	await hook.next();
	for (let i = 0; i < 5; i++) await folder(token, fresh());
	assert.equal(hook.requests.filter((r) => r.method === "POST").length, 1);
	release();
	await hook.next();
	await folder(token, fresh());
	await hook.next();
	assert.equal(hook.requests.filter((r) => r.method === "POST").length, 3);
});

test("what fails is tried again after 5, 30 and 300 seconds, then given up", async () => {
	const { hook, app, token } = await listening();
	hook.answer = (req, res) => res.writeHead(503).end();
	await folder(token, fresh());
	const waits = [5, 30, 300];
	for (let attempt = 1; attempt <= 4; attempt++) {
		const [last] = await logOf(app, attempt);
		assert.deepEqual([last.attempt, last.status, last.delivered], [attempt, 503, false]);
		assert.equal(last.again_ms && Math.round((last.again_ms - last.at_ms) / 1000), waits[attempt - 1] ?? null);
		if (attempt < 4) await advance(box, waits[attempt - 1]);
	}
	const { now_ms, webhooks } = (await ann.get(path(app))).body;
	assert.ok(now_ms >= webhooks[0].deliveries[0].at_ms, "the page's times follow the sandbox's clock");
	await advance(box, 3600);
	hook.answer = challengeBack;
	await folder(token, fresh());
	const [last] = await logOf(app, 5);
	assert.deepEqual([last.attempt, last.delivered], [1, true]);
	assert.equal(hook.requests.filter((r) => r.method === "POST").length, 5);
});

test("a disabled webhook hears nothing, and nothing of the past when it is enabled again", async () => {
	const { hook, app, token, id } = await listening();
	const all = await listening();
	assert.equal((await ann.post(`${path(app)}/${id}`, { enabled: false })).body.webhooks[0].enabled, false);
	await folder(token, fresh());
	await all.hook.next();
	assert.equal((await ann.post(`${path(app)}/${id}`, { enabled: true })).body.webhooks[0].enabled, true);
	await folder(token, fresh());
	await hook.next();
	await all.hook.next();
	assert.equal(hook.requests.filter((r) => r.method === "POST").length, 1);
	assert.deepEqual((await ann.send("DELETE", `${path(app)}/${id}`)).body.webhooks, []);
	assert.equal((await ann.send("DELETE", `${path(app)}/${id}`)).status, 404);
	await folder(token, fresh());
	await all.hook.next();
	assert.equal(hook.requests.filter((r) => r.method === "POST").length, 1);
});

test("a webhook outlives a restart", async () => {
	const own = await startSandbox();
	const hook = await listener();
	const first = new Browser(own);
	await first.signIn("basic");
	const app = await makeApp(first);
	const { access_token: token } = await connect(first, app);
	assert.equal((await first.post(path(app), { uri: hook.url })).status, 200);
	await own.stop({ keep: true });
	const again = await startSandbox({ data: own.dir });
	await api(again, token, "files/create_folder_v2", { path: "/After" });
	await hook.next();
	await again.stop();
});
