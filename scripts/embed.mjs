/* embed.mjs OUTDIR FILE... - writes the files as C, so that the binary carries them.
 *
 * OUTDIR/data_files.c and OUTDIR/data_files.h. Files are named from the root of the tree, and keep
 * that name in the binary. The same files give the same bytes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BYTES_PER_LINE = 24;
const HEADER = `/* data_files.h - files the binary carries. Written by scripts/embed.mjs. */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include <stddef.h>

struct data_file {
	const char *name; /* "providers/dropbox.json" */
	const char *text; /* a NUL follows the last byte */
	size_t len;
};

extern const struct data_file data_files[];
extern const size_t data_file_count;

#endif
`;

function cBytes(bytes) {
	const lines = [];
	for (let i = 0; i < bytes.length; i += BYTES_PER_LINE)
		lines.push(`\t${[...bytes.subarray(i, i + BYTES_PER_LINE)].map((b) => (b > 127 ? b - 256 : b)).join(",")},`);
	return [...lines, "\t0"].join("\n");
}

function read(file) {
	const path = resolve(file);
	const bytes = readFileSync(path);
	JSON.parse(bytes.toString("utf8"));
	return { name: relative(ROOT, path), bytes };
}

const [outdir, ...paths] = process.argv.slice(2);
if (outdir === undefined || paths.length === 0) {
	process.stderr.write("usage: scripts/embed.mjs OUTDIR FILE...\n");
	process.exit(2);
}
const files = paths.map((p) => {
	try {
		return read(p);
	} catch (e) {
		process.stderr.write(`scripts/embed.mjs: ${p}: ${e.message}\n`);
		return process.exit(1);
	}
});
const texts = files.map((f, i) => `static const char file_${i}[] = {\n${cBytes(f.bytes)}\n};\n`);
const rows = files.map((f, i) =>
	`\t{ .name = ${JSON.stringify(f.name)}, .text = file_${i}, .len = sizeof(file_${i}) - 1 },\n`);
mkdirSync(outdir, { recursive: true });
writeFileSync(join(outdir, "data_files.h"), HEADER);
writeFileSync(join(outdir, "data_files.c"),
	`/* Written by scripts/embed.mjs. */\n#include "data_files.h"\n\n${texts.join("\n")}\n` +
	`const struct data_file data_files[] = {\n${rows.join("")}};\n` +
	`const size_t data_file_count = ${files.length};\n`);
