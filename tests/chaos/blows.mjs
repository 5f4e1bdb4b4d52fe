/* What is done to them: faults of the provider, and blows to the manager. */
const API = '/2/users/*';
const TOKEN = '/oauth2/token';

/* [weight, fault]: what becomes of a refresh. */
const refreshFaults = (r) => [
	[20, { mode: 'delay', delay_ms: r.between(50, 900) }],
	[10, { mode: 'lose_reply' }],
	[4, { mode: 'cut' }],
	[8, { mode: 'drip', bytes_per_s: r.between(200, 2000) }],
	[10, { mode: 'status', status: r.pick([500, 502, 503]), count: r.between(1, 4) }],
	[5, { mode: 'status', status: 429, retry_after_s: r.between(1, 5), count: 2 }],
	[8, { mode: 'reset' }],
	[5, { mode: 'timeout', delay_ms: r.between(500, 3000) }],
	[3, { mode: 'garbage' }],
];

export async function spoil(world, r) {
	for (let i = r.between(1, 4); i > 0; i--) {
		const t = r.pick(world.tokens);
		const fault = { path: TOKEN, grant_type: 'refresh_token', app_key: t.app.app_key, ...r.weighted(refreshFaults(r)) };
		await world.sandbox.control('POST', '/_sandbox/faults', fault);
	}
	if (r.chance(0.2)) {
		const fault = r.pick([{ mode: 'status', status: 503 }, { mode: 'reset' }, { mode: 'delay', delay_ms: 700 }]);
		await world.sandbox.control('POST', '/_sandbox/faults', { path: API, count: r.between(1, 5), ...fault });
	}
}

/* Tokens are refreshed: those somebody asks for, or, as the clock jumps, those that ran out. */
export async function stir(world, r, tally) {
	const asked = Array.from({ length: r.between(2, 6) }, () => r.pick(world.tokens));
	for (const t of asked) world.ask(t, '/refresh', { method: 'POST', node: r.pick(world.nodes) }).catch(() => null);
	if (world.behind_s > 0 && r.chance(0.3)) await world.putRight();
	else if (world.behind_s === 0 && r.chance(0.06)) {
		await world.setBack(r.between(1800, 18000));
		tally.jumps_back++;
	}
	if (!r.chance(0.35)) return;
	const seconds = r.weighted([[3, r.between(30, 200)], [4, r.between(3600, 14400)], [3, r.between(14400, 36000)]]);
	await world.advance(seconds);
	tally.jumps++;
	tally.clock_hours += seconds / 3600;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function end(world, node, ledger, tally) {
	ledger.killed();
	await world.kill(node);
	ledger.killed();
	tally.kills++;
}

export async function kill(world, node, ledger, tally) {
	await end(world, node, ledger, tally);
	await world.restart(node);
}

async function stop({ manager }, r, tally) {
	manager.program.child.kill('SIGSTOP');
	await pause(r.between(100, 1500));
	manager.program.child.kill('SIGCONT');
	tally.stops++;
}

/* The store is gone for a while; a manager may end meanwhile, with a reply that it could not store. */
async function without(world, node, r, ledger, tally, act) {
	const dies = r.chance(0.3);
	const meanwhile = async () => dies && end(world, node, ledger, tally);
	await ledger.without(() => act(r.between(100, 2500), meanwhile));
	if (dies) await world.restart(node);
}

async function full(world, ms, meanwhile) {
	world.disk.fill();
	await pause(ms);
	await meanwhile();
	world.disk.free();
}

const stores = {
	database: ['database_crashes', (world) => (ms, meanwhile) => world.pg.restart(ms, meanwhile)],
	failover: ['failovers', (world) => (ms, meanwhile) => world.pg.failOver(ms, meanwhile)],
	disk: ['disk_full', (world) => (ms, meanwhile) => full(world, ms, meanwhile)],
};

/* gentle: nothing that ends a manager. */
export async function strike(world, r, ledger, tally, gentle = false) {
	const blow = r.weighted([[gentle ? 0 : 70, 'kill'], [15, 'stop'], [10, 'nothing'], [world.pg ? 12 : 0, 'database'],
		[world.pg?.hasStandby() ? 6 : 0, 'failover'], [world.disk ? 12 : 0, 'disk']]);
	const node = r.pick(world.nodes);
	await pause(r.between(0, 700));
	if (blow === 'kill') await kill(world, node, ledger, tally);
	if (blow === 'stop') await stop(node, r, tally);
	if (!(blow in stores)) return;
	const [name, act] = stores[blow];
	const calm = gentle ? { ...r, chance: () => false } : r;
	await without(world, node, calm, ledger, tally, act(world));
	tally[name]++;
}
