/*
 * Glewlwyd with SQLite and the schema of its package, one client, refresh tokens that stay. The client is a
 * public one: a secret would be hashed with PBKDF2 at each request, which takes longer than all the rest.
 *
 *   const server = await startGlewlwyd({ memory: true });     { port, pids, path, client_id }
 *   await server.refreshTokens(10);  await server.codes(100);
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { freePort, scratch, SERVER_CORE, startOn, want } from './process.mjs';

const SCHEMA = '/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz';
const CALLBACK = 'http://localhost/callback';

/* The schema's first user, and what it lets in without TLS. */
const USER = { username: 'admin', password: 'password' };
const CLIENT = 'bench';
const SCOPE = 'g_profile';

function configuration(dir, port) {
	const lib = '/usr/lib/glewlwyd';
	return `
port=${port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:${port}/"
login_url="login.html"
api_prefix="api"
cookie_secure=0
log_mode="console"
log_level="ERROR"
session_key="SESSION"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="${lib}/user"
client_module_path="${lib}/client"
user_auth_scheme_module_path="${lib}/scheme"
plugin_module_path="${lib}/plugin"
use_secure_connection=false
secure_connection_key_file="${dir}/none"
secure_connection_pem_file="${dir}/none"
secure_connection_ca_file="${dir}/none"
hash_algorithm="SHA512"
database={ type="sqlite3" path="${dir}/glewlwyd.db" }
`;
}

const plugin = {
	module: 'oauth2-glewlwyd', name: 'glwd', display_name: 'bench', enabled: true,
	parameters: {
		url: 'bench', 'jwt-type': 'sha', 'jwt-key-size': '256', key: 'a key for signing that only this run knows',
		'access-token-duration': 3600, 'refresh-token-duration': 1209600, 'code-duration': 600, 'refresh-token-rolling': true,
		'refresh-token-one-use': 'never', 'allow-non-tls': true, 'auth-type-code-enabled': true, 'auth-type-implicit-enabled': false,
		'auth-type-password-enabled': true, 'auth-type-client-enabled': false, 'auth-type-refresh-enabled': true,
		'auth-type-device-enabled': false, scope: [{ name: SCOPE, 'refresh-token-rolling': true }],
	},
};

const client = {
	client_id: CLIENT, name: 'bench', enabled: true, confidential: false, redirect_uri: [CALLBACK],
	authorization_type: ['code', 'refresh_token', 'password'], scope: [SCOPE],
};

/* memory: the database lies in memory, and nobody waits for the disk; otherwise where a package's would. */
export async function startGlewlwyd({ memory }) {
	want('glewlwyd', 'sqlite3');
	const [dir, port] = [scratch({ memory }), await freePort()];
	const file = path.join(dir, 'glewlwyd.conf');
	writeFileSync(file, configuration(dir, port));
	execFileSync('sh', ['-c', `zcat ${SCHEMA} | sqlite3 "$1"`, 'sh', path.join(dir, 'glewlwyd.db')]);
	const server = await startOn(SERVER_CORE, ['glewlwyd', '--config-file', file], { port });
	let cookie = '';

	async function call(method, where, body, headers = { 'content-type': 'application/json' }) {
		const res = await fetch(`http://127.0.0.1:${port}/api/${where}`, {
			method, redirect: 'manual', headers: { cookie, ...headers }, body: typeof body === 'object' ? JSON.stringify(body) : body,
		});
		const text = await res.text();
		if (res.status >= 400) throw new Error(`glewlwyd: ${method} ${where}: ${res.status} ${text}`);
		return { res, text };
	}

	const signedIn = await call('POST', 'auth/', USER);
	cookie = signedIn.res.headers.get('set-cookie').split(';')[0];
	await call('POST', 'mod/plugin', plugin);
	await call('POST', 'client/', client);
	await call('PUT', `auth/grant/${CLIENT}`, { scope: SCOPE });

	async function refreshToken() {
		const form = new URLSearchParams({ grant_type: 'password', client_id: CLIENT, scope: SCOPE, ...USER });
		const { text } = await call('POST', 'glwd/token', `${form}`, { 'content-type': 'application/x-www-form-urlencoded' });
		return JSON.parse(text).refresh_token;
	}

	async function code() {
		const query = new URLSearchParams({ response_type: 'code', client_id: CLIENT, redirect_uri: CALLBACK, scope: SCOPE, state: 'bench' });
		const { res } = await call('GET', `glwd/auth?${query}&g_continue`);
		return new URL(res.headers.get('location')).searchParams.get('code');
	}

	const several = async (n, make) => {
		const list = [];
		while (list.length < n) list.push(await make());
		return list;
	};
	return {
		...server, pids: [server.pid], path: '/api/glwd/token', client_id: CLIENT, callback: CALLBACK,
		refreshTokens: (n) => several(n, refreshToken),
		codes: (n) => several(n, code),
	};
}
