/* S-214: trees that are copied and moved stay within what a path may be. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { person, union } from '../flow/files-lib.mjs';
import { startSandbox } from '../flow/sandbox-lib.mjs';

let box, dbx;

before(async () => {
	box = await startSandbox();
	dbx = await (await person(box)).files();
});
after(() => box.stop());

const chain = (top, name, count) => `/${top}${`/${name}`.repeat(count)}`;

test('S-214 copy and move make no path that is deeper than one may be', async () => {
	await dbx.ok('create_folder_v2', { path: chain('a', 'x', 99) }); /* 100 parts */
	await dbx.ok('create_folder_v2', { path: chain('b', 'x', 28) });
	for (const way of ['copy_v2', 'move_v2']) {
		assert.deepEqual(await dbx.error(way, { from_path: '/a', to_path: chain('b', 'x', 28) + '/a' }), union('to/malformed_path'));
		assert.deepEqual((await dbx.ok(`${way.slice(0, 4)}_batch_v2`, { entries: [{ from_path: '/a', to_path: chain('b', 'x', 28) + '/a' }] }))
			.entries[0].failure, union('relocation_error/to/malformed_path'));
	}
	const { metadata } = await dbx.ok('move_v2', { from_path: '/a', to_path: chain('b', 'x', 27) + '/a' }); /* 28 and 100 */
	assert.equal((await dbx.ok('get_metadata', { path: metadata.path_lower + '/x'.repeat(99) })).name, 'x');
});

test('S-214 nor one that is longer', async () => {
	const long = 'n'.repeat(200);
	await dbx.ok('create_folder_v2', { path: chain('c', long, 12) });
	await dbx.ok('create_folder_v2', { path: chain('d', long, 9) });
	assert.deepEqual(await dbx.error('move_v2', { from_path: '/c', to_path: chain('d', long, 9) + '/c' }), union('to/malformed_path'));
	await dbx.ok('move_v2', { from_path: '/c', to_path: chain('d', long, 7) + '/c' });
	for (const entry of (await dbx.list('/d', { recursive: true })).entries)
		assert.equal((await dbx.rpc('get_metadata', { path: entry.path_lower })).status, 200);
});
