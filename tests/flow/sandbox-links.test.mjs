/* Shared links: sharing.stone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { advance, api, bootOf, Browser, connect, makeApp, startSandbox } from './sandbox-lib.mjs';

let box, bea, bruno; /* access tokens: of a basic account, of a business account */

before(async () => {
	box = await startSandbox();
	[bea, bruno] = await Promise.all(['basic', 'business'].map(token));
});
after(() => box?.stop());

async function token(type) {
	const browser = new Browser(box);
	await browser.signIn(type);
	return (await connect(browser, await makeApp(browser))).access_token;
}

const call = (t, route, arg, headers) => api(box, t, `sharing/${route}`, arg, headers);
const ok = async (...args) => {
	const { status, body } = await call(...args);
	assert.equal(status, 200, JSON.stringify(body));
	return body;
};
const error = async (...args) => {
	const { status, body } = await call(...args);
	assert.equal(status, 409, JSON.stringify(body));
	return body.error_summary.replace(/\/\.*$/, '');
};
const create = 'create_shared_link_with_settings';

const ascii = (value) => JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

async function upload(t, path, text) {
	const res = await fetch(`${box.url}/2/files/upload`, {
		method: 'POST', body: text,
		headers: { authorization: `Bearer ${t}`, 'dropbox-api-arg': ascii({ path, mode: 'overwrite' }), 'content-type': 'application/octet-stream' },
	});
	assert.equal(res.status, 200);
	return res.json();
}

async function download(t, arg, auth = { authorization: `Bearer ${t}` }) {
	const res = await fetch(`${box.url}/2/sharing/get_shared_link_file`, { method: 'POST', headers: { ...auth, 'dropbox-api-arg': ascii(arg) } });
	const text = await res.text();
	return { status: res.status, text, result: JSON.parse(res.headers.get('dropbox-api-result') ?? 'null'), error: res.status === 409 ? JSON.parse(text).error['.tag'] : undefined };
}

test('a link to a file: created once, told of, opened by others, revoked', async () => {
	const file = await upload(bea, '/shared/one.txt', 'one');
	const link = await ok(bea, create, { path: '/Shared/One.txt' });
	assert.match(link.url, new RegExp(`^${box.url}/scl/fi/[a-z0-9]{21}/one\\.txt\\?rlkey=[a-z0-9]{25}&dl=0$`));
	assert.deepEqual([link['.tag'], link.id, link.rev, link.size, link.path_lower], ['file', file.id, file.rev, 3, '/shared/one.txt']);
	assert.equal(link.link_permissions.resolved_visibility['.tag'], 'public');
	const again = await call(bea, create, { path: file.id });
	assert.deepEqual([again.status, again.body.error], [409,
		{ '.tag': 'shared_link_already_exists', shared_link_already_exists: { '.tag': 'metadata', metadata: link } }]);
	const other = await call(bea, create, { path: file.id, settings: { requested_visibility: 'public' } });
	assert.deepEqual(other.body.error, { '.tag': 'shared_link_already_exists' });
	const seen = await ok(bruno, 'get_shared_link_metadata', { url: link.url });
	assert.equal(seen.path_lower, undefined, 'where it lies is the owner\'s business');
	assert.equal(seen.link_permissions.can_revoke, false);
	const got = await download(bruno, { url: link.url });
	assert.deepEqual([got.text, got.result.name], ['one', 'one.txt']);
	assert.equal(await error(bruno, 'revoke_shared_link', { url: link.url }), 'shared_link_access_denied');
	await ok(bea, 'revoke_shared_link', { url: link.url });
	for (const t of [bea, bruno]) assert.equal(await error(t, 'get_shared_link_metadata', { url: link.url }), 'shared_link_not_found');
	assert.equal(await error(bea, 'revoke_shared_link', { url: link.url }), 'shared_link_not_found');
	assert.equal(await error(bea, 'revoke_shared_link', { url: 'https://example.com/' }), 'shared_link_malformed');
	assert.notEqual((await ok(bea, create, { path: file.id })).url, link.url);
	assert.equal(await error(bea, create, { path: '/nothing' }), 'path/not_found');
	assert.equal((await call(bea, create, { path: '' })).status, 400);
	assert.equal((await call(bea, create, {})).status, 400);
});

