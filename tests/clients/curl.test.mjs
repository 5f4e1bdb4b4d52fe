/* Every example of docs/sandbox.md, run by a shell with curl in the order of the page, in a sandbox that
 * `valetkey sandbox --ephemeral --seed` starts for it. What stands below an example is what it prints:
 * each member of the JSON, "…" for what differs each time. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { run } from '../lib/server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${root}docs/sandbox.md`, 'utf8');
const MARK = '--- example ';

function examples() {
	const found = [];
	for (const [, kind, text] of page.matchAll(/^```(sh|json|text)\n(.*?)^```$/gms)) {
		if (kind === 'sh') found.push({ script: text });
		else found.at(-1).expected = { kind, text };
	}
	return found;
}

function matches(actual, expected, where) {
	if (typeof expected === 'string') {
		const parts = expected.split('…').map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
		assert.match(String(actual), new RegExp(`^${parts.join('.*')}$`), where);
	} else if (expected !== null && typeof expected === 'object') {
		assert.ok(actual !== null && typeof actual === 'object', `${where}: ${JSON.stringify(actual)}`);
		for (const [name, value] of Object.entries(expected)) matches(actual[name], value, `${where}.${name}`);
	} else {
		assert.equal(actual, expected, where);
	}
}

test('the examples of docs/sandbox.md do what the page says', async () => {
	const list = examples();
	assert.ok(list.length >= 10);
	const script = list.map(({ script: text }, i) => `printf '\\n${MARK}${i}\\n'\n${text}`).join('');
	const done = await run(
		['sandbox', '--ephemeral', '--seed', 'docs/sandbox-seed.json', '--', 'bash', '-ec',
			`cd "$(mktemp -d)"\n${script}`],
		{ cwd: root },
	);
	assert.equal(done.code, 0, done.err + done.out);
	const printed = done.out.split(new RegExp(`\\n${MARK}\\d+\\n`)).slice(1);
	list.forEach(({ script: text, expected }, i) => {
		if (expected === undefined) return;
		if (expected.kind === 'text') assert.equal(printed[i].trim(), expected.text.trim(), text);
		else matches(JSON.parse(printed[i]), JSON.parse(expected.text), `example ${i}: ${text}`);
	});
});
