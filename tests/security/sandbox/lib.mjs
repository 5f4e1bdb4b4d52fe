// What the tests of the sandbox's security rows share: one sandbox for each file, two people and an app.
import http from "node:http";
import { after, before } from "node:test";

import { Browser, makeApp, raw, startSandbox } from "../../flow/sandbox-lib.mjs";
import { run } from "../../lib/server.mjs";

export let box;
export let basic;
export let business;
export let app;

// Call once in a test file.
export function useSandbox() {
	before(async () => {
		box = await startSandbox();
		basic = new Browser(box);
		business = new Browser(box);
		await basic.signIn("basic");
		await business.signIn("business");
		app = await makeApp(basic);
	});
	after(() => box?.stop());
}

// The rows of the running program: { method, path, access, scope, tunnel, absent }.
export async function routes() {
	const { code, out, err } = await run(["routes", "--sandbox"]);
	if (code !== 0) throw new Error(err);
	return out.trim().split("\n").map((line) => {
		const [method, path, access, scope, tunnel, absent] = line.split(/\s+/);
		return { method, path, access, scope, tunnel, absent: absent === "absent" };
	});
}

export const state = async () =>
	(await fetch(box.url + "/_sandbox/state", { headers: { authorization: `Bearer ${box.seed.control_token}` } })).json();

// A request target exactly as written: no URL library touches it.
export const rawGet = (target) => raw(box, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${box.port}\r\nConnection: close\r\n\r\n`);

// A POST with a pooled connection of its own, for floods.
export function post(agent, path, body, headers) {
	return new Promise((resolve, reject) => {
		const req = http.request(
			{ agent, host: "127.0.0.1", port: box.port, path, method: "POST", headers: { "content-length": Buffer.byteLength(body), ...headers } },
			(res) => {
				let text = "";
				res.on("data", (c) => (text += c));
				res.on("end", () => resolve({ status: res.statusCode, body: text }));
			},
		);
		req.on("error", reject);
		req.end(body);
	});
}

// Everything a page elsewhere could try, with the person's own cookies on board.
export const foreign = (good) => [
	{ ...good, origin: "http://127.0.0.1:9999" }, { ...good, origin: "null" }, { ...good, origin: "https://evil.example" },
	{ ...good, origin: box.url.replace("127.0.0.1", "localhost") }, { ...good, origin: undefined },
	{ ...good, origin: box.url + ".evil" }, { ...good, "x-csrf-token": undefined }, { ...good, "x-csrf-token": "" },
	{ ...good, "x-csrf-token": business.csrf },
];

export async function attempt(method, path, headers, body) {
	const given = Object.fromEntries(Object.entries(headers).filter(([, v]) => v !== undefined));
	const res = await fetch(box.url + path, { method, headers: given, body, redirect: "manual" });
	return res.status;
}
