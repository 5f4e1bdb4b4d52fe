/* One run of chaos.mjs as a test: a program of its own, since it may need a mount namespace of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('chaos.mjs', import.meta.url));

export async function shortChaos(t, settings) {
	const child = spawn(process.execPath, [program], { env: { ...process.env, RUNS: '', NODES: '', COPIES: '1', ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
	let out = '', err = '';
	child.stdout.on('data', (d) => (out += d));
	child.stderr.on('data', (d) => (err += d));
	const code = await new Promise((resolve) => child.on('close', resolve));
	const line = out.trim();
	t.diagnostic(line);
	assert.equal(code, 0, `${JSON.stringify(settings)} ${line}\n${err.slice(-12000)}`);
	const result = JSON.parse(line);
	assert.ok(result.kills >= 1 && result.refreshes >= 10, line);
	assert.deepEqual([result.grants_lost, result.needs_person, result.reuse, result.broken], [0, 0, 0, []]);
}
