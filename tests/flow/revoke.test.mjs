/* "Also end the access at the provider": removed only when the grant is known to be over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startDesk } from '../lib/desk.mjs';
import { connectToken } from '../lib/manager.mjs';
import { tokenReply } from '../lib/provider.mjs';

const REVOKE = '/2/auth/token/revoke';
const expired = { status: 401, json: { error_summary: 'expired_access_token/', error: { '.tag': 'expired_access_token' } } };
const { p, manager, ann, clock } = await startDesk();

/* What the revoke call answers to an access token. */
const onRevoke = (answer) => (p.on.other = (req) => (req.path === REVOKE ? answer(req.headers.authorization.slice(7)) : undefined));
const refreshes = () => p.requests.filter((r) => r.path === '/oauth2/token' && r.form.grant_type === 'refresh_token').length;
const remove = (t) => ann.del(`/api/console/tokens/${t.id}?revoke=true`);
const deleted = async (t) => (await ann.get(`/api/console/tokens/${t.id}`)).status === 404;
const lastDeleted = async () => (await ann.get('/api/console/events?type=token.deleted&limit=1')).body.events[0];

/* A lazy token whose access token has run out: nothing is wrong with it. */
async function asleep(name) {
	const t = await connectToken(ann, name);
	await ann.patch(`/api/console/tokens/${t.id}`, { lazy: true });
	await clock.advance(manager, 5 * 3600);
	p.requests.length = 0;
	return t;
}

test('a grant whose access token has run out is renewed to be ended, and the event says who ended it', async () => {
	const t = await asleep('Asleep');
	let fresh;
	p.on.token = () => {
		const json = tokenReply({ refresh_token: undefined });
		fresh = json.access_token;
		return { json };
	};
	onRevoke((access) => (access === fresh ? { json: null } : expired));
	assert.equal((await remove(t)).status, 204);
	assert.deepEqual([refreshes(), p.count(REVOKE)], [1, 1]);
	assert.equal(p.last(REVOKE).headers.authorization, `Bearer ${fresh}`);
	const event = await lastDeleted();
	assert.equal(event.details.revoked_by, 'Dropbox');
	assert.equal(event.sentence, 'Asleep was removed, after Dropbox had ended its access; it can be restored.');
});

test('a 401 to the revoke call is not taken for the end of a grant that can still be refreshed', async () => {
	const t = await asleep('Refused');
	onRevoke(() => expired);
	const got = await remove(t);
	assert.deepEqual([got.status, got.body.code], [502, 'not-revoked']);
	assert.equal(refreshes(), 1);
	assert.equal(await deleted(t), false);
	assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 204);
	assert.equal((await lastDeleted()).details.revoked_by, undefined);
	assert.equal((await lastDeleted()).sentence, 'Refused was removed; it can be restored.');
});

test('an access token that was ended alone is renewed, so that its grant ends too', async () => {
	const t = await connectToken(ann, 'Alone');
	p.requests.length = 0;
	onRevoke(() => (p.count(REVOKE) === 1 ? expired : { json: null }));
	assert.equal((await remove(t)).status, 204);
	assert.deepEqual([refreshes(), p.count(REVOKE)], [1, 2]);
});

test('a grant that its provider refuses to refresh is over already', async () => {
	const t = await asleep('Over');
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant' } });
	onRevoke(() => expired);
	assert.equal((await remove(t)).status, 204);
	assert.equal((await lastDeleted()).details.revoked_by, 'Dropbox');
});

test('while the provider cannot refresh, nothing is said to be revoked', async () => {
	const t = await asleep('Away');
	p.on.token = () => ({ status: 503, text: 'no' });
	onRevoke(() => expired);
	const got = await remove(t);
	assert.deepEqual([got.status, got.body.code, p.count(REVOKE)], [502, 'not-revoked', 0]);
	assert.match(got.body.detail, /HTTP status 503/);
	assert.equal(await deleted(t), false);
});

test('without a refresh token a 401 tells of an end only before the access token has run out', async () => {
	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	onRevoke(() => expired);
	const early = await connectToken(ann, 'Early');
	assert.equal((await remove(early)).status, 204);
	const late = await connectToken(ann, 'Late');
	await clock.advance(manager, 5 * 3600);
	const got = await remove(late);
	assert.deepEqual([got.status, got.body.code], [502, 'not-revoked']);
	assert.match(got.body.detail, /has run out/);
	assert.match(got.body.todo, /take the app's access away at Dropbox itself/);
	assert.equal(await deleted(late), false);
});
