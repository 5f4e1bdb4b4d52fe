/*
 * A PostgreSQL and its standby, which has all that was committed; either may be the primary.
 *
 *   const pg = await startCluster();
 *   pg.url()                          both, whichever writes
 *   await pg.restart(ms)              the primary crashes, and comes back
 *   await pg.failOver(ms, act)        it does not: the standby is promoted; act() meanwhile
 *   await pg.leasesLapse()            nobody holds one any more that a dead manager took
 */
import { startPostgres } from '../lib/postgres.mjs';

const LAPSE_MS = 60000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* standby: false leaves it out, where nothing fails over. */
export async function startCluster({ standby = true } = {}) {
	let primary = await startPostgres();
	let other = standby ? await primary.standby() : null;
	const hosts = [primary, other].filter(Boolean).map((s) => s.dir).join(',');
	if (other) await primary.synchronous();
	return {
		url: () => `postgres://valetkey@/postgres?host=${hosts}&target_session_attrs=read-write`,
		hasStandby: () => other !== null,
		async restart(ms, act = () => {}) {
			await primary.crash();
			await pause(ms);
			await act();
			await primary.start();
		},
		async failOver(ms, act = () => {}) {
			await primary.crash();
			await pause(ms);
			other.promote();
			await act();
			[primary, other] = [other, primary];
			other = await primary.standby({ dir: other.dir });
			await primary.synchronous();
		},
		async leasesLapse() {
			for (const end = Date.now() + LAPSE_MS; Date.now() < end; await pause(500)) {
				const [until] = primary.sql('SELECT coalesce(max(lease_until_ms), 0) FROM token');
				if (Number(until) < Date.now()) return;
			}
		},
		async stop() {
			await other?.stop();
			await primary.stop();
		},
	};
}
