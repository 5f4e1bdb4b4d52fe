/* When a token needs a person, every call about it says so in one way: 409, one code, exit status 5. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { startDesk } from '../lib/desk.mjs';
import { programGet } from '../lib/http.mjs';
import { connectToken } from '../lib/manager.mjs';
import { tokenReply, usual } from '../lib/provider.mjs';
import { run } from '../lib/server.mjs';

const { p, manager, ann, key, clock } = await startDesk();

const cli = (...args) => run(['token', ...args], { env: { VALETKEY_URL: manager.url, VALETKEY_API_KEY: key } });
const at = (name, what) => `/api/v1/tokens/${name}/${what}`;
const refusing = (status, error) => (req) =>
	(req.form.grant_type === 'refresh_token' ? { status, json: { error } } : usual.token(req));

async function refusedOverHttp(path, method, cause, body) {
	const res = await fetch(manager.url + path, {
		method, body,
		headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
	});
	const said = await res.json();
	assert.deepEqual([res.status, said.code, said.cause], [409, 'reauthorization-required', cause]);
	assert.equal(said.type, 'urn:valetkey:problem:reauthorization-required');
	assert.equal(said.field, undefined);
}

async function exitsWith5(...args) {
	const out = await cli(...args);
	assert.deepEqual([out.code, out.out], [5, ''], `${args.join(' ')}: ${out.err}`);
}

test('without a refresh token a refresh exits with 5', async () => {
	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	const t = await connectToken(ann, 'Once');
	await refusedOverHttp(at('Once', 'refresh'), 'POST', 'no-refresh-token');
	await exitsWith5('refresh', 'Once');
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a refused grant exits with 5, for a refresh and for an access token that was rejected', async () => {
	const t = await connectToken(ann, 'Dead');
	await clock.advance(manager, 60);
	const { body: { access_token: access } } = await programGet(manager.url, at('Dead', 'access-token'), key);
	const fingerprint = createHash('sha256').update(access).digest('hex');
	p.on.token = refusing(400, 'invalid_grant');
	p.on.account = () => ({ status: 401, json: {} });
	await refusedOverHttp(at('Dead', 'refresh'), 'POST', 'invalid-grant');
	await exitsWith5('refresh', 'Dead');
	await refusedOverHttp(at('Dead', 'access-token/rejected'), 'POST', 'invalid-grant', JSON.stringify({ fingerprint }));
	await exitsWith5('rejected', 'Dead', '--fingerprint', fingerprint);
	await exitsWith5('get', 'Dead');
	await exitsWith5('check', 'Dead');
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a refused App Secret exits with 5, whatever is asked', async () => {
	const t = await connectToken(ann, 'Wrong');
	p.on.token = refusing(401, 'invalid_client');
	await refusedOverHttp(at('Wrong', 'refresh'), 'POST', 'invalid-client');
	await exitsWith5('refresh', 'Wrong');
	await clock.advance(manager, 5 * 3600);
	await refusedOverHttp(at('Wrong', 'access-token'), 'GET', 'misconfigured');
	await exitsWith5('get', 'Wrong');
	await exitsWith5('check', 'Wrong');
	await ann.del(`/api/console/tokens/${t.id}`);
});
