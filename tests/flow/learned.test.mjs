/* What is learned of a provider by watching it, its clock, tokens that are renewed when read, and what still works although a person is needed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { startDesk } from '../lib/desk.mjs';
import { programGet } from '../lib/http.mjs';
import { connect, connectToken } from '../lib/manager.mjs';
import { tokenReply, usual } from '../lib/provider.mjs';
import { startPair } from '../lib/rotation.mjs';
import { run } from '../lib/server.mjs';

const { p, manager, ann, key, clock } = await startDesk();

const at = (name, rest = '') => `/api/v1/tokens/${encodeURIComponent(name)}${rest}`;
const show = async (name) => (await programGet(manager.url, at(name), key)).body;
const live = (name, query = '?min_ttl=0') => programGet(manager.url, at(name, `/access-token${query}`), key);
const cli = (...args) => run(['token', ...args], { env: { VALETKEY_URL: manager.url, VALETKEY_API_KEY: key } });
const refresh = (t) => ann.post(`/api/console/tokens/${t.id}/refresh`);
const remove = (t) => ann.del(`/api/console/tokens/${t.id}`);
const dead = { status: 401, json: { error_summary: 'expired_access_token/' } };
const refreshing = (reply) => (req) => (req.form.grant_type === 'refresh_token' ? reply : usual.token(req));
const sha = (text) => createHash('sha256').update(text).digest('hex');
const reported = async (name, access) => {
	const res = await fetch(manager.url + at(name, '/access-token/rejected'), {
		method: 'POST',
		headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
		body: JSON.stringify({ fingerprint: sha(access) }),
	});
	return { status: res.status, body: await res.json() };
};
async function until(what, find) {
	for (const end = Date.now() + 60000; ; await new Promise((r) => setTimeout(r, 20))) {
		const found = await find();
		if (found) return found;
		assert.ok(Date.now() < end, `${what}\n${manager.log().slice(-2000)}`);
	}
}

test('the first refreshes teach whether a refresh token comes back, and whether it is another', async () => {
	const t = await connectToken(ann, 'Learning');
	assert.deepEqual((await show('Learning')).learned, { refresh_token: null, old_access_token: null, access_life: null });
	const fact = async () => (await show('Learning')).learned.refresh_token;
	await refresh(t);
	const none = await fact();
	assert.equal(none.value, 'none');
	assert.match(none.sentence, /^The one refresh at Dropbox brought no refresh token: the first one stays\.$/);
	p.on.token = refreshing({ json: tokenReply({ refresh_token: 'the-same' }) });
	await refresh(t);
	await refresh(t);
	assert.equal((await fact()).value, 'sometimes-new');
	assert.equal((await fact()).since, none.since, 'known since the first of them');
	await remove(t);

	p.on.token = () => ({ json: tokenReply({ refresh_token: 'kept' }) });
	const same = await connectToken(ann, 'Same');
	await refresh(same);
	assert.equal((await show('Same')).learned.refresh_token.value, 'same');
	p.on.token = () => ({ json: tokenReply() });
	const rotating = await connectToken(ann, 'Rotating');
	await refresh(rotating);
	await refresh(rotating);
	assert.equal((await show('Rotating')).learned.refresh_token.value, 'new');
	const { token } = (await ann.get(`/api/console/tokens/${rotating.id}`)).body;
	assert.equal(token.learned.refresh_token.value, 'new');
	assert.equal(token.learned.refresh_token.since_ms, Date.parse((await show('Rotating')).learned.refresh_token.since) + (token.learned.refresh_token.since_ms % 1000));
	assert.match((await cli('show', 'Rotating')).out, /^learned\tThe refreshes at Dropbox brought a new refresh token\.$/m);
	for (const one of [same, rotating]) await remove(one);
});

test('the first refresh teaches whether the access token before it dies', async () => {
	const old = [];
	p.on.account = (req) => {
		old.push(req.headers.authorization);
		return usual.account(req);
	};
	const t = await connectToken(ann, 'Lives');
	const before_it = (await live('Lives')).body.access_token;
	old.length = 0;
	await refresh(t);
	const fact = await until('nothing was learned', async () => (await show('Lives')).learned.old_access_token);
	assert.equal(fact.value, 'lives');
	assert.match(fact.sentence, /^At Dropbox a refresh leaves the access token before it working\.$/);
	assert.deepEqual(old, [`Bearer ${before_it}`]);
	/* It is asked once. */
	await refresh(t);
	await until('the second', async () => (await live('Lives')).body.access_token !== before_it);
	assert.equal(old.length, 1);

	/* Somebody who was refused with it teaches otherwise, and that counts. */
	const second = (await live('Lives')).body.access_token;
	await refresh(t);
	await reported('Lives', second);
	assert.equal((await show('Lives')).learned.old_access_token.value, 'dies');
	assert.match((await show('Lives')).learned.old_access_token.sentence, /ends the access token before it\. Its definition says otherwise\.$/);
	await remove(t);

	const dying = await connectToken(ann, 'Dies');
	p.on.account = () => dead;
	await refresh(dying);
	assert.equal((await until('nothing was learned', async () => (await show('Dies')).learned.old_access_token)).value, 'dies');
	await remove(dying);
});

