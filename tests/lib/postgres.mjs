/*
 * A PostgreSQL of the test's own, in a temporary directory, on a socket in it.
 *
 *   const pg = await startPostgres();
 *   startServe({ env: { VALETKEY_STORE: pg.url() } })
 *   pg.sql('SELECT 1')         as its administrator: the lines of the answer
 *   await pg.crash(); await pg.start();
 *   const relay = await pg.relay();      a TCP address in front of it
 *   relay.url(), relay.silence()         what is connected hears nothing more, and is not told
 *   relay.cutCommit(word, 'after'), relay.open()
 *   await pg.stop();
 *
 * As root it runs as the user postgres, since it refuses to run as root. It ends with the test process.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const START_MS = 60000;
const versions = '/usr/lib/postgresql';
const bin = path.join(versions, readdirSync(versions).sort().at(-1), 'bin');
const running = new Set();
const directories = new Set();

process.on('exit', () => {
	for (const child of running) child.kill('SIGKILL');
	for (const dir of directories) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
});

function id(flag) {
	return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

const who = process.getuid() === 0 ? { uid: id('-u'), gid: id('-g') } : {};

/* Runs one of PostgreSQL's programs to its end. */
function program(name, args, opt = {}) {
	return execFileSync(path.join(bin, name), args, { ...who, cwd: '/', encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...opt });
}

