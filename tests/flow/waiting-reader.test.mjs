/* A reader that waits for a refresh gets what there is when the wait is over, not what there was before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startDesk } from '../lib/desk.mjs';
import { programGet } from '../lib/http.mjs';
import { connect, connectToken } from '../lib/manager.mjs';
import { tokenReply, usual } from '../lib/provider.mjs';

const { p, manager, ann, key, clock } = await startDesk();

/* A reader of a token that works still, at a refresh that the provider does not answer before end(reply). */
async function waiting(name) {
	await clock.advance(manager, 600);
	let end, arrived;
	const asked = new Promise((resolve) => (arrived = resolve));
	const held = new Promise((resolve) => (end = resolve));
	p.on.token = (req) => {
		if (req.form.grant_type !== 'refresh_token') return usual.token(req);
		arrived();
		return held;
	};
	const reply = programGet(manager.url, `/api/v1/tokens/${name}/access-token?min_ttl=14300`, key);
	await asked;
	return { reply, end };
}

const failures = {
	'a failure': { status: 503, text: 'no' },
	'a refusal': { status: 400, json: { error: 'invalid_grant' } },
	'a reply': { json: tokenReply({ refresh_token: undefined }) },
};

for (const [how, answer] of Object.entries(failures))
	test(`a token that is removed while its reader waits for ${how} is not handed out`, async () => {
		const t = await connectToken(ann, 'Removed');
		const reader = await waiting('Removed');
		assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 204);
		reader.end(answer);
		const { status, body } = await reader.reply;
		assert.deepEqual([status, body.access_token], [404, undefined]);
	});

for (const [how, answer] of Object.entries(failures))
	test(`a token that is connected again while its reader waits for ${how} is handed out as it is now`, async () => {
		const t = await connectToken(ann, `Again ${Object.keys(failures).indexOf(how)}`);
		const reader = await waiting(encodeURIComponent(t.name));
		await connect(ann, { token_id: t.id });
		const { access_token: now } = (await ann.post(`/api/console/tokens/${t.id}/reveal`)).body;
		reader.end(answer);
		const { status, body } = await reader.reply;
		assert.deepEqual([status, body.access_token], [200, now]);
	});

test('while the provider fails, a reader gets the one that works still', async () => {
	await connectToken(ann, 'Alive');
	const { body: before } = await programGet(manager.url, '/api/v1/tokens/Alive/access-token', key);
	const reader = await waiting('Alive');
	reader.end({ status: 503, text: 'no' });
	const { status, body } = await reader.reply;
	assert.deepEqual([status, body.access_token], [200, before.access_token]);
});

/* Last: the manager ends with it. */
test('a token that is removed while its reader waits is not handed out when the manager ends before the provider answers', async () => {
	const t = await connectToken(ann, 'Ended');
	const reader = await waiting('Ended');
	assert.equal((await ann.del(`/api/console/tokens/${t.id}`)).status, 204);
	process.kill(manager.pid, 'SIGTERM');
	const { status, body } = await reader.reply;
	reader.end({ status: 503, text: 'no' });
	assert.deepEqual([status, body.access_token], [404, undefined]);
});
