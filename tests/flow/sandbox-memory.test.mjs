/* How much memory an idle sandbox has for itself. On the plain build: a sanitizer takes more. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cleanEnv, root } from '../lib/binary.mjs';

const plain = path.join(root, process.env.BUILD ?? 'build', 'valetkey');

test('an idle sandbox has less than 16 MiB of anonymous memory, with TLS and proxy, after some use', async (t) => {
	if (!existsSync(plain)) return t.skip('the plain build is not there');
	const child = spawn(plain, ['sandbox', '--ephemeral', '--proxy', ':0', '--listen', '127.0.0.1:0'], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
	let out = '';
	const url = await new Promise((resolve) => {
		child.stdout.on('data', (d) => {
			out += d;
			const found = /^Sandbox: (\S+)$/m.exec(out);
			if (found) resolve(found[1]);
		});
	});
	for (let i = 0; i < 50; i++) await Promise.all(Array.from({ length: 8 }, () => fetch(`${url}/_web/session`).then((res) => res.text())));
	const kib = Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]);
	child.kill();
	await new Promise((resolve) => child.on('close', resolve));
	assert.ok(kib > 500 && kib < 16 * 1024, `${kib} KiB`);
});
