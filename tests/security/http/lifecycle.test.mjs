// Beginning and end of the server: what runs is finished, and two never share a port.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { request, startTarget, talk } from './target.mjs';

test('a stop lets a running request finish, and ends idle and half-sent ones', async () => {
	const site = await startTarget({});
	const running = talk(site.port, request(site, 'GET /slow?ms=400'), { quiet: 3000 });
	const half = talk(site.port, 'GET /he', { quiet: 3000 });
	const idle = talk(site.port, [request(site, 'GET /hello'), 3000], { quiet: 3000 });
	await new Promise((resolve) => setTimeout(resolve, 150));
	const started = performance.now();
	await site.stop();
	assert.ok(performance.now() - started < 2500);
	const got = await running;
	assert.deepEqual([got.replies[0].status, got.replies[0].body, got.closed], [200, 'slept 400', true]);
	assert.equal(got.replies[0].headers.connection, 'close');
	assert.deepEqual([(await half).closed, (await idle).closed], [true, true]);
});

test('a stop does not wait longer than its grace for a client that does not read', async () => {
	const site = await startTarget({});
	const reader = net.connect({ port: site.port, host: '127.0.0.1' });
	reader.on('error', () => {});
	reader.pause();
	reader.write(request(site, 'GET /big'));
	await new Promise((resolve) => setTimeout(resolve, 200));
	const started = performance.now();
	await site.stop();
	assert.ok(performance.now() - started < 3000);
	reader.destroy();
});

test('a second server on the same port is told so', async () => {
	const site = await startTarget({});
	await assert.rejects(startTarget({ port: site.port }), /is in use/);
	assert.equal((await talk(site.port, request(site, 'GET /hello'))).replies[0].status, 200);
	await site.stop();
	const again = await startTarget({ port: site.port });
	await again.stop();
});
