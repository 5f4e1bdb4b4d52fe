/* Nodes whose machines' clocks are wrong by an hour share one PostgreSQL: leases are kept by its clock. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { testClock } from '../lib/clock.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, freePort, makeKey } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const HOUR_S = 3600;
const clocks = [testClock(), testClock()];
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-clocks-'));
let pg, provider, nodes, ann, key;

before(async () => {
	pg = await startPostgres();
	provider = await startProvider();
	const first = await startServe({ env: { VALETKEY_STORE: pg.url(), VALETKEY_DROPBOX_URL: provider.url, ...clocks[0].env } });
	copyFileSync(path.join(first.data, 'master.key'), path.join(dir, 'master.key'));
	const listen = `127.0.0.1:${await freePort()}`;
	const second = await startServe({
		data: dir, listen, args: ['--public-url', first.url],
		env: { VALETKEY_STORE: pg.url(), VALETKEY_DROPBOX_URL: provider.url, ...clocks[1].env },
	});
	nodes = [first, Object.assign(second, { url: `http://${listen}` })];
	ann = await managerClient(first);
	({ key } = await makeKey(ann));
});
after(async () => {
	for (const node of nodes) await node.stop({ keep: true });
	await provider.stop();
	await pg.stop();
	rmSync(dir, { recursive: true, force: true });
});

const at = (name) => `/api/v1/tokens/${encodeURIComponent(name)}`;
const refresh = (node, name) => fetch(`${node.url}${at(name)}/refresh`, { method: 'POST', headers: { authorization: `Bearer ${key}` } });

/* The first node's call is out; what the other one makes of that is seen while it is. */
for (const [name, wrong_s] of [['Ahead', HOUR_S], ['Behind', -HOUR_S]])
	for (const wrong of [1, 0])
		test(`a node whose clock is ${name.toLowerCase()} by an hour and ${wrong === 1 ? 'finds' : 'holds'} a lease refreshes nothing twice`, async () => {
			const token = `${name} ${wrong}`;
			await connectToken(ann, token);
			await clocks[wrong].goWrong(nodes[wrong], wrong_s);
			let open;
			const gate = new Promise((resolve) => (open = resolve));
			let seen = 0;
			provider.on.token = async () => {
				seen++;
				await gate;
				return { json: tokenReply() };
			};
			const one = refresh(nodes[0], token);
			while (seen === 0) await pause(10);
			const other = refresh(nodes[1], token);
			await pause(1500); /* it has asked for the lease several times by now */
			assert.equal(seen, 1, 'the other node took the lease');
			open();
			assert.deepEqual([(await one).status, (await other).status], [200, 200], nodes[1].log().slice(-2000));
			assert.equal(seen, 2, 'one each: the other asked for a refresh of its own and got it after the first');
			for (const node of nodes) assert.equal((await programGet(node.url, `${at(token)}/access-token`, key)).status, 200);
			await clocks[wrong].goWrong(nodes[wrong], -wrong_s);
		});