test('a report about an access token that had run out teaches nothing about refreshes', async () => {
	p.on.account = () => ({ status: 503, text: '' });
	const t = await connectToken(ann, 'Ran Out');
	const old = (await live('Ran Out')).body.access_token;
	await clock.advance(manager, 14500);
	await refresh(t);
	await reported('Ran Out', old);
	assert.equal((await show('Ran Out')).learned.old_access_token, null);
	await remove(t);
});

test('a life that was learned is shown as learned', async () => {
	const silent = { expires_in: undefined };
	p.on.token = (req) => ({ json: tokenReply(req.form.grant_type === 'refresh_token' ? { ...silent, refresh_token: undefined } : silent) });
	const t = await connectToken(ann, 'Silent');
	assert.equal((await show('Silent')).expires_source, null);
	await clock.advance(manager, 1800);
	assert.equal((await reported('Silent', (await live('Silent')).body.access_token)).status, 200);
	assert.equal((await show('Silent')).learned.access_life, null, 'it still works, whatever was reported');
	await clock.advance(manager, 3600);
	p.on.account = () => dead;
	assert.equal((await reported('Silent', (await live('Silent')).body.access_token)).status, 200);
	const state = await show('Silent');
	assert.equal(state.expires_source, 'learned');
	assert.ok(Math.abs(state.learned.access_life.seconds - 3600) < 30, JSON.stringify(state.learned));
	assert.match(state.learned.access_life.sentence, /^Dropbox refused an access token at the age of 60 minutes, and does not tell how long they live/);
	assert.ok(Math.abs(Date.parse(state.learned.access_life.since) - (Date.now() + clock.offset_s * 1000)) < 60000);
	await remove(t);
});

