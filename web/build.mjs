/* build.mjs - bundles the pages of both sites and writes them as C, so that the binary carries them.
 *
 *   node web/build.mjs OUTDIR     writes OUTDIR/web_assets.c and OUTDIR/web_assets.h
 *   node web/build.mjs --check    type-checks web/ and writes nothing
 *
 * The same sources give the same bytes: no time, no path and no random name goes into the output. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const WEB = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(WEB);
const SITES = ["console", "sandbox"];
const BOOT_MARKER = "<!--boot-->";
const TYPES = {
	css: "text/css; charset=utf-8",
	html: "text/html; charset=utf-8",
	js: "text/javascript; charset=utf-8",
	svg: "image/svg+xml",
};
const BYTES_PER_LINE = 32;

function die(text) {
	process.stderr.write(`web/build.mjs: ${text}\n`);
	process.exit(1);
}

function check() {
	const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
	if (!existsSync(tsc))
		die("TypeScript is not installed; run `make deps`");
	const run = spawnSync(process.execPath, [tsc, "--noEmit", "-p", join(WEB, "tsconfig.json")],
		{ stdio: "inherit" });
	process.exit(run.status ?? 1);
}

async function loadEsbuild() {
	try {
		return await import("esbuild");
	} catch (e) {
		return die(`esbuild is not installed; run \`make deps\` (${e.code ?? e.message})`);
	}
}

function requireSources(site) {
	for (const name of ["main.tsx", "index.html"]) {
		if (!existsSync(join(WEB, site, name)))
			die(`web/${site}/${name} does not exist`);
	}
}

/* The server puts the boot data where the marker is, so there must be exactly one. */
function readShell(site) {
	const html = readFileSync(join(WEB, site, "index.html"), "utf8");
	if (html.split(BOOT_MARKER).length !== 2)
		die(`web/${site}/index.html must contain ${BOOT_MARKER} exactly once`);
	return Buffer.from(html);
}

async function bundle(esbuild, site) {
	const result = await esbuild.build({
		absWorkingDir: ROOT,
		entryPoints: [{ in: `web/${site}/main.tsx`, out: site }],
		outdir: "out",
		tsconfig: "web/tsconfig.json",
		bundle: true,
		write: false,
		minify: true,
		charset: "utf8",
		legalComments: "none",
		format: "iife",
		target: ["es2020", "chrome100", "firefox100", "safari15.4"],
		define: { "process.env.NODE_ENV": '"production"' },
		logLevel: "warning",
	});
	const find = (ext) => {
		const file = result.outputFiles.find((f) => f.path.endsWith(`${site}.${ext}`));
		return file ? Buffer.from(file.contents) : die(`web/${site} gave no ${ext} file`);
	};
	return { js: find("js"), css: find("css") };
}

async function buildSite(esbuild, site) {
	const { js, css } = await bundle(esbuild, site);
	const favicon = readFileSync(join(WEB, "shared", `favicon-${site}.svg`));
	return {
		site,
		shell: { path: "/", ext: "html", bytes: readShell(site) },
		assets: [
			{ path: `/assets/${site}.js`, ext: "js", bytes: js },
			{ path: `/assets/${site}.css`, ext: "css", bytes: css },
			{ path: "/assets/favicon.svg", ext: "svg", bytes: favicon },
		],
	};
}

function cBytes(name, bytes) {
	const lines = [];
	for (let i = 0; i < bytes.length; i += BYTES_PER_LINE)
		lines.push(`\t${[...bytes.subarray(i, i + BYTES_PER_LINE)].join(",")},`);
	return `static const unsigned char ${name}[] = {\n${lines.join("\n")}\n};\n`;
}

function cAsset(asset, name) {
	const digest = createHash("sha256").update(asset.bytes).digest("hex").slice(0, 32);
	return `{ .path = "${asset.path}", .content_type = "${TYPES[asset.ext]}",\n` +
		`\t\t.bytes = ${name}, .len = sizeof(${name}), .etag = "\\"${digest}\\"" }`;
}

function cSite({ site, shell, assets }) {
	const name = (asset) => `${site}_${asset.ext}`;
	const rows = assets.map((a) => `\t${cAsset(a, name(a))},\n`).join("");
	return [...assets, shell].map((a) => cBytes(name(a), a.bytes)).join("") +
		`const struct http_asset web_${site}_assets[] = {\n${rows}};\n` +
		`const size_t web_${site}_asset_count = ${assets.length};\n` +
		`const struct http_asset web_${site}_shell =\n\t${cAsset(shell, name(shell))};\n`;
}

function cHeader() {
	const lines = SITES.map((site) => `extern const struct http_asset web_${site}_assets[];\n` +
		`extern const size_t web_${site}_asset_count;\n` +
		`extern const struct http_asset web_${site}_shell; /* contains ${BOOT_MARKER} once */\n`);
	return "/* web_assets.h - the pages of both sites. Written by web/build.mjs. */\n" +
		"#ifndef WEB_ASSETS_H\n#define WEB_ASSETS_H\n\n#include <stddef.h>\n\n" +
		`#include "http/server.h"\n\n${lines.join("\n")}\n#endif\n`;
}

async function main(outdir) {
	SITES.forEach(requireSources);
	const esbuild = await loadEsbuild();
	const sites = await Promise.all(SITES.map((site) => buildSite(esbuild, site)));
	mkdirSync(outdir, { recursive: true });
	writeFileSync(join(outdir, "web_assets.h"), cHeader());
	writeFileSync(join(outdir, "web_assets.c"),
		"/* Written by web/build.mjs. */\n#include \"web_assets.h\"\n\n" + sites.map(cSite).join("\n"));
}

const [arg, ...rest] = process.argv.slice(2);
if (arg === undefined || rest.length > 0)
	die("usage: node web/build.mjs OUTDIR | --check");
else if (arg === "--check")
	check();
else
	await main(resolve(arg)).catch((e) => die(e.message));
