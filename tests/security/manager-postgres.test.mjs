/* The way to PostgreSQL: row S-176. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { freePort } from '../lib/manager.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { startServe } from '../lib/server.mjs';

const HOST = '127.0.0.2'; /* for the store it is as far away as any other */
const PASSWORD = 'hunter2-hunter2';
const room = mkdtempSync(path.join(tmpdir(), 'valetkey-tls-'));
let pg;

/* A certificate of its own authority, for one address. */
function certificate(name, address) {
	const cert = path.join(room, `${name}.pem`);
	const key = path.join(room, `${name}.key`);
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
		`/CN=${name}`, '-addext', `subjectAltName=IP:${address}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
	return { file: cert, cert: readFileSync(cert), key: readFileSync(key) };
}

const good = certificate('good', HOST);
const other = certificate('other', HOST);

function start(settings) {
	return freePort().then((port) => startPostgres({ port, settings: [`listen_addresses=${HOST}`], ...settings }));
}

before(async () => {
	pg = await start({ tls: good });
	pg.sql(`CREATE ROLE plain LOGIN PASSWORD '${PASSWORD}'`);
	pg.sql('CREATE DATABASE plain OWNER plain');
	writeFileSync(path.join(pg.data, 'pg_hba.conf'), `local all valetkey trust\nhost all all ${HOST}/8 scram-sha-256\n`);
	pg.sql('SELECT pg_reload_conf()');
});
after(async () => {
	await pg.stop();
	rmSync(room, { recursive: true, force: true });
});

const url = (server, query) => `postgres://plain:${PASSWORD}@${HOST}:${server.port}/plain${query ? `?${query}` : ''}`;

/* What a manager says that must not start. */
function refusal(store) {
	return startServe({ env: { VALETKEY_STORE: store } }).then(
		(x) => x.stop().then(() => 'it started'),
		(e) => e.message,
	);
}

test('S-176 a role without any privilege but its own database is enough, over verified TLS', async () => {
	const manager = await startServe({ env: { VALETKEY_STORE: url(pg, `sslrootcert=${good.file}`) } });
	assert.deepEqual(pg.sql("SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'plain'"), ['t']);
	assert.equal(pg.sql("SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'plain'")[0], 'f');
	assert.deepEqual(await (await fetch(`${manager.url}/healthz`)).json(), { status: 'ok' });
	const seen = readFileSync(`/proc/${manager.pid}/cmdline`, 'latin1') + manager.log();
	assert.doesNotMatch(seen, /hunter2/, 'no password in the list of processes or in the log');
	await manager.stop();
});

test('S-176 nobody asks for it, and still no certificate is taken on trust', async () => {
	const said = await refusal(url(pg));
	assert.match(said, /certificate verify failed|self-signed/);
	assert.doesNotMatch(said, /hunter2/);
});

test('S-176 a certificate of somebody else, or for another address, is refused', async () => {
	assert.match(await refusal(url(pg, `sslrootcert=${other.file}`)), /certificate verify failed/);
	const elsewhere = certificate('elsewhere', '127.0.0.3');
	const wrong = await start({ tls: elsewhere });
	assert.match(await refusal(url(wrong, `sslrootcert=${elsewhere.file}`)), /does not match host name/);
	await wrong.stop();
});

test('S-176 a server without TLS is refused', async () => {
	const open = await start({});
	const said = await refusal(url(open));
	assert.match(said, /server does not support SSL/);
	assert.doesNotMatch(said, /hunter2/);
	await open.stop();
});