test('the provider\'s clock is shown, and read by: the end in a JWT is in its time', async () => {
	const skew_s = -7200;
	const theirs = () => Date.now() + (clock.offset_s + skew_s) * 1000;
	const jwt = () => {
		const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
		return `${part({ alg: 'none' })}.${part({ exp: Math.floor(theirs() / 1000) + 3600 })}.x`;
	};
	const late = (req) => ({ json: tokenReply({ access_token: jwt(), expires_in: undefined }), headers: { date: new Date(theirs()).toUTCString() } });
	p.on.token = late;
	p.on.account = (req) => ({ ...usual.account(req), headers: { date: new Date(theirs()).toUTCString() } });
	const t = await connectToken(ann, 'Late Clock');
	const left = async () => (await show('Late Clock')).expires_in;
	assert.ok(Math.abs((await left()) - 3600) < 30, 'after the consent');
	await refresh(t);
	assert.ok(Math.abs((await left()) - 3600) < 30, 'after a refresh');
	const state = await show('Late Clock');
	assert.equal(state.expires_source, 'token');
	const shown = (s) => Math.abs(s.provider_clock.ahead_s - skew_s) < 5 && /^The clock of Dropbox is 7[12]\d\d seconds behind this machine's;/.test(s.provider_clock.sentence);
	assert.ok(shown(state), JSON.stringify(state.provider_clock));
	assert.ok(shown((await ann.get(`/api/console/tokens/${t.id}`)).body.token));
	assert.match((await cli('show', 'Late Clock')).out, /^clock\tThe clock of Dropbox is 7[12]\d\d seconds behind/m);
	const metrics = async () => (await (await fetch(`${manager.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text());
	assert.ok(Math.abs(Number(/^valetkey_provider_clock_skew_seconds\{provider="dropbox"\} (\S+)$/m.exec(await metrics())?.[1]) - skew_s) < 5);
	/* A reply without a Date is read by the one before. */
	p.on.token = (req, res) => {
		res.sendDate = false;
		return { json: tokenReply({ access_token: jwt(), expires_in: undefined }) };
	};
	await refresh(t);
	assert.ok(Math.abs((await left()) - 3600) < 30, 'without a Date');
	p.on.token = () => ({ json: tokenReply(), headers: { date: new Date(Date.now() + clock.offset_s * 1000).toUTCString() } });
	await refresh(t);
	assert.equal((await show('Late Clock')).provider_clock.sentence, 'The clock of Dropbox agrees with this machine\'s.');
	await remove(t);
});

test('a lazy token is refreshed when somebody reads it, and not before', async () => {
	const t = await connectToken(ann, 'Lazy');
	assert.equal((await show('Lazy')).lazy, false, 'kept fresh unless a person says otherwise');
	assert.ok((await show('Lazy')).next_refresh);
	const set = await ann.patch(`/api/console/tokens/${t.id}`, { lazy: true });
	assert.equal(set.status, 200, set.text);
	assert.equal(set.body.token.lazy, true);
	const state = await show('Lazy');
	assert.deepEqual([state.lazy, state.next_refresh, state.renewal, state.outlook], [true, null, 'When asked', 'lasts']);
	assert.match((await cli('show', 'Lazy')).out, /^lazy\tyes$/m);
	const refreshes = () => p.requests.filter((r) => r.form.grant_type === 'refresh_token').length;
	/* Its neighbour is refreshed in the same hours, which shows that they passed. */
	const eager = await connectToken(ann, 'Eager');
	await clock.advance(manager, 20000);
	await until('the other was not refreshed', async () => (await show('Eager')).last_refresh);
	assert.equal(refreshes(), 1);
	assert.equal((await show('Lazy')).status, 'active', 'nothing is wrong with it');
	assert.equal((await live('Lazy', '')).status, 200);
	assert.equal(refreshes(), 2);
	assert.equal((await show('Lazy')).next_refresh, null);
	/* And back. */
	await ann.patch(`/api/console/tokens/${t.id}`, { lazy: false });
	assert.ok((await show('Lazy')).next_refresh);
	assert.equal((await ann.patch(`/api/console/tokens/${t.id}`, { lazy: 'yes' })).status, 400);
	for (const one of [t, eager]) await remove(one);
});

test('a token can be lazy from the beginning, and stays so with a new consent', async () => {
	const done = await connect(ann);
	const made = await ann.post('/api/console/tokens', { connection: done.id, name: 'Born Lazy', description: '', lazy: true });
	assert.equal(made.status, 201, made.text);
	assert.deepEqual([made.body.token.lazy, made.body.token.next_refresh_ms], [true, null]);
	await connect(ann, { token_id: made.body.token.id });
	const state = await show('Born Lazy');
	assert.deepEqual([state.lazy, state.next_refresh], [true, null]);
	await remove(made.body.token);
});

test('a lazy token whose refresh token would die unused is kept alive', async () => {
	const DAY = 86400;
	p.on.token = () => ({ json: tokenReply({ refresh_token_expires_in: 10 * DAY }) });
	const t = await connectToken(ann, 'Kept Alive');
	await ann.patch(`/api/console/tokens/${t.id}`, { lazy: true });
	const due = () => show('Kept Alive').then((s) => (Date.parse(s.next_refresh) - Date.now()) / 1000 - clock.offset_s);
	assert.ok((await due()) > 6.9 * DAY && (await due()) < 7.6 * DAY, String(await due()));
	await clock.advance(manager, 8 * DAY);
	await until('it was not kept alive', async () => (await show('Kept Alive')).last_refresh);
	assert.ok((await due()) > 6.9 * DAY);
	await remove(t);
});

test('what needs a person is handed out with a warning while its access token lives', async () => {
	const t = await connectToken(ann, 'Warned');
	const access = (await live('Warned')).body.access_token;
	assert.equal((await live('Warned')).body.warning, undefined);
	p.on.token = refreshing({ status: 400, json: { error: 'invalid_grant', error_description: 'revoked by its owner' } });
	assert.equal((await refresh(t)).status, 409);
	const got = await live('Warned');
	assert.deepEqual([got.status, got.body.access_token, got.body.warning.code], [200, access, 'reauthorization-required']);
	assert.match(got.body.warning.detail, /Dropbox refused the grant \(invalid_grant: revoked by its owner\)/);
	assert.match(got.body.warning.todo, new RegExp(`${manager.url}/tokens/${t.id}\\) and click Reconnect`));
	const state = await show('Warned');
	assert.deepEqual([state.status, state.outlook], ['needs_reauthorization', 'ends']);
	assert.equal(state.works_until, state.expires_at);
	const out = await cli('get', 'Warned');
	assert.deepEqual([out.code, out.out], [0, `${access}\n`]);
	assert.match(out.err, /works until \S+ only: Dropbox refused the grant/);
	/* One that has asked for more life than is left gets what there is, as always. */
	assert.equal((await live('Warned', '?min_ttl=86400')).body.access_token, access);
	await clock.advance(manager, 14500);
	const over = await live('Warned');
	assert.deepEqual([over.status, over.body.code], [409, 'reauthorization-required']);
	assert.equal((await show('Warned')).outlook, 'stopped');
	await remove(t);
});

test('whether the access token still lives is asked when the grant is refused', async () => {
	const t = await connectToken(ann, 'Taken Away');
	p.on.token = refreshing({ status: 400, json: { error: 'invalid_grant' } });
	p.on.account = () => dead;
	assert.equal((await refresh(t)).status, 409);
	await until('it was not asked', async () => (await show('Taken Away')).outlook === 'stopped');
	const got = await live('Taken Away');
	assert.deepEqual([got.status, got.body.code], [409, 'reauthorization-required']);
	assert.equal((await cli('check', 'Taken Away')).code, 5);
	/* A new consent begins anew. */
	p.reset();
	await connect(ann, { token_id: t.id });
	assert.equal((await live('Taken Away')).status, 200);
	assert.equal((await show('Taken Away')).outlook, 'lasts');
	await remove(t);
});

test('an access token that the provider does not accept any more is given to nobody else', async () => {
	const t = await connectToken(ann, 'Refused Early');
	const access = (await live('Refused Early')).body.access_token;
	await clock.advance(manager, 60);
	/* Only somebody's word, and the provider says that it is fine. */
	p.on.token = refreshing({ status: 503, json: {} });
	assert.equal((await reported('Refused Early', access)).status, 502);
	assert.equal((await live('Refused Early')).body.access_token, access);
	/* And when it is not. */
	p.on.account = () => dead;
	await clock.advance(manager, 1000);
	await reported('Refused Early', access);
	assert.equal((await live('Refused Early')).status, 502, 'its refreshes fail, and what is there is of no use');
	p.reset();
	await clock.advance(manager, 1000);
	assert.notEqual((await live('Refused Early')).body.access_token, access);
	await remove(t);

	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	const short = await connectToken(ann, 'Short');
	const only = (await live('Short')).body.access_token;
	assert.equal((await reported('Short', only)).body.code, 'rejected-again', 'the provider says that it works');
	p.on.account = () => dead;
	const told = await reported('Short', only);
	assert.equal(told.body.code, 'reauthorization-required');
	assert.match(told.body.detail, /^The provider does not accept the access token any more, and gave no refresh token to renew it\./);
	assert.equal((await live('Short')).status, 409);
	assert.equal((await show('Short')).outlook, 'stopped');
	await remove(short);
});

test('what a strict provider of the sandbox does is learned like any other\'s', async (t) => {
	const pair = await startPair({ rotation: 'strict', refresh_kills_access: true });
	t.after(() => pair.stop());
	const token = await pair.connect('Strict');
	assert.equal((await pair.refresh('Strict')).status, 200);
	const { learned } = await pair.until('nothing was learned', async () => {
		const state = await pair.state(token.id);
		return state.learned.old_access_token && state;
	});
	assert.deepEqual([learned.refresh_token.value, learned.old_access_token.value], ['new', 'dies']);
	assert.doesNotMatch(learned.old_access_token.sentence + learned.refresh_token.sentence, /otherwise|definition/);
	assert.deepEqual(await pair.counts(), { refreshes: 1, reuses: 0 });
});
