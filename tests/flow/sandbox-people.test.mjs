/* The people of a fresh sandbox, their team, and their passwords. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { api, Browser, connect, makeApp, startSandbox } from './sandbox-lib.mjs';

let box;
before(async () => {
	box = await startSandbox();
});
after(() => box.stop());

async function signIn(account, password = account.password) {
	const browser = new Browser(box);
	await browser.session();
	return browser.post('/_web/sign-in', { email: account.email, password });
}

test('a team with an admin and a member, and one personal account', async () => {
	const seen = [];
	for (const account of box.seed.accounts) {
		const { status, body } = await signIn(account);
		assert.equal(status, 200);
		seen.push([body.account.email, body.account.type, body.account.team?.name, body.account.team?.role]);
	}
	assert.deepEqual(seen, [
		['basic@example.com', 'basic', undefined, undefined],
		['business@example.com', 'business', 'Example Team', 'admin'],
		['member@example.com', 'business', 'Example Team', 'member'],
	]);
});

test('a password counts before the first sign-in and after, and nothing like it does', async () => {
	const fresh = await startSandbox();
	try {
		const [account] = fresh.seed.accounts;
		const at = async (password) => {
			const browser = new Browser(fresh);
			await browser.session();
			return (await browser.post('/_web/sign-in', { email: account.email, password })).status;
		};
		const wrong = ['x', account.password.slice(1), account.password.toUpperCase()];
		for (const password of wrong) assert.equal(await at(password), 401);
		assert.equal(await at(account.password), 200);
		for (const password of wrong) assert.equal(await at(password), 401);
		assert.equal(await at(account.password), 200);
		assert.notEqual(await at(''), 200);
	} finally {
		await fresh.stop();
	}
});

test('users/get_account_batch names the one that is unknown; features are told one by one', async () => {
	const basic = new Browser(box);
	await basic.signIn('basic');
	const { access_token: token, account_id } = await connect(basic, await makeApp(basic));
	const batch = (account_ids) => api(box, token, 'users/get_account_batch', { account_ids });
	const found = await batch([account_id, account_id]);
	assert.deepEqual(found.body.map((a) => [a.account_id, a.is_teammate, a.disabled]), Array(2).fill([account_id, true, false]));
	const gone = `dbid:${'A'.repeat(35)}`;
	const failed = await batch([account_id, gone]);
	assert.deepEqual([failed.status, failed.body.error], [409, { '.tag': 'no_account', no_account: gone }]);
	for (const account_ids of [[], ['x'], 'x', [7], Array(301).fill(account_id)])
		assert.equal((await batch(account_ids)).status, 400);
	const features = (list) => api(box, token, 'users/features/get_values', { features: list });
	assert.deepEqual((await features([{ '.tag': 'file_locking' }, 'nonsense'])).body.values,
		[{ '.tag': 'file_locking', file_locking: { '.tag': 'enabled', enabled: false } }, { '.tag': 'other' }]);
	const none = await features([]);
	assert.deepEqual([none.status, none.body.error], [409, { '.tag': 'empty_features_list' }]);
});
