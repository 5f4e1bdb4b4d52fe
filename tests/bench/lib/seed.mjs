/*
 * A manager's data with tokens in it, made by tests/bench/seed.c.
 *
 *   const made = await seed(dir, 10000);        { key, key_for_all, username, password }
 *   await seed(dir, 100000, { from: 10000 });   more of them
 *   tokenName(42)                               "Bench 0000042"
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { root } from '../../lib/binary.mjs';

const program = path.resolve(root, process.env.BUILD || 'build', 'bench_seed');

export function tokenName(i) {
	return `Bench ${String(i).padStart(7, '0')}`;
}

/* options: those of the program, { from, life, due, lazy, store, 'app-key', … } */
export async function seed(dir, tokens, options = {}) {
	const words = Object.entries(options).flatMap(([name, value]) => {
		if (value === false || value === undefined) return [];
		return value === true ? [`--${name}`] : [`--${name}`, String(value)];
	});
	const { stdout } = await promisify(execFile)(program, ['--data', dir, '--tokens', String(tokens), ...words]);
	return stdout ? JSON.parse(stdout) : {};
}
