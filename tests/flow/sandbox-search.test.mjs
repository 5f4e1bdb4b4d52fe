/* Search, temporary links, thumbnails and previews: files.stone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { advance, api, Browser, connect, makeApp, startSandbox } from './sandbox-lib.mjs';

let box, basic, app, t;

before(async () => {
	box = await startSandbox();
	basic = new Browser(box);
	await basic.signIn('basic');
	app = await makeApp(basic);
	t = (await connect(basic, app)).access_token;
});
after(() => box?.stop());

const ascii = (value) => JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
const content = (route, arg, token = t, options = {}) => fetch(`${box.url}/2/files/${route}`, {
	method: 'POST', ...options,
	headers: { authorization: `Bearer ${token}`, 'dropbox-api-arg': ascii(arg), ...options.headers },
});
async function upload(path, body = 'x', token = t) {
	const res = await content('upload', { path, mode: 'overwrite' }, token, { body, headers: { 'content-type': 'application/octet-stream' } });
	assert.equal(res.status, 200);
	return res.json();
}
const call = (route, arg, token = t) => api(box, token, `files/${route}`, arg);
async function ok(...args) {
	const { status, body } = await call(...args);
	assert.equal(status, 200, JSON.stringify(body));
	return body;
}

test('search_v2 finds names by their words, however they are written, below a folder, page by page', async () => {
	await upload('/Search/Annual REPORT Straße.txt');
	await upload('/Search/sub/report 2.PDF');
	await upload('/Search/sub/other.txt', 'report');
	const find = async (query, options) => (await ok('search_v2', { query, options })).matches.map((m) => m.metadata.metadata.name).sort();
	assert.deepEqual(await find('report'), ['Annual REPORT Straße.txt', 'report 2.PDF']);
	assert.deepEqual(await find('STRASSE annual'), ['Annual REPORT Straße.txt']);
	assert.deepEqual(await find('report', { path: '/search/SUB' }), ['report 2.PDF']);
	assert.deepEqual(await find('e', { file_extensions: ['.txt'], path: '/Search' }), ['Annual REPORT Straße.txt', 'other.txt']);
	assert.deepEqual(await find('s', { file_categories: ['folder'], path: '/Search' }), ['sub']);
	assert.deepEqual(await find('report', { file_categories: [{ '.tag': 'pdf' }] }), ['report 2.PDF']);
	const first = await ok('search_v2', { query: 'report', options: { max_results: 1 } });
	assert.equal(first.has_more, true);
	assert.deepEqual(first.matches[0].match_type, { '.tag': 'filename' });
	const second = await ok('search/continue_v2', { cursor: first.cursor });
	assert.deepEqual([...first.matches, ...second.matches].map((m) => m.metadata.metadata.name).sort(), ['Annual REPORT Straße.txt', 'report 2.PDF']);
	assert.equal(second.matches.length, 1);
	await ok('delete_v2', { path: '/Search/sub/report 2.PDF' });
	assert.deepEqual(await find('report'), ['Annual REPORT Straße.txt']);
	assert.deepEqual(await find('report', { file_status: 'deleted' }), ['report 2.PDF']);
	const tag = async (arg) => (await call('search_v2', arg)).body.error?.['.tag'];
	assert.equal(await tag({ query: ' ' }), 'invalid_argument');
	assert.equal(await tag({ query: 'x', options: { path: '/none' } }), 'path');
	assert.equal((await call('search/continue_v2', { cursor: 'x' })).body.error.invalid_argument, 'cursor is not valid');
	for (const arg of [{}, { query: 7 }, { query: 'x'.repeat(4001) }, { query: 'x', options: 7 }, { query: 'x', options: { max_results: 0 } }, { query: 'a '.repeat(40) }])
		assert.equal((await call('search_v2', arg)).status, 400, JSON.stringify(arg).slice(0, 60));
});

test('search_v2 sorts by time when asked to; the older search has a start', async () => {
	for (const name of ['b', 'a', 'c']) {
		await upload(`/timed/needle ${name}`);
		await advance(box, 2);
	}
	const { matches } = await ok('search_v2', { query: 'needle', options: { order_by: 'last_modified_time' } });
	assert.deepEqual(matches.map((m) => m.metadata.metadata.name), ['needle c', 'needle a', 'needle b']);
	const one = await ok('search', { path: '/timed', query: 'needle', max_results: 2 });
	assert.deepEqual([one.matches.map((m) => m.metadata.name), one.more, one.start], [['needle a', 'needle b'], true, 2]);
	const two = await ok('search', { path: '/timed', query: 'needle', start: one.start });
	assert.deepEqual([two.matches.map((m) => m.metadata.name), two.more, two.start], [['needle c'], false, 3]);
});

test('S-212 search tells an app-folder app of nothing outside its folder', async () => {
	await upload('/secret needlework.txt');
	const mine = (await connect(basic, await makeApp(basic, { access: 'app_folder' }))).access_token;
	await upload('/my needlework.txt', 'x', mine);
	const { matches } = await ok('search_v2', { query: 'needlework' }, mine);
	assert.deepEqual(matches.map((m) => m.metadata.metadata.path_lower), ['/my needlework.txt']);
	const { cursor } = await ok('search_v2', { query: 'needlework', options: { max_results: 1 } });
	assert.equal((await call('search/continue_v2', { cursor }, mine)).body.error['.tag'], 'invalid_argument', 'another app\'s cursor');
});

test('S-216 a temporary link gives one file, for four hours, as long as its grant lasts', async () => {
	const file = await upload('/for a while.html', '<script>alert(1)</script>');
	const own = await connect(basic, app);
	const { link, metadata } = await ok('get_temporary_link', { path: '/For a while.html' }, own.access_token);
	assert.equal(metadata.rev, file.rev);
	const got = await fetch(link);
	assert.equal(await got.text(), '<script>alert(1)</script>');
	assert.match(got.headers.get('content-disposition'), /^attachment; /);
	assert.equal(got.headers.get('content-type'), 'application/octet-stream');
	const part = await fetch(link, { headers: { range: 'bytes=1-6' } });
	assert.deepEqual([part.status, await part.text()], [206, 'script']);
	const last = link.length - 1;
	for (const wrong of [link.slice(0, -1), `${link}A`, link.slice(0, last - 20) + (link[last - 20] === 'A' ? 'B' : 'A') + link.slice(last - 19), `${box.url}/apitl/1/x`])
		assert.equal((await fetch(wrong)).status, 410, wrong);
	const other = (await ok('get_temporary_link', { path: file.id })).link;
	assert.equal((await fetch(other)).status, 200);
	await api(box, own.access_token, 'auth/token/revoke');
	assert.equal((await fetch(link)).status, 410, 'its grant has ended');
	assert.equal((await fetch(other)).status, 200, 'the other one has not');
	await advance(box, 4 * 3600);
	assert.equal((await fetch(other)).status, 410, 'four hours are over');
	t = (await connect(basic, app)).access_token;
	assert.equal((await call('get_temporary_link', { path: '/none' })).body.error.path['.tag'], 'not_found');
	assert.equal((await call('get_temporary_link', { path: '/Search' })).body.error.path['.tag'], 'not_file');
	const ending = await makeApp(basic);
	const { link: dead } = await ok('get_temporary_link', { path: file.id }, (await connect(basic, ending)).access_token);
	assert.equal((await fetch(dead)).status, 200);
	await basic.send('DELETE', `/_web/apps/${ending.key}`);
	assert.equal((await fetch(dead)).status, 410, 'its app was deleted');
});

test('S-219 no image is decoded: thumbnails and previews answer as for kinds that have none', async () => {
	const bomb = Buffer.from('89504e470d0a1a0a0000000d494844520000c3500000c3500806000000', 'hex');
	await upload('/images/bomb.png', bomb);
	await upload('/images/broken.JPG', 'not a jpeg');
	await upload('/images/x.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
	await upload('/images/x.docx', 'PK');
	const error = async (route, arg) => {
		const res = await content(route, arg);
		assert.equal(res.status, 409, `${route} ${JSON.stringify(arg)}`);
		return (await res.json()).error_summary.replace(/\/\.*$/, '');
	};
	const cases = [['/images/bomb.png', 'unsupported_image'], ['/images/broken.JPG', 'unsupported_image'], ['/images/x.svg', 'unsupported_extension'],
		['/none', 'path/not_found'], ['/images', 'path/not_file']];
	for (const [path, expected] of cases) {
		assert.equal(await error('get_thumbnail', { path, size: 'w64h64', format: { '.tag': 'png' } }), expected);
		assert.equal(await error('get_thumbnail_v2', { resource: { '.tag': 'path', path } }), expected);
	}
	const batch = await ok('get_thumbnail_batch', { entries: cases.map(([path]) => ({ path })) });
	assert.deepEqual(batch.entries.map((e) => [e['.tag'], e.failure['.tag']]), cases.map(([, expected]) => ['failure', expected.split('/')[0]]));
	assert.equal((await call('get_thumbnail_batch', { entries: Array(26).fill({ path: '/x' }) })).body.error['.tag'], 'too_many_files');
	assert.equal(await error('get_preview', { path: '/images/x.docx' }), 'unsupported_content');
	assert.equal(await error('get_preview', { path: '/images/x.svg' }), 'unsupported_extension');
});
