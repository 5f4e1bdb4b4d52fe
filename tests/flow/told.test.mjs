/* What owners and machines are told about a token before it stops: the forecast, its exit codes, metrics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startDesk } from '../lib/desk.mjs';
import { programGet } from '../lib/http.mjs';
import { connect, connectToken, makeKey } from '../lib/manager.mjs';
import { tokenReply, usual } from '../lib/provider.mjs';
import { startPair } from '../lib/rotation.mjs';
import { run } from '../lib/server.mjs';

const DAY = 86400;
const { p, manager, ann, key, clock } = await startDesk();

const show = async (name) => (await programGet(manager.url, `/api/v1/tokens/${encodeURIComponent(name)}`, key)).body;
const cli = (...args) => run(['token', ...args], { env: { VALETKEY_URL: manager.url, VALETKEY_API_KEY: key } });
/* The provider is asked whether its access token still works. */
async function over(name) {
	for (const end = Date.now() + 60000; ; await new Promise((r) => setTimeout(r, 20))) {
		const state = await show(name);
		if (state.outlook === 'stopped') return state;
		assert.ok(Date.now() < end, JSON.stringify(state));
	}
}
const refreshing = (reply) => (req) => (req.form.grant_type === 'refresh_token' ? reply : usual.token(req));

test('a token that renews itself has no end in sight', async () => {
	const t = await connectToken(ann, 'Endless');
	const state = await show('Endless');
	assert.equal(state.works_until, null);
	assert.equal(state.works_for, null);
	assert.match(state.because, /renews itself until somebody takes the access away at Dropbox/);
	const got = await cli('check', 'Endless', '--for', '3650d');
	assert.equal(got.code, 0, got.err);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('what will need a person is said in time, with its reason', async () => {
	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	const short = await connectToken(ann, 'Short');
	p.on.token = () => ({ json: tokenReply({ refresh_token_expires_in: 3 * DAY }) });
	const days = await connectToken(ann, 'Three days');
	p.on.token = usual.token;
	const long = await connectToken(ann, 'Endless');

	assert.ok(Math.abs((await show('Short')).works_for - 14400) < 60);
	assert.match((await show('Short')).because, /gave no refresh token/);
	assert.ok(Math.abs((await show('Three days')).works_for - 3 * DAY) < 60);
	assert.match((await show('Three days')).because, /refresh token ends then/);

	assert.equal((await cli('check', 'Short', '--for', '3h')).code, 0);
	const soon = await cli('check', 'Short', '--for', '5h');
	assert.equal(soon.code, 5);
	assert.match(soon.err, /works until \S+ only: The provider gave no refresh token/);
	assert.equal((await cli('check', 'Three days', '--for=2d')).code, 0);
	assert.equal((await cli('check', 'Three days', '--for=4d')).code, 5);
	for (const bad of ['', 'x', '3w', '-1h', '1.5h']) assert.equal((await cli('check', 'Short', '--for', bad)).code, 2, bad);

	const names = async (span) => (await cli('list', '--dying', span)).out.trim().split('\n').map((l) => l.split('\t')[0]);
	assert.deepEqual(await names('1h'), ['']);
	assert.deepEqual(await names('5h'), ['Short']);
	assert.deepEqual(await names('7d'), ['Short', 'Three days']);
	for (const t of [short, days, long]) await ann.del(`/api/console/tokens/${t.id}`);
});

test('a refused grant needs a person now, and says since when and why', async () => {
	const t = await connectToken(ann, 'Refused');
	p.on.token = refreshing({ status: 400, json: { error: 'invalid_grant', error_description: 'revoked by its owner' } });
	p.on.account = () => ({ status: 401, json: {} });
	assert.equal((await ann.post(`/api/console/tokens/${t.id}/refresh`)).status, 409);
	const state = await over('Refused');
	assert.equal(state.works_for, 0);
	assert.match(state.because, /Dropbox refused the grant \(invalid_grant: revoked by its owner\)/);
	const got = await cli('check', 'Refused');
	assert.equal(got.code, 5);
	assert.match(got.err, /revoked by its owner/);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a grant without a refresh token is told before it is saved: when it stops, what to change', async () => {
	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	const { warning, expires_at_ms } = (await connect(ann)).connection.token;
	assert.ok(expires_at_ms > Date.now());
	assert.equal(warning.what, 'Dropbox gave no refresh token, so nothing renews this access token.');
	assert.match(warning.advice, /^Dropbox gives one when it is asked with token_access_type=offline/);
	p.on.token = usual.token;
	assert.equal((await connect(ann)).connection.token.warning, null);
});

test('the status is the last proof', async () => {
	const t = await connectToken(ann, 'Proven');
	await clock.advance(manager, 240);
	const state = await show('Proven');
	assert.equal(state.proof, 'Dropbox answered 4 minutes ago.');
	assert.deepEqual([state.outlook, state.trouble], ['lasts', null]);
	assert.equal(state.console_url, `${manager.url}/tokens/${t.id}`);
	assert.equal((await ann.post(`/api/console/tokens/${t.id}/refresh`)).status, 200);
	const renewed = await show('Proven');
	assert.match(renewed.proof, /^Dropbox answered \d+ seconds? ago\.$/);
	assert.equal(renewed.last_refresh, renewed.proved_at);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('every failure is one sentence: what, since when, who can mend it', async () => {
	const t = await connectToken(ann, 'Sick');
	const refresh = () => ann.post(`/api/console/tokens/${t.id}/refresh`);
	p.on.token = () => ({ status: 503, json: {} });
	await refresh();
	const failing = await show('Sick');
	assert.deepEqual([failing.outlook, failing.works_until, failing.trouble.who], ['failing', null, 'nobody']);
	assert.match(failing.trouble.sentence, /^[^(]+ \(since \S+Z; nobody has to do anything, it is tried again at \S+Z\)\.$/);
	assert.equal((await cli('check', 'Sick', '--for', '30m')).code, 0, 'what it has lasts that long');
	const doubtful = await cli('check', 'Sick', '--for', '2d');
	assert.equal(doubtful.code, 6);
	assert.match(doubtful.err, /Nobody can say whether it works so long/);

	/* The second failure has lasted since the first. */
	await clock.advance(manager, 1);
	await refresh();
	assert.equal((await show('Sick')).trouble.since, failing.trouble.since);

	/* After a failure in doubt a refusal is asked for once more. */
	p.on.token = () => ({ status: 400, json: { error: 'invalid_grant' } });
	p.on.account = () => ({ status: 401, json: {} });
	await refresh();
	await refresh();
	const dead = await over('Sick');
	assert.deepEqual([dead.status, dead.outlook, dead.trouble.who], ['needs_reauthorization', 'stopped', 'owner']);
	assert.ok(dead.trouble.sentence.endsWith(`its owner can mend it: Reconnect at ${manager.url}/tokens/${t.id}).`), dead.trouble.sentence);
	assert.match((await cli('show', 'Sick')).out, /^trouble\t.*Reconnect at /m);
	assert.equal((await ann.get(`/api/console/tokens/${t.id}`)).body.token.trouble.sentence, dead.trouble.sentence);
	await ann.del(`/api/console/tokens/${t.id}`);
});

test('a refused app secret is for who runs the installation; a life that nobody said is told so', async () => {
	const wrong = await connectToken(ann, 'Wrong');
	p.on.token = () => ({ status: 401, json: { error: 'invalid_client' } });
	await ann.post(`/api/console/tokens/${wrong.id}/refresh`);
	const told = await show('Wrong');
	assert.deepEqual([told.status, told.outlook, told.trouble.who], ['misconfigured', 'ends', 'administrator']);
	assert.match(told.trouble.sentence, /correct App Key and App Secret at http/);

	p.on.token = () => ({ json: tokenReply({ expires_in: undefined }) });
	const unknown = await connectToken(ann, 'Unknown');
	assert.deepEqual([(await show('Unknown')).outlook, (await show('Unknown')).works_until], ['unknown', null]);
	assert.equal((await cli('check', 'Unknown')).code, 6);
	for (const t of [wrong, unknown]) await ann.del(`/api/console/tokens/${t.id}`);
});

test('metrics tell what a key may read, and nothing to anybody else', async () => {
	const mine = await connectToken(ann, 'Mine');
	p.on.token = () => ({ json: tokenReply({ refresh_token: undefined }) });
	const other = await connectToken(ann, 'Other');
	const limited = await makeKey(ann, { tokens: [mine] });
	const ask = async (as) => {
		const res = await fetch(`${manager.url}/metrics`, as ? { headers: { authorization: `Bearer ${as}` } } : {});
		return { status: res.status, type: res.headers.get('content-type'), text: await res.text() };
	};
	assert.equal((await ask()).status, 401);
	const all = await ask(key);
	assert.equal(all.status, 200);
	assert.match(all.type, /^text\/plain/);
	const value = (name, token) => Number(new RegExp(`^valetkey_token_${name}\\{name="${token}",provider="dropbox"\\} (\\S+)$`, 'm').exec(all.text)?.[1]);
	assert.equal(value('works_seconds', 'Mine'), -1);
	assert.ok(Math.abs(value('works_seconds', 'Other') - 14400) < 60);
	assert.equal(value('needs_person', 'Mine'), 0);
	assert.equal(value('failed_refreshes', 'Mine'), 0);
	assert.ok(value('proved_seconds', 'Mine') < 60);
	/* The text format: a sample's family is announced before it, once, and counters end in _total. */
	const families = new Map();
	for (const line of all.text.trim().split('\n')) {
		const head = /^# (HELP|TYPE) (valetkey_[a-z_]+) (.+)$/.exec(line);
		if (head?.[1] === 'TYPE') {
			assert.ok(!families.has(head[2]), line);
			families.set(head[2], head[3]);
			assert.equal(head[3], head[2].endsWith('_total') ? 'counter' : 'gauge');
		}
		if (head) continue;
		const sample = /^(valetkey_[a-z_]+)(\{[a-z]+="[\w -]+"(,[a-z]+="[\w-]+")*\})? -?[\d.e+]+$/.exec(line);
		assert.ok(sample && families.has(sample[1]), line);
	}
	const sample = (text, name) => Number(text.split('\n').find((l) => l.startsWith(`${name} `))?.slice(name.length + 1));
	const few = (await ask(limited.key)).text;
	assert.equal(sample(all.text, 'valetkey_tokens{outlook="ends"}'), 1);
	assert.equal(sample(few, 'valetkey_tokens{outlook="ends"}'), 0);
	assert.ok(Math.abs(sample(all.text, 'valetkey_next_person_seconds') - 14400) < 60);
	assert.doesNotMatch(few, /^valetkey_next_person_seconds|_total|breaker/m);
	assert.equal(sample(all.text, 'valetkey_provider_breaker_open{provider="dropbox"}'), 0);

	/* What happens is counted. */
	const counts = async () => {
		const { text } = await ask(key);
		return ['refreshes_total{outcome="success"}', 'refreshes_total{outcome="in_doubt"}', 'refreshes_total{outcome="failure"}', 'reads_total{result="ok"}', 'reads_total{result="refused"}'].map((n) => sample(text, `valetkey_${n}`));
	};
	const was = await counts();
	p.on.token = usual.token;
	await ann.post(`/api/console/tokens/${mine.id}/refresh`);
	p.on.token = refreshing({ status: 503, json: {} });
	await ann.post(`/api/console/tokens/${mine.id}/refresh`);
	p.on.token = refreshing({ status: 429, json: {} });
	await ann.post(`/api/console/tokens/${mine.id}/refresh`);
	p.on.token = refreshing({ status: 503, json: {} });
	await programGet(manager.url, '/api/v1/tokens/Mine/access-token', key);
	await programGet(manager.url, '/api/v1/tokens/Nothing/access-token', key);
	assert.deepEqual((await counts()).map((n, i) => n - was[i]), [1, 1, 1, 1, 1]);

	/* Five failures in a row, and calls to the provider pause. */
	for (let i = 0; i < 5; i++) await ann.post(`/api/console/tokens/${mine.id}/refresh`);
	assert.equal(sample((await ask(key)).text, 'valetkey_provider_breaker_open{provider="dropbox"}'), 1);
	assert.doesNotMatch((await ask(limited.key)).text, /Other/);
	for (const t of [mine, other]) await ann.del(`/api/console/tokens/${t.id}`);
});

test('a reply that cannot be read is kept sealed, told, and read again; a strict provider is sent nothing else', async (t) => {
	const pair = await startPair({ rotation: 'strict' });
	t.after(() => pair.stop());
	const token = await pair.connect('Unreadable');
	const old = (await pair.live(token.name)).body.access_token;
	const odd = '{"access_token": {"of a form": "that nobody knows yet"}}';
	const body = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${odd.length}\r\nConnection: close\r\n\r\n${odd}`;
	await pair.sandbox.control('POST', '/_sandbox/faults', { path: '/oauth2/token', grant_type: 'refresh_token', mode: 'garbage', body, count: 1 });
	assert.equal((await pair.refresh(token.name)).status, 502);
	const { refreshes } = await pair.counts();
	const again = await pair.refresh(token.name);
	assert.deepEqual([again.status, (await again.json()).code], [502, 'reply-kept']);
	const state = await pair.state(token.id);
	assert.equal(state.status, 'active');
	assert.match(state.last_error, /reply/);
	assert.match(state.forecast.because, /reply/);
	assert.ok(Math.abs(state.forecast.until_ms - state.expires_at_ms) < 1000);
	assert.equal((await pair.live(token.name)).body.access_token, old, 'the old one is served while it lives');
	const recover = await run(['token', 'recover', token.name], { env: { VALETKEY_URL: pair.url, VALETKEY_API_KEY: pair.key } });
	assert.equal(recover.code, 6);
	assert.match(recover.err, /kept, sealed, and nothing else is sent/);
	assert.deepEqual(await pair.counts(), { refreshes, reuses: 0 });
	assert.equal((await pair.ann.post(`/api/console/tokens/${(await pair.connect('Fine')).id}/recover`)).body.code, 'nothing-kept');
});

test('where a reply was lost, the owner is told at once and until when the old token works', async (t) => {
	const pair = await startPair({ rotation: 'strict' });
	t.after(() => pair.stop());
	const token = await pair.connect('Lost');
	const old = (await pair.live(token.name)).body.access_token;
	await pair.sandbox.control('POST', '/_sandbox/faults', { path: '/oauth2/token', grant_type: 'refresh_token', mode: 'lose_reply', count: 1 });
	assert.equal((await pair.refresh(token.name)).status, 502);
	const state = await pair.state(token.id);
	assert.match(state.last_error, /The reply to the refresh of \S+ never came, and Dropbox accepts a refresh token only once/);
	assert.ok(Math.abs(state.forecast.until_ms - state.expires_at_ms) < 1000);
	assert.match(state.forecast.because, /one last try is made shortly before/);
	assert.equal((await pair.live(token.name)).body.access_token, old);
	assert.deepEqual(await pair.counts(), { refreshes: 1, reuses: 0 });
});
