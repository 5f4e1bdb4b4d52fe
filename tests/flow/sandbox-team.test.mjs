/* Business accounts: a team app acts for members, and asks about the team; users.stone, team.stone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { api, Browser, connect, makeApp, refresh, startSandbox } from './sandbox-lib.mjs';

const SCOPES = ['account_info.read', 'files.metadata.read', 'files.content.read', 'files.content.write',
	'sharing.read', 'team_info.read', 'team_data.member', 'members.read', 'members.write'];

let box, admin, app, grant, token;

before(async () => {
	box = await startSandbox();
	admin = new Browser(box);
	await admin.signIn('business');
	app = await makeApp(admin, { api: 'business' });
	const set = await admin.post(`/_web/apps/${app.key}/scopes`, { scopes: SCOPES });
	assert.equal(set.status, 200, JSON.stringify(set.body));
	grant = await connect(admin, app);
	token = grant.access_token;
});
after(() => box?.stop());

const ok = async (...args) => {
	const { status, body } = await api(box, ...args);
	assert.equal(status, 200, JSON.stringify(body));
	return body;
};
const members = async () => Object.fromEntries((await ok(token, 'team/members/list_v2', {})).members.map((m) => [m.profile.email, m]));
const as = (id, name = 'user') => ({ [`dropbox-api-select-${name}`]: id });
const nobody = `dbmid:${'A'.repeat(35)}`;

test('the token is the team\'s, and says so', async () => {
	assert.match(grant.team_id, /^dbtid:.{35}$/);
	assert.equal(grant.account_id, undefined);
	const info = await ok(token, 'team/get_info');
	assert.equal(info.team_id, grant.team_id);
	assert.equal(info.name, 'Example Team');
	assert.equal(info.num_provisioned_users, 2);
	assert.equal(info.policies.sharing.shared_folder_join_policy['.tag'], 'from_anyone');
	const { admin_profile } = await ok(token, 'team/token/get_authenticated_admin');
	assert.equal(admin_profile.email, 'business@example.com');
	const { values } = await ok(token, 'team/features/get_values', { features: ['has_team_file_events', { '.tag': 'upload_api_rate_limit' }] });
	assert.deepEqual(values, [
		{ '.tag': 'has_team_file_events', has_team_file_events: { '.tag': 'enabled', enabled: false } },
		{ '.tag': 'upload_api_rate_limit', upload_api_rate_limit: { '.tag': 'unlimited' } },
	]);
	assert.equal((await api(box, token, 'team/features/get_values', { features: [] })).body.error['.tag'], 'empty_features_list');
});

test('members: listed page by page in both generations, looked up by id and e-mail', async () => {
	for (const [tail, role] of [['', (m) => m.role['.tag'] === 'team_admin'], ['_v2', (m) => m.roles.length > 0]]) {
		const first = await ok(token, `team/members/list${tail}`, { limit: 1 });
		assert.equal(first.has_more, true);
		const second = await ok(token, `team/members/list/continue${tail}`, { cursor: first.cursor });
		assert.equal(second.has_more, false);
		const all = [...first.members, ...second.members];
		assert.deepEqual(all.map((m) => m.profile.email).sort(), ['business@example.com', 'member@example.com']);
		assert.deepEqual(all.filter(role).map((m) => m.profile.email), ['business@example.com']);
	}
	for (const cursor of ['', 'x', 'A'.repeat(200)])
		assert.equal((await api(box, token, 'team/members/list/continue_v2', { cursor })).body.error['.tag'], 'invalid_cursor', cursor);
	for (const limit of [0, 1001, 'x', 1.5])
		assert.equal((await api(box, token, 'team/members/list_v2', { limit })).status, 400);
	const mia = (await members())['member@example.com'].profile;
	const asked = [{ '.tag': 'email', email: 'MEMBER@example.com' }, { '.tag': 'team_member_id', team_member_id: mia.team_member_id },
		{ '.tag': 'external_id', external_id: 'x' }, { '.tag': 'email', email: 'basic@example.com' }];
	const { members_info } = await ok(token, 'team/members/get_info_v2', { members: asked });
	assert.deepEqual(members_info.map((m) => m['.tag'] === 'member_info' ? m.profile.team_member_id : m.id_not_found),
		[mia.team_member_id, mia.team_member_id, 'x', 'basic@example.com']);
	assert.deepEqual((await ok(token, 'team/members/get_info', { members: asked.slice(0, 1) })).map((m) => m.role['.tag']), ['member_only']);
	assert.equal((await api(box, token, 'team/members/get_info', { members: [{ '.tag': 'shoe', shoe: 'x' }] })).status, 400);
});

test('Select-User acts for a member, in the member\'s own files', async () => {
	const mia = (await members())['member@example.com'].profile;
	const me = await ok(token, 'users/get_current_account', undefined, as(mia.team_member_id));
	assert.equal(me.email, 'member@example.com');
	assert.equal(me.team.id, grant.team_id);
	assert.equal(me.team_member_id, mia.team_member_id);
	assert.equal(me.account_type['.tag'], 'business');
	assert.deepEqual(me.root_info, { '.tag': 'user', root_namespace_id: mia.root_folder_id, home_namespace_id: mia.member_folder_id });
	await ok(token, 'files/create_folder_v2', { path: '/Of Mia alone' }, as(mia.team_member_id));
	const bruno = (await members())['business@example.com'].profile;
	const names = async (id) => (await ok(token, 'files/list_folder', { path: '' }, as(id))).entries.map((e) => e.name);
	assert.ok((await names(mia.team_member_id)).includes('Of Mia alone'));
	assert.ok(!(await names(bruno.team_member_id)).includes('Of Mia alone'));
	const space = await ok(token, 'users/get_space_usage', undefined, as(mia.team_member_id));
	assert.equal(space.allocation['.tag'], 'team');
	assert.ok(space.allocation.used > space.used && space.used > 0, 'the team has used what both have used');
});

test('S-070 a team\'s token on a user\'s function names a member of the team, and has team_data.member', async () => {
	const route = 'users/get_current_account';
	const bare = await api(box, token, route);
	assert.equal(bare.status, 400);
	assert.match(bare.body, /^Error in call to API function "users\/get_current_account": This API function operates on a single Dropbox account.*Dropbox-API-Select-User/);
	const error = async (headers, t = token) => (await api(box, t, route, undefined, headers)).body.error?.['.tag'];
	assert.equal(await error(as(nobody)), 'invalid_select_user');
	assert.equal(await error(as(nobody, 'admin')), 'invalid_select_admin');
	const { 'member@example.com': { profile: mia }, 'business@example.com': { profile: bruno } } = await members();
	assert.equal(await error(as(mia.team_member_id, 'admin')), 'invalid_select_admin', 'no administrator');
	assert.equal((await ok(token, route, undefined, as(bruno.team_member_id, 'admin'))).email, 'business@example.com');
	assert.equal((await api(box, token, 'users/get_space_usage', undefined, as(bruno.team_member_id, 'admin'))).status, 400, 'not for administrators');
	for (const value of ['', 'x', mia.account_id, `${mia.team_member_id}x`, mia.team_member_id.slice(0, -1)])
		assert.equal((await api(box, token, route, undefined, as(value))).status, 400, value);
	assert.equal((await api(box, token, route, undefined, { ...as(mia.team_member_id), ...as(bruno.team_member_id, 'admin') })).status, 400);
	const narrow = (await refresh(box, app, grant.refresh_token, { scope: 'account_info.read team_info.read' })).body.access_token;
	const reply = await api(box, narrow, route, undefined, as(mia.team_member_id));
	assert.deepEqual(reply.body.error, { '.tag': 'missing_scope', required_scope: 'team_data.member' });
	assert.deepEqual((await api(box, narrow, 'team/members/list_v2', {})).body.error, { '.tag': 'missing_scope', required_scope: 'members.read' });
});

test('a suspended member is refused in every way, until it is no longer', async () => {
	const { 'member@example.com': { profile: mia } } = await members();
	const user = { '.tag': 'team_member_id', team_member_id: mia.team_member_id };
	const member = new Browser(box);
	await member.session();
	const { password } = box.seed.accounts.find((a) => a.email === 'member@example.com');
	member.csrf = (await member.post('/_web/sign-in', { email: 'member@example.com', password })).body.csrf;
	const own = (await connect(member, await makeApp(member))).access_token;
	await ok(token, 'team/members/suspend', { user });
	assert.equal((await members())['member@example.com'].profile.status['.tag'], 'suspended');
	for (const [t, headers] of [[own, {}], [token, as(mia.team_member_id)]]) {
		const reply = await api(box, t, 'users/get_current_account', undefined, headers);
		assert.deepEqual([reply.status, reply.body.error], [401, { '.tag': 'user_suspended' }]);
	}
	const tag = async (route, who) => (await api(box, token, `team/members/${route}`, { user: who })).body.error['.tag'];
	assert.equal(await tag('suspend', user), 'suspend_inactive_user');
	assert.equal(await tag('suspend', { '.tag': 'email', email: 'business@example.com' }), 'suspend_last_admin');
	assert.equal(await tag('suspend', { '.tag': 'email', email: 'basic@example.com' }), 'user_not_found');
	await ok(token, 'team/members/unsuspend', { user });
	assert.equal(await tag('unsuspend', user), 'unsuspend_non_suspended_member');
	await ok(own, 'users/get_current_account');
});

test('users/get_account and its batch know team-mates; features', async () => {
	const { 'member@example.com': { profile: mia }, 'business@example.com': { profile: bruno } } = await members();
	const mine = as(bruno.team_member_id);
	const one = await ok(token, 'users/get_account', { account_id: mia.account_id }, mine);
	assert.deepEqual([one.is_teammate, one.team_member_id], [true, mia.team_member_id]);
	const basic = new Browser(box);
	await basic.signIn('basic');
	const other = await connect(basic, await makeApp(basic));
	const ids = [other.account_id, mia.account_id];
	assert.deepEqual((await ok(token, 'users/get_account_batch', { account_ids: ids }, mine)).map((a) => a.is_teammate), [false, true]);
	const stranger = await ok(other.access_token, 'users/get_account', { account_id: mia.account_id });
	assert.deepEqual([stranger.is_teammate, stranger.team_member_id], [false, undefined]);
	const gone = `dbid:${'A'.repeat(35)}`;
	const failed = await api(box, token, 'users/get_account_batch', { account_ids: [...ids, gone] }, mine);
	assert.deepEqual([failed.status, failed.body.error], [409, { '.tag': 'no_account', no_account: gone }]);
	for (const account_ids of [[], ['x'], 'x', [7], Array(301).fill(mia.account_id)])
		assert.equal((await api(box, token, 'users/get_account_batch', { account_ids }, mine)).status, 400);
	const { values } = await ok(other.access_token, 'users/features/get_values', { features: [{ '.tag': 'file_locking' }, 'nonsense'] });
	assert.deepEqual(values, [{ '.tag': 'file_locking', file_locking: { '.tag': 'enabled', enabled: false } }, { '.tag': 'other' }]);
});

test('a team\'s token revokes itself', async () => {
	const other = await connect(admin, app);
	await ok(other.access_token, 'auth/token/revoke');
	assert.equal((await api(box, other.access_token, 'team/get_info')).status, 401);
	await ok(token, 'team/get_info');
});
