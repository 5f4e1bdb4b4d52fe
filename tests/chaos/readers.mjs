/* Programs that ask for tokens and call the provider with them, all the while. */
import { randomOf } from './random.mjs';

/* Besides 200: no consent any more, asked too often or too early, the provider or the store is away, or has no room. */
const HONEST = new Set([409, 429, 502, 503, 504, 507]);

export function startReaders(world, { seed, count, broken }) {
	const tally = { reads: 0, reads_refused: 0, reads_cut_off: 0, rejected: 0 };
	let going = true;

	async function once(r) {
		const t = r.pick(world.tokens);
		const node = r.pick(world.nodes);
		const got = await world.ask(t, `/access-token${r.pick(['', '?min_ttl=0', '?min_ttl=1800'])}`, { node });
		tally.reads++;
		if (got.status !== 200) {
			tally.reads_refused++;
			if (!HONEST.has(got.status)) broken(`a reader of ${t.name} got ${got.status}: ${JSON.stringify(got.body)}`);
			return;
		}
		if ((await world.use(got.body.access_token)) !== 401) return;
		tally.rejected++;
		await world.report(t, got.body.access_token, node);
	}

	async function read(r) {
		while (going) {
			/* Away, reset or spoilt: what a reader sees of the blows. */
			await once(r).catch(() => tally.reads_cut_off++);
			await new Promise((resolve) => setTimeout(resolve, r.between(20, 150)));
		}
	}

	const all = Array.from({ length: count }, (_, i) => read(randomOf(seed + i + 1)));
	return {
		tally,
		async stop() {
			going = false;
			await Promise.all(all);
		},
	};
}
