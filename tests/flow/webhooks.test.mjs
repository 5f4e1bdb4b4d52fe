/* Webhooks of the manager: signed, tried again, told once, whatever happens to the process. */
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { testClock } from '../lib/clock.mjs';
import { startHook } from '../lib/hook.mjs';
import { managerClient } from '../lib/http.mjs';
import { assertAbsent, connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

const clock = testClock();
let p, manager, ann, hook, token;

before(async () => {
	p = await startProvider();
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, ...clock.env } });
	ann = await managerClient(manager);
	hook = await startHook();
	token = await connectToken(ann, 'Told');
});
after(async () => {
	await manager?.stop();
	await hook?.stop();
	await p?.stop();
});
beforeEach(async () => {
	for (const w of (await ann.get('/api/console/webhooks')).body.webhooks) await ann.del(`/api/console/webhooks/${w.id}`);
	hook.answer = (req, res) => res.writeHead(204).end();
	hook.heard.length = 0;
});

async function make(fields = {}) {
	const made = await ann.post('/api/console/webhooks', { name: 'on call', url: hook.url, types: ['token.revealed'], ...fields });
	assert.equal(made.status, 201, made.text);
	return { ...made.body.webhook, secret: made.body.secret };
}
const reveal = () => ann.post(`/api/console/tokens/${token.id}/reveal`);
const deliveries = async (w) => (await ann.get(`/api/console/webhooks/${w.id}/deliveries`)).body.deliveries;
/* The newest delivery, once it is as wanted. */
async function settled(w, want) {
	for (let i = 0; i < 3000; i++) {
		const [d] = await deliveries(w);
		if (d && want(d)) return d;
		await pause(20);
	}
	throw new Error(`the delivery did not get there: ${JSON.stringify(await deliveries(w))}`);
}
const tried = (n) => (d) => d.attempts === n;
const over = (d) => d.state !== 'waiting';

/* What a receiver does: https://www.standardwebhooks.com */
function verify(secret, { headers, text }, now_s = Date.now() / 1000) {
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const id = headers['webhook-id'], at = headers['webhook-timestamp'];
	if (Math.abs(now_s - Number(at)) > 300) return false;
	const want = createHmac('sha256', key).update(`${id}.${at}.${text}`).digest();
	return headers['webhook-signature'].split(' ').some((s) => {
		const [version, mac] = s.split(',');
		const got = Buffer.from(mac ?? '', 'base64');
		return version === 'v1' && got.length === want.length && timingSafeEqual(got, want);
	});
}

