/* What counts as doubt, and what is told of it; at a provider that takes a refresh token once. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { tokenReply } from '../lib/provider.mjs';
import { raw, startScripted } from '../lib/scripted.mjs';

const SEALED = '6';
const cut = raw('');
const busy = { status: 429, json: {}, headers: { 'retry-after': '30' } };

test('a kept reply that certainly did nothing is no doubt', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Sealed 429');
	w.replies(busy);
	await w.restart({ VALETKEY_CRASH_AT: SEALED });
	await w.died(() => w.refresh('Sealed 429'));
	await w.restart();
	await w.until('it is read', async () => /429/.test((await w.state(token.id)).last_error));
	await w.advance(60);
	await w.until('it is made again', async () => w.shown.length === 2 && (await w.state(token.id)).last_error === '');
});

test('a risky try that certainly did nothing is made again, also after a crash', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Risky 429');
	w.replies(cut);
	assert.equal((await w.refresh('Risky 429')).status, 502);
	await w.restart({ VALETKEY_CRASH_AT: SEALED });
	w.replies(busy);
	await w.died(() => w.advance(14400 - 60));
	assert.equal(w.shown.length, 2);
	await w.restart();
	await w.until('it is read', async () => /429/.test((await w.state(token.id)).last_error));
	await w.advance(40);
	await w.until('it is made again', async () => w.shown.length === 3 && (await w.state(token.id)).last_error === '');
	assert.equal((await w.state(token.id)).status, 'active');
});

test('an owner is told of a doubt that follows an ordinary failure, and once', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Told');
	const told = async () => (await w.told(token.id)).filter((e) => e.type === 'token.failing').map((e) => e.details.why);
	w.replies({ status: 429, json: {} }, { status: 429, json: {} }, cut);
	await w.refresh('Told');
	await w.refresh('Told');
	assert.equal((await told()).length, 1, 'the second failure of one kind is no news');
	await w.refresh('Told');
	await w.refresh('Told');
	await w.restart();
	await w.refresh('Told');
	const words = await told();
	assert.equal(words.length, 2, JSON.stringify(words));
	assert.match(words[0], /429/);
	assert.match(words[1], /never came/);
});

test('the retry inside a grace is not scheduled after it, however many failures there were before', async (t) => {
	const w = await startScripted({ rotation: 'grace', grace: { until: 'seconds', max_s: 120 } });
	t.after(() => w.stop());
	const token = await w.connect('Grace');
	w.replies(...Array(6).fill({ status: 429, json: {} }), cut,
		{ status: 400, json: { error: 'temporarily_unavailable' }, headers: { 'retry-after': '3600' } });
	for (let i = 0; i < 8; i++) await w.refresh('Grace');
	assert.equal(w.shown.length, 8, 'the last of them was told to wait for an hour');
	await w.advance(101);
	await w.until('one more in time', async () => w.shown.length === 9 && (await w.state(token.id)).last_error === '', 40000);
	assert.equal(new Set(w.shown).size, 1);
});

test('a false report of a refused access token does not spend the risky try', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Scope');
	w.replies(cut);
	assert.equal((await w.refresh('Scope')).status, 502);
	await w.advance(60);
	const asked = w.p.count('/2/users/get_current_account');
	const report = async () => (await w.rejected('Scope', createHash('sha256').update((await w.live('Scope')).access_token).digest('hex'))).json();
	assert.equal((await report()).code, 'refresh-in-doubt');
	assert.equal(w.p.count('/2/users/get_current_account'), asked + 1, 'the witness was asked, once');
	assert.equal(w.shown.length, 1);
	/* When the witness says so too, nothing is left to wait for. */
	w.p.on.account = () => ({ status: 401, json: {} });
	await report();
	await w.until('the one last try', async () => w.shown.length === 2 && (await w.state(token.id)).last_error === '');
});

test('a refusal of the request stops a token after ten of the same only, and is told then', async (t) => {
	const w = await startScripted({ rotation: 'none' });
	t.after(() => w.stop());
	const token = await w.connect('Refused');
	const odd = { status: 400, json: { error: 'invalid_request', error_description: 'out of order' } };
	w.replies(...Array(9).fill(odd), { status: 429, json: {} }, ...Array(11).fill(odd));
	for (let i = 0; i < 19; i++) {
		await w.refresh('Refused');
		assert.equal((await w.state(token.id)).status, 'active', `after ${i + 1}`);
	}
	assert.ok((await w.state(token.id)).next_refresh_ms > 0, JSON.stringify(await w.state(token.id)));
	await w.refresh('Refused');
	assert.equal((await w.state(token.id)).status, 'misconfigured');
	assert.deepEqual((await w.told(token.id)).map((e) => e.type).slice(-2), ['token.failing', 'token.misconfigured']);
	assert.equal((await w.refresh('Refused')).status, 409);
	assert.equal((await w.refresh('Refused')).status, 200, 'it is not for ever');
});

test('a refresh token that is no text is not as none: the reply is kept', async (t) => {
	const w = await startScripted({ rotation: 'strict' });
	t.after(() => w.stop());
	const token = await w.connect('Odd');
	const old = await w.live('Odd');
	w.replies({ json: tokenReply({ refresh_token: { value: 'r' } }) });
	assert.equal((await w.refresh('Odd')).status, 502);
	assert.equal((await w.live('Odd')).access_token, old.access_token);
	assert.equal((await w.ann.post(`/api/console/tokens/${token.id}/recover`)).body.code, 'reply-kept');
	assert.equal(w.shown.length, 1);
});
