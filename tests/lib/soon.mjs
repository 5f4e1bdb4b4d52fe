/*
 * For promises of a time, on a machine that may be busy. What is slow is late each time; what a busy
 * machine kept waiting is not.
 */
import assert from 'node:assert/strict';

const TRIES = 3;

/* once() -> how many ms it took, without what it prepared. One of three times is below `ms`. */
export async function assertWithin(ms, once) {
	const all = [];
	while (all.length < TRIES) {
		all.push(await once());
		if (all.at(-1) < ms) return;
	}
	assert.fail(`it takes ${all.map(Math.round).join(', ')} ms, not less than ${ms}`);
}

/* How long it takes until the promise resolves. */
export async function took(promise) {
	const began = performance.now();
	await promise;
	return performance.now() - began;
}

/* What once() resolves with, of a time in which it took less than `ms`: what it saw later proves nothing. */
export async function whileFast(ms, once) {
	for (let i = 0; i < 10; i++) {
		const began = performance.now();
		const got = await once();
		if (performance.now() - began < ms) return got;
	}
	return assert.fail(`it never took less than ${ms} ms`);
}
