/* What counts as doubt, and what is told of it; at a provider that takes a refresh token once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

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
