/*
 * oidc-provider in its own process, everything in memory: node tests/bench/lib/oidc-provider.mjs PORT.
 * One confidential client, opaque access tokens, refresh tokens that stay.
 *
 * GET /bench/refresh-tokens?n=10 and /bench/codes?n=10 make them by the means of the library itself, for
 * a grant of its own each, as a consent would; &scope=… for another one than offline_access.
 */
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const client = {
	client_id: 'bench', client_secret: 'a-secret-of-the-bench', redirect_uris: ['http://localhost/callback'],
	grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
	clients: [client],
	features: { devInteractions: { enabled: false } },
	findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
	rotateRefreshToken: false,
	pkce: { required: () => false },
	scopes: ['openid', 'offline_access'],
	ttl: { AuthorizationCode: 600, AccessToken: 3600, RefreshToken: 86400, Grant: 86400, IdToken: 3600 },
});

async function make(kind, scope) {
	const found = await provider.Client.find(client.client_id);
	const grant = new provider.Grant({ accountId: 'ann', clientId: client.client_id });
	grant.addOIDCScope(scope);
	const grantId = await grant.save();
	const token = new provider[kind]({
		accountId: 'ann', client: found, grantId, gty: 'authorization_code', scope, redirectUri: client.redirect_uris[0],
		authTime: Math.floor(Date.now() / 1000), expiresWithSession: false, rotations: 0,
	});
	return token.save();
}

const kinds = { '/bench/refresh-tokens': 'RefreshToken', '/bench/codes': 'AuthorizationCode' };

provider.use(async (ctx, next) => {
	const kind = kinds[ctx.path];
	if (!kind) return next();
	const list = [];
	while (list.length < Number(ctx.query.n)) list.push(await make(kind, ctx.query.scope ?? 'offline_access'));
	ctx.body = list;
});

provider.listen(port, '127.0.0.1');
