/*
 * What a read of a live token costs, in instructions of the release build under callgrind, may not creep
 * up: the test fails when it is more than a tenth above the number in instructions.json. Such a number
 * holds for one compiler and one set of libraries (Debian 12), and is the same on any machine.
 *
 * A change that needs more for a good reason, or that needs less, writes the new number there, with the
 * reason in its commit: RENEW=1 tests/run bench/instructions
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { instructionsPerRequest } from './lib/callgrind.mjs';
import { seed, tokenName } from './lib/seed.mjs';

const SLACK = 1.1;
const file = fileURLToPath(new URL('instructions.json', import.meta.url));
const recorded = JSON.parse(readFileSync(file, 'utf8'));

async function countLiveToken(dir) {
	const { key } = await seed(dir, 100);
	return instructionsPerRequest({
		args: ['serve', '--data', dir],
		request: (port) =>
			`GET /api/v1/tokens/${encodeURIComponent(tokenName(7))}/access-token HTTP/1.1\r\n` +
			`Host: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\n\r\n`,
	});
}

test('a read of a live token takes no more instructions than recorded', async () => {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-count-'));
	try {
		const count = await countLiveToken(dir);
		if (process.env.RENEW) {
			writeFileSync(file, `${JSON.stringify({ ...recorded, 'live token read': count }, null, '\t')}\n`);
			return;
		}
		const most = Math.floor(recorded['live token read'] * SLACK);
		assert.ok(count <= most, `${count} instructions, recorded are ${recorded['live token read']}, at most ${most} may be`);
		assert.ok(count > recorded['live token read'] / 3, `${count} instructions are too few to have done it`);
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
});
