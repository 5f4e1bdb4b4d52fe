/* Backups as somebody finds or forges them: rows S-172 and S-173. */
import assert from 'node:assert/strict';
import {
	copyFileSync, existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { managerClient } from '../lib/http.mjs';
import { assertAbsent, connectToken, makeKey, app } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

const room = mkdtempSync(path.join(tmpdir(), 'valetkey-backup-'));
const place = (name) => path.join(room, name);
const backup = place('backup');
let provider;
let manager;
let ann;
let access;

before(async () => {
	provider = await startProvider();
	manager = await startServe({ data: place('data'), env: { VALETKEY_DROPBOX_URL: provider.url } });
	ann = await managerClient(manager);
	const token = await connectToken(ann, 'Archive');
	access = (await ann.post(`/api/console/tokens/${token.id}/reveal`)).body.access_token;
});
after(async () => {
	await manager.stop({ keep: true });
	await provider.stop();
	rmSync(room, { recursive: true, force: true });
});

const restore = (file, to) => run(['restore', file, '--data', to]);

/* Refused, and nothing of it is anywhere. */
async function refused(bytes, why) {
	const file = place('forged');
	const to = place('target');
	writeFileSync(file, bytes, { mode: 0o600 });
	const got = await restore(file, to);
	assert.notEqual(got.code, 0, 'it was restored');
	assert.match(got.err, why);
	assert.equal(existsSync(path.join(to, 'valetkey.db')), false, 'half of it stayed');
	rmSync(to, { recursive: true, force: true });
}

test('S-173 a backup under write load is whole, sealed, and names its key', async () => {
	let writing = true;
	const load = (async () => {
		for (let i = 0; writing; i++) await makeKey(ann, { label: `key ${i}` });
	})();
	const made = await run(['backup', backup, '--data', manager.data, '--verify']);
	writing = false;
	await load;
	assert.equal(made.code, 0, made.err);
	assert.match(made.out, /It opens with the master key of the mark [\w-]{8};/);
	assert.match(made.out, /is whole: 1 access token/);
	assert.ok(access.length > 20);
	assertAbsent(readFileSync(backup), { 'the access token': access, 'the app secret': app.app_secret, key: readFileSync(path.join(manager.data, 'master.key')).toString('latin1') }, 'the backup');
	const got = await restore(backup, place('restored'));
	assert.equal(got.code, 0, got.err);
});

test('S-173 without its key a backup is one sentence that names the key', async () => {
	const mark = /mark ([\w-]{8})/.exec((await run(['backup', place('again'), '--data', manager.data])).out)[1];
	writeFileSync(place('wrong.key'), Buffer.alloc(32, 5), { mode: 0o600 });
	const got = await run(['backup', 'verify', backup, '--master-key-file', place('wrong.key')]);
	assert.notEqual(got.code, 0);
	assert.match(got.err, new RegExp(`The master key is not the one.*\\n.*the mark ${mark} back`));
	copyFileSync(place('wrong.key'), path.join(place('restored'), 'master.key'));
	const served = await run(['serve', '--data', place('restored'), '--listen', '127.0.0.1:0']);
	assert.notEqual(served.code, 0);
	assert.match(served.err, new RegExp(mark));
});

test('S-173 cut, padded or empty: refused whole', async () => {
	const good = readFileSync(backup);
	await refused(good.subarray(0, good.length - 4096), /./);
	await refused(good.subarray(0, good.length - 1), /./);
	await refused(good.subarray(0, 100), /./);
	await refused(Buffer.alloc(0), /There is no manager's data/);
	await refused(Buffer.concat([good, Buffer.from('x')]), /damaged: it is longer/);
	await refused(Buffer.concat([good, Buffer.alloc(4096)]), /damaged: it is longer/);
	await refused(Buffer.from('no database at all '.repeat(1000)), /./);
});

test('S-173 no flipped bit ever restores another truth', async () => {
	const good = readFileSync(backup);
	const dump = async (file) => (await run(['backup', 'verify', file, '--data', manager.data])).code;
	assert.equal(await dump(backup), 0);
	const at = good.indexOf('ann@example.com');
	const places = [18, 28, 60, 100, at, at + 5, good.indexOf('Archive'), good.indexOf('key check') + 12];
	for (const i of places) {
		const bytes = Buffer.from(good);
		bytes[i] ^= 0x41;
		await refused(bytes, /./).catch((e) => {
			/* Some bytes of a file mean nothing: then it is what it was. */
			assert.match(e.message, /it was restored/);
			assert.ok(i < 100, `byte ${i} of the rows was changed unseen`);
			rmSync(place('target'), { recursive: true, force: true });
		});
	}
});

test('S-172 a backup and all that is made on the way is private, whatever the umask', async () => {
	const before = process.umask(0);
	const got = await run(['backup', place('open'), '--data', manager.data]);
	const back = await restore(place('open'), place('opened'));
	process.umask(before);
	assert.equal(got.code, 0, got.err);
	assert.equal(back.code, 0, back.err);
	assert.equal(statSync(place('open')).mode & 0o077, 0);
	assert.equal(statSync(place('opened')).mode & 0o077, 0);
	for (const name of readdirSync(place('opened'))) assert.equal(statSync(path.join(place('opened'), name)).mode & 0o077, 0, name);
});

test('S-184 a backup is not written through somebody\'s link, nor over anything', async () => {
	writeFileSync(place('precious'), 'precious');
	for (const name of ['link', 'link2.part']) symlinkSync(place('precious'), place(name));
	symlinkSync(place('nowhere'), place('dangling'));
	for (const name of ['link', 'link2', 'dangling', 'precious']) {
		await run(['backup', place(name), '--data', manager.data]);
		assert.equal(readFileSync(place('precious'), 'utf8'), 'precious', name);
	}
	assert.equal(existsSync(place('nowhere')), false);
	assert.ok(lstatSync(place('dangling')).isSymbolicLink());
});
