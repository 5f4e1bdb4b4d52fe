// Whether two kinds of request take equally long, as far as one can tell from outside.
import assert from "node:assert/strict";

const middle = (list) => list[list.length >> 1];

// The standard error of a median, from its own middle quarter.
const error = (list) => (list[Math.floor(list.length * 0.625)] - list[Math.floor(list.length * 0.375)]) / 2 / Math.sqrt(list.length / 16);

// near and far are asked in turn, far twice: what two equal sets differ by is no difference. Each
// resolves once the answer is there; i tells them the round. -> what to say of a difference, or null
async function difference({ near, far }, rounds) {
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
	return Math.abs(n - f) < noise ? null : { longer: n > f, text: `${n} ms and ${f} ms differ by more than ${noise} ms` };
}

// What a busy machine does to one of the two is not there each time, nor the same way round; a difference is.
export async function assertEquallyLong(asks, rounds) {
	const found = [];
	for (let i = 0; i < 3; i++) {
		const one = await difference(asks, rounds);
		if (one === null || (i > 0 && one.longer !== found[0].longer)) return;
		found.push(one);
	}
	assert.fail(found.map((one) => one.text).join("; "));
}
