/* The address in the public URL, written in any way, is the one that a browser says it comes from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../lib/http.mjs';
import { freePort } from '../lib/manager.mjs';
import { startServe } from '../lib/server.mjs';

for (const url of ['http://tokens.example.com:80', 'https://tokens.example.com:443', 'https://Tokens.Example.com/'])
	test(`a browser can sign in when the public URL is written ${url}`, async () => {
		const port = await freePort();
		const manager = await startServe({ listen: `127.0.0.1:${port}`, args: ['--public-url', url] });
		try {
			const ann = new Client(`http://127.0.0.1:${port}`, '/api/console/session');
			ann.origin = new URL(url).origin;
			assert.equal(manager.url, ann.origin);
			const got = await ann.signIn('/api/console/sign-in', { username: 'admin', password: manager.password });
			assert.equal(got.status, 200, got.text);
			const providers = (await ann.get('/api/console/providers')).body.providers;
			assert.equal(providers[0].redirect_uri, `${ann.origin}/oauth/callback/dropbox`);
		} finally {
			await manager.stop();
		}
	});
