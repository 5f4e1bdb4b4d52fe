/* check-rooms.mjs - includes obey src/ROOMS, files and functions stay small, no banned function. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MAX_FILE_LINES = 700;
const MAX_FUNCTION_LINES = 70;
const BANNED = /(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets)\s*\(/;

const findings = [];
const report = (file, line, text) => findings.push(`${file}:${line}: ${text}`);

function readRooms() {
	const rooms = new Map();
	readFileSync("src/ROOMS", "utf8").split("\n").forEach((line, i) => {
		if (line === "" || line.startsWith("#"))
			return;
		const m = /^([\w./]+):((?: [\w./]+)*)$/.exec(line);
		if (m === null)
			report("src/ROOMS", i + 1, "is not of the form \"room: room room/header.h\"");
		else
			rooms.set(m[1], m[2].split(" ").filter((w) => w !== ""));
	});
	return rooms;
}

function sources() {
	return readdirSync("src", { recursive: true })
		.map((f) => f.replaceAll("\\", "/")).filter((f) => /\.[ch]$/.test(f)).sort();
}

/* A room is a directory: "sandbox/files" for "sandbox/files/list.c"; of a file of src/, its name. */
const roomOf = (path) => path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : path;

function checkIncludes(rooms, path, lines) {
	const room = roomOf(path), may = rooms.get(room);
	if (may === undefined)
		return report(`src/${path}`, 1, `the room ${room} is not in src/ROOMS`);
	lines.forEach((line, i) => {
		const header = /^\s*#\s*include\s+"([^"]+)"/.exec(line)?.[1];
		if (header === undefined)
			return;
		const from = roomOf(header);
		if (header.includes("..") || (header.includes("/") && !existsSync(join("src", header))))
			report(`src/${path}`, i + 1, `"${header}" is not a header named from src/`);
		else if (from !== room && !may.includes(from) && !may.includes(header))
			report(`src/${path}`, i + 1, `${room} may not include "${header}" (src/ROOMS)`);
	});
}

/* Comments and string literals blanked, lines kept. */
function codeOnly(text) {
	return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g,
		(m) => m.replace(/[^\n]/g, " "));
}

/* The formatter puts a function's braces, and those only, alone in the first column. */
function checkFunctions(path, code) {
	let open = -1;
	code.forEach((line, i) => {
		if (line === "{")
			open = i;
		if (line === "}" && open >= 0) {
			if (i - open - 1 > MAX_FUNCTION_LINES)
				report(`src/${path}`, open, `a function of ${i - open - 1} lines`);
			open = -1;
		}
	});
}

function checkFile(rooms, path) {
	const text = readFileSync(join("src", path), "utf8");
	const lines = text.split("\n"), code = codeOnly(text).split("\n").map((l) => l.trimEnd());
	checkIncludes(rooms, path, lines);
	checkFunctions(path, code);
	if (lines.length - 1 > MAX_FILE_LINES)
		report(`src/${path}`, lines.length - 1, `a file of ${lines.length - 1} lines`);
	code.forEach((line, i) => {
		const banned = BANNED.exec(line)?.[1];
		if (banned !== undefined)
			report(`src/${path}`, i + 1, `${banned}() is banned`);
	});
}

const rooms = readRooms();
const files = sources();
files.forEach((path) => checkFile(rooms, path));
if (files.length === 0)
	report("src", 1, "no source files were found");
findings.forEach((f) => process.stderr.write(`${f}\n`));
process.stdout.write(`rooms: ${files.length} files, ${findings.length} findings\n`);
process.exit(findings.length === 0 ? 0 : 1);
