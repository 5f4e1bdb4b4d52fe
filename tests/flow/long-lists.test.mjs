/* Many tokens: no answer is half of one, and the command line shows all of them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { managerClient, programGet } from '../lib/http.mjs';
import { connectToken, makeKey } from '../lib/manager.mjs';
import { startProvider } from '../lib/provider.mjs';
import { run, startServe } from '../lib/server.mjs';

const COUNT = 20100;
const data = mkdtempSync(path.join(tmpdir(), 'valetkey-long-'));
let p, manager, key, limited;

/* Lists open no sealed value, so the rows of one token can be another's. */
const copies = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
columns = [c[1] for c in db.execute('PRAGMA table_info(token)')]
row = dict(zip(columns, db.execute("SELECT * FROM token WHERE name = 'Archive'").fetchone()))
row['due_ms'] = 0
for i in range(int(sys.argv[2])):
    name = 'Copy %06d' % i
    row.update(id='%032d' % i, name=name, name_key=name.lower())
    db.execute('INSERT INTO token VALUES (%s)' % ','.join('?' * len(columns)), [row[c] for c in columns])
db.commit()
`;

before(async () => {
	p = await startProvider();
	const env = { VALETKEY_DROPBOX_URL: p.url };
	const first = await startServe({ data, env });
	const ann = await managerClient(first);
	const archive = await connectToken(ann, 'Archive');
	({ key } = await makeKey(ann));
	({ key: limited } = await makeKey(ann, { tokens: [archive] }));
	await first.stop({ keep: true });
	execFileSync('python3', ['-c', copies, path.join(data, 'valetkey.db'), String(COUNT)]);
	manager = await startServe({ data, env });
});
after(async () => {
	await manager?.stop();
	await p?.stop();
	rmSync(data, { recursive: true, force: true });
});

const cli = (as, ...args) => run(['token', ...args], { env: { VALETKEY_URL: manager.url, VALETKEY_API_KEY: as } });

test('a list that no answer holds is an error that says how to ask, and never half of a list', async () => {
	const got = await programGet(manager.url, '/api/v1/tokens', key);
	assert.deepEqual([got.status, got.body.code, got.body.field], [400, 'too-many', 'limit']);
	assert.match(got.body.todo, /\?limit=1000/);
	const page = await programGet(manager.url, '/api/v1/tokens?limit=1000', key);
	assert.deepEqual([page.status, page.body.tokens.length, page.body.next], [200, 1000, 'Copy 000998']);
});

test('a limited key gets its own without a limit, whatever else there is', async () => {
	const got = await programGet(manager.url, '/api/v1/tokens', limited);
	assert.deepEqual([got.status, got.body.tokens.map((t) => t.name), got.body.next], [200, ['Archive'], undefined]);
});

test('the command line lists them all', async () => {
	const out = await cli(key, 'list');
	const names = out.out.trimEnd().split('\n').map((l) => l.split('\t')[0]);
	assert.deepEqual([out.code, names.length, new Set(names).size], [0, COUNT + 1, COUNT + 1], out.err);
	assert.deepEqual([names[0], names.at(-1)], ['Archive', `Copy ${String(COUNT - 1).padStart(6, '0')}`]);
	const json = JSON.parse((await cli(limited, 'list', '--json')).out);
	assert.deepEqual([Object.keys(json), json.tokens.map((t) => t.name)], [['now', 'tokens'], ['Archive']]);
});

test('list --dying looks at all of them', async () => {
	execFileSync('python3', ['-c', "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=60) as db: db.execute(\"UPDATE token SET status = 1 WHERE name = 'Copy 015000'\")", path.join(data, 'valetkey.db')]);
	const out = await cli(key, 'list', '--dying', '5h');
	assert.deepEqual([out.code, out.out.split('\t')[0], out.out.trimEnd().split('\n').length], [0, 'Copy 015000', 1], out.err);
});
