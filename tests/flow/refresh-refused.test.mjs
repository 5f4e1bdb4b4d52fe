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

test('a refusal after a lost reply is not final: a person is not asked, and no grant is taken for over', async (t) => {
	const w = await startScripted({ rotation: 'none' });
	t.after(() => w.stop());
	const token = await w.connect('Doubted');
	const remove = () => w.ann.del(`/api/console/tokens/${token.id}?revoke=true`);
	w.p.on.other = () => ({ status: 401, json: { error_summary: 'expired_access_token/' } });
	const lost = (req, res) => void res.socket.destroy();
	w.replies(lost, refused, lost, refused, refused);
	assert.equal((await w.refresh('Doubted')).status, 502);
	const again = await w.refresh('Doubted');
	assert.equal(again.status, 502);
	assert.match((await again.json()).detail, /invalid_grant/);
	assert.equal((await w.refresh('Doubted')).status, 502);
	const kept = await remove();
	assert.deepEqual([kept.status, kept.body.code], [502, 'not-revoked']);
	assert.equal((await w.state(token.id)).status, 'active');
	assert.equal((await remove()).status, 204, 'said twice, and nothing was lost between');
});
