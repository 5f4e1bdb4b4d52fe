/* The manager ends at each numbered step of a refresh in turn (docs/mechanisms/refresh.md), for each kind
 * of provider, and what comes after is what that page promises. The sandbox is the provider; it goes on,
 * so that what it did while the manager was gone is the truth. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startPair } from '../lib/rotation.mjs';

const STEPS = ['before the claim', 'claimed', 'recorded', 'sent', 'reply in memory', 'reply sealed', 'parsed', 'committed'];
const [, CLAIMED, RECORDED, , IN_MEMORY, SEALED, , COMMITTED] = STEPS.map((_, i) => i + 1);
const CONTRACTS = {
	none: { rotation: 'none' },
	'grace until the new refresh token is used': { rotation: 'grace', grace: { until: 'r2_used', max_s: 2592000 } },
	'grace until the new access token is used': { rotation: 'grace', grace: { until: 'access_used', max_s: 2592000 } },
	'grace of 60 seconds': { rotation: 'grace', grace: { until: 'seconds', max_s: 60 } },
	'grace of 60 seconds, killing access tokens': { rotation: 'grace', grace: { until: 'seconds', max_s: 60 }, refresh_kills_access: true },
	single: { rotation: 'single' },
	'single, killing access tokens': { rotation: 'single', refresh_kills_access: true },
	strict: { rotation: 'strict' },
	'strict, killing access tokens': { rotation: 'strict', refresh_kills_access: true },
};

const once = ({ rotation }) => rotation === 'single' || rotation === 'strict';

/* What the provider did with the refresh that was cut off. */
async function processed(pair, step) {
	if (step === IN_MEMORY - 1) await new Promise((resolve) => setTimeout(resolve, 500));
	const { refreshes } = await pair.counts();
	if (step <= RECORDED) assert.equal(refreshes, 0, 'nothing had left');
	if (step >= IN_MEMORY) assert.equal(refreshes, 1, 'a reply had come');
	return refreshes === 1;
}

async function worksNow(pair, name) {
	const got = await pair.live(name);
	assert.equal(got.status, 200, JSON.stringify(got.body));
	assert.ok(await pair.works(got.body.access_token), 'the provider takes it');
	return got.body.access_token;
}

async function renewed(pair, name, old) {
	return pair.until('a new access token', async () => {
		const got = await pair.live(name);
		return got.status === 200 && got.body.access_token !== old && got.body.access_token;
	});
}

/* Held: the old one is handed out, and its owner is told at once what happened and until when it works. */
async function held(pair, token, old) {
	const state = await pair.until('the owner is told', async () => {
		const now = await pair.state(token.id);
		return now.last_error !== '' && now;
	});
	assert.match(state.last_error, /The reply to the refresh of \S+ never came/);
	assert.equal(state.status, 'active');
	assert.equal(await worksNow(pair, token.name), old);
}

/* living: the old access token, where the provider lets it live to its end all the same. */
async function lost(pair, token, pattern, living) {
	const state = await pair.until('the owner is asked', async () => {
		const now = await pair.state(token.id);
		return now.status === 'needs_reauthorization' && now;
	});
	assert.match(state.status_reason, pattern);
	if (living) {
		assert.equal(await worksNow(pair, token.name), living);
		await pair.advance(120);
	}
	/* Its access token is asked about first, and handed out meanwhile. */
	await pair.until('it is refused', async () => {
		const got = await pair.live(token.name);
		return got.status === 409 && got.body.code === 'reauthorization-required';
	});
	/* Once it is known to be dead, the refresh token is not shown again, whoever asks. */
	const { reuses } = await pair.counts();
	assert.equal((await pair.refresh(token.name)).status, 409);
	assert.equal((await pair.counts()).reuses, reuses);
}

/* In doubt at a provider that takes a refresh token only once. */
async function onceInDoubt(pair, token, old, didProcess, rotation) {
	await held(pair, token, old);
	await pair.advance(pair.LIFE_S - 3600);
	assert.equal((await pair.counts()).reuses, 0, 'it is not touched while the old one lives');
	await pair.advance(3600 - 110);
	if (!didProcess) {
		await renewed(pair, token.name, old);
		await worksNow(pair, token.name);
		return;
	}
	/* The one risky try, at the last safe moment, found that it had been processed. */
	await lost(pair, token, /invalid_grant/, rotation === 'single' && old);
	assert.equal((await pair.counts()).reuses, 1);
}

async function witnessInDoubt(pair, token, old, didProcess) {
	await pair.until('it waits for the old request to settle', async () => (await pair.state(token.id)).last_error !== '');
	await pair.advance(31);
	if (didProcess) await lost(pair, token, /processed the refresh of .* nobody has the new refresh token/);
	else {
		await renewed(pair, token.name, old);
		await worksNow(pair, token.name);
	}
	assert.equal((await pair.counts()).reuses, 0, 'nothing was presented twice');
}

/* No person, no reuse; the reply that was kept is read, not asked for again. */
async function goesOn(pair, token, old, contract, step) {
	if (step <= CLAIMED) {
		assert.equal(await worksNow(pair, token.name), old);
		assert.equal((await pair.refresh(token.name)).status, 200);
	}
	await renewed(pair, token.name, old);
	await worksNow(pair, token.name);
	const { refreshes } = await pair.counts();
	if (step >= SEALED || step <= RECORDED) assert.equal(refreshes, 1);
	assert.equal((await pair.state(token.id)).status, 'active');
	/* And the refresh token that is stored is the provider's current one. */
	assert.equal((await pair.refresh(token.name)).status, 200);
	await worksNow(pair, token.name);
	if (once(contract)) assert.equal((await pair.counts()).reuses, 0);
}

async function crashAt(pair, contract, step) {
	const token = await pair.connect(`Step ${step}`);
	const old = (await pair.live(token.name)).body.access_token;
	await pair.restart({ VALETKEY_CRASH_AT: String(step) });
	await pair.died(() => pair.refresh(token.name));
	const didProcess = await processed(pair, step);
	await pair.restart();
	const doubtful = once(contract) && step >= RECORDED && step <= IN_MEMORY;
	if (!doubtful) await goesOn(pair, token, old, contract, step);
	else if (contract.refresh_kills_access) await witnessInDoubt(pair, token, old, didProcess);
	else await onceInDoubt(pair, token, old, didProcess, contract.rotation);
	await pair.remove(token.id);
}

for (const [name, contract] of Object.entries(CONTRACTS)) {
	test(`crash at every step: ${name}`, async (t) => {
		const pair = await startPair(contract);
		t.after(() => pair.stop());
		for (let step = 1; step <= COMMITTED; step++)
			await t.test(STEPS[step - 1], () => crashAt(pair, contract, step));
	});
}
