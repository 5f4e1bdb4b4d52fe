/* A person clicks Refresh on a token that needs reauthorization. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startScripted } from '../lib/scripted.mjs';

const refused = { status: 400, json: { error: 'invalid_grant', error_description: 'The grant is gone.' } };

for (const rotation of ['single', 'strict'])
	test(`a refused refresh token is not shown again at a provider that accepts it once, however often somebody asks (${rotation})`, async (t) => {
		const w = await startScripted({ rotation });
		t.after(() => w.stop());
		const token = await w.connect('Refused');
		w.replies(refused);
		assert.equal((await w.refresh('Refused')).status, 409);
		for (let i = 0; i < 3; i++) {
			const reply = await w.refresh('Refused');
			const body = await reply.json();
			assert.equal(reply.status, 409);
			assert.equal(body.code, 'reauthorization-required');
			assert.match(body.detail, /invalid_grant/, 'what happened is said, not that something did');
			assert.match(JSON.stringify(body), /is not sent again/);
		}
		assert.equal(w.shown.length, 1);
		assert.equal((await w.state(token.id)).status, 'needs_reauthorization');
	});

for (const contract of [{ rotation: 'none' }, { rotation: 'grace', grace: { until: 'seconds', max_s: 600 } }])
	test(`where it loses nothing each click asks the provider once more, whose incident may be over (${contract.rotation})`, async (t) => {
		const w = await startScripted(contract);
		t.after(() => w.stop());
		const token = await w.connect('Incident');
		w.replies(refused, refused);
		assert.equal((await w.refresh('Incident')).status, 409);
		assert.equal((await w.refresh('Incident')).status, 409);
		assert.equal(w.shown.length, 2, 'one for each, and none by itself');
		assert.equal((await w.refresh('Incident')).status, 200);
		assert.equal((await w.state(token.id)).status, 'active');
	});