test('S-202 a webhook is signed with time, carries the event and no secret', async () => {
	const w = await make();
	assert.match(w.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
	const shown = await reveal();
	const told = await hook.next();
	assert.equal(told.headers['content-type'], 'application/json');
	assert.match(told.headers['webhook-id'], /^msg_[0-9A-Za-z]{24}$/);
	assert.ok(verify(w.secret, told));
	assert.ok(!verify(w.secret, { ...told, text: told.text.replace('Told', 'Cold') }), 'altered');
	assert.ok(!verify(w.secret, told, Date.now() / 1000 + 301), 'replayed after five minutes');
	assert.ok(!verify('whsec_' + 'A'.repeat(43) + '=', told), 'another key');
	assert.equal(told.body.type, 'token.revealed');
	assert.equal(told.body.data.about.name, 'Told');
	assert.equal(told.body.data.sentence, 'The access token of Told was shown.');
	assert.equal(told.body.timestamp, told.body.data.at);
	assertAbsent(told.text + JSON.stringify(told.headers), { 'the access token': shown.body.access_token, 'the secret': w.secret }, 'the webhook');
	const d = await settled(w, over);
	assert.deepEqual([d.state, d.attempts, d.status, d.error, d.next_ms], ['delivered', 1, 204, null, null]);
	/* the secret is told once */
	assert.ok(!(await ann.get('/api/console/webhooks')).text.includes(w.secret));
	const renewed = (await ann.post(`/api/console/webhooks/${w.id}/secret`)).body.secret;
	assert.notEqual(renewed, w.secret);
	await reveal();
	const again = await hook.next();
	assert.ok(verify(renewed, again) && !verify(w.secret, again));
});

test('a receiver that answers 500 twice gets it a third time, with the same id', async () => {
	let refuse = 2;
	hook.answer = (req, res) => res.writeHead(refuse-- > 0 ? 500 : 200).end();
	const w = await make();
	await reveal();
	const first = await hook.next();
	const d = await settled(w, tried(1));
	assert.deepEqual([d.state, d.status, d.error], ['waiting', 500, 'It answered with HTTP status 500.']);
	assert.ok(d.next_ms - d.tried_ms >= 2500 && d.next_ms - d.tried_ms <= 5000, 'within five seconds, by chance');
	await clock.advance(manager, 6);
	const second = await hook.next();
	await settled(w, tried(2));
	await clock.advance(manager, 31);
	const third = await hook.next();
	const end = await settled(w, over);
	assert.deepEqual([end.state, end.attempts, end.status], ['delivered', 3, 200]);
	assert.equal(new Set([first, second, third].map((t) => t.headers['webhook-id'])).size, 1);
	assert.ok(verify(w.secret, third), 'each try is signed anew');
	assert.equal(hook.heard.length, 0);
});

test('what is never taken is given up after ten tries, and can be sent again', async () => {
	hook.answer = (req, res) => res.writeHead(503, { 'retry-after': '60' }).end();
	const w = await make();
	await reveal();
	const first = await settled(w, tried(1));
	assert.ok(first.next_ms - first.tried_ms >= 60000, 'Retry-After is honoured');
	for (let n = 2; n <= 10; n++) {
		await clock.advance(manager, 30000);
		await settled(w, tried(n));
	}
	const d = await settled(w, over);
	assert.deepEqual([d.state, d.next_ms], ['given_up', null]);
	hook.answer = (req, res) => res.writeHead(200).end();
	assert.equal((await ann.post(`/api/console/webhooks/${w.id}/deliveries/${d.id}/again`)).status, 204);
	assert.equal((await settled(w, over)).state, 'delivered');
	assert.equal((await ann.post(`/api/console/webhooks/${w.id}/deliveries/${d.id}/again`)).status, 404);
	/* gone for good */
	hook.answer = (req, res) => res.writeHead(410).end();
	await reveal();
	assert.equal((await settled(w, (x) => x.status === 410)).state, 'given_up');
});

test('kill -9 while it is sent: told after the restart, with the same id', async () => {
	hook.answer = () => {};
	await make();
	await reveal();
	const before = await hook.next();
	await manager.kill();
	hook.answer = (req, res) => res.writeHead(200).end();
	const { data, username, password } = manager;
	manager = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url, ...clock.env }, data });
	Object.assign(manager, { username, password });
	ann = await managerClient(manager);
	const told = await hook.next();
	assert.equal(told.headers['webhook-id'], before.headers['webhook-id']);
	assert.equal(told.text, before.text);
	assert.equal(hook.heard.length, 0);
});

test('S-094 no redirect is followed, an endless answer is cut, and a slow receiver delays nothing', async () => {
	const aim = await startHook();
	hook.answer = (req, res) => res.writeHead(302, { location: aim.url }).end();
	const w = await make();
	await reveal();
	const d = await settled(w, tried(1));
	assert.deepEqual([d.status, d.error], [302, 'It answered with a redirect, which is not followed.']);
	assert.equal(aim.requests.length, 0);
	hook.answer = (req, res) => {
		res.writeHead(200);
		const more = () => res.write('x'.repeat(8192), () => !res.destroyed && setImmediate(more));
		more();
	};
	await reveal();
	assert.match((await settled(w, (x) => x.error && x.status === null)).error, /larger than 16 KiB/);

	hook.answer = () => {};
	const quick = await make({ name: 'quick', url: aim.url });
	aim.answer = (req, res) => res.writeHead(200).end();
	for (let i = 0; i < 8; i++) await reveal();
	for (let i = 0; i < 8; i++) await aim.next();
	await settled(quick, over);
	assert.ok(hook.requests.length > 0);
	await aim.stop();
});

