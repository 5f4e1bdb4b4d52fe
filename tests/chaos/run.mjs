/*
 * Chaos: blow after blow, and now and then quiet, in which every token must come back by itself, but for
 * those that no client could have kept (docs/mechanisms/refresh.md, "Chaos").
 *
 *   const result = await chaos({ kills: 200, seed: 7, seconds: 600 });
 *   result.broken        what must not be, in words; empty when all is well
 *
 * A seed repeats the faults, the blows and their times, not the scheduling of the programs under them.
 */
import { whyNoDisk } from './disk.mjs';
import { kill, spoil, stir, strike } from './blows.mjs';
import { Ledger } from './ledger.mjs';
import { randomOf } from './random.mjs';
import { startReaders } from './readers.mjs';
import { startWorld } from './world.mjs';

const ROUNDS = 12; /* between two quiet times */
const SETTLE_MS = 45000;
const ROUNDS_NODES = 30;
const READERS = 4;
const TOLD_MS = 10000;
const WELL = ['active', 'expired', 'needs_reauthorization']; /* expired: the refresh is due */
const TOLD = /never came|nobody has the new refresh token/;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Chaos {
	constructor(world, seed) {
		this.world = world;
		this.r = randomOf(seed);
		this.ledger = new Ledger(world);
		this.broken = [];
		this.tally = {
			kills: 0, stops: 0, database_crashes: 0, failovers: 0, disk_full: 0, jumps: 0, jumps_back: 0, clock_hours: 0, unrecoverable_by_contract: 0, told_while_alive: 0,
			last_try_cut_off: 0, risky_tries: 0, grants_lost: 0, needs_person: 0,
		};
	}

	fault(what) {
		if (this.broken.length < 20) this.broken.push(what);
	}

	/* What the owners are told. */
	async hear() {
		const states = await this.world.states();
		for (const t of this.world.tokens) {
			const now = states.get(t.id);
			if (TOLD.test(now.last_error) && now.status === 'active' && now.expires_at_ms > this.world.managerNow()) t.told = now.last_error;
		}
		return states;
	}

	async round(gentle) {
		await spoil(this.world, this.r);
		await stir(this.world, this.r, this.tally);
		await strike(this.world, this.r, this.ledger, this.tally, gentle);
		await this.ledger.read();
		await this.hear();
	}

	/* Its owner is asked to connect again: was there another way? */
	async judge(t, state) {
		await this.ledger.read();
		const reuses = this.ledger.sum('reuses', t) - t.reuses;
		const lost = this.ledger.lostByContract(t);
		if (!lost && !this.ledger.lastTryCutOff(t, state.status_reason)) {
			this.tally.needs_person++;
			if (this.ledger.missing(t) > 0) this.tally.grants_lost++;
			const calls = this.ledger.since(t).slice(-6);
			this.fault(`${t.name} asks for its owner: ${state.status}, ${state.status_reason}; the provider saw ${JSON.stringify(calls)}`);
		} else {
			this.tally[lost ? 'unrecoverable_by_contract' : 'last_try_cut_off']++;
			if (t.told) this.tally.told_while_alive++;
			if (state.status_reason === '') this.fault(`${t.name} was lost, and its owner not told why`);
			/* The one try at the last safe moment. */
			if (reuses > 0) this.tally.risky_tries++;
			const early = this.ledger.shownTooEarly(t);
			if (early.length > 0) this.fault(`${t.name}: a spent refresh token was shown while the old access token lived: ${JSON.stringify(early)}`);
			else t.reuses += Math.min(1, reuses);
		}
		await this.world.connect(t);
		await this.ledger.read();
		this.ledger.open(t);
	}

	/* Whose grant is lost hears of it at once, while the old access token lives, not when it has run out. */
	async told() {
		const lost = this.world.tokens.filter((t) => this.ledger.replyTaken(t));
		for (const end = Date.now() + TOLD_MS; ; await pause(200)) {
			const states = await this.hear();
			const untold = lost.filter((t) => states.get(t.id).status === 'active' && !TOLD.test(states.get(t.id).last_error));
			if (untold.length === 0) return;
			if (Date.now() < end) continue;
			for (const t of untold) this.fault(`${t.name} is lost, and its owner was told nothing in ${TOLD_MS} ms`);
			return;
		}
	}

	/* Nothing is spoilt any more; the clock goes to where the next of them wants to act. */
	async settle(gentle) {
		await this.world.sandbox.control('DELETE', '/_sandbox/faults');
		if (!gentle) await kill(this.world, this.r.pick(this.world.nodes), this.ledger, this.tally);
		if (this.world.behind_s > 0) await this.world.putRight();
		/* What a dead node had claimed is free when its lease lapses; with a file the next start frees it. */
		await this.world.pg?.leasesLapse();
		await this.ledger.read();
		await this.told();
		for (const end = Date.now() + SETTLE_MS; Date.now() < end; await pause(300)) {
			const states = await this.hear();
			const open = this.world.tokens.filter((t) => states.get(t.id).status !== 'active' || states.get(t.id).last_error !== '');
			if (open.length === 0) return;
			for (const t of open) if (states.get(t.id).status === 'needs_reauthorization') await this.judge(t, states.get(t.id));
			if (open.some((t) => !WELL.includes(states.get(t.id).status))) break;
			const due = open.map((t) => states.get(t.id).next_refresh_ms).filter((at) => at > this.world.managerNow());
			if (due.length > 0) await this.world.advance(Math.ceil((Math.min(...due) - this.world.managerNow()) / 1000) + 1);
		}
		for (const [id, s] of await this.world.states())
			if (s.status !== 'active' || s.last_error !== '') {
				this.tally.needs_person++;
				this.fault(`${id} (${s.name}) does not come back: ${s.status}, ${s.status_reason} ${s.last_error}, next ${s.next_refresh_ms}`);
			}
	}

	/* As a program gets one and uses it: a refused one is reported, and the answer used. */
	async live(t) {
		const got = await this.world.ask(t, '/access-token');
		const { status, body } = got;
		let used = status === 200 ? await this.world.use(body.access_token) : 0;
		if (used !== 401) return { status, used, code: body.code, detail: body.detail };
		const again = await this.world.report(t, body.access_token);
		if (again.status === 200) used = await this.world.use(again.body.access_token);
		return { status: again.status, used, code: again.body.code, detail: again.body.detail };
	}

	/* Each one works, and so does the refresh token behind it. */
	async prove() {
		await Promise.all(this.world.tokens.map(async (t) => {
			for (const renew of [false, true]) {
				const renewed = renew ? await this.world.ask(t, '/refresh', { method: 'POST' }) : { status: 200 };
				const got = await this.live(t);
				if (renewed.status === 200 && got.used === 200) continue;
				this.tally.grants_lost++;
				this.fault(`${t.name} does not work${renew ? ' after a refresh' : ''}: ${JSON.stringify([renewed, got])}`);
			}
		}));
		await this.ledger.read();
	}

	reuse() {
		const outside = this.world.tokens.map((t) => [t, this.ledger.sum('reuses', t) - t.reuses]).filter(([, n]) => n > 0);
		for (const [t, n] of outside) this.fault(`${t.name}: a spent refresh token was shown ${n} times outside the contract`);
		return outside.reduce((sum, [, n]) => sum + n, 0);
	}

	async quiet(gentle) {
		await this.settle(gentle);
		await this.prove();
	}

	/* gentleAt: from then on no manager is killed, so that the leases of the dead lapse meanwhile. */
	async run(kills, until, gentleAt) {
		await this.ledger.read();
		for (const t of this.world.tokens) {
			t.reuses = 0;
			this.ledger.open(t);
		}
		while (this.tally.kills < kills && Date.now() < until && this.broken.length === 0) {
			for (let i = 0; i < (this.world.pg ? ROUNDS_NODES : ROUNDS) && this.tally.kills < kills && Date.now() < until; i++)
				await this.round(Date.now() > gentleAt);
			await this.quiet(Date.now() > gentleAt);
		}
	}
}

