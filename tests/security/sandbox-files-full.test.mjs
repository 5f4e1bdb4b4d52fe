/* S-214, the part about a disk that is full: here, files that may not grow beyond 20 MiB. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';


const MIB = 1 << 20;
const real = path.resolve(process.env.VALETKEY_BIN ?? 'build/valetkey');
const scratch = mkdtempSync(path.join(tmpdir(), 'valetkey-full-'));
const wrapper = path.join(scratch, 'valetkey');
writeFileSync(wrapper, `#!/bin/bash\ntrap '' XFSZ\nulimit -f 20480\nexec '${real}' "$@"\n`);
chmodSync(wrapper, 0o755);
process.env.VALETKEY_BIN = wrapper;
const { startSandbox } = await import('../flow/sandbox-lib.mjs');
const { person, union } = await import('../flow/files-lib.mjs');

let box, dbx, files;
before(async () => {
	box = await startSandbox();
	dbx = await (await person(box)).files();
	files = path.join(box.dir, 'sandbox', 'files');
});
after(async () => {
	await box?.stop();
	rmSync(scratch, { recursive: true, force: true });
});

test('S-214 a full disk is told as a full account, nothing is left half, and the rest goes on', async () => {
	await dbx.upload('/kept', 'kept');
	const before = readdirSync(path.join(files, 'store'), { recursive: true }).length;
	const refused = await dbx.content('upload', { path: '/kept', mode: 'overwrite' }, Buffer.alloc(30 * MIB));
	assert.equal(refused.status, 409);
	assert.deepEqual(refused.body.error.reason, union('insufficient_space'));
	assert.equal((await dbx.download('/kept')).body, 'kept');
	assert.deepEqual(readdirSync(path.join(files, 'incoming')), []);
	assert.equal(readdirSync(path.join(files, 'store'), { recursive: true }).length, before);

	const part = randomBytes(15 * MIB);
	const { session_id: id } = await dbx.contentOk('upload_session/start', {}, part);
	const late = await dbx.content('upload_session/append_v2', { cursor: { session_id: id, offset: part.length } }, part);
	assert.equal(late.status, 507);
	assert.equal(statSync(path.join(files, 'sessions', id)).size, part.length); /* cut back to what was acknowledged */
	await dbx.contentOk('upload_session/append_v2', { cursor: { session_id: id, offset: part.length } }, 'end');
	const made = await dbx.contentOk('upload_session/finish', { cursor: { session_id: id, offset: part.length + 3 }, commit: { path: '/session' } }, '');
	assert.ok((await dbx.download('/session')).bytes.equals(Buffer.concat([part, Buffer.from('end')])));
	assert.equal(made.size, part.length + 3);
	assert.equal((await fetch(`${box.url}/2/users/get_current_account`, { method: 'POST', headers: { authorization: `Bearer ${dbx.token}` } })).status, 200);
});
