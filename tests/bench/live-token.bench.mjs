/*
 * The live token, the call that every program makes all the time: over HTTP keep-alive with the API key,
 * the permission and the counter of production, against nginx returning a constant of the same size and
 * headers.
 */
import { startServe } from '../lib/server.mjs';
import { packageVersion } from './lib/machine.mjs';
import { startNginx } from './lib/nginx.mjs';
import { pin, scratch, SERVER_CORE } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { seed, tokenName } from './lib/seed.mjs';
import { wrk } from './lib/wrk.mjs';

const dir = scratch();
const { key } = await seed(dir, 10000);
const manager = await startServe({ data: dir, log: 'warn' });
pin(manager.pid, SERVER_CORE);

const headers = { Authorization: `Bearer ${key}` };
const pathOf = (i) => `/api/v1/tokens/${encodeURIComponent(tokenName(i))}/access-token`;
const example = await fetch(manager.url + pathOf(0), { headers });
const nginx = await startNginx({ body: await example.text(), headers: Object.fromEntries(example.headers) });

const report = startReport('live-token', { versions: [packageVersion('nginx'), packageVersion('wrk')] });

if (report.wants('keep-alive, 1 token')) {
	const rate = async (url) => (await wrk(url + pathOf(0), { headers })).requests_per_s;
	const found = await interleave({ ours: () => rate(manager.url), reference: () => rate(nginx.url) });
	report.metric({ metric: 'keep-alive, 1 token', unit: 'requests/s', ...found, bar: 0.85, stretch: 1 });
}

report.end();
await nginx.stop();
await manager.stop({ keep: true });
