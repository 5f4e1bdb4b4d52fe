/*
 * Runs benchmarks one after the other: make bench, make bench BENCH=live-token. Each is a program
 * tests/bench/NAME.bench.mjs that prints a line of JSON for each metric (lib/report.mjs).
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

import { root } from '../lib/binary.mjs';

const dir = path.join(root, 'tests/bench');
const ENDING = '.bench.mjs';
const all = readdirSync(dir).filter((f) => f.endsWith(ENDING)).map((f) => f.slice(0, -ENDING.length)).sort();
const words = process.argv.slice(2);
const unknown = words.filter((w) => !all.includes(w));

function run(name) {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, [path.join(dir, name + ENDING)], { cwd: root, stdio: 'inherit' });
		child.on('close', (code) => resolve(code === 0));
	});
}

if (unknown.length > 0) {
	console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${all.join(', ')}`);
	process.exit(2);
}
for (const name of words.length > 0 ? words : all)
	if (!(await run(name))) {
		console.error(`${name} failed`);
		process.exitCode = 1;
	}
