/* Hundreds of refreshes of which most fail, each in its way, all at once: what failed is written with what did not, and
 * each token has its own words, its own state and its own event. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { seed } from '../bench/lib/seed.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const TOKENS = 400;
const LATE_MS = 120000;
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-failures-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/* By the letter that their refresh tokens begin with. None says that the provider is down: it goes on being asked. */
const kinds = {
	f: { reply: () => ({ json: tokenReply({ refresh_token: undefined }) }), status: 0, attempts: 0, words: /^$/, event: null },
	g: { reply: (n) => ({ status: 400, json: { error: 'invalid_grant', error_description: `no ${n}` } }), status: 1, words: /invalid_grant: no N/, event: 'token.needs_reauthorization' },
	c: { reply: (n) => ({ status: 401, json: { error: 'invalid_client', error_description: `no ${n}` } }), status: 2, words: /invalid_client: no N/, event: 'token.misconfigured' },
	r: { reply: (n) => ({ status: 400, json: { error: 'invalid_request', error_description: `no ${n}` } }), status: 0, words: /invalid_request: no N/, event: 'token.failing' },
};
const letters = Object.keys(kinds);
const number = (i) => String(i).padStart(4, '0');

test('hundreds of refreshes that fail at once each end in their own words, state and event', async (t) => {
	const p = await startProvider({
		token: (req) => {
			const [, letter, n] = /^(.)-(\d+)$/.exec(req.form.refresh_token);
			return kinds[letter].reply(n);
		},
	});
	t.after(() => p.stop());
	const lines = Array.from({ length: TOKENS }, (_, i) => `${letters[i % letters.length]}-${number(i)}`);
	const data = path.join(dir, 'data');
	mkdirSync(data, { mode: 0o700 });
	writeFileSync(path.join(dir, 'refresh-tokens'), `${lines.join('\n')}\n`);
	await seed(data, TOKENS, { due: true, 'refresh-tokens': path.join(dir, 'refresh-tokens') });
	const seeded = Date.now();
	const ask = (query) => JSON.parse(execFileSync('sqlite3', ['-cmd', '.timeout 60000', '-json', `file:${data}/valetkey.db?mode=ro`, query], { encoding: 'utf8' }) || '[]');
	const manager = await startServe({ data, env: { VALETKEY_DROPBOX_URL: p.url, VALETKEY_LOG_LEVEL: 'error' } });
	t.after(() => manager.stop());
	/* Each was tried, and none is at the moment: those whose request was refused are tried again and again. */
	let tokens;
	for (const end = Date.now() + LATE_MS; ; await pause(100)) {
		tokens = ask('SELECT id, name, status, refreshed_ms, attempts, last_error, lease_until_ms, attempt_stage, length(attempt_reply) AS kept FROM token ORDER BY name');
		const left = tokens.filter((x) => (x.refreshed_ms <= seeded && x.attempts === 0) || x.lease_until_ms > 0).length;
		if (left === 0) break;
		assert.ok(Date.now() < end, `${left} were not tried after ${LATE_MS} ms, or are still`);
	}
	const events = ask("SELECT about_id, type, details FROM event WHERE type LIKE 'token.%'");
	assert.equal(tokens.length, TOKENS);
	for (const [i, token] of tokens.entries()) {
		const kind = kinds[letters[i % letters.length]];
		const told = events.filter((e) => e.about_id === token.id);
		assert.equal(token.status, kind.status, token.name);
		assert.match(token.last_error, new RegExp(kind.words.source.replace('N', number(i))));
		assert.deepEqual([token.lease_until_ms, token.attempt_stage, token.kept], [0, 0, 0], token.name);
		assert.deepEqual(told.map((e) => e.type), kind.event ? [kind.event] : [], token.name);
		if (kind.event) assert.match(JSON.parse(told[0].details).why, new RegExp(`no ${number(i)}`));
	}
	/* Who is told that it is over is not asked again. */
	const shown = p.requests.map((r) => r.form.refresh_token).filter((text) => /^[fgc]/.test(text));
	assert.equal(shown.length, new Set(shown).size);
});
