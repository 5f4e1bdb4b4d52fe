/*
 * How the sandbox answers with 10^3 … 10^6 files in one account. Not a test: it takes minutes and
 * prints JSON. Fills the account through the API alone: one upload, then copies, which move no bytes.
 *
 *   node tests/bench/sandbox-scale.mjs [10^n …]      default 1000 10000 100000 1000000
 *
 * Times are milliseconds, the median of several calls on a warm server, over loopback HTTP.
 */

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { person } from '../flow/files-lib.mjs';
import { startSandbox } from '../flow/sandbox-lib.mjs';

const FOLDER = 9999; /* files in a folder: with the folder itself as many as one copy may take */
const sizes = process.argv.slice(2).map(Number);
if (sizes.length === 0) sizes.push(1000, 10000, 100000, 1000000);

const box = await startSandbox({ log: 'warn' });
const dbx = await (await person(box)).files();

async function timed(calls, run) {
	const times = [];
	for (let i = 0; i < calls; i++) {
		const at = performance.now();
		await run(i);
		times.push(performance.now() - at);
	}
	times.sort((a, b) => a - b);
	return Number(times[times.length >> 1].toFixed(2));
}

let count = 0, folders = 0;

async function fillFolder(n) {
	const dir = `/many/folder ${folders++}`;
	await dbx.ok('create_folder_v2', { path: dir });
	for (let at = 0; at < n; at += 1000) {
		const entries = Array.from({ length: Math.min(1000, n - at) }, (_, i) => ({ from_path: '/seed', to_path: `${dir}/file number ${at + i}.txt` }));
		await dbx.ok('copy_batch_v2', { entries });
	}
	count += n;
}

/* The largest folder that does not take it too far, once more; or one file by one. */
async function grow(target) {
	while (count < target) {
		const fit = sizesOf.reduce((best, n, i) => (n <= target - count && n > (sizesOf[best] ?? 0) ? i : best), -1);
		if (fit >= 0 && sizesOf[fit] >= Math.min(FOLDER, target - count) / 2) {
			await dbx.ok('copy_v2', { from_path: `/many/folder ${fit}`, to_path: `/many/folder ${folders++}` });
			sizesOf.push(sizesOf[fit]);
			count += sizesOf[fit];
		} else {
			sizesOf.push(Math.min(FOLDER, target - count));
			await fillFolder(sizesOf.at(-1));
		}
	}
}
const sizesOf = [];

async function pageAll() {
	let page = await dbx.ok('list_folder', { path: '', recursive: true, limit: 2000 });
	const names = [];
	const times = [];
	while (page.has_more) {
		const at = performance.now();
		page = await dbx.ok('list_folder/continue', { cursor: page.cursor });
		times.push(performance.now() - at);
		names.push(page.entries[7].path_display); /* one of each page, to look it up */
	}
	times.sort((a, b) => a - b);
	names.push('/seed');
	return { names, pages: times.length + 1, median: times[times.length >> 1] ?? 0, worst: times.at(-1) ?? 0, cursor: page.cursor };
}

async function measure() {
	const at = performance.now();
	const all = await pageAll();
	const total = performance.now() - at;
	const some = (i) => all.names[(i * 7919) % all.names.length];
	return {
		files: count,
		list_folder_first_page_of_2000: await timed(5, () => dbx.ok('list_folder', { path: '', recursive: true, limit: 2000 })),
		list_one_folder_of_500: await timed(5, () => dbx.ok('list_folder', { path: '/many/folder 0' })),
		continue_page_of_2000: Number(all.median.toFixed(2)),
		continue_worst_page: Number(all.worst.toFixed(2)),
		page_through_all: Math.round(total),
		pages: all.pages,
		continue_nothing_new: await timed(20, () => dbx.ok('list_folder/continue', { cursor: all.cursor })),
		get_latest_cursor: await timed(20, () => dbx.ok('list_folder/get_latest_cursor', { path: '', recursive: true })),
		get_metadata: await timed(50, (i) => dbx.ok('get_metadata', { path: some(i) })),
		upload: await timed(20, (i) => dbx.upload(`/uploads/${count} ${i}`, 'new')),
		get_space_usage: await timed(20, () => fetch(`${box.url}/2/users/get_space_usage`, { method: 'POST', headers: { authorization: `Bearer ${dbx.token}` } }).then((r) => r.text())),
	};
}

await dbx.upload('/seed', 'ten bytes\n');
const results = [];
for (const size of sizes) {
	const at = performance.now();
	await grow(size);
	const filled = Math.round(performance.now() - at);
	results.push({ ...(await measure()), filled_in: filled });
	process.stderr.write(`${JSON.stringify(results.at(-1))}\n`);
}
const database = statSync(path.join(box.dir, 'sandbox', 'sandbox.db')).size;
const anonymous = Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))[1]);
console.log(JSON.stringify({ results, database_mib: Math.round(database / 2 ** 20), anonymous_kib: anonymous }, null, '\t'));
await box.stop();
