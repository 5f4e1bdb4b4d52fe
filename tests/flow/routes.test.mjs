/* `valetkey routes`: the tables that other tests walk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { run } from '../lib/server.mjs';

async function rows(...args) {
	const { code, out, err } = await run(['routes', ...args]);
	assert.equal(code, 0, err);
	return out.trim().split('\n').map((line) => line.split(/\s+/));
}

test('routes prints the manager\'s rows, and with --sandbox the sandbox\'s', async () => {
	const manager = await rows();
	assert.ok(manager.some((r) => r.join(' ') === 'GET /api/v1/tokens/{}/access-token key'), manager.join('\n'));
	const sandbox = await rows('--sandbox');
	const find = (method, path) => sandbox.find((r) => r[0] === method && r[1] === path)?.slice(2);
	assert.deepEqual(find('POST', '/oauth2/token'), ['token', '-', 'api']);
	assert.deepEqual(find('GET', '/oauth2/authorize'), ['page', '-', 'www']);
	assert.deepEqual(find('POST', '/2/users/get_current_account'), ['api-user', 'account_info.read', 'api']);
	assert.deepEqual(find('GET', '/_sandbox/state'), ['control', '-', '-']);
});

test('S-227 no route of console or control is reached through the proxy', async () => {
	for (const [method, path, access, , tunnel] of await rows('--sandbox')) {
		if (access === 'control' || /^\/(_sandbox|developers|_web\/apps|_web\/connected|account)/.test(path))
			assert.equal(tunnel, '-', `${method} ${path}`);
		if (path.startsWith('/2/')) assert.equal(tunnel, 'api', path);
	}
});

test('routes takes nothing else', async () => {
	assert.equal((await run(['routes', '--nothing'])).code, 2);
});
