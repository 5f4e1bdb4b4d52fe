/* The refresh protocol, checked exhaustively by spin for two nodes and a strict provider; then without one
 * rule after the other, when it must find the fault: each rule carries weight. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { root } from '../lib/binary.mjs';

const model = path.join(root, 'tests/model/refresh.pml');
const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-model-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/* { errors, states, said } of the model with these definitions. */
function check(...definitions) {
	const cwd = mkdtempSync(path.join(dir, 'run-'));
	execFileSync('spin', ['-a', ...definitions.map((d) => `-D${d}`), model], { cwd });
	/* To optimize it takes longer than all that it then looks at. */
	execFileSync('cc', ['-O0', '-DSAFETY', '-w', '-o', 'pan', 'pan.c'], { cwd });
	/* -E: a node may wait for ever; -m: deep enough for every run, or it says so. */
	const { stdout } = spawnSync('./pan', ['-E', '-m200000'], { cwd, encoding: 'utf8' });
	assert.doesNotMatch(stdout, /max search depth too small|out of memory/);
	return {
		errors: Number(/errors: (\d+)/.exec(stdout)[1]),
		states: Number(/(\d+) states, stored/.exec(stdout)[1]),
		said: /assertion violated (\S+)/.exec(stdout)?.[1],
	};
}

for (const [name, definitions] of Object.entries({
	'with a witness': ['WITNESS'],
	'without a witness': ['CLAIMS=4'],
}))
	test(`no refresh token is lost and none is shown twice, ${name}`, () => {
		const { errors, states } = check(...definitions);
		assert.equal(errors, 0);
		assert.ok(states > 100000, `${states} states are too few to mean anything`);
	});

for (const [rule, fault] of Object.entries({
	NO_FENCE: '0',
	NO_RECORD: '0',
	LONG_CALL: 'risky',
	RELEASE_BY_KEY: 'risky',
	REFRESH_ANYWAY: 'risky',
}))
	test(`the fault is found with ${rule}`, () => {
		const { errors, said } = check('WITNESS', rule);
		assert.ok(errors > 0);
		assert.equal(said, fault, 'risky: a spent token was shown; 0: the current one is nowhere');
	});

test('the fault is found with WIPE_SEALED', () => {
	const { errors, said } = check('WITNESS', 'WIPE_SEALED');
	assert.ok(errors > 0);
	assert.match(said, /kept_reply/, 'a sealed reply was wiped that held the current refresh token');
});

test('the fault is found with FORGET_RISK', () => {
	const { errors, said } = check('CLAIMS=4', 'FORGET_RISK');
	assert.ok(errors > 0);
	assert.match(said, /risky_seen/, 'a second risky try of one refresh token has arrived');
});
