/*
 * A PostgreSQL and its standby, which has all that was committed; either may be the primary.
 *
 *   const pg = await startCluster();
 *   pg.url()                          both, whichever writes
 *   await pg.restart(ms)              the primary crashes, and comes back
 *   await pg.failOver(ms, act)        it does not: the standby is promoted; act() meanwhile
 *   await pg.leasesLapse()            what a dead manager had claimed has been taken up by another
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
			const held = () => primary.sql("SELECT id || ' ' || fence FROM token WHERE lease_until_ms > 0");
			const then = new Set(held());
			for (const end = Date.now() + LAPSE_MS; Date.now() < end; await pause(500))
				if (!held().some((claim) => then.has(claim))) return;
		},
		async stop() {
			await other?.stop();
			await primary.stop();
		},
	};
}