/*
 * kills: how many at least; seconds: no new round begins after so long; nodes: on one PostgreSQL, 0: one, with a file.
 * gentle_s: so long before the end nobody is killed any more.
 */
export async function chaos({ kills, seed, seconds, copies = 1, nodes = 0, gentle_s = 0, say = () => {} }) {
	const world = await startWorld({ copies, nodes });
	const began = Date.now();
	const it = new Chaos(world, seed);
	const readers = startReaders(world, { seed, count: READERS, broken: (what) => it.fault(what) });
	try {
		await it.run(kills, began + seconds * 1000, began + (seconds - gentle_s) * 1000);
		await readers.stop();
		await it.ledger.read();
		const refreshes = it.ledger.sum('refreshes');
		const stored = world.tokens.reduce((n, t) => n + world.stored(t).length, 0);
		const reuse = it.reuse();
		if (it.broken.length > 0) say(world.log().slice(-12000));
		const { kills: killed, unrecoverable_by_contract, grants_lost, needs_person, ...more } = it.tally;
		return {
			kills: killed, refreshes, lost_replies: refreshes - stored, unrecoverable_by_contract, grants_lost, reuse, needs_person,
			seed, nodes, ...more, ...(nodes === 0 && whyNoDisk() ? { disk_full: `left out: ${whyNoDisk()}` } : {}), clock_hours: Math.round(it.tally.clock_hours),
			tokens: world.tokens.length, faults: it.ledger.faults, ...readers.tally,
			seconds: Math.round((Date.now() - began) / 1000), broken: it.broken,
		};
	} finally {
		await readers.stop();
		await world.stop();
	}
}
