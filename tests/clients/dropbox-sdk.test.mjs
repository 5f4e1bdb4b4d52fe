/* The official dropbox npm SDK, unmodified: its requests for dropbox.com and dropboxapi.com go through
 * the sandbox's CONNECT proxy, by the fetch that the SDK lets its users give. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import dropbox from 'dropbox';

import { person, startDropbox, tunnelAgent } from './lib.mjs';

const { Dropbox, DropboxAuth } = dropbox;
const nodeFetch = createRequire(import.meta.url)('node-fetch');
const REDIRECT = 'http://localhost:9/callback';
const SCOPES = ['account_info.read', 'files.metadata.read', 'files.metadata.write', 'files.content.read',
	'files.content.write', 'sharing.read', 'sharing.write'];

let demo, ca, fetch, bea, app;

before(async () => {
	demo = await startDropbox();
	ca = readFileSync(demo.ca);
	const agent = tunnelAgent(demo);
	fetch = (url, options) => nodeFetch(url, { ...options, agent });
	bea = await person(demo, ca);
	app = await bea.app('SDK tests', { uris: [REDIRECT], scopes: SCOPES });
});
after(() => demo?.stop());

function auth(extra = {}) {
	return new DropboxAuth({ fetch, clientId: app.key, clientSecret: app.secret, ...extra });
}

async function connect(who = bea, from = auth(), ...rest) {
	const address = await from.getAuthenticationUrl(REDIRECT, 'some state', 'code', 'offline', ...rest);
	const back = await who.allow(address);
	assert.equal(back.searchParams.get('state'), 'some state');
	const { result } = await from.getAccessTokenFromCode(REDIRECT, back.searchParams.get('code'));
	from.setAccessToken(result.access_token);
	from.setRefreshToken(result.refresh_token);
	from.setAccessTokenExpiresAt(new Date(Date.now() + result.expires_in * 1000));
	return { result, dbx: new Dropbox({ fetch, auth: from }), from };
}

const tagOf = (error) => error.error?.error_summary ?? String(error.error ?? error);
const fails = (promise, pattern) => assert.rejects(promise, (e) => pattern.test(tagOf(e)) || assert.fail(tagOf(e)));

describe('DropboxAuth', () => {
	test('code exchange with the secret, then a refresh', async () => {
		const { result, dbx, from } = await connect();
		assert.match(result.access_token, /^sl\./);
		assert.equal(result.expires_in, 14400);
		assert.match(result.account_id, /^dbid:.{35}$/);
		from.setAccessTokenExpiresAt(new Date(0));
		const { result: me } = await dbx.usersGetCurrentAccount();
		assert.equal(me.email, demo.account('basic').email);
		assert.notEqual(from.getAccessToken(), result.access_token);
	});

	/* A challenge demands its verifier whatever else proves the client (RFC 9700 section 4.8.2, S-062). */
	test('PKCE and the secret together: the SDK leaves the verifier out then, and is refused', async () => {
		await assert.rejects(connect(bea, auth(), SCOPES, 'none', true), (e) => e.error.error === 'invalid_grant');
	});

	test('PKCE without the secret, where the app allows public clients; its refresh', async () => {
		const open = await bea.app('SDK public client', { uris: [REDIRECT], publicClients: true });
		const from = new DropboxAuth({ fetch, clientId: open.key });
		const { result, dbx } = await connect(bea, from, null, 'none', true);
		from.setAccessTokenExpiresAt(new Date(0));
		assert.equal((await dbx.usersGetCurrentAccount()).status, 200);
		assert.notEqual(from.getAccessToken(), result.access_token);
	});

	test('the implicit grant gives a token in the fragment', async () => {
		const open = await bea.app('SDK implicit', { uris: [REDIRECT], publicClients: true });
		const from = new DropboxAuth({ fetch, clientId: open.key });
		const back = await bea.allow(await from.getAuthenticationUrl(REDIRECT, 's', 'token'));
		const given = new URLSearchParams(back.hash.slice(1));
		from.setAccessToken(given.get('access_token'));
		assert.equal((await new Dropbox({ fetch, auth: from }).usersGetCurrentAccount()).status, 200);
		assert.equal(given.get('refresh_token'), null);
	});

	test('auth/token/revoke ends the access token and the refresh token', async () => {
		const { dbx, from } = await connect();
		await dbx.authTokenRevoke();
		await fails(dbx.usersGetCurrentAccount(), /^invalid_access_token\//);
		from.setAccessTokenExpiresAt(new Date(0));
		await assert.rejects(dbx.usersGetCurrentAccount());
	});
});

