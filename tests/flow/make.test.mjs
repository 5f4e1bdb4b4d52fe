/* The Makefile, with programs that stand for those it calls. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'valetkey-make-'));
after(() => fs.rmSync(dir, { recursive: true }));

function script(name, text) {
	const file = path.join(dir, name);
	fs.mkdirSync(path.dirname(file), { recursive: true });
	fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

test('make -j runs no two builds at once in one directory', () => {
	fs.copyFileSync(path.join(root, 'Makefile'), path.join(dir, 'Makefile'));
	fs.writeFileSync(path.join(dir, 'meson.build'), '');
	script('scripts/deps', '');
	script('scripts/list-files', 'echo tests/$1/test_one.c');
	script('bin/meson', 'for last; do :; done; mkdir -p "$last"; touch "$last/build.ninja"');
	/* As long as there is a build, there is its directory. */
	script('bin/ninja', 'mkdir "$2/busy" || { echo clash >>log; exit 0; }; echo "$2 $4" >>log; sleep 0.3; rmdir "$2/busy"');
	const env = { ...process.env, PATH: `${dir}/bin:${process.env.PATH}` };
	for (const name of ['MAKEFLAGS', 'MAKELEVEL', 'MFLAGS', 'BUILD']) delete env[name];
	execFileSync('make', ['-j4', 'asan', 'unit'], { cwd: dir, env });
	assert.deepEqual(fs.readFileSync(path.join(dir, 'log'), 'utf8').trim().split('\n'), ['build-asan valetkey', 'build-asan test_store']);
});
