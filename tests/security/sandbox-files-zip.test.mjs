/* S-218: where names become members of an archive or values of a header. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crc32 } from '../lib/crc32.mjs';

import { person, union } from '../flow/files-lib.mjs';
import { startSandbox } from '../flow/sandbox-lib.mjs';

let box, bea, dbx;

before(async () => {
	box = await startSandbox();
	bea = await person(box);
	dbx = await bea.files();
});
after(() => box.stop());

function archive(files, path) {
	return files.send('download_zip', { headers: { 'dropbox-api-arg': JSON.stringify({ path }).replace(/[\u007f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')) } });
}

/* The members as a reader finds them: from the end, by the directory. { name: Buffer } */
function members(zip) {
	const end = zip.length - 22;
	assert.equal(zip.readUInt32LE(end), 0x06054b50);
	const found = {};
	let at = zip.readUInt32LE(end + 16);
	assert.equal(at + zip.readUInt32LE(end + 12), end);
	for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
		assert.equal(zip.readUInt32LE(at), 0x02014b50);
		const length = zip.readUInt16LE(at + 28), size = zip.readUInt32LE(at + 24), local = zip.readUInt32LE(at + 42);
		const name = zip.subarray(at + 46, at + 46 + length).toString();
		const bytes = zip.subarray(local + 30 + length, local + 30 + length + size);
		assert.equal(zip.readUInt32LE(local), 0x04034b50);
		assert.equal(zip.subarray(local + 30, local + 30 + length).toString(), name);
		assert.deepEqual([zip.readUInt32LE(local + 14), zip.readUInt32LE(at + 16)], [crc32(bytes), crc32(bytes)], name);
		assert.equal(found[name], undefined, `${name} stands twice`);
		found[name] = bytes;
		at += 46 + length;
	}
	assert.equal(at, end);
	return found;
}

test('S-218 a folder as an archive: everything in it, below its own name', async () => {
	await dbx.upload('/Größe/a.txt', 'a');
	await dbx.upload('/Größe/tief/b.bin', Buffer.alloc(100_000, 7), { client_modified: '2001-02-03T04:05:06Z' });
	await dbx.upload('/Größe/leer', '');
	const got = await archive(dbx, '/größe');
	assert.equal(got.status, 200, got.body);
	assert.equal(got.headers.get('content-type'), 'application/zip');
	assert.equal(got.headers.get('content-disposition'), 'attachment; filename="Gr____e.zip"; filename*=UTF-8\'\'Gr%C3%B6%C3%9Fe.zip');
	assert.equal(JSON.parse(got.headers.get('dropbox-api-result')).metadata.name, 'Größe');
	const all = members(got.bytes);
	assert.deepEqual(Object.keys(all).sort(), ['Größe/', 'Größe/a.txt', 'Größe/leer', 'Größe/tief/', 'Größe/tief/b.bin']);
	assert.equal(all['Größe/a.txt'].toString(), 'a');
	assert.ok(all['Größe/tief/b.bin'].equals(Buffer.alloc(100_000, 7)));
	assert.deepEqual((await archive(dbx, '/Größe/a.txt')).body.error, union('path/not_folder'));
	assert.deepEqual((await archive(dbx, '/none')).body.error, union('path/not_found'));
	assert.equal((await archive(dbx, '')).status, 400);
});

test('S-218 no member has a name that leads out, is a drive, or stands for another', async () => {
	const names = ['C:', 'C:evil.txt', 'a:b', 'a*b', 'a_b', '...', '.. .', '-rf', 'new\nline', '\u001b[31m', 'x'.repeat(200), 'CON', 'quote"', '<|>', '~', '$HOME', '%2e%2e'];
	for (const name of names) await dbx.upload(`/C:/${name}`, name);
	const got = await archive(dbx, '/C:');
	const all = members(got.bytes);
	assert.equal(Object.keys(all).length, names.length + 1);
	for (const name of Object.keys(all)) {
		assert.match(name, /^C_\//);
		assert.doesNotMatch(name, /[\u0000-\u001f\u007f\\:*?"<>|]|(^|\/)\.\.?(\/|$)|\/\//);
	}
	/* the three that look alike when they are made harmless are three */
	assert.deepEqual(['a_b', 'a_b (1)', 'a_b (2)'].map((name) => all[`C_/${name}`].toString()).sort(), ['a*b', 'a:b', 'a_b']);
	assert.equal(got.headers.get('content-disposition'), 'attachment; filename="C:.zip"; filename*=UTF-8\'\'C%3A.zip');
	await dbx.ok('create_folder_v2', { path: '/a"b\\\\'.slice(0, 4) });
	assert.match((await archive(dbx, '/a"b')).headers.get('content-disposition'), /^attachment; filename="a_b\.zip"; filename\*=UTF-8''a%22b\.zip$/);
});

test('S-218 an app with an app folder packs nothing from outside', async () => {
	const boxed = await bea.files({ access: 'app_folder' });
	const { id } = await dbx.ok('get_metadata', { path: '/C:' });
	assert.deepEqual((await archive(boxed, id)).body.error, union('path/not_found'));
	await boxed.upload('/in/side.txt', 'mine');
	assert.deepEqual(Object.keys(members((await archive(boxed, '/in')).bytes)), ['in/', 'in/side.txt']);
});