describe('the API', () => {
	let dbx;
	before(async () => {
		({ dbx } = await connect());
	});

	test('users and check', async () => {
		const { result: me } = await dbx.usersGetCurrentAccount();
		assert.equal(me.account_type['.tag'], 'basic');
		assert.equal((await dbx.usersGetAccount({ account_id: me.account_id })).result.name.given_name, me.name.given_name);
		const { result: space } = await dbx.usersGetSpaceUsage();
		assert.equal(space.allocation['.tag'], 'individual');
		assert.equal((await dbx.checkUser({ query: 'foo' })).result.result, 'foo');
		const asApp = new Dropbox({ fetch, clientId: app.key, clientSecret: app.secret });
		assert.equal((await asApp.checkApp({ query: 'bar' })).result.result, 'bar');
	});

	test('create, upload, download, metadata, in a folder with letters of many scripts', async () => {
		const folder = '/Grüße — 世界';
		await dbx.filesCreateFolderV2({ path: folder });
		const contents = randomBytes(100_000);
		const { result: up } = await dbx.filesUpload({ path: `${folder}/Ünïcode ✓.bin`, contents });
		assert.equal(up.size, contents.length);
		const { result: down } = await dbx.filesDownload({ path: up.path_lower });
		assert.deepEqual(Buffer.from(down.fileBinary), contents);
		assert.equal(down.content_hash, up.content_hash);
		const { result: meta } = await dbx.filesGetMetadata({ path: up.id });
		assert.equal(meta['.tag'], 'file');
		assert.equal(meta.rev, up.rev);
		await fails(dbx.filesCreateFolderV2({ path: folder }), /^path\/conflict\/folder\//);
	});

	test('list, continue and longpoll', async () => {
		for (const name of ['a', 'b', 'c']) await dbx.filesUpload({ path: `/pages/${name}`, contents: name });
		const first = (await dbx.filesListFolder({ path: '/pages', limit: 2 })).result;
		assert.equal(first.has_more, true);
		const second = (await dbx.filesListFolderContinue({ cursor: first.cursor })).result;
		const names = [...first.entries, ...second.entries].map((e) => e.name);
		assert.deepEqual(names, ['a', 'b', 'c']);
		const { cursor } = (await dbx.filesListFolderGetLatestCursor({ path: '/pages' })).result;
		const waiting = dbx.filesListFolderLongpoll({ cursor, timeout: 30 });
		await dbx.filesUpload({ path: '/pages/d', contents: 'd' });
		assert.equal((await waiting).result.changes, true);
		const news = (await dbx.filesListFolderContinue({ cursor })).result;
		assert.deepEqual(news.entries.map((e) => e.name), ['d']);
	});

	test('an upload session', async () => {
		const part = randomBytes(300_000);
		const { result: s } = await dbx.filesUploadSessionStart({ contents: part });
		const cursor = { session_id: s.session_id, offset: part.length };
		await dbx.filesUploadSessionAppendV2({ cursor, contents: part });
		await fails(dbx.filesUploadSessionAppendV2({ cursor: { ...cursor, offset: 1 }, contents: part }), /incorrect_offset/);
		const { result: made } = await dbx.filesUploadSessionFinish({
			cursor: { ...cursor, offset: 2 * part.length },
			commit: { path: '/session.bin' },
			contents: part,
		});
		assert.equal(made.size, 3 * part.length);
		const { result: down } = await dbx.filesDownload({ path: '/session.bin' });
		assert.deepEqual(Buffer.from(down.fileBinary), Buffer.concat([part, part, part]));
	});

	test('move, copy, delete', async () => {
		await dbx.filesUpload({ path: '/from/x.txt', contents: 'x' });
		await dbx.filesMoveV2({ from_path: '/from', to_path: '/to' });
		await dbx.filesCopyV2({ from_path: '/to/x.txt', to_path: '/to/y.txt' });
		const names = (await dbx.filesListFolder({ path: '/to' })).result.entries.map((e) => e.name);
		assert.deepEqual(names, ['x.txt', 'y.txt']);
		assert.equal((await dbx.filesDeleteV2({ path: '/to' })).result.metadata.name, 'to');
		await fails(dbx.filesGetMetadata({ path: '/to/x.txt' }), /^path\/not_found\//);
		await fails(dbx.filesMoveV2({ from_path: '/none', to_path: '/some' }), /^from_lookup\/not_found\//);
	});

	test('search', async () => {
		await dbx.filesUpload({ path: '/find/Needle in hay.txt', contents: 'x' });
		const { result } = await dbx.filesSearchV2({ query: 'needle' });
		assert.deepEqual(result.matches.map((m) => m.metadata.metadata.name), ['Needle in hay.txt']);
	});

	test('revisions and restore', async () => {
		const path = '/rev.txt';
		const one = (await dbx.filesUpload({ path, contents: 'one' })).result;
		await dbx.filesUpload({ path, contents: 'two', mode: { '.tag': 'overwrite' } });
		const { result } = await dbx.filesListRevisions({ path });
		assert.equal(result.entries.length, 2);
		await dbx.filesRestore({ path, rev: one.rev });
		const { result: down } = await dbx.filesDownload({ path });
		assert.equal(down.fileBinary.toString(), 'one');
		const { result: old } = await dbx.filesDownload({ path: `rev:${result.entries[0].rev}` });
		assert.equal(old.fileBinary.toString(), 'two');
	});

	test('temporary link', async () => {
		await dbx.filesUpload({ path: '/temp.txt', contents: 'for a while' });
		const { result } = await dbx.filesGetTemporaryLink({ path: '/temp.txt' });
		const res = await fetch(result.link);
		assert.equal(await res.text(), 'for a while');
	});

	test('a thumbnail of what is no image', async () => {
		await dbx.filesUpload({ path: '/no-image.txt', contents: 'text' });
		await fails(dbx.filesGetThumbnail({ path: '/no-image.txt' }), /^path\/unsupported_extension|^unsupported_extension/);
	});

	test('shared links: create, list, revoke', async () => {
		await dbx.filesUpload({ path: '/shared.txt', contents: 'shared' });
		const { result: link } = await dbx.sharingCreateSharedLinkWithSettings({ path: '/shared.txt' });
		await fails(dbx.sharingCreateSharedLinkWithSettings({ path: '/shared.txt' }), /^shared_link_already_exists\//);
		const { result: list } = await dbx.sharingListSharedLinks({ path: '/shared.txt' });
		assert.deepEqual(list.links.map((l) => l.url), [link.url]);
		assert.match(link.url, /^https:\/\/www\.dropbox\.com\/scl\/fi\/.*&dl=0$/);
		assert.equal(await (await fetch(link.url.replace(/dl=0$/, 'dl=1'))).text(), 'shared');
		const { result: file } = await dbx.sharingGetSharedLinkFile({ url: link.url });
		assert.equal(file.fileBinary.toString(), 'shared');
		assert.equal((await dbx.sharingGetSharedLinkMetadata({ url: link.url })).result.name, 'shared.txt');
		await dbx.sharingRevokeSharedLink({ url: link.url });
		assert.equal((await dbx.sharingListSharedLinks({ path: '/shared.txt' })).result.links.length, 0);
	});

	test('a scope that is missing is named', async () => {
		const { dbx: narrow } = await connect(bea, auth(), ['account_info.read', 'files.metadata.read']);
		await assert.rejects(narrow.filesUpload({ path: '/x', contents: 'x' }), (e) => {
			assert.equal(e.status, 401);
			assert.equal(e.error.error['.tag'], 'missing_scope');
			assert.equal(e.error.error.required_scope, 'files.content.write');
			return true;
		});
	});
});

test('a team app acts for a member with selectUser', async () => {
	const bruno = await person(demo, ca, 'business');
	app = await bruno.app('SDK team', {
		api: 'business',
		uris: [REDIRECT],
		scopes: ['account_info.read', 'files.metadata.read', 'files.content.read', 'files.content.write',
			'team_info.read', 'members.read', 'team_data.member'],
	});
	const { result, from } = await connect(bruno);
	assert.match(result.team_id, /^dbtid:/);
	assert.equal(result.account_id, undefined);
	const team = new Dropbox({ fetch, auth: from });
	assert.equal((await team.teamGetInfo()).result.name, 'Example Team');
	const { members } = (await team.teamMembersListV2({})).result;
	const mia = members.find((m) => m.profile.email === 'member@example.com').profile;
	const asMia = new Dropbox({ fetch, auth: from, selectUser: mia.team_member_id });
	assert.equal((await asMia.usersGetCurrentAccount()).result.email, 'member@example.com');
	await asMia.filesUpload({ path: '/from the admin.txt', contents: 'hello' });
	assert.equal((await asMia.filesGetMetadata({ path: '/From The Admin.txt' })).result.size, 5);
	const asNobody = new Dropbox({ fetch, auth: from, selectUser: 'dbmid:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' });
	await fails(asNobody.usersGetCurrentAccount(), /^invalid_select_user\//);
});