test('a test, switching off, and what is asked wrongly', async () => {
	const w = await make();
	assert.equal((await ann.post(`/api/console/webhooks/${w.id}/test`)).status, 202);
	const told = await hook.next();
	assert.ok(verify(w.secret, told));
	assert.deepEqual([told.body.type, told.body.data.sentence], ['webhook.test', 'This is a test of the webhook on call.']);
	await settled(w, over);
	const off = await ann.patch(`/api/console/webhooks/${w.id}`, { enabled: false, name: 'quiet', types: [] });
	assert.deepEqual([off.body.webhook.enabled, off.body.webhook.name, off.body.webhook.types], [false, 'quiet', []]);
	assert.equal((await ann.post(`/api/console/webhooks/${w.id}/test`)).status, 409);
	await reveal();
	assert.equal((await deliveries(w)).length, 1);

	for (const url of ['http://example.com/', 'ftp://127.0.0.1/', 'file:///etc/passwd', 'gopher://127.0.0.1/', 'https://', 'https:///x', 'x',
		'https://user:pass@example.com/', 'https://example.com/#x', 'https://exa mple.com/', 'https://example.com/\u00e9', 'javascript:alert(1)',
		'http://127.0.0.1.example.com/', 'http://localhost.example.com/', `https://example.com/${'x'.repeat(1000)}`]) {
		const got = await ann.post('/api/console/webhooks', { name: 'x', url, types: [] });
		assert.deepEqual([got.status, got.body.field], [400, 'url'], url);
	}
	for (const [field, value] of [['name', ''], ['name', 'x'.repeat(101)], ['types', ['token.nothing']], ['types', 'token'], ['types', ['a b']], ['types', [1]]]) {
		const got = await ann.post('/api/console/webhooks', { name: 'x', url: hook.url, types: [], [field]: value });
		assert.deepEqual([got.status, got.body.field], [400, field], `${field} ${value}`);
	}
	assert.equal((await ann.post('/api/console/webhooks/nobody/test')).status, 404);
	const { key } = await makeKey(ann);
	assert.equal((await fetch(`${manager.url}/api/console/webhooks`, { headers: { authorization: `Bearer ${key}` } })).status, 401);
	for (let n = 1; n < 20; n++) await make({ name: `number ${n}` });
	assert.equal((await ann.post('/api/console/webhooks', { name: 'x', url: hook.url, types: [] })).body.code, 'too-many');
});

test('each change of a webhook is an event, and the webhook hears of it too', async () => {
	const { cursor } = (await ann.get('/api/console/events?limit=1')).body;
	const w = await make({ types: ['webhook'] });
	assert.equal((await hook.next()).body.type, 'webhook.created');
	await ann.patch(`/api/console/webhooks/${w.id}`, { name: 'renamed' });
	assert.equal((await hook.next()).body.data.sentence, 'The webhook renamed was changed: name.');
	await ann.patch(`/api/console/webhooks/${w.id}`, { name: 'renamed' });
	await ann.del(`/api/console/webhooks/${w.id}`);
	const { events } = (await ann.get(`/api/console/events?after=${cursor}`)).body;
	assert.deepEqual(events.map((e) => e.type), ['webhook.created', 'webhook.changed', 'webhook.deleted']);
	assert.ok(!JSON.stringify(events).includes(w.secret));
});

