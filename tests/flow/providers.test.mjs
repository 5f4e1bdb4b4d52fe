/* Provider definitions: the schema, the built-in ones, and those of a directory. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';

import { root } from '../lib/binary.mjs';
import { managerClient } from '../lib/http.mjs';
import { schemaErrors } from '../lib/schema.mjs';
import { run, startServe } from '../lib/server.mjs';

const read = (name) => JSON.parse(readFileSync(path.join(root, 'providers', name), 'utf8'));
const schema = read('schema.json');
const dropbox = read('dropbox.json');
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-providers-'));
after(() => rmSync(dir, { recursive: true }));
beforeEach(() => readdirSync(dir).forEach((f) => rmSync(path.join(dir, f))));

const put = (name, value) => writeFileSync(path.join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
const contract = (confidential) => ({ ...dropbox, contract: { confidential } });

async function refusal(data) {
	const got = await run(['serve', '--data', data, '--listen', '127.0.0.1:0', '--providers', dir]);
	assert.notEqual(got.code, 0);
	return got.err;
}

test('the built-in definitions keep to the schema', () => {
	for (const name of readdirSync(path.join(root, 'providers')).filter((n) => n.endsWith('.json') && n !== 'schema.json'))
		assert.deepEqual(schemaErrors(schema, read(name)), [], name);
});

test('a directory adds definitions and replaces built-in ones', async () => {
	put('dropbox.json', { ...dropbox, name: 'Dropbox as rehearsed', contract: { confidential: { rotation: 'strict' } } });
	put('other.json', { ...dropbox, app_page: undefined, id: 'other-place', name: 'Other Place', bases: { web: 'https://other.example', api: 'https://api.other.example' } });
	put('schema.json', schema);
	put('.hidden.json', '{');
	const manager = await startServe({ args: ['--providers', dir] });
	const ann = await managerClient(manager);
	const { body } = await ann.get('/api/console/providers');
	assert.deepEqual(body.providers.map((p) => [p.id, p.name, p.console_url]), [
		['dropbox', 'Dropbox as rehearsed', 'https://www.dropbox.com/developers/apps'],
		['other-place', 'Other Place', 'https://other.example/developers/apps'],
	]);
	const advice = async (provider) => (await ann.post('/api/console/connections', { provider, app_key: '', app_secret: 'x', scopes: '' })).body.todo;
	assert.equal(await advice('dropbox'), "Copy it from the app's Settings tab.");
	assert.equal(await advice('other-place'), 'Copy it from the app\'s page at Other Place.', 'the tab is of Dropbox alone');
	await manager.stop();
});

test('what the schema refuses, the manager refuses, and names the file', async () => {
	const data = mkdtempSync(path.join(tmpdir(), 'valetkey-providers-data-'));
	for (const [bad, said] of [
		[contract({ rotation: 'lenient' }), /cannot be "lenient"/],
		[contract({ rotation: 'strict', refresh_kill_access: true }), /"refresh_kill_access" is not known/],
		[contract({ rotation: 'strict', grace: { until: 'seconds', max_s: 9 } }), /belongs to the rotation "grace"/],
		[contract({ rotation: 'none', refresh_token_idle_s: -1 }), /out of range/],
		[{ ...dropbox, contract: undefined }, /must be an object/],
		[{ ...dropbox, rotation: 'none' }, /"rotation" is not known/],
		[{ ...dropbox, id: 'Up/../stairs' }, /"id" has small letters/],
		[{ ...dropbox, client_auth: 'jwt' }, /"client_auth" is/],
		[{ ...dropbox, witness: { method: 'GET', url: '{nowhere}/me', body: '' } }, /unknown base/],
		[{ ...dropbox, token_url: 'http://plain.example/token' }, /is not https/],
		/* S-025, S-029: what one parser takes for this machine, and another for a stranger's */
		...['http://localhost:80@evil.example/t', 'http://127.0.0.1:x/t', 'http://[::1]x.example/t', 'https://good.example@evil/',
			'https://good.example\\@evil/', 'https://evil#@good.example', 'https://good.example%2f@evil', 'https://good.example:443:80/',
			'https://a b.example/', 'https://good..example/', 'https://g\u3002example/', 'https://', 'https:///t', 'ftp://x.example/t']
			.map((token_url) => [{ ...dropbox, token_url }, /is not https:\/\/HOST\/PATH/]),
		[{ ...dropbox, authorize_params: Object.fromEntries([...'abcdefghi'].map((c) => [c, c])) }, /more than 8 members/],
		[{ ...dropbox, authorize_params: { prompt: 1 } }, /"prompt" of "authorize_params" is not text/],
		[{ ...dropbox, authorize_params: ['prompt'] }, /"authorize_params" is an object/],
		[{ ...dropbox, app_key_pattern: '^[a-z' }, /"app_key_pattern" is no regular expression/],
		[{ ...dropbox, app_key_pattern: '^(?i)a$' }, /"app_key_pattern" is no regular expression/],
		[{ ...dropbox, app_key_pattern: '^\\d+$' }, /"app_key_pattern" is no regular expression/],
	]) {
		put('bad.json', bad);
		if (!/unknown base|not https|HOST|belongs to|no regular expression/.test(said.source)) assert.notDeepEqual(schemaErrors(schema, JSON.parse(JSON.stringify(bad))), []);
		const err = await refusal(data);
		assert.match(err, said);
		assert.ok(err.includes(path.join(dir, 'bad.json')), err);
	}
	put('bad.json', '{"id": ');
	assert.match(await refusal(data), /bad\.json is not usable/);
	rmSync(data, { recursive: true });
});

test('a directory that is not there is said', async () => {
	const data = mkdtempSync(path.join(tmpdir(), 'valetkey-providers-data-'));
	const got = await run(['serve', '--data', data, '--listen', '127.0.0.1:0', '--providers', path.join(dir, 'none')]);
	assert.match(got.err, /The directory of provider definitions .*none cannot be read/);
	rmSync(data, { recursive: true });
});
