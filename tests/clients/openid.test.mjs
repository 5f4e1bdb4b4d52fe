/* openid-client, a certified OpenID Connect library, unmodified: it discovers the sandbox at its address,
 * and as https://www.dropbox.com through the CONNECT proxy. */
import assert from 'node:assert/strict';
import { createPublicKey, verify, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import * as client from 'openid-client';

import { person, startDropbox, tunnelAgent } from './lib.mjs';

/* Node 18 has these, but not as globals, where the library looks. */
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

const nodeFetch = createRequire(import.meta.url)('node-fetch');
const REDIRECT = 'http://localhost:9/callback';
const SCOPES = ['account_info.read', 'files.metadata.read', 'openid', 'profile', 'email'];

let demo, ca, bea, app, me;

/* The fetch that the library lets its users give. */
function fetchBy(agent) {
	return async (url, options) => {
		const reply = await nodeFetch(url, { ...options, agent });
		return new Response(await reply.arrayBuffer(), { status: reply.status, headers: Object.fromEntries(reply.headers) });
	};
}

before(async () => {
	demo = await startDropbox();
	ca = readFileSync(demo.ca);
	bea = await person(demo, ca);
	app = await bea.app('OpenID tests', { uris: [REDIRECT], scopes: SCOPES, publicClients: true });
	me = demo.account('basic').email;
});
after(() => demo?.stop());

function discover(issuer, fetch, { secret = app.secret, auth } = {}) {
	return client.discovery(new URL(issuer), app.key, secret, auth, { [client.customFetch]: fetch });
}

/* The code flow as the library's readme shows it. */
async function flow(config, { scope = 'openid profile email', ...extra } = {}) {
	const pkceCodeVerifier = client.randomPKCECodeVerifier();
	const expectedNonce = client.randomNonce();
	const expectedState = client.randomState();
	const address = client.buildAuthorizationUrl(config, {
		redirect_uri: REDIRECT,
		scope,
		code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
		code_challenge_method: 'S256',
		nonce: expectedNonce,
		state: expectedState,
		token_access_type: 'offline',
		...extra,
	});
	const back = await bea.allow(address);
	return client.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true });
}

const places = [
	['at the sandbox’s address', () => [demo.sandbox, fetchBy(new Agent({ ca }))]],
	['as www.dropbox.com through the proxy', () => ['https://www.dropbox.com', fetchBy(tunnelAgent(demo))]],
];

for (const [where, place] of places) {
	describe(where, () => {
		test('discovery, code flow with PKCE and nonce, id_token, userinfo, refresh', async () => {
			const [issuer, fetch] = place();
			const config = await discover(issuer, fetch);
			client.enableNonRepudiationChecks(config);
			assert.equal(config.serverMetadata().issuer, issuer);
			const tokens = await flow(config);
			const claims = tokens.claims();
			assert.equal(claims.iss, issuer);
			assert.equal(claims.aud, app.key);
			assert.equal(claims.email, me);
			assert.equal(claims.email_verified, true);
			assert.equal(claims.given_name, 'Bea');
			const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
			assert.equal(info.email, me);
			assert.equal(info.family_name, claims.family_name);
			const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
			assert.notEqual(renewed.access_token, tokens.access_token);
			assert.equal((await client.fetchUserInfo(config, renewed.access_token, claims.sub)).sub, claims.sub);
		});
	});
}

describe('ways to prove the app', () => {
	test('by Basic, by the form, and with the verifier alone', async () => {
		const [issuer, fetch] = places[0][1]();
		for (const auth of [client.ClientSecretBasic(app.secret), client.ClientSecretPost(app.secret), client.None()]) {
			const config = await discover(issuer, fetch, { secret: undefined, auth });
			const tokens = await flow(config);
			assert.equal((await client.refreshTokenGrant(config, tokens.refresh_token)).token_type, 'bearer');
		}
	});

	test('an error is told in the way that the library knows', async () => {
		const [issuer, fetch] = places[0][1]();
		const config = await discover(issuer, fetch, { auth: client.ClientSecretPost('wrong secret') });
		await assert.rejects(flow(config), (e) => e instanceof client.ResponseBodyError && /invalid_client/.test(e.error));
		await assert.rejects(client.refreshTokenGrant(await discover(issuer, fetch), 'x'.repeat(64)), { error: 'invalid_grant' });
	});
});

/* The library asks for the keys again once a minute at most, so a client that starts afterwards is looked at. */
test('a key that was replaced still vouches for its tokens, and the new one for new ones', async () => {
	const [issuer, fetch] = places[0][1]();
	const start = async () => {
		const config = await discover(issuer, fetch);
		client.enableNonRepudiationChecks(config);
		return config;
	};
	const before = await flow(await start());
	const rotate = await fetch(`${demo.sandbox}/_sandbox/openid/rotate-key`, {
		method: 'POST',
		headers: { authorization: `Bearer ${demo.seed.control_token}`, 'content-type': 'application/json' },
		body: '{}',
	});
	assert.equal(rotate.status, 200);
	const after = await flow(await start());
	const kid = (tokens) => JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).kid;
	assert.equal(kid(after), (await rotate.json()).kid);
	const { keys } = await (await fetch(`${demo.sandbox}/.well-known/jwks.json`, {})).json();
	for (const tokens of [before, after]) {
		const [header, claims, signature] = tokens.id_token.split('.');
		const key = createPublicKey({ key: keys.find((k) => k.kid === kid(tokens)), format: 'jwk' });
		assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')));
	}
	assert.notEqual(kid(before), kid(after));
});
