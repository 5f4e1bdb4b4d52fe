// Links that open without a token.
import assert from "node:assert/strict";
import { test } from "node:test";

import { api, connect, makeApp } from "../../flow/sandbox-lib.mjs";
import { app, basic, box, business, useSandbox } from "./lib.mjs";

useSandbox();

async function upload(t, path, body = "x") {
	const headers = { authorization: `Bearer ${t}`, "dropbox-api-arg": JSON.stringify({ path, mode: "overwrite" }).replace(/[\u007f-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0")), "content-type": "application/octet-stream" };
	const res = await fetch(box.url + "/2/files/upload", { method: "POST", headers, body });
	assert.equal(res.status, 200, await res.clone().text());
	return res.json();
}

const tag = async (t, route, arg) => {
	const { status, body } = await api(box, t, `sharing/${route}`, arg);
	return status === 200 ? "ok" : status === 409 ? body.error[".tag"] : status;
};

test("S-217 a link opens its file and nothing beside it", async () => {
	const owner = (await connect(business, app)).access_token;
	const other = (await connect(basic, app)).access_token;
	await upload(owner, "/open/in.txt");
	await upload(owner, "/closed/secret.txt");
	await upload(owner, "/openness.txt");
	const { body: { url } } = await api(box, owner, "sharing/create_shared_link_with_settings", { path: "/open" });
	assert.equal(await tag(other, "get_shared_link_metadata", { url, path: "/in.txt" }), "ok");
	for (const path of ["/../closed/secret.txt", "/..", "/./in.txt", "//in.txt", "/in.txt/", "/in.txt/..", "../closed", "ness.txt", "/%2e%2e/closed", "/..%2fclosed/secret.txt", "\\..\\closed", "/in.txt\u0000", "id:x"])
		assert.notEqual(await tag(other, "get_shared_link_metadata", { url, path }), "ok", path);
});

test("S-217 neither id nor key of a link is guessed from the other, nor from another link", async () => {
	const owner = (await connect(business, app)).access_token;
	const other = (await connect(basic, app)).access_token;
	const urls = [];
	for (const path of ["/g1", "/g2"]) {
		await upload(owner, path);
		urls.push((await api(box, owner, "sharing/create_shared_link_with_settings", { path })).body.url);
	}
	const [one, two] = urls.map((u) => new URL(u));
	const swapped = one.href.replace(one.searchParams.get("rlkey"), two.searchParams.get("rlkey"));
	const noKey = one.href.replace(/\?.*/, "");
	const wrong = [swapped, noKey, noKey + "?rlkey=", one.href.slice(0, -6), one.href.replace("rlkey=", "rlkey=a"), one.href + "&rlkey=x", one.href.replace("/fi/", "/fi/../fi/"), "", "x", "https://", "javascript:alert(1)", "https://a/scl/fi/" + "a".repeat(2100)];
	for (const url of wrong.filter((u) => u !== one.href.slice(0, -6)))
		assert.notEqual(await tag(other, "get_shared_link_metadata", { url }), "ok", url);
	assert.ok(one.pathname.split("/")[3].length >= 21 && one.searchParams.get("rlkey").length >= 25, "36^25 is more than 2^128");
});

test("S-217 passwords of a link are not to be tried out", async () => {
	const owner = (await connect(business, app)).access_token;
	const other = (await connect(basic, app)).access_token;
	await upload(owner, "/pw.txt");
	const settings = { require_password: true, link_password: "right one" };
	const { body: { url } } = await api(box, owner, "sharing/create_shared_link_with_settings", { path: "/pw.txt", settings });
	const seen = [];
	for (let i = 0; i < 12; i++) seen.push(await tag(other, "get_shared_link_metadata", { url, link_password: `wrong ${i}` }));
	assert.deepEqual([...new Set(seen)], ["shared_link_access_denied", 429]);
	assert.equal(seen.indexOf(429), 10);
	for (let i = 0; i < 1000; i += 50) {
		const wave = Array.from({ length: 50 }, (_, k) => tag(other, "get_shared_link_metadata", { url, link_password: `wrong ${i + k}` }));
		assert.deepEqual([...new Set(await Promise.all(wave))], [429]);
	}
	const slowed = await api(box, other, "sharing/get_shared_link_metadata", { url, link_password: "right one" });
	assert.equal(slowed.status, 429);
	assert.ok(Number(slowed.headers.get("retry-after")) > 0);
	assert.equal((await fetch(url)).status, 403, "a browser is told that it is not for everybody");
	assert.equal((await fetch(url.replace("dl=0", "dl=1"))).status, 403);
	assert.equal(await tag(owner, "get_shared_link_metadata", { url }), "ok");
});

// The bytes wait in the kernel's buffers and in the sandbox while nobody reads.
test("S-217 a link that is revoked during a download gives nothing to the next one", async () => {
	const owner = (await connect(business, app)).access_token;
	const body = Buffer.alloc(32 << 20, "0123456789abcdef");
	await upload(owner, "/long.bin", body);
	const { body: { url } } = await api(box, owner, "sharing/create_shared_link_with_settings", { path: "/long.bin", settings: { audience: "public" } });
	const direct = url.replace("dl=0", "dl=1");
	const res = await fetch(direct);
	assert.equal(res.status, 200);
	const reader = res.body.getReader();
	let got = (await reader.read()).value.length;
	assert.ok(got < body.length);
	assert.equal((await api(box, owner, "sharing/revoke_shared_link", { url })).status, 200);
	assert.notEqual((await fetch(direct)).status, 200);
	assert.notEqual(await tag(owner, "get_shared_link_metadata", { url }), "ok");
	// What was begun ends whole: nobody is left with half a file.
	for (let part = await reader.read(); !part.done; part = await reader.read()) got += part.value.length;
	assert.equal(got, body.length);
});

test("S-212 S-217 an app-folder app learns of no link that leads out of its folder", async () => {
	const full = (await connect(basic, app)).access_token;
	const mine = (await connect(basic, await makeApp(basic, { access: "app_folder" }))).access_token;
	const outside = await upload(full, "/outside.txt");
	const url = (await api(box, full, "sharing/create_shared_link_with_settings", { path: "/outside.txt" })).body.url;
	await upload(mine, "/inside.txt");
	const inside = (await api(box, mine, "sharing/create_shared_link_with_settings", { path: "/inside.txt" })).body;
	assert.equal(inside.path_lower, "/inside.txt");
	assert.deepEqual((await api(box, mine, "sharing/list_shared_links", {})).body.links.map((l) => l.url), [inside.url]);
	assert.deepEqual((await api(box, mine, "sharing/list_shared_links", { path: "/inside.txt" })).body.links.map((l) => l.url), [inside.url]);
	assert.equal(await tag(mine, "list_shared_links", { path: outside.id }), "path");
	assert.equal(await tag(mine, "create_shared_link_with_settings", { path: outside.id }), "path");
	for (const route of ["revoke_shared_link", "modify_shared_link_settings"])
		assert.equal(await tag(mine, route, { url, ...(route.startsWith("modify") ? { settings: { audience: "public" } } : {}) }), "shared_link_access_denied");
	const asStranger = await api(box, mine, "sharing/get_shared_link_metadata", { url });
	assert.equal(asStranger.body.path_lower, undefined, "it may open what anybody may, and is not told where it lies");
	assert.equal(asStranger.body.link_permissions.can_revoke, false);
});

test("S-218 a name in Content-Disposition stays a name, and no browser runs the content", async () => {
	const owner = (await connect(basic, app)).access_token;
	for (const name of ['a"b.html', "Grüße 世界.svg", "50% off;x=y.js", "a'b.pdf"]) {
		await upload(owner, "/" + name, "<svg onload=alert(1)>");
		const { url } = (await api(box, owner, "sharing/create_shared_link_with_settings", { path: "/" + name })).body;
		const res = await fetch(url.replace("dl=0", "dl=1"));
		assert.equal(res.status, 200, name + (await res.clone().text()).slice(0, 300));
		assert.equal(res.headers.get("content-type"), "application/octet-stream");
		assert.equal(res.headers.get("x-content-type-options"), "nosniff");
		assert.match(res.headers.get("content-security-policy"), /default-src 'none'/);
		const [, plain, coded] = /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w.~%-]+)$/.exec(res.headers.get("content-disposition"));
		assert.equal(decodeURIComponent(coded), name);
		assert.equal(plain.length, Buffer.byteLength(name));
	}
});