test('a link to a folder leads to everything below it', async () => {
	await upload(bea, '/folder/in/deep.txt', 'deep');
	await upload(bea, '/folder/top.txt', 'top');
	const { url } = await ok(bea, create, { path: '/folder' });
	assert.match(url, /\/scl\/fo\//);
	assert.equal((await ok(bruno, 'get_shared_link_metadata', { url }))['.tag'], 'folder');
	assert.equal((await ok(bruno, 'get_shared_link_metadata', { url, path: '/In/Deep.txt' })).name, 'deep.txt');
	assert.equal((await download(bruno, { url, path: '/in/deep.txt' })).text, 'deep');
	assert.equal((await download(bruno, { url })).error, 'shared_link_is_directory');
	assert.equal((await download(bruno, { url, path: '/none' })).error, 'shared_link_not_found');
	const app = await (async () => {
		const browser = new Browser(box);
		await browser.signIn('business');
		return makeApp(browser);
	})();
	const asApp = { authorization: `Basic ${Buffer.from(`${app.key}:${app.secret}`).toString('base64')}` };
	assert.equal((await download(null, { url, path: '/top.txt' }, asApp)).text, 'top', 'an app may open a public link without any account');
	const seen = await call(null, 'get_shared_link_metadata', { url }, asApp);
	assert.equal(seen.body.name, 'folder');
});

test('links are listed: of a path and the folders above it, and all page by page', async () => {
	await upload(bruno, '/list/a/b.txt', 'b');
	const folder = await ok(bruno, create, { path: '/list' });
	const file = await ok(bruno, create, { path: '/list/a/b.txt' });
	const urls = async (arg) => (await ok(bruno, 'list_shared_links', arg)).links.map((l) => l.url);
	assert.deepEqual(await urls({ path: '/list/a/b.txt' }), [file.url, folder.url]);
	assert.deepEqual(await urls({ path: '/list/a/b.txt', direct_only: true }), [file.url]);
	assert.deepEqual(await urls({ path: '/list/a', direct_only: true }), []);
	for (let i = 0; i < 210; i++) {
		await api(box, bruno, 'files/create_folder_v2', { path: `/many/${i}` });
		await ok(bruno, create, { path: `/many/${i}` });
	}
	const first = await ok(bruno, 'list_shared_links', {});
	assert.equal(first.has_more, true);
	const rest = await ok(bruno, 'list_shared_links', { cursor: first.cursor });
	assert.equal(rest.has_more, false);
	assert.equal(new Set([...first.links, ...rest.links].map((l) => l.url)).size, 212);
	assert.equal(await error(bruno, 'list_shared_links', { cursor: 'made up' }), 'reset');
	assert.equal(await error(bea, 'list_shared_links', { cursor: first.cursor }), 'reset');
	assert.equal(await error(bruno, 'list_shared_links', { path: '/nowhere' }), 'path/not_found');
});

test('what a business account can set, and a basic one cannot', async () => {
	await upload(bea, '/settings.txt', 's');
	await upload(bruno, '/settings.txt', 's');
	const soon = new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+Z/, 'Z');
	const make = (t, settings) => error(t, create, { path: '/settings.txt', settings });
	for (const settings of [{ expires: soon }, { requested_visibility: 'team_only' }, { require_password: true, link_password: 'x' }, { audience: 'no_one' }, { allow_download: false }])
		assert.equal(await make(bea, settings), 'settings_error/not_authorized', JSON.stringify(settings));
	for (const settings of [{}, { requested_visibility: 'password' }, { expires: '2020-01-01T00:00:00Z' }, { link_password: 'x' }, { require_password: true }, { access: 'editor' }])
		assert.equal(await make(bruno, settings), 'settings_error/invalid_settings', JSON.stringify(settings));
	for (const settings of [7, { expires: 'tomorrow' }, { requested_visibility: 'shoe' }, { require_password: 'yes' }])
		assert.equal((await call(bruno, create, { path: '/settings.txt', settings })).status, 400);
	const link = await ok(bruno, create, { path: '/settings.txt', settings: { requested_visibility: { '.tag': 'password' }, link_password: 'open sesame', expires: soon } });
	assert.equal(link.expires, soon);
	assert.deepEqual([link.link_permissions.resolved_visibility['.tag'], link.link_permissions.require_password], ['password', true]);
	const { url } = link;
	assert.equal((await download(bea, { url })).error, 'shared_link_access_denied');
	assert.equal((await download(bea, { url, link_password: 'open' })).error, 'shared_link_access_denied');
	assert.equal((await download(bea, { url, link_password: 'open sesame' })).text, 's');
	assert.equal((await download(bruno, { url })).text, 's', 'its owner needs no password');
	const modify = (settings, more) => ok(bruno, 'modify_shared_link_settings', { url, settings, ...more });
	assert.equal((await modify({ requested_visibility: 'team_only' })).link_permissions.resolved_visibility['.tag'], 'team_only');
	assert.equal((await download(bea, { url, link_password: 'open sesame' })).error, 'shared_link_access_denied');
	await modify({ audience: 'public' });
	assert.equal((await download(bea, { url })).text, 's');
	await modify({ allow_download: false });
	assert.equal((await download(bea, { url })).error, 'shared_link_access_denied');
	await modify({ allow_download: true });
	assert.equal(await error(bea, 'modify_shared_link_settings', { url, settings: { audience: 'public' } }), 'shared_link_access_denied');
	await advance(box, 3601);
	assert.equal((await download(bea, { url })).error, 'shared_link_not_found');
	const { expires } = await modify({}, { remove_expiration: true });
	assert.equal(expires, undefined);
	assert.equal((await download(bea, { url })).text, 's');
});

