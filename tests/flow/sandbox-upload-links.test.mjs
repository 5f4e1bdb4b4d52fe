/* files/get_temporary_upload_link: one upload by somebody without a token. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, advance, api, connect, makeApp, startSandbox } from './sandbox-lib.mjs';

let box, basic, app, token;

before(async () => {
	box = await startSandbox();
	basic = new Browser(box);
	await basic.signIn('basic');
	app = await makeApp(basic);
	token = (await connect(basic, app)).access_token;
});
after(() => box?.stop());

async function link(commit_info, extra = {}, t = token) {
	const { status, body } = await api(box, t, 'files/get_temporary_upload_link', { commit_info, ...extra });
	assert.equal(status, 200, JSON.stringify(body));
	return body.link;
}

async function put(url, content, headers = { 'content-type': 'application/octet-stream' }) {
	const res = await fetch(url, { method: 'POST', headers, body: content });
	return { status: res.status, text: await res.text() };
}

async function content(path, t = token) {
	const res = await fetch(`${box.url}/2/files/download`, {
		method: 'POST', headers: { authorization: `Bearer ${t}`, 'dropbox-api-arg': JSON.stringify({ path }) },
	});
	return res.status === 200 ? res.text() : res.status;
}

test('a link takes one file, as its CommitInfo says, and no second one', async () => {
	const url = await link({ path: '/by link.txt' });
	assert.match(url, new RegExp(`^${box.url}/apitul/1/`));
	const done = await put(url, 'from anybody');
	assert.equal(done.status, 200, done.text);
	assert.match(JSON.parse(done.text)['content-hash'], /^[0-9a-f]{64}$/);
	assert.equal(await content('/by link.txt'), 'from anybody');
	assert.equal((await put(url, 'again')).status, 410);
	assert.equal(await content('/by link.txt'), 'from anybody');

	const both = await link({ path: '/twice.txt' });
	const answers = await Promise.all(['one', 'two'].map((text) => put(both, text)));
	assert.deepEqual(answers.map((a) => a.status).sort(), [200, 410], 'of two at once one is taken');
});

test('what stands there is a conflict when the link is used, and does not use it up', async () => {
	await put(await link({ path: '/there.txt' }), 'first');
	const url = await link({ path: '/there.txt', mode: 'add' });
	assert.equal((await put(url, 'second')).status, 409);
	assert.equal(await content('/there.txt'), 'first');
	await api(box, token, 'files/delete_v2', { path: '/there.txt' });
	assert.equal((await put(url, 'second')).status, 200);
	const over = await link({ path: '/there.txt', mode: 'overwrite' });
	assert.equal((await put(over, 'third')).status, 200);
	assert.equal(await content('/there.txt'), 'third');
});

test('bad requests say why, before the body is taken', async () => {
	const url = await link({ path: '/typed.txt' });
	assert.equal((await put(url, 'x', { 'content-type': 'image/png' })).status, 400);
	assert.equal((await put(url, 'x')).status, 200);
	for (const arg of [{}, { commit_info: 'x' }, { commit_info: { path: 'no slash' } }, { commit_info: { path: '/x', mode: 'y' } },
		{ commit_info: { path: '/x', other: 1 } }, { commit_info: { path: '/x' }, duration: 59 },
		{ commit_info: { path: '/x' }, duration: 14401 }, { commit_info: { path: '/x' }, duration: 'long' }])
		assert.equal((await api(box, token, 'files/get_temporary_upload_link', arg)).status, 400, JSON.stringify(arg));
});

test('S-216 an upload link is not made up, ends with its time and with its grant', async () => {
	const short = await link({ path: '/late.txt' }, { duration: 60 });
	const at = short.length - 20;
	for (const wrong of [short.slice(0, -1), `${short}A`, short.slice(0, at) + (short[at] === 'A' ? 'B' : 'A') + short.slice(at + 1), `${box.url}/apitul/1/x`])
		assert.equal((await put(wrong, 'x')).status, 410, wrong);
	await advance(box, 61);
	assert.equal((await put(short, 'late')).status, 410);
	assert.equal(await content('/late.txt'), 409);
	const own = await connect(basic, app);
	const url = await link({ path: '/revoked.txt' }, {}, own.access_token);
	await api(box, own.access_token, 'auth/token/revoke');
	assert.equal((await put(url, 'x')).status, 410);
});

test('S-212 an app-folder app\'s link writes into its folder alone', async () => {
	const mine = (await connect(basic, await makeApp(basic, { access: 'app_folder' }))).access_token;
	assert.equal((await put(await link({ path: '/inside.txt' }, {}, mine), 'mine')).status, 200);
	assert.equal(await content('/inside.txt', mine), 'mine');
	assert.equal(await content('/inside.txt'), 409);
});
