/* Random numbers that a seed repeats (mulberry32). */
export function randomOf(seed) {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const below = (n) => Math.floor(next() * n);
	return {
		next,
		below,
		between: (from, to) => from + below(to - from + 1),
		chance: (p) => next() < p,
		pick: (list) => list[below(list.length)],
		/* rows: [weight, value]... */
		weighted(rows) {
			let left = next() * rows.reduce((sum, [weight]) => sum + weight, 0);
			for (const [weight, value] of rows) if ((left -= weight) < 0) return value;
			return rows.at(-1)[1];
		},
	};
}
