/* An installation with more tokens than anybody wants to read at once. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { managerClient } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { copyToken } from '../lib/many.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

const COPIES = 12000;
let p, manager, ann, archive, short, key;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	archive = await connectToken(ann, 'Archive');
	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	short = await connectToken(ann, 'Zero');
	p.reset();
	({ key } = await makeKey(ann));
	copyToken(manager.data, 'Archive', COPIES);
});
after(async () => {
	await manager?.stop();
	await p?.stop();
});

async function metrics(as = key) {
	const res = await fetch(`${manager.url}/metrics`, { headers: { authorization: `Bearer ${as}` } });
	assert.equal(res.status, 200);
	const text = await res.text();
	return { text, value: (name) => Number(text.split('\n').find((l) => l.startsWith(`${name} `))?.slice(name.length + 1)) };
}

test('metrics count more tokens than one asking looks at, and name those that will need somebody', async () => {
	const first = await metrics();
	assert.doesNotMatch(first.text, /^valetkey_tokens\{/m, 'no count of some passes for one of all');
	assert.equal(first.value('valetkey_tokens_counted'), 0);
	const second = await metrics();
	assert.equal(second.value('valetkey_tokens_counted'), COPIES + 2);
	assert.equal(second.value('valetkey_tokens{outlook="lasts"}'), COPIES + 1);
	assert.equal(second.value('valetkey_tokens{outlook="ends"}'), 1);
	assert.ok(second.value('valetkey_tokens_counted_age_seconds') < 60);
	assert.match(second.text, /^valetkey_token_works_seconds\{name="Zero",provider="dropbox"\} 1\d{4}/m);
	assert.doesNotMatch(second.text, /name="Copy/);
	assert.ok(second.text.length < 10000, `${second.text.length} bytes`);
	/* A key for few has all of its own at once. */
	const few = await metrics((await makeKey(ann, { tokens: [archive, short] })).key);
	assert.equal(few.value('valetkey_tokens_counted'), 2);
	assert.match(few.text, /name="Archive"/);
	assert.match(few.text, /name="Zero"/);
});

test('the console\'s list comes in pages, and is searched by name', async () => {
	const get = async (query) => (await ann.get(`/api/console/tokens?${query}`)).body;
	const page = await get('limit=3');
	assert.deepEqual(page.tokens.map((t) => t.name), ['Archive', 'Copy 00001', 'Copy 00002']);
	assert.equal(page.next, 'Copy 00002');
	assert.deepEqual((await get(`limit=2&after=${encodeURIComponent(page.next)}`)).tokens.map((t) => t.name), ['Copy 00003', 'Copy 00004']);
	const found = await get('limit=5&find=y 1199');
	assert.deepEqual(found.tokens.map((t) => t.name), ['Copy 11990', 'Copy 11991', 'Copy 11992', 'Copy 11993', 'Copy 11994']);
	assert.equal((await get('limit=5&find=copy 12000')).next, null);
	assert.deepEqual((await get('limit=5&find=%25')).tokens, []);
	assert.equal((await get('')).tokens.length, 1000, 'never all of them');
	for (const bad of ['limit=0', 'limit=1001', 'limit=x']) assert.equal((await ann.get(`/api/console/tokens?${bad}`)).status, 400);
	const v1 = await fetch(`${manager.url}/api/v1/tokens?limit=2&find=ZERO`, { headers: { authorization: `Bearer ${key}` } });
	assert.deepEqual((await v1.json()).tokens.map((t) => t.name), ['Zero']);
});

test('a key for many tokens names the first of them', async () => {
	const many = (await ann.get('/api/console/tokens?limit=1000')).body.tokens;
	await makeKey(ann, { label: 'many', tokens: many });
	const keys = (await ann.get('/api/console/keys')).body.keys;
	const mine = keys.find((k) => k.label === 'many');
	assert.deepEqual([mine.tokens.length, mine.tokens[0].name, mine.tokens_more], [20, 'Archive', 980]);
	assert.equal(keys.find((k) => k.all_tokens).tokens_more, 0);
	await ann.del(`/api/console/tokens/${many[999].id}`);
	const later = (await ann.get('/api/console/keys')).body.keys.find((k) => k.label === 'many');
	assert.equal(later.tokens_more, 979, 'what is put aside is not among them');
});