/* Between a client and a server, both TCP or sockets: target is { port } or { path }. */
export async function startRelay(target) {
	const open = new Set();
	const relay = {
		target,
		/* Bytes of the connections that are open now go nowhere; new ones are as good as ever. */
		silence() {
			for (const pair of open) pair.silent = true;
		},
		/* The next transaction in which `word` stands loses its connection at its COMMIT: 'before' it reaches the
		 * server, or 'after' it was done. Until open() no other connection is let in, unless it is a mere `blink`. */
		cutCommit(word, when, { blink = false } = {}) {
			relay.cut = { word, when, blink };
		},
		open() {
			relay.shut = false;
		},
		/* Ends what is open; the next connection goes to another server. */
		to(next) {
			relay.target = next;
			for (const { near, far } of open) {
				near.destroy();
				far.destroy();
			}
		},
		close() {
			relay.to(relay.target);
			server.close();
		},
	};
	const cuts = (pair, d) => {
		const said = d.toString('latin1');
		pair.said = said.includes('BEGIN') ? said : (pair.said ?? '') + said;
		return relay.cut && said.includes('COMMIT') && pair.said.includes(relay.cut.word);
	};
	const end = () => {
		relay.shut = !relay.cut.blink;
		relay.cut = null;
		relay.to(relay.target);
	};
	const server = net.createServer((near) => {
		if (relay.shut) return near.destroy();
		const far = net.connect({ host: '127.0.0.1', ...relay.target });
		const pair = { near, far, silent: false };
		open.add(pair);
		near.prependListener('data', (d) => {
			if (!cuts(pair, d)) return;
			if (relay.cut.when === 'before') end();
			else far.prependOnceListener('data', () => end());
		});
		const pass = (from, to) => {
			from.on('data', (d) => pair.silent || to.destroyed || to.write(d));
			from.on('error', () => {});
			from.on('close', () => {
				if (pair.silent) return;
				open.delete(pair);
				to.destroy();
			});
		};
		pass(near, far);
		pass(far, near);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	server.unref();
	relay.port = server.address().port;
	return relay;
}

class Postgres {
	constructor(dir, data, { port = 5432, settings = [] } = {}) {
		this.dir = dir;
		this.data = data;
		this.port = port;
		this.settings = settings;
	}

	url(database = 'postgres') {
		return `postgres://valetkey@/${database}?host=${this.dir}&port=${this.port}`;
	}

	get socket() {
		return path.join(this.dir, `.s.PGSQL.${this.port}`);
	}

	async start() {
		const args = ['-D', this.data, '-c', `unix_socket_directories=${this.dir}`, '-c', 'listen_addresses=', '-c', 'fsync=off',
			'-c', 'shared_buffers=16MB', '-p', String(this.port), ...this.settings.flatMap((s) => ['-c', s])];
		this.child = spawn(path.join(bin, 'postgres'), args, { ...who, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
		this.err = '';
		this.child.stderr.on('data', (d) => (this.err += d));
		running.add(this.child);
		this.gone = new Promise((resolve) => this.child.on('close', resolve)).then(() => running.delete(this.child));
		this.child.unref();
		this.child.stderr.unref();
		const until = Date.now() + START_MS;
		while (!this.ready()) {
			assert.ok(Date.now() < until, `PostgreSQL does not start:\n${this.err}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	ready() {
		try {
			program('pg_isready', ['-q', '-h', this.dir, '-p', String(this.port)]);
			return true;
		} catch {
			return false;
		}
	}

	sql(text, database = 'postgres') {
		const out = program('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.dir, '-p', String(this.port), '-U', 'valetkey', '-d', database, '-c', text]);
		return out.split('\n').filter((line) => line !== '');
	}

	/* Every connection of valetkey ends; the call waits until they are gone. */
	endAll() {
		this.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'valetkey'");
	}

	async signal(name) {
		this.child.ref();
		this.child.kill(name);
		await this.gone;
	}

	/* Immediate shutdown: no checkpoint, no goodbye. */
	crash() {
		return this.signal('SIGQUIT');
	}

	async relay() {
		const relay = await startRelay({ path: this.socket });
		relay.url = (database = 'postgres') => `postgres://valetkey@127.0.0.1:${relay.port}/${database}?sslmode=disable&gssencmode=disable`;
		return relay;
	}

	/* A streaming replica, started; it answers reads until promote() makes it the primary. dir: where a
	 * server ran that has ended. */
	async standby({ dir = ownDirectory() } = {}) {
		const data = path.join(dir, 'data');
		rmSync(data, { recursive: true, force: true });
		program('pg_basebackup', ['-h', this.dir, '-U', 'valetkey', '-D', data, '-R', '--checkpoint=fast']);
		const standby = new Postgres(dir, data);
		await standby.start();
		return standby;
	}

	promote() {
		this.sql('SELECT pg_promote()');
	}

	/* What is committed from now on is on a standby as well. */
	async synchronous(ms = START_MS) {
		this.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
		this.sql('SELECT pg_reload_conf()');
		const until = Date.now() + ms;
		while (this.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")[0] !== '1') {
			assert.ok(Date.now() < until, 'no standby follows');
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	/* How many standbys have played back all that was committed here so far. */
	caughtUp() {
		return Number(this.sql('SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()')[0]);
	}

	async stop() {
		if (running.has(this.child)) await this.signal('SIGQUIT');
		rmSync(this.dir, { recursive: true, force: true });
		directories.delete(this.dir);
	}
}

/* A directory that the server's user owns. */
function ownDirectory() {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-pg-'));
	directories.add(dir);
	if (who.uid !== undefined) chownSync(dir, who.uid, who.gid);
	return dir;
}

/* A file that the server's user can read. */
function ownFile(dir, name, bytes) {
	const file = path.join(dir, name);
	writeFileSync(file, bytes, { mode: 0o600 });
	if (who.uid !== undefined) chownSync(file, who.uid, who.gid);
	return file;
}

/* { port, settings: ['name=value'], tls: { cert, key } }: all may be left out. */
export async function startPostgres({ port, settings = [], tls } = {}) {
	const dir = ownDirectory();
	const data = path.join(dir, 'data');
	program('initdb', ['-D', data, '-A', 'trust', '-U', 'valetkey', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8']);
	const more = tls
		? ['ssl=on', `ssl_cert_file=${ownFile(dir, 'server.pem', tls.cert)}`, `ssl_key_file=${ownFile(dir, 'server.key', tls.key)}`]
		: [];
	const pg = new Postgres(dir, data, { port, settings: [...settings, ...more] });
	await pg.start();
	return pg;
}