test('of two edits of one webhook the second is told, and loses nothing of the first', async () => {
	const w = await make();
	const edit = (body) => ann.patch(`/api/console/webhooks/${w.id}`, body);
	const was = { name: w.name, url: w.url, types: w.types, enabled: true };
	assert.equal((await edit({ name: 'theirs', enabled: false, types: ['token', 'key'], url: `${w.url}?2`, was })).status, 200);
	const { cursor } = (await ann.get('/api/console/events?limit=1')).body;
	for (const [field, value] of [['name', 'mine'], ['url', hook.url], ['types', []], ['enabled', true]]) {
		const got = await edit({ [field]: value, was: { [field]: was[field] } });
		assert.deepEqual([got.status, got.body.code, got.body.field], [409, 'changed-meanwhile', field], got.text);
		assert.match(got.body.detail, /changed meanwhile, by somebody else/);
		assert.match(got.body.todo, /Save again/);
	}
	const [now] = (await ann.get('/api/console/webhooks')).body.webhooks;
	assert.deepEqual([now.name, now.url, now.types, now.enabled], ['theirs', `${w.url}?2`, ['token', 'key'], false]);
	assert.deepEqual((await ann.get(`/api/console/events?after=${cursor}`)).body.events, [], 'nothing is told of what was refused');
	assert.equal((await edit({ name: 'mine', was: { name: 'theirs' } })).status, 200, 'who changes the name saw nothing else');
	assert.equal((await edit({ name: 'ours', was: { name: 'mine', url: now.url, types: now.types, enabled: false } })).status, 200);
	assert.equal((await edit({ name: 'said by nobody' })).status, 200);
	for (const wrong of [{ id: w.id }, { secret: 'x' }, { types: 'token' }, { name: 7 }, { enabled: 'no' }, 7])
		assert.equal((await edit({ name: 'x', was: wrong })).status, 400, JSON.stringify(wrong));
});

test('valetkey webhook adds, lists and removes, while the manager serves', async () => {
	const cli = (...args) => run(['webhook', ...args, '--data', manager.data]);
	const added = await cli('add', hook.url, '--name', 'by hand', '--types', 'token.revealed key');
	assert.equal(added.code, 0, added.err);
	assert.match(added.out, /^whsec_\S{44}\n$/);
	await reveal();
	assert.ok(verify(added.out.trim(), await hook.next()));
	assert.equal((await cli('list')).out, `by hand\ton\t${hook.url}\ttoken.revealed key\n`);
	assert.equal((await cli('remove', 'nobody')).code, 1);
	assert.equal((await cli('remove', 'by hand')).code, 0);
	assert.equal((await cli('list')).out, '');
	/* A name moves no cursor and begins no line. */
	assert.equal((await ann.post('/api/console/webhooks', { name: 'a\u001b[2J\nb\u009b', url: hook.url, types: [] })).status, 201);
	assert.equal((await cli('list')).out, `a?[2J?b?\ton\t${hook.url}\tall\n`);
	const { webhooks } = (await ann.get('/api/console/webhooks')).body;
	for (const w of webhooks) await ann.del(`/api/console/webhooks/${w.id}`);
	assert.equal((await cli('add', 'http://example.com')).code, 2);
	for (const bad of [[], ['add'], ['nothing'], ['list', 'x']]) assert.equal((await cli(...bad)).code, 2, bad.join(' '));
});

test('S-027 with --deny-private-webhooks nothing private is ever called', async (t) => {
	const other = await startServe({ env: { VALETKEY_DROPBOX_URL: p.url }, args: ['--deny-private-webhooks'] });
	t.after(() => other.stop());
	const bob = await managerClient(other);
	const add = (url) => bob.post('/api/console/webhooks', { name: 'x', url, types: ['token.revealed'] });
	for (const url of [hook.url, `http://localhost:${hook.port}/`, `https://localhost:${hook.port}/`]) assert.equal((await add(url)).status, 400, url);
	const sentences = new Set();
	const calls = hook.requests.length;
	for (const host of ['10.0.0.1', '169.254.169.254', '0.0.0.0', '[::ffff:127.0.0.1]', '2130706433', '0x7f000001', '127.1', '[fd00::1]']) {
		const { body } = await add(`https://${host}:${hook.port}/`);
		await bob.post(`/api/console/webhooks/${body.webhook.id}/test`);
		let d;
		for (let i = 0; i < 3000 && !d?.tried_ms; i++) {
			[d] = (await bob.get(`/api/console/webhooks/${body.webhook.id}/deliveries`)).body.deliveries;
			await pause(20);
		}
		assert.equal(d.status, null, host);
		/* the same for each, but for the address that was asked for */
		sentences.add(d.error.replace(/call \S+:\d+:/, 'call ADDRESS:'));
	}
	assert.deepEqual([...sentences], ['It could not be reached: cannot call ADDRESS: only public addresses may be called.']);
	assert.equal(hook.requests.length, calls);
});
