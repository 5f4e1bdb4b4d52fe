/* Section 11 of the checklist: paths, files on disk, app folders, names, limits, integrity, downloads. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { contentHash, person, union } from '../flow/files-lib.mjs';
import { startSandbox } from '../flow/sandbox-lib.mjs';

let box, bea, dbx, files;

before(async () => {
	box = await startSandbox();
	bea = await person(box);
	dbx = await bea.files();
	files = path.join(box.dir, 'sandbox', 'files');
});
after(() => box.stop());

const control = (method, route, body) => fetch(`${box.url}/_sandbox/${route}`, {
	method,
	headers: { authorization: `Bearer ${box.seed.control_token}`, 'content-type': 'application/json' },
	body: body && JSON.stringify(body),
});

function onDisk(dir = files) {
	return readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => !e.isDirectory()).map((e) => path.join(e.path, e.name));
}

const hostile = ['/../x', '/a/../../x', '..\\x', '/..\\x', '/a/./b', '//x', '/x//y', '/x/', '/a\u0000b', 'ns:123/x', 'ns:../x', 'id:../../x',
	'id:', 'rev:/etc/passwd', 'rev:', '/' + 'n'.repeat(5000), `/${'d/'.repeat(3000)}e`, '/..', '/.', '/', 'C:\\x', 'etc/passwd', '/x/..',
	`/${'a/'.repeat(200)}b`, '/trailing ', '/del\u007f', '\u0000', 7, null, {}, ['/x']];

test('S-210 no path, id, cursor or session leads outside of the account\'s tree', async (t) => {
	const before = onDisk().length;
	const trace = await traceFiles(box.pid);
	const rpc = { get_metadata: ['path'], list_folder: ['path'], create_folder_v2: ['path'], create_folder: ['path'], delete_v2: ['path'],
		delete: ['path'], list_revisions: ['path'], 'list_folder/get_latest_cursor': ['path'], copy_v2: ['from_path', 'to_path'], copy: ['from_path', 'to_path'],
		move_v2: ['from_path', 'to_path'], move: ['from_path', 'to_path'] };
	for (const bad of hostile) {
		for (const [route, members] of Object.entries(rpc)) {
			if (route.startsWith('list_folder') && bad === '') continue;
			for (const member of members) {
				const arg = Object.fromEntries(members.map((m) => [m, m === member ? bad : '/Welcome.txt']));
				const reply = await dbx.rpc(route, arg);
				assert.ok([400, 409].includes(reply.status), `${route} ${JSON.stringify(arg).slice(0, 90)}: ${reply.status}`);
			}
		}
		for (const route of ['upload', 'download']) {
			const reply = await dbx.content(route, { path: bad }, route === 'upload' ? 'x' : undefined);
			assert.ok([400, 409, 431].includes(reply.status), `${route} ${JSON.stringify(bad).slice(0, 90)}: ${reply.status} ${reply.body}`);
		}
		for (const route of ['delete_batch', 'create_folder_batch', 'copy_batch_v2', 'move_batch_v2']) {
			const entry = route === 'create_folder_batch' ? bad : route === 'delete_batch' ? { path: bad } : { from_path: bad, to_path: bad };
			const reply = await dbx.rpc(route, { [route === 'create_folder_batch' ? 'paths' : 'entries']: [entry] });
			assert.ok(reply.status === 400 || reply.body.entries?.[0]['.tag'] === 'failure', `${route} ${JSON.stringify(bad).slice(0, 90)}: ${reply.status}`);
		}
		for (const cursor of [{ session_id: bad, offset: 0 }]) {
			const reply = await dbx.content('upload_session/append_v2', { cursor }, 'x');
			assert.ok([400, 409, 431].includes(reply.status), `session ${JSON.stringify(bad).slice(0, 90)}: ${reply.status}`);
		}
		assert.notEqual((await dbx.rpc('list_folder/continue', { cursor: bad })).status, 200);
		assert.notEqual((await dbx.rpc('restore', { path: bad, rev: '123456789' })).status, 200);
	}
	/* the escapes of an address stand for themselves: this is one odd name, inside */
	assert.equal((await dbx.upload('/%2e%2e/x', 'x')).path_display, '/%2e%2e/x');
	assert.deepEqual((await dbx.error('get_metadata', { path: '/x' })), union('path/not_found'));
	assert.equal(onDisk().length, before + 1);
	if (!trace) return t.diagnostic('no strace here: the names that were opened were not looked at');
	const opened = await trace.end();
	assert.ok(opened.some((name) => /^[0-9a-f]{32}$/.test(name)), opened.join('\n'));
	assert.deepEqual(opened.filter((name) => name.includes('..') || (name.startsWith('/') && !name.startsWith(box.dir) && !/^\/(proc|sys|etc)\//.test(name))), []);
});

/* The names of all files that the process opens or makes; null where that cannot be seen. */
async function traceFiles(pid) {
	try {
		execFileSync('strace', ['-V'], { stdio: 'ignore' });
	} catch {
		return null;
	}
	const tracer = spawn('strace', ['-f', '-e', 'trace=open,openat,rename,renameat,renameat2,linkat,unlinkat,mkdirat', '-p', String(pid)]);
	let out = '';
	tracer.stderr.on('data', (d) => (out += d));
	const attached = await new Promise((resolve) => {
		tracer.stderr.on('data', () => out.includes('attached') && resolve(true));
		tracer.on('close', () => resolve(false));
	});
	if (!attached) return null;
	return {
		async end() {
			tracer.kill('SIGINT');
			await new Promise((resolve) => tracer.on('close', resolve));
			return [...out.matchAll(/\b(?:open|openat|rename\w*|linkat|unlinkat|mkdirat)\([^"\n]*"([^"]*)"/g)].map((m) => m[1]);
		},
	};
}

test('S-211 what users name is never a name on disk; links and special files are not followed', async () => {
	const names = ['CON', '.lock', '-rf', 'new\nline', 'control-token', 'a'.repeat(255), '$(id)', 'x;y', '.dropbox.cache', 'ø'];
	for (const name of names) assert.equal((await dbx.upload(`/disk/${name}`, `in ${name}`)).name, name);
	for (const file of onDisk()) assert.match(path.relative(files, file), /^(store\/[0-9a-f]{2}|sessions|incoming)\/[0-9a-f]{32}$/);
	for (const dir of [files, path.join(files, 'store'), path.join(files, 'incoming')]) assert.equal(statSync(dir).mode & 0o777, 0o700);
	for (const file of onDisk()) assert.equal(statSync(file).mode & 0o777, 0o600);

	const bytes = randomBytes(3000);
	await dbx.upload('/disk/planted', bytes);
	const hit = onDisk().find((f) => statSync(f).size === 3000);
	const secret = path.join(box.dir, 'elsewhere');
	writeFileSync(secret, randomBytes(3000));
	renameSync(hit, `${hit}.aside`);
	symlinkSync(secret, hit);
	assert.equal((await dbx.download('/disk/planted')).status, 500);
	rmSync(hit);
	execFileSync('mkfifo', [hit]);
	assert.equal((await dbx.download('/disk/planted')).status, 500); /* and it answers at once */
	rmSync(hit);
	mkdirSync(hit);
	assert.equal((await dbx.download('/disk/planted')).status, 500);
	rmSync(hit, { recursive: true });
	writeFileSync(hit, 'short');
	assert.equal((await dbx.download('/disk/planted')).status, 500);
	rmSync(hit);
	renameSync(`${hit}.aside`, hit);
	assert.ok((await dbx.download('/disk/planted')).bytes.equals(bytes));

	const { session_id: id } = await dbx.contentOk('upload_session/start', {}, 'begun');
	const session = path.join(files, 'sessions', id);
	rmSync(session);
	symlinkSync(secret, session);
	assert.equal((await dbx.content('upload_session/append_v2', { cursor: { session_id: id, offset: 5 } }, 'more')).status, 500);
	assert.equal(statSync(secret).size, 3000);
	rmSync(session);
});

test('S-212 an app with an app folder learns nothing of what is outside', async () => {
	const boxed = await bea.files({ access: 'app_folder' });
	const outside = await dbx.upload('/outside/secret.txt', 'secret');
	const old = outside.rev;
	await dbx.upload('/outside/secret.txt', 'newer', { mode: 'overwrite' });
	const wide = await dbx.list('', { recursive: true });
	const { session_id: session } = await dbx.contentOk('upload_session/start', {}, 'x');
	await boxed.upload('/mine.txt', 'mine');
	const absent = union('path/not_found');
	for (const where of [outside.id, `rev:${outside.rev}`, `rev:${old}`, '/outside/secret.txt', '/Apps', `/Apps/${boxed.app.name}/mine.txt`]) {
		assert.deepEqual(await boxed.error('get_metadata', { path: where }), absent, where);
		assert.deepEqual((await boxed.download(where)).body.error, absent, where);
	}
	assert.deepEqual(await boxed.error('list_folder', { path: outside.id }), absent);
	assert.deepEqual(await boxed.error('list_revisions', { path: outside.id }), absent);
	assert.deepEqual(await boxed.error('list_folder/continue', { cursor: wide.cursor }), union('reset'));
	assert.deepEqual(await boxed.error('restore', { path: '/stolen', rev: old }), union('invalid_revision'));
	assert.deepEqual(await boxed.error('delete_v2', { path: outside.id }), union('path_lookup/not_found'));
	assert.deepEqual((await boxed.content('upload', { path: outside.id, mode: 'overwrite' }, 'x')).body.error.reason, union('malformed_path'));
	for (const route of ['copy_v2', 'move_v2'])
		assert.deepEqual(await boxed.error(route, { from_path: outside.id, to_path: '/stolen' }), union('from_lookup/not_found'));
	assert.deepEqual(await boxed.contentError('upload_session/append_v2', { cursor: { session_id: session, offset: 1 } }, 'x'), union('not_found'));
	assert.deepEqual(await boxed.contentError('upload_session/finish', { cursor: { session_id: session, offset: 1 }, commit: { path: '/s' } }, ''),
		union('lookup_failed/not_found'));
	/* listing, changes and counts are those of the folder alone */
	const own = await boxed.list('', { recursive: true, include_deleted: true });
	assert.deepEqual(own.entries.map((e) => e.path_display), ['/mine.txt']);
	await dbx.upload('/outside/another', 'x');
	assert.deepEqual((await boxed.since(own.cursor)).seen, []);
	await boxed.ok('move_v2', { from_path: '/mine.txt', to_path: '/kept.txt' });
	assert.equal((await dbx.ok('get_metadata', { path: `/Apps/${boxed.app.name}/kept.txt` })).name, 'kept.txt');
	assert.deepEqual(await boxed.error('delete_v2', { path: '/../../outside' }), union('path_lookup/malformed_path'));
	assert.equal((await dbx.download('/outside/secret.txt')).body, 'newer');
	/* another app of the same person is as far away */
	const other = await bea.files({ access: 'app_folder' });
	assert.deepEqual(await other.names('', { recursive: true }), []);
	assert.deepEqual(await other.error('list_folder/continue', { cursor: own.cursor }), union('reset'));
});

test('S-213 equivalent names are one file, on create, look-up and listing', async () => {
	const same = [['caf\u00e9', 'cafe\u0301'], ['STRASSE', 'straße'], ['\u212a', 'k'], ['Ångström', '\u212bngstro\u0308m'], ['ΣΑΣ', 'σας'], ['\uff21', '\uff41']];
	for (const [one, two] of same) {
		const made = await dbx.upload(`/names/${one}`, one);
		assert.equal((await dbx.content('upload', { path: `/names/${two}` }, `${two} other`)).status, 409, two);
		assert.equal((await dbx.ok('get_metadata', { path: `/names/${two}` })).id, made.id);
		assert.equal(made.name, one); /* as it was written */
		assert.equal((await dbx.ok('get_metadata', { path: made.path_lower })).id, made.id);
		assert.deepEqual(await dbx.error('create_folder_v2', { path: `/NAMES/${two}` }), union('path/conflict/file'));
	}
	const different = ['İ', 'i', 'ı', 'dot.', 'dot', '👩‍💻', '👩', '\uff21x', 'Ax'];
	for (const name of different) await dbx.upload(`/apart/${name}`, name);
	for (const name of different) assert.equal((await dbx.download(`/apart/${name}`)).body, name);
	const listed = await dbx.names('/apart');
	assert.deepEqual([...listed].sort(), [...different].sort());
	assert.equal(new Set((await dbx.list('/apart')).entries.map((e) => e.path_lower)).size, different.length);
	await dbx.upload('/STRASSE/unter', 'x');
	assert.deepEqual(await dbx.names('/straße'), ['unter']);
});

test('S-215 content is visible only whole: readers of a file that is overwritten see one version', async () => {
	const versions = [randomBytes(300_000), randomBytes(700_000)];
	await dbx.upload('/whole', versions[0]);
	const writer = (async () => {
		for (let i = 1; i < 30; i++) await dbx.upload('/whole', versions[i % 2], { mode: 'overwrite' });
	})();
	for (let i = 0; i < 30; i++) {
		const got = await dbx.download('/whole');
		assert.equal(got.status, 200);
		assert.equal(JSON.parse(got.headers.get('dropbox-api-result')).content_hash, contentHash(got.bytes));
		assert.ok(versions.some((v) => v.equals(got.bytes)));
	}
	await writer;
	const one = await dbx.upload('/update', 'one');
	const update = { path: '/update', mode: { '.tag': 'update', update: one.rev } };
	const race = await Promise.all(['two', 'three', 'four'].map((text) => dbx.content('upload', update, text)));
	assert.deepEqual(race.map((r) => r.status).sort(), [200, 409, 409]);
	assert.equal((await dbx.content('upload', { path: '/broken', content_hash: contentHash(Buffer.from('a')) }, 'b')).status, 409);
	assert.equal((await dbx.rpc('get_metadata', { path: '/broken' })).status, 409);
});

test('S-216 a range gives only what is there, whatever is asked for', async () => {
	const text = 'x'.repeat(1000);
	const { rev } = await dbx.upload('/range', text);
	for (const range of ['bytes=1000-', 'bytes=9223372036854775807-', 'bytes=-0', 'bytes=5000-6000']) {
		const reply = await dbx.download('/range', { range });
		assert.deepEqual([reply.status, reply.headers.get('content-range')], [416, 'bytes */1000'], range);
	}
	const many = `bytes=${Array.from({ length: 500 }, (_, i) => `${i}-${i}`).join(',')}`;
	for (const range of ['bytes=20-10', 'bytes=18446744073709551616-', 'bytes=-18446744073709551616', 'bytes=a-b', 'items=0-1', 'bytes=', 'bytes=-', many]) {
		const reply = await dbx.download('/range', { range });
		assert.deepEqual([reply.status, reply.bytes.length], [200, 1000], range.slice(0, 40));
	}
	const tail = await dbx.download('/range', { range: 'bytes=-9223372036854775807' });
	assert.deepEqual([tail.status, tail.bytes.length], [206, 1000]);
	assert.equal((await dbx.download('/range', { range: 'bytes=0-1', 'if-range': `W/"${rev}"` })).status, 200);
	const whole = await dbx.download('/range');
	assert.equal(whole.headers.get('x-content-type-options'), 'nosniff');
	assert.match(whole.headers.get('content-disposition'), /^attachment/);
	assert.equal(whole.headers.get('content-type'), 'application/octet-stream');
	const empty = await dbx.upload('/nothing', '');
	assert.equal((await dbx.download(empty.id, { range: 'bytes=0-' })).status, 416);
	/* somebody else's ids and revisions are nobody's */
	const other = await (await person(box, 'business')).files();
	for (const where of [empty.id, `rev:${rev}`, `rev:${empty.rev}`]) assert.equal((await other.download(where)).status, 409);
});

/* The quota comes last: it is lowered for everybody. */
test('S-214 an account holds no more than its quota, whatever is sent at once', async () => {
	const carl = await (await person(box, 'business')).files();
	const { used } = await (await fetch(`${box.url}/2/users/get_space_usage`, { method: 'POST', headers: { authorization: `Bearer ${dbx.token}` } })).json();
	const room = 1_000_000;
	assert.equal((await control('PUT', 'settings', { quota_basic: used + room, sessions_max: 20 })).status, 200);
	const full = { '.tag': 'path', reason: union('insufficient_space') };
	const ten = await Promise.all(Array.from({ length: 10 }, (_, i) => dbx.content('upload', { path: `/quota/${i}` }, randomBytes(300_000))));
	assert.equal(ten.filter((r) => r.status === 200).length, 3);
	for (const r of ten.filter((one) => one.status !== 200)) {
		assert.equal(r.status, 409);
		delete r.body.error.upload_session_id;
		assert.deepEqual(r.body.error, full);
	}
	/* in the same place there is room for as much again */
	assert.equal((await dbx.content('upload', { path: '/quota/' + ten.findIndex((r) => r.status === 200), mode: 'overwrite' }, randomBytes(300_000))).status, 200);
	assert.deepEqual(await dbx.error('copy_v2', { from_path: '/quota', to_path: '/twice' }), union('insufficient_quota'));
	assert.equal((await dbx.rpc('get_metadata', { path: '/twice' })).status, 409);
	/* sessions take no more than there is room for, together */
	const started = await Promise.all(Array.from({ length: 5 }, () => dbx.content('upload_session/start', {}, randomBytes(60_000))));
	assert.equal(started.filter((r) => r.status === 200).length, 1);
	const { session_id: id } = started.find((r) => r.status === 200).body;
	assert.deepEqual(await dbx.contentError('upload_session/append_v2', { cursor: { session_id: id, offset: 60_000 } }, randomBytes(60_000)), union('too_large'));
	const hole = (await dbx.contentOk('upload_session/start', { session_type: 'concurrent' }, '')).session_id;
	assert.deepEqual(await dbx.contentError('upload_session/append_v2', { cursor: { session_id: hole, offset: 2 ** 50 }, close: true }, 'x'), union('too_large'));
	const many = await Promise.all(Array.from({ length: 25 }, () => dbx.content('upload_session/start', {}, '')));
	assert.equal(many.filter((r) => r.status === 200).length, 16); /* four were open */
	for (const r of many.filter((one) => one.status !== 200)) assert.equal(r.status, 429);
	/* what could never fit is refused before a byte of it is read */
	const early = await refusedEarly('/2/files/upload', { path: '/huge' }, 140 << 20);
	assert.deepEqual([early.status, early.sent], [409, 0]);
	const late = await refusedEarly('/2/files/upload', { path: '/huge' }, 151 << 20);
	assert.deepEqual([late.status, JSON.parse(late.text).error['.tag']], [409, 'payload_too_large']);
	/* others are not touched, and neither is the rest */
	await carl.upload('/fits', randomBytes(2_000_000));
	await control('PUT', 'settings', { quota_basic: used + 1e9, files_max: 60 });
	const folders = await dbx.ok('create_folder_batch', { paths: Array.from({ length: 100 }, (_, i) => `/count/${i}`) });
	const made = folders.entries.filter((e) => e['.tag'] === 'success').length;
	assert.ok(made < 60, made);
	for (const e of folders.entries.slice(made)) assert.deepEqual(e.failure, union('path/insufficient_space'));
	assert.equal((await dbx.content('upload', { path: '/count/one more' }, 'x')).status, 409);
	assert.deepEqual(await dbx.error('create_folder_v2', { path: `/${'d/'.repeat(130)}e` }), union('path/malformed_path'));
	assert.deepEqual(await dbx.error('create_folder_v2', { path: `/${'n'.repeat(256)}` }), union('path/malformed_path'));
	assert.deepEqual(readdirSync(path.join(files, 'incoming')), []);
});

/* Sends the head of an upload and waits for the answer: how much had to be sent for it? */
function refusedEarly(route, arg, length) {
	return new Promise((resolve, reject) => {
		const req = http.request(box.url + route, {
			method: 'POST',
			headers: { authorization: `Bearer ${dbx.token}`, 'content-type': 'application/octet-stream', 'content-length': length,
				'dropbox-api-arg': JSON.stringify(arg), expect: '100-continue' },
		});
		let sent = 0;
		req.on('continue', () => { sent = 1; req.destroy(); });
		req.on('response', (res) => {
			let text = '';
			res.on('data', (d) => (text += d));
			res.on('end', () => { resolve({ status: res.statusCode, sent, text }); req.destroy(); });
		});
		req.on('error', (e) => (sent ? resolve({ sent }) : reject(e)));
		req.flushHeaders();
	});
}
