// The files API of the sandbox, as a program with a token calls it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { Browser, connect, makeApp } from "./sandbox-lib.mjs";

const BLOCK = 4 << 20;

// Dropbox's content hash, by its description.
export function contentHash(bytes) {
	const whole = createHash("sha256");
	for (let at = 0; at < bytes.length; at += BLOCK)
		whole.update(createHash("sha256").update(bytes.subarray(at, at + BLOCK)).digest());
	return whole.digest("hex");
}

const escaped = (arg) => JSON.stringify(arg).replace(/[\u007f-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

export class Files {
	constructor(url, token) {
		this.url = url;
		this.token = token;
	}

	async send(route, options) {
		const res = await fetch(`${this.url}/2/files/${route}`, {
			method: "POST",
			...options,
			headers: { ...(this.token ? { authorization: `Bearer ${this.token}` } : {}), ...options.headers },
		});
		const bytes = Buffer.from(await res.arrayBuffer());
		let body = bytes.toString();
		if (res.headers.get("content-type")?.startsWith("application/json")) body = JSON.parse(body);
		return { status: res.status, headers: res.headers, body, bytes };
	}

	// { status, headers, body }
	rpc(route, arg) {
		return this.send(route, { headers: { "content-type": "application/json" }, body: JSON.stringify(arg) });
	}

	// The result; anything but 200 is a failure of the test.
	async ok(route, arg) {
		const reply = await this.rpc(route, arg);
		assert.equal(reply.status, 200, `${route}: ${reply.status} ${JSON.stringify(reply.body)}`);
		return reply.body;
	}

	// The error union of a 409.
	async error(route, arg) {
		const reply = await this.rpc(route, arg);
		assert.equal(reply.status, 409, `${route}: ${reply.status} ${JSON.stringify(reply.body)}`);
		return reply.body.error;
	}

	content(route, arg, body, headers = {}) {
		return this.send(route, {
			headers: { "content-type": "application/octet-stream", "dropbox-api-arg": escaped(arg), ...headers },
			body,
		});
	}

	async contentOk(route, arg, body) {
		const reply = await this.content(route, arg, body);
		assert.equal(reply.status, 200, `${route}: ${reply.status} ${JSON.stringify(reply.body)}`);
		return reply.body;
	}

	async contentError(route, arg, body) {
		const reply = await this.content(route, arg, body);
		assert.equal(reply.status, 409, `${route}: ${reply.status} ${JSON.stringify(reply.body)}`);
		return reply.body.error;
	}

	upload(path, body, more = {}) {
		return this.contentOk("upload", { path, ...more }, body);
	}

	download(path, headers = {}) {
		return this.send("download", { headers: { "dropbox-api-arg": escaped({ path }), ...headers } });
	}

	// Every entry below a folder, by pages.
	async list(path, more = {}) {
		const entries = [];
		let page = await this.ok("list_folder", { path, ...more });
		entries.push(...page.entries);
		while (page.has_more) {
			page = await this.ok("list_folder/continue", { cursor: page.cursor });
			entries.push(...page.entries);
		}
		return { entries, cursor: page.cursor };
	}

	async names(path, more) {
		return (await this.list(path, more)).entries.map((e) => e.name);
	}

	// What happened since a cursor: ["file /a", "deleted /b"], and the next cursor.
	async since(cursor) {
		const seen = [];
		for (;;) {
			const page = await this.ok("list_folder/continue", { cursor });
			seen.push(...page.entries.map((e) => `${e[".tag"]} ${e.path_lower}`));
			cursor = page.cursor;
			if (!page.has_more) return { seen: seen.sort(), cursor };
		}
	}
}

// A signed-in person with an app; each call of files() is a program with a token of its own.
export async function person(box, type = "basic") {
	const browser = new Browser(box);
	assert.equal((await browser.signIn(type)).status, 200);
	return {
		browser,
		async files(options = {}) {
			const app = options.app ?? (await makeApp(browser, options));
			const { access_token: token } = await connect(browser, app);
			return Object.assign(new Files(box.url, token), { app });
		},
	};
}

// { ".tag": "path", path: {...} } for "path/conflict/file"
export function union(tags) {
	const [first, ...rest] = tags.split("/");
	return rest.length === 0 ? { ".tag": first } : { ".tag": first, [first]: union(rest.join("/")) };
}
