// Beginning and end of the server: what runs is finished, and two never share a port.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../lib/manager.mjs';
import { request, socketCount, startTarget, talk, until } from './target.mjs';

// -> { slow, big }: how many of these requests have begun.
const begun = async (site) =>
	JSON.parse((await talk(site.port, request(site, 'GET /begun', ['Connection: close']))).replies[0].body);

test('a stop lets a running request finish, and ends idle and half-sent ones', async () => {
	const site = await startTarget({ 'grace-ms': 8000 });
	const listening = socketCount(site.pid);
	const half = talk(site.port, 'GET /he', { timeout: 20000 });
	const idle = talk(site.port, [request(site, 'GET /hello'), /^HTTP\/1\.1 200 /], { timeout: 20000, quiet: 20000 });
	await until(() => socketCount(site.pid) === listening + 2, 'the two are not connected');
	const running = talk(site.port, request(site, 'GET /slow?ms=2000'), { timeout: 20000 });
	await until(async () => (await begun(site)).slow === 1, 'it does not run');
	const started = performance.now();
	await site.stop();
	assert.ok(performance.now() - started < 7000, 'it waits for those that have nothing running');
	const got = await running;
	assert.deepEqual([got.replies[0].status, got.replies[0].body, got.closed], [200, 'slept 2000', true]);
	assert.equal(got.replies[0].headers.connection, 'close');
	assert.deepEqual([(await half).closed, (await idle).closed], [true, true]);
});

test('a stop does not wait longer than its grace for a client that does not read', async () => {
	const site = await startTarget({ 'grace-ms': 1000 });
	const reader = net.connect({ port: site.port, host: '127.0.0.1' });
	reader.on('error', () => {});
	reader.pause();
	reader.write(request(site, 'GET /big'));
	await until(async () => (await begun(site)).big === 1, 'it is not answered');
	const started = performance.now();
	await site.stop();
	const ms = performance.now() - started;
	assert.ok(ms > 900 && ms < 10000, `${ms} ms`);
	reader.destroy();
});

test('a second server on the same port is told so', async () => {
	const site = await startTarget({ port: await freePort() });
	await assert.rejects(startTarget({ port: site.port }), /is in use/);
	assert.equal((await talk(site.port, request(site, 'GET /hello'))).replies[0].status, 200);
	await site.stop();
	const again = await startTarget({ port: site.port });
	await again.stop();
});
