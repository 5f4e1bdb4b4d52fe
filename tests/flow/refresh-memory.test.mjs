/* What a refresh holds in memory is wiped when it is over, whether it worked or not: of hundreds of them nothing is left
 * in the manager when nothing is under way. By the program that is shipped. */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startOn } from '../bench/lib/process.mjs';
import { seed } from '../bench/lib/seed.mjs';
import { cleanEnv, root } from '../lib/binary.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';

const TOKENS = 400;
const PIECE = 1 << 20;
const LATE_MS = 120000;
const marks = { refresh: 'ZYXrefresh', access: 'sl.ZYXaccess' };
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-memory-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/* How often each of the marks stands in what the process can write to. */
function inMemory(pid) {
	const found = { refresh: 0, access: 0 };
	const memory = openSync(`/proc/${pid}/mem`, 'r');
	for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
		const [, from, to, rights] = /^(\w+)-(\w+) (\S+)/.exec(line) ?? [];
		if (rights?.[1] !== 'w' || rights[0] !== 'r') continue;
		const region = Buffer.alloc(Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)));
		for (let at = 0; at < region.length; at += PIECE)
			readSync(memory, region, at, Math.min(PIECE, region.length - at), BigInt(`0x${from}`) + BigInt(at));
		for (const [name, mark] of Object.entries(marks))
			for (let at = region.indexOf(mark); at >= 0; at = region.indexOf(mark, at + 1)) found[name]++;
	}
	closeSync(memory);
	return found;
}

test('S-178 when no refresh is under way, no token of one stands in memory', { skip: process.getuid() !== 0 && 'reading the memory of a process that says no takes root' }, async (t) => {
	let answer;
	const asked = new Promise((resolve) => (answer = resolve));
	const p = await startProvider({
		token: async (req) => {
			await asked;
			const n = Number(req.form.refresh_token.slice(marks.refresh.length));
			return n % 3 === 0
				? { status: 400, json: { error: 'invalid_grant' } }
				: { json: tokenReply({ access_token: `${marks.access}${n}`.padEnd(140, 'A'), refresh_token: undefined }) };
		},
	});
	t.after(() => p.stop());
	const data = path.join(dir, 'data');
	mkdirSync(data, { mode: 0o700 });
	writeFileSync(path.join(dir, 'refresh-tokens'), Array.from({ length: TOKENS }, (_, i) => `${marks.refresh}${i}\n`).join(''));
	await seed(data, TOKENS, { due: true, 'refresh-tokens': path.join(dir, 'refresh-tokens') });
	const program = path.resolve(root, process.env.BUILD || 'build', 'valetkey');
	const manager = await startOn(0, [program, 'serve', '--data', data, '--listen', '127.0.0.1:0'], {
		ready: (text) => /^Manager: (\S+)$/m.test(text), env: cleanEnv({ VALETKEY_DROPBOX_URL: p.url, VALETKEY_LOG_LEVEL: 'error' }),
	});
	t.after(() => manager.stop());
	const end = Date.now() + LATE_MS;
	while (p.count('/oauth2/token') === 0) await pause(20);
	assert.ok(inMemory(manager.pid).refresh > 0, 'it is found while it is needed');
	answer();
	while (p.count('/oauth2/token') < TOKENS) await pause(20);
	for (let found; ; await pause(200)) {
		found = inMemory(manager.pid);
		if (found.refresh + found.access === 0) break;
		assert.ok(Date.now() < end, `still in memory: ${JSON.stringify(found)}`);
	}
	assert.equal(p.count('/oauth2/token'), TOKENS);
});
