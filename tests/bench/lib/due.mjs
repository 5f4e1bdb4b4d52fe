/*
 * Tokens that are due at once, at the sandbox: what the refresh engine is measured and tried with. The refresh
 * tokens are those of some real grants, which stay as they are.
 *
 *   const sandbox = await sandboxWithApp(dir);
 *   await refreshTokens(sandbox, file, { tokens: 100000, grants: 200 });   one a line
 *   dueLeft(data, { seeded })                                              how many are not refreshed yet
 *   anyDue(data, { seeded }), refreshedWithin(data, { seeded })            for a measurement, which counting would disturb
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { startSandbox } from '../../lib/server.mjs';

export const app = { app_key: 'enginebenchk001', app_secret: 'enginebenchs001' };
const callback = 'http://127.0.0.1:9/callback';
const people = [
	{ email: 'ann@example.com', password: 'not a secret 1', given_name: 'Ann', surname: 'Example', type: 'basic' },
	{ email: 'bob@example.com', password: 'not a secret 2', given_name: 'Bob', surname: 'Example', type: 'business', role: 'admin' },
];

export async function sandboxWithApp(dir) {
	const file = path.join(dir, 'seed.json');
	const apps = [{ name: 'Engine', owner: people[0].email, ...app, api: 'dropbox', access: 'full', redirect_uris: [callback] }];
	writeFileSync(file, JSON.stringify({ accounts: people, team: { name: 'Example' }, apps }));
	return startSandbox({ log: 'warn', args: ['--seed', file] });
}

async function refreshToken(sandbox) {
	const query = new URLSearchParams({ client_id: app.app_key, redirect_uri: callback, response_type: 'code', token_access_type: 'offline' });
	const { redirect } = await sandbox.control('POST', '/_sandbox/consent', { query: query.toString(), email: people[0].email, decision: 'allow' });
	const code = new URL(redirect).searchParams.get('code');
	const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback, client_id: app.app_key, client_secret: app.app_secret });
	const reply = await (await fetch(`${sandbox.url}/oauth2/token`, { method: 'POST', body })).json();
	return reply.refresh_token;
}

export async function refreshTokens(sandbox, file, { tokens, grants }) {
	const some = [];
	while (some.length < grants) some.push(await refreshToken(sandbox));
	writeFileSync(file, Array.from({ length: tokens }, (_, i) => `${some[i % grants]}\n`).join(''));
}

function ask(data, query, { pg, run = [] }) {
	if (pg) return pg.sql(query)[0];
	const [program, ...words] = [...run, 'sqlite3', `file:${data}/valetkey.db?mode=ro`, query];
	return execFileSync(program, words, { encoding: 'utf8' }).trim();
}

/* Still due as they were seeded, and in a file those that are under way: from the indexes that the engine reads. */
const due = (seeded) => `FROM token WHERE provider = 'dropbox' AND due_ms > 0 AND due_ms <= ${seeded}`;
const free = (seeded) => `${due(seeded)} AND lease_until_ms = 0`;
const leased = 'FROM token WHERE lease_until_ms > 0';

export function dueLeft(data, { seeded, ...where }) {
	return Number(ask(data, `SELECT (SELECT count(*) ${free(seeded)}) + (SELECT count(*) ${leased})`, where));
}

/* Whether there are any: one look, however many there are. */
export function anyDue(data, { seeded, ...where }) {
	const any = where.pg ? `EXISTS (SELECT 1 ${due(seeded)})` : `EXISTS (SELECT 1 ${free(seeded)}) OR EXISTS (SELECT 1 ${leased})`;
	const query = `SELECT CASE WHEN ${any} THEN 1 ELSE 0 END`;
	return ask(data, query, where) === '1';
}

/* How many were refreshed since, and in how many milliseconds from the first to the last, by their own times. */
export function refreshedWithin(data, { seeded, ...where }) {
	const row = ask(data, `SELECT count(*), max(refreshed_ms) - min(refreshed_ms) FROM token WHERE refreshed_ms > ${seeded}`, where);
	const [count, ms] = row.split('|').map(Number);
	return { count, ms };
}
