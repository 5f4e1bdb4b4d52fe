/*
 * Ours and a reference in turn, A B A B, so that whatever else the machine does meets both.
 *
 *   const result = await interleave({ ours: () => measure(a), reference: () => measure(b) });
 *   report.metric({ metric: 'plain', unit: 'requests/s', ...result, bar: 0.85, stretch: 1 });
 *
 * A side resolves with one number. A first round that warms both up is thrown away.
 */
export const ROUNDS = Math.max(1, Number(process.env.ROUNDS) || 5);
/* How long one side of one round lasts, where it is a matter of time. */
export const SECONDS = Number(process.env.SECONDS_EACH) || 3;

export function median(numbers) {
	const sorted = [...numbers].sort((a, b) => a - b);
	const half = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/* -> { ours: [number], reference: [number] }, pair by pair */
export async function interleave({ ours, reference, rounds = ROUNDS, warm = true }) {
	const result = { ours: [], reference: [] };
	if (warm) {
		await ours();
		await reference();
	}
	for (let i = 0; i < rounds; i++) {
		result.ours.push(await ours());
		result.reference.push(await reference());
	}
	return result;
}

/* Several sides in turn: { name: measure } -> { name: [number] }. Ratios are made of pairs of them. */
export async function inTurn(sides, { rounds = ROUNDS, warm = true } = {}) {
	const names = Object.keys(sides);
	const result = Object.fromEntries(names.map((n) => [n, []]));
	for (let i = warm ? -1 : 0; i < rounds; i++)
		for (const name of names) {
			const number = await sides[name]();
			if (i >= 0) result[name].push(number);
		}
	return result;
}