test('the old way gives the link that there is', async () => {
	await upload(bea, '/old.txt', 'o');
	const first = await ok(bea, 'create_shared_link', { path: '/old.txt' });
	assert.deepEqual([first['.tag'], first.path, first.visibility['.tag']], ['path', '/old.txt', 'public']);
	assert.equal((await ok(bea, 'create_shared_link', { path: '/old.txt', short_url: false })).url, first.url);
	assert.equal((await ok(bea, 'list_shared_links', { path: '/old.txt' })).links[0].url, first.url);
});

test('a browser sees what a link leads to, and saves the file', async () => {
	await upload(bea, '/page/Grüße "1".html', '<script>alert(1)</script>');
	const file = await ok(bea, create, { path: '/page/Grüße "1".html' });
	const shown = await fetch(file.url);
	const boot = bootOf(await shown.text());
	assert.deepEqual([shown.status, boot.page, boot.name, boot.size, boot.owner], [200, 'link', 'Grüße "1".html', 25, 'Bea Basic']);
	const saved = await fetch(boot.download);
	assert.equal(await saved.text(), '<script>alert(1)</script>');
	const folder = await ok(bea, create, { path: '/page' });
	assert.deepEqual(bootOf(await (await fetch(folder.url)).text()).entries, [{ name: 'Grüße "1".html', folder: false, size: 25 }]);
	await ok(bea, 'revoke_shared_link', { url: file.url });
	for (const url of [file.url, boot.download, file.url.replace(/rlkey=./, 'rlkey='), `${box.url}/scl/fi/x/y?rlkey=z`])
		assert.equal((await fetch(url)).status, 404, url);
});
