/* Which addresses a provider may be called at. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { root } from '../lib/binary.mjs';
import { managerClient } from '../lib/http.mjs';
import { connection, openCallback, startAttempt } from '../lib/manager.mjs';
import { evil } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const hosts = ['127.0.0.1', 'localhost', '[::1]', '10.0.0.1', '169.254.169.254', '0.0.0.0', '[::ffff:127.0.0.1]', '[fd00::1]'];

/* One provider for each of them. */
function definitions(dir, port) {
	const dropbox = JSON.parse(readFileSync(path.join(root, 'providers/dropbox.json'), 'utf8'));
	for (const [i, host] of hosts.entries()) {
		const base = `https://${host}:${port}`;
		writeFileSync(path.join(dir, `p${i}.json`), JSON.stringify({ ...dropbox, id: `p${i}`, name: `Provider ${i}`, bases: { web: base, api: base } }));
	}
}

test('S-027 with --deny-private-providers no provider is called at an address that is not public', async (t) => {
	const listener = await evil();
	t.after(() => listener.stop());
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-private-'));
	t.after(() => rmSync(dir, { recursive: true, force: true }));
	definitions(dir, listener.port);
	/* What comes back for the code that a stranger made up: the exchange is the first call. */
	async function exchange(ann, id) {
		const attempt = await startAttempt(ann, { provider: id });
		const query = new URLSearchParams({ code: 'anything', state: attempt.state });
		const page = await openCallback(ann, `/oauth/callback/${id}?${query}`);
		assert.equal(page.boot?.outcome, 'failed', page.text);
		return (await connection(ann, attempt.id)).error;
	}

	const shut = await startServe({ args: ['--deny-private-providers', '--providers', dir] });
	t.after(() => shut.stop());
	const ann = await managerClient(shut);
	for (const [i, host] of hosts.entries())
		assert.match(JSON.stringify(await exchange(ann, `p${i}`)), /only public addresses may be called/, host);
	assert.equal(listener.connections, 0);

	/* And it is that option which keeps them away. */
	const open = await startServe({ args: ['--providers', dir] });
	t.after(() => open.stop());
	assert.doesNotMatch(JSON.stringify(await exchange(await managerClient(open), 'p0')), /only public addresses/);
	assert.ok(listener.connections > 0);
});
