/* An API key gets another label and other tokens without a new key for its program. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openStream } from '../lib/events.mjs';
import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { copyToken } from '../lib/many.mjs';
import { startProvider, tokenReply } from '../lib/provider.mjs';
import { startServe } from '../lib/server.mjs';

let p, manager, ann, one, two, made;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url } });
	ann = await managerClient(manager);
	one = await connectToken(ann, 'One');
	two = await connectToken(ann, 'Two');
	made = await makeKey(ann, { label: 'backup', tokens: [one] });
});
after(async () => {
	await manager?.stop();
	await p?.stop();
});

const read = async (name, query = '') => (await programGet(manager.url, `/api/v1/tokens/${name}/access-token${query}`, made.key)).status;
const both = async () => [await read('One'), await read('Two')];
const edit = (body) => ann.patch(`/api/console/keys/${made.id}`, body);
const newest = async () => (await ann.get('/api/console/events?type=key&limit=1')).body.events[0];

test('what a key may read is changed for its next call', async () => {
	assert.deepEqual(await both(), [200, 403]);
	const other = await edit({ all_tokens: false, token_ids: [two.id, two.id] });
	assert.equal(other.status, 200, other.text);
	assert.deepEqual(other.body.record.tokens, [{ id: two.id, name: 'Two' }]);
	assert.equal(other.body.key, undefined, 'the key itself is never shown again');
	assert.deepEqual(await both(), [403, 200]);
	assert.deepEqual((await newest()).details.changed, ['tokens']);
	assert.equal((await edit({ all_tokens: true })).body.record.all_tokens, true);
	assert.deepEqual(await both(), [200, 200]);
	await edit({ token_ids: [one.id] });
	assert.deepEqual(await both(), [200, 403]);
});

test('when it was used last is said of one key as of all of them', async () => {
	const last = async (path, pick) => pick((await ann.get(path)).body).last_used_ms;
	assert.equal(await read('One'), 200);
	const one = await last(`/api/console/keys/${made.id}`, (b) => b.record);
	const listed = await last('/api/console/keys', (b) => b.keys[0]);
	assert.ok(one > 0, 'not written down yet, and known all the same');
	assert.equal(one, listed);
});

test('its label is changed alone, and told with the one before', async () => {
	const renamed = await edit({ label: 'nightly backup' });
	assert.deepEqual([renamed.body.record.label, renamed.body.record.tokens.map((t) => t.name)], ['nightly backup', ['One']]);
	const event = await newest();
	assert.deepEqual([event.type, event.sentence], ['key.changed', 'The API key nightly backup, called backup before, was changed: label.']);
	await edit({ label: 'nightly backup' });
	assert.equal((await newest()).id, event.id, 'nothing changed, and nothing is told');
	assert.deepEqual(await both(), [200, 403]);
});

test('a label counts characters, not bytes', async () => {
	assert.equal((await edit({ label: 'ü'.repeat(100) })).status, 200);
	const long = await edit({ label: 'ü'.repeat(101) });
	assert.deepEqual([long.status, long.body.field], [400, 'label']);
	assert.equal((await edit({ label: '' })).body.field, 'label');
});

test('of two edits of one key the second is told, and loses nothing of the first', async () => {
	await edit({ label: 'two people', all_tokens: false, token_ids: [one.id] });
	const was = { label: 'two people', all_tokens: false, token_ids: [one.id] };
	assert.equal((await edit({ token_ids: [two.id, one.id], was })).status, 200);
	const second = await edit({ token_ids: [one.id], was });
	assert.deepEqual([second.status, second.body.code, second.body.field], [409, 'changed-meanwhile', 'token_ids']);
	assert.match(second.body.todo, /Save again/);
	assert.deepEqual(await both(), [200, 200]);
	assert.equal((await edit({ all_tokens: true, was: { all_tokens: true } })).body.field, 'token_ids');
	assert.equal((await edit({ label: 'mine', was: { label: 'backup' } })).body.field, 'label');
	assert.equal((await edit({ label: 'mine', was: { label: 'two people' } })).status, 200, 'whoever changes a label saw no tokens');
	for (const wrong of [{ id: made.id }, { token_ids: [7] }, { token_ids: 'x' }, 7])
		assert.equal((await edit({ label: 'x', was: wrong })).status, 400, JSON.stringify(wrong));
	assert.equal((await edit({ token_ids: [one.id], was: { token_ids: [one.id, two.id, two.id] } })).status, 200);
	assert.deepEqual(await both(), [200, 403]);
});

test('S-132 a key that is cut down while a token is put aside does not get it back with the undo', async () => {
	await edit({ token_ids: [one.id, two.id] });
	const spare = await connectToken(ann, 'Spare');
	const back = async () => {
		assert.equal((await ann.post(`/api/console/deleted-tokens/${two.id}/restore`)).status, 200);
		return both();
	};
	await ann.del(`/api/console/tokens/${two.id}`);
	await edit({ token_ids: [one.id, spare.id] });
	assert.deepEqual(await back(), [200, 200], 'nothing was taken from it');
	await ann.del(`/api/console/tokens/${two.id}`);
	await edit({ token_ids: [one.id] });
	assert.deepEqual(await back(), [200, 403]);
	await ann.del(`/api/console/tokens/${spare.id}`);
});

test('S-132 a token that is unticked while somebody removes it does not come back to the key with the undo', async () => {
	await edit({ token_ids: [one.id, two.id] });
	const spare = await connectToken(ann, 'Reserve');
	const was = { all_tokens: false, token_ids: [one.id, two.id] };
	await ann.del(`/api/console/tokens/${two.id}`);
	const still = await edit({ token_ids: [one.id, two.id, spare.id], was });
	assert.deepEqual([still.status, still.body.code], [404, 'token-gone']);
	const saved = await edit({ token_ids: [one.id, spare.id], was });
	assert.equal(saved.status, 200, saved.text);
	assert.equal((await ann.post(`/api/console/deleted-tokens/${two.id}/restore`)).status, 200);
	assert.deepEqual(await both(), [200, 403]);
	await ann.del(`/api/console/tokens/${spare.id}`);
});

test('what cannot be is refused and changes nothing', async () => {
	for (const body of [{ token_ids: [] }, { all_tokens: false }, { token_ids: ['nowhere'] }, { token_ids: [7] }, { all_tokens: 'yes' }])
		assert.ok([400, 404].includes((await edit(body)).status), JSON.stringify(body));
	assert.equal((await ann.patch('/api/console/keys/nowhere', { label: 'x' })).status, 404);
	assert.deepEqual(await both(), [200, 403]);
});

test('S-132 a key that is cut down loses the rest at once: in its open stream, and where it waits', async () => {
	await edit({ all_tokens: true });
	const stream = await openStream(manager.url, '/api/v1/events/stream?type=token.renamed', { key: made.key });
	await ann.patch(`/api/console/tokens/${one.id}`, { name: 'Uno' });
	assert.equal((await stream.next()).data.about.name, 'Uno');
	let asked, answer;
	const waits = new Promise((resolve) => (asked = resolve));
	p.on.token = () => new Promise((resolve) => (asked(), (answer = () => resolve({ json: tokenReply({ refresh_token: undefined }) }))));
	const late = read('Uno', '?min_ttl=20000');
	await waits;
	await edit({ all_tokens: false, token_ids: [two.id] });
	answer();
	assert.equal(await late, 403);
	await ann.patch(`/api/console/tokens/${one.id}`, { name: 'One' });
	await ann.patch(`/api/console/tokens/${two.id}`, { name: 'Due' });
	assert.equal((await stream.next()).data.about.name, 'Due', 'nothing of the other');
	stream.close();
});

const MANY = 1000;
const ids = Array.from({ length: MANY + 1 }, (_, i) => String(i + 1).padStart(20, '0'));

test('a key that names as many tokens as one may is changed like any other', async () => {
	copyToken(manager.data, 'One', MANY + 1);
	const before = { label: 'l'.repeat(100), all_tokens: false, token_ids: ids.slice(0, MANY) };
	const after = { label: 'm'.repeat(100), all_tokens: false, token_ids: ids.slice(1) };
	const many = await makeKey(ann, { label: before.label, tokens: before.token_ids.map((id) => ({ id })) });
	const changed = await ann.patch(`/api/console/keys/${many.id}`, { ...after, was: before });
	assert.equal(changed.status, 200, changed.text.slice(0, 300));
	assert.deepEqual(changed.body.record.tokens.map((t) => t.id), after.token_ids);
});

test('a key that reads more than it may name, as some were put aside and came back, is read whole and changed', async () => {
	const first = [two.id, ...ids.slice(0, MANY - 1)], all = [two.id, ...ids.slice(0, MANY)];
	const many = await makeKey(ann, { label: 'came back', tokens: first.map((id) => ({ id })) });
	const path = `/api/console/keys/${many.id}`;
	await ann.del(`/api/console/tokens/${two.id}`);
	assert.equal((await ann.patch(path, { token_ids: all.slice(1), was: { token_ids: first.slice(1) } })).status, 200);
	assert.equal((await ann.post(`/api/console/deleted-tokens/${two.id}/restore`)).status, 200);
	const { record } = (await ann.get(path)).body;
	assert.deepEqual([record.tokens.map((t) => t.id).sort(), record.tokens_more], [[...all].sort(), 0]);
	const listed = (await ann.get('/api/console/keys')).body.keys.find((k) => k.id === many.id);
	assert.equal(listed.tokens.length + listed.tokens_more, MANY + 1);
	const was = { all_tokens: false, token_ids: all };
	const kept = await ann.patch(path, { token_ids: all, was });
	assert.deepEqual([kept.status, kept.body.field], [400, 'token_ids']);
	assert.match(kept.body.todo, /at most 1000/);
	assert.equal((await ann.patch(path, { token_ids: first, was })).status, 200);
	const often = await ann.patch(path, { token_ids: first, was: { token_ids: [...all, ...all].slice(0, 2 * MANY) } });
	assert.deepEqual([often.status, often.body.code], [409, 'changed-meanwhile'], 'one of those is not read any more');
});
