/*
 * What happened, by the sandbox's own account: its log of the token endpoint and its counts for each grant.
 * The manager's word counts only for how many refreshes it has stored.
 */
/* A reply that came so long before the process ended may not have been written; or before the store was back. */
const KILL_AFTER_MS = 5000;
const KILL_BEFORE_MS = 1500; /* the log tells whole seconds */
const GONE_AFTER_MS = 19000; /* the manager waits 20 s for a reply */
const LIFE_MS = 14400000;
const LAST_MOMENT_MS = 130000;
const SECOND_MS = 1000;
const TAKEN = ['lose_reply', 'cut'];

export class Ledger {
	constructor(world) {
		this.world = world;
		this.calls = new Map(world.tokens.map((t) => [t.app.app_key, []]));
		this.grants = new Map();
		this.ends = []; /* when the manager was killed, by this program's clock */
		this.gone = []; /* when the store could not be written: { from, to } */
		this.number = 0;
		this.faults = {};
	}

	/* Before the log has forgotten it. */
	async read() {
		const { entries } = await this.world.sandbox.control('GET', `/_sandbox/log?after=${this.number}`);
		for (const e of entries) {
			this.number = Math.max(this.number, e.number);
			if (e.path !== '/oauth2/token' || e.grant_type !== 'refresh_token') continue;
			const at = Date.parse(e.time);
			this.calls.get(e.app_key)?.push({ ...e, at, wall: this.world.theirs.walls(at).at(-1) ?? Date.now() });
			if (e.fault) this.faults[e.fault] = (this.faults[e.fault] ?? 0) + 1;
		}
		for (const g of (await this.world.sandbox.state()).grants_detail) this.grants.set(g.grant_id, g);
	}

	/* The store cannot be written while act() goes on. */
	async without(act) {
		const time = { from: Date.now(), to: Infinity };
		this.gone.push(time);
		await act();
		time.to = Date.now();
	}

	killed() {
		this.ends.push(Date.now());
	}

	sum(what, t) {
		return [...this.grants.values()].filter((g) => !t || g.app_key === t.app.app_key).reduce((n, g) => n + g[what], 0);
	}

	/* From here on: a token that was just connected. */
	open(t) {
		t.from = {
			wall: Date.now(),
			calls: this.calls.get(t.app.app_key).length,
			refreshes: this.sum('refreshes', t),
			stored: this.world.stored(t).length,
		};
		t.told = '';
	}

	killedWithin(wall, ms) {
		let until = wall + ms + KILL_AFTER_MS;
		for (const { from, to } of this.gone) if (from < until && to > wall) until = Math.max(until, to + KILL_AFTER_MS);
		return this.ends.some((end) => end > wall - KILL_BEFORE_MS && end < until);
	}

	/* The reply of this call may have reached nobody, or the memory of a process that then ended. */
	unheard({ fault, status, wall, ms }) {
		if (TAKEN.includes(fault)) return true;
		if (status !== 200) return false;
		return ms > GONE_AFTER_MS || this.killedWithin(wall, ms);
	}

	since(t) {
		return this.calls.get(t.app.app_key).slice(t.from.calls);
	}

	/* Processed, and the fault took the reply; nothing was processed since. */
	replyTaken(t) {
		const last = this.since(t).findLast((c) => c.status === 200 || TAKEN.includes(c.fault));
		return ['single', 'strict'].includes(t.kind.contract.rotation) && last !== undefined && TAKEN.includes(last.fault);
	}

	/* How many refreshes were processed and never stored. */
	missing(t) {
		return this.sum('refreshes', t) - t.from.refreshes - (this.world.stored(t).length - t.from.stored);
	}

	/* When the pair that the manager has now was stored or connected. */
	newest(t) {
		return this.world.stored(t).slice(t.from.stored).at(-1) ?? t.from.wall;
	}

	/* Was a refresh processed whose reply reached nobody, at a provider that does not say it again? */
	lostByContract(t) {
		const lost = this.since(t).filter((c) => c.wall >= this.newest(t) - SECOND_MS && this.unheard(c));
		const { grace } = t.kind.contract;
		const over = !grace || lost.some((c) => this.world.now() - c.at >= grace.max_s * 1000 - SECOND_MS);
		return t.kind.once && lost.length > 0 && this.missing(t) > 0 && over;
	}

	/* A spent refresh token may be shown once, when the access token from before has next to no life left, by the
	 * provider's clock or by the managers' own, which may be wrong; or when a witness saw it dead past a grace: the
	 * refresh token may still be good by the provider's clock, and nobody has the next one. */
	shownTooEarly(t) {
		if (t.kind.contract.rotation === 'grace' && t.kind.contract.refresh_kills_access) return [];
		const { mine, theirs } = this.world;
		const newest = this.newest(t);
		/* It lives from when it was asked for, which may be before a jump of the clocks. */
		const got = this.since(t).findLast((c) => c.status === 200 && c.wall <= newest + SECOND_MS);
		const asked = got ? Math.min(newest, got.wall - got.ms - 2 * SECOND_MS) : newest;
		/* The log tells whole seconds: the managers' clock may have been moved in the rest of that one. */
		const from = mine.least(asked, newest + SECOND_MS);
		const left = (c) => Math.min(theirs.at(asked) - c.at, from - mine.at(c.wall + SECOND_MS)) + LIFE_MS;
		return this.since(t).filter((c) => c.code === 'invalid_grant' && left(c) > LAST_MOMENT_MS).map((c) => ({ ...c, newest, left_s: left(c) / 1000 }));
	}

	/* Two attempts in a row whose end is not known, the second being the last try: both were disturbed. */
	lastTryCutOff(t, reason) {
		const times = /refresh of (\S+) never came, nor did that of the last try at (\S+):/.exec(reason)?.slice(1);
		if (!t.kind.once || !times) return false;
		const calls = this.since(t);
		const disturbed = (wall) => this.killedWithin(wall, 20000) || calls.some((c) => Math.abs(c.wall - wall) < 25000 && (c.fault || this.unheard(c)));
		return times.every((text) => this.world.mine.walls(Date.parse(text)).some(disturbed));
	}
}
