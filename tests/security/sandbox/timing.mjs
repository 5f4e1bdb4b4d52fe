// Whether two kinds of request take equally long, as far as one can tell from outside.
import assert from "node:assert/strict";

const middle = (list) => list[list.length >> 1];

// The standard error of a median, from its own middle quarter.
const error = (list) => (list[Math.floor(list.length * 0.625)] - list[Math.floor(list.length * 0.375)]) / 2 / Math.sqrt(list.length / 16);

// near and far are asked in turn, far twice: what two equal sets differ by is no difference. Each
// resolves once the answer is there; i tells them the round.
export async function assertEquallyLong({ near, far }, rounds) {
	const times = { near: [], far: [], again: [] };
	const ask = { near, far, again: far };
	for (let i = 0; i < rounds; i++)
		for (const name of i % 2 ? ["near", "far", "again"] : ["again", "far", "near"]) {
			const started = performance.now();
			await ask[name](i);
			times[name].push(performance.now() - started);
		}
	for (const list of Object.values(times)) list.sort((a, b) => a - b);
	const [n, f, again] = [times.near, times.far, times.again].map(middle);
	const noise = 4 * Math.hypot(error(times.near), error(times.far)) + Math.abs(again - f);
	assert.ok(Math.abs(n - f) < noise, `${n} ms and ${f} ms differ by more than ${noise} ms`);
}
