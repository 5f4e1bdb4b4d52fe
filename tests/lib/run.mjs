/*
 * Runs the tests and ends with the line "N passed, N failed". `make test` builds first.
 *
 *   tests/run              all
 *   tests/run WORD...      those whose path contains one of the words
 *
 * The C tests, the flow and security tests and the tests with real clients run on the build with the
 * address and undefined behaviour sanitizers; the browser tests and the count of instructions run on the
 * plain build. TEST_JOBS says how many files run at once: twice the processors, as most of them spend
 * half of their time waiting for a lease, a lapse, a page.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sanitized = path.join(root, process.env.BUILD_ASAN ?? 'build-asan');
const plain = path.join(root, process.env.BUILD ?? 'build');
const FILE_MS = 900000; /* ten times what the longest takes by itself */
const OUTPUT_LINES = 60;
const WIDTH = Math.max(1, Math.min(4, 2 * os.cpus().length));

/* These begin first, the longest before the others, so that none of them is left over at the end. */
const LONG = [
	'tests/store/test_store.c postgres',
	'tests/flow/chaos-postgres.test.mjs',
	'tests/e2e/denials.test.mjs',
	'tests/flow/chaos.test.mjs',
	'tests/store/test_store.c sqlite',
	'tests/model/refresh.test.mjs',
	'tests/flow/sandbox-files-memory.test.mjs',
	'tests/security/manager-browser.test.mjs',
	'tests/security/sandbox/consent.test.mjs',
	'tests/security/sandbox/arguments.test.mjs',
	'tests/clients/rclone.test.mjs',
	'tests/security/http/resources.test.mjs',
	'tests/e2e/app-console.test.mjs',
	'tests/flow/refresh-crash.test.mjs',
	'tests/e2e/connect.test.mjs',
	'tests/e2e/keys.test.mjs',
];

/* These measure how long something takes, and run after all others, with nothing beside them. */
const ALONE = ['tests/security/sandbox/equally-long.test.mjs'];

function find(dir, ending) {
	const top = path.join(root, dir);
	if (!fs.existsSync(top)) return [];
	return fs.readdirSync(top, { withFileTypes: true })
		.sort((a, b) => (a.name < b.name ? -1 : 1))
		.flatMap((e) => {
			const name = `${dir}/${e.name}`;
			if (e.isDirectory()) return e.name === 'node_modules' ? [] : find(name, ending);
			return e.name.endsWith(ending) ? [name] : [];
		});
}

/* The settings of whoever runs the tests stay out of them. */
function environment(build, extra) {
	const own = Object.entries(process.env).filter(([name]) => !/^VALETKEY_|^NODE_TEST|^CMOCKA_/.test(name));
	return {
		...Object.fromEntries(own),
		VALETKEY_BIN: path.join(build, 'valetkey'),
		BUILD_DIR: build,
		...extra,
	};
}

/*
 * The address sanitizer of every program that a file starts writes to `scratch`, so that no report is
 * lost with a standard error that nobody reads. The other one can only write to standard error: it
 * ends the program as well. The servers forbid being traced, which the leak check needs.
 */
function sanitizerOptions(leaks, scratch) {
	const log = `log_path=${path.join(scratch, 'report')}`;
	return {
		ASAN_OPTIONS: `abort_on_error=0:detect_leaks=${leaks ? 1 : 0}:${log}`,
		UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
	};
}

function takeReports(scratch) {
	const reports = fs.readdirSync(scratch).map((name) => fs.readFileSync(path.join(scratch, name), 'utf8'));
	fs.rmSync(scratch, { recursive: true, force: true });
	return reports.filter((text) => text.trim() !== '');
}

/* A cmocka program: "ok 1 - name" and "not ok 1 - name" after "1..N". */
function readTap(out) {
	const rows = [];
	let planned = 0;
	for (const line of out.split('\n')) {
		const plan = /^1\.\.(\d+)/.exec(line);
		const row = /^(not )?ok \d+(?: - (.*?))?( # SKIP.*)?$/.exec(line);
		if (plan) planned += Number(plan[1]);
		if (row) rows.push({ name: row[2] ?? '', failed: Boolean(row[1]), skipped: Boolean(row[3]), reason: '' });
	}
	for (let i = rows.length; i < planned; i++)
		rows.push({ name: 'a test that did not run to its end', failed: true, reason: '' });
	return rows;
}

function readRows(out) {
	const rows = out.split('\n').map((line) => {
		try {
			return JSON.parse(line);
		} catch {
			return null; /* something a test printed */
		}
	});
	return rows.filter((row) => typeof row?.name === 'string' && typeof row.failed === 'boolean');
}

/* Each tests/unit/test_x.c is a program; all of tests/store is one, which takes the name of a database. */
function unitJobs() {
	const programs = find('tests/unit', '.c').filter((f) => /\/test_\w+\.c$/.test(f)).map((file) => [file]);
	for (const database of ['sqlite', 'postgres']) programs.push(['tests/store/test_store.c', database]);
	return programs.map(([file, ...args]) => ({
		file: [file, ...args].join(' '),
		command: [path.join(sanitized, path.basename(file, '.c')), ...args],
		env: environment(sanitized, { CMOCKA_MESSAGE_OUTPUT: 'TAP' }),
		leaks: true,
		read: readTap,
	}));
}

function nodeJobs(dir, build) {
	const reporter = path.join(root, 'tests/lib/reporter.mjs');
	return find(dir, '.test.mjs').map((file) => ({
		file,
		command: [process.execPath, `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file],
		env: environment(build, {}),
		read: readRows,
	}));
}

/* Runs one file in a process group of its own, so that nothing it started outlives it. */
function run(job) {
	return new Promise((resolve) => {
		const began = Date.now();
		const [program, ...args] = job.command;
		let out = '';
		let err = '';
		let late = false;
		const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'valetkey-run-'));
		const env = { ...job.env, ...sanitizerOptions(job.leaks, scratch) };
		const child = spawn(program, args, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
		const endGroup = () => {
			try {
				process.kill(-child.pid, 'SIGKILL');
			} catch {
				/* all gone */
			}
		};
		const timer = setTimeout(() => {
			late = true;
			endGroup();
		}, FILE_MS);
		running.add(endGroup);
		child.stdout.on('data', (d) => (out += d));
		child.stderr.on('data', (d) => (err += d));
		child.on('error', (e) => (err += `${e.message}\n`));
		child.on('exit', () => {
			clearTimeout(timer);
			endGroup();
		});
		child.on('close', (code, signal) => {
			clearTimeout(timer);
			running.delete(endGroup);
			const end = late ? `not done after ${FILE_MS / 1000} s` : signal ? `ended by ${signal}` : `ended with ${code}`;
			resolve({ job, code: late ? 1 : code, end, out, err, reports: takeReports(scratch), ms: Date.now() - began });
		});
	});
}

/* A file that says nothing, or that fails without saying which test, is a failure by itself. */
function judge({ job, code, end, out, reports }) {
	const rows = job.read(out);
	for (const text of reports) rows.push({ name: 'a sanitizer reported', failed: true, reason: first(text) });
	if (rows.length === 0) rows.push({ name: 'no test ran', failed: true, reason: end });
	if (code !== 0 && !rows.some((r) => r.failed))
		rows.push({ name: 'the file itself', failed: true, reason: end });
	return rows;
}

const count = (rows, what) => rows.filter(what).length;
const isFailed = (r) => r.failed;
const isPassed = (r) => !r.failed && !r.skipped;
const isSkipped = (r) => !r.failed && r.skipped;
const running = new Set();
const all = [];
const failures = [];

function note(result) {
	const rows = judge(result);
	const failed = count(rows, isFailed);
	const skipped = count(rows, isSkipped);
	const words = [`${count(rows, isPassed)} passed`];
	if (failed > 0) words.push(`${failed} failed`);
	if (skipped > 0) words.push(`${skipped} skipped`);
	const seconds = (result.ms / 1000).toFixed(1);
	console.log(`${failed > 0 ? 'FAIL' : 'ok  '}  ${result.job.file}: ${words.join(', ')} (${seconds} s)`);
	all.push(...rows);
	if (failed > 0) failures.push({ ...result, rows: rows.filter(isFailed) });
}

async function runAll(jobs, width) {
	const queue = [...jobs];
	const worker = async () => {
		while (queue.length > 0) note(await run(queue.shift()));
	};
	await Promise.all(Array.from({ length: width }, worker));
}

const first = (text) => text.split('\n').slice(0, OUTPUT_LINES).join('\n');
const indent = (text) => text.trimEnd().split('\n').map((line) => `      ${line}`).join('\n');
const last = (text) => text.trimEnd().split('\n').slice(-OUTPUT_LINES).join('\n');

function showFailures() {
	for (const { job, rows, out, err } of failures) {
		console.log(`\n${job.file}`);
		for (const { name, reason } of rows)
			console.log(`   not ok: ${name}${reason ? `\n${indent(reason)}` : ''}`);
		if (job.read === readTap && out.trim()) console.log(`   what it printed:\n${indent(last(out))}`);
		if (err.trim()) console.log(`   on standard error:\n${indent(last(err))}`);
	}
}

/* Together the long ones, then a mixture: each kind is spread over the whole run, as a browser fills a processor
 * and a manager with a provider mostly waits. */
function allJobs() {
	const kinds = [
		unitJobs(),
		...['tests/flow', 'tests/security', 'tests/model', 'tests/clients'].map((dir) => nodeJobs(dir, sanitized)),
		...['tests/e2e', 'tests/bench'].map((dir) => nodeJobs(dir, plain)),
	];
	const jobs = kinds.flatMap((kind) => kind.map((job, i) => ({ ...job, at: (i + 0.5) / kind.length })));
	const named = (file) => {
		const job = jobs.find((j) => j.file === file);
		if (!job) throw new Error(`tests/lib/run.mjs: there is no ${file}.`);
		return job;
	};
	const [long, alone] = [LONG.map(named), ALONE.map(named)];
	const others = jobs.filter((j) => ![...long, ...alone].includes(j)).sort((a, b) => a.at - b.at);
	return { together: [...long, ...others], alone };
}

async function main(words) {
	const wanted = (job) => words.length === 0 || words.some((w) => job.file.includes(w));
	const { together, alone } = allJobs();
	await runAll(together.filter(wanted), Number(process.env.TEST_JOBS) || WIDTH);
	await runAll(alone.filter(wanted), 1);
	showFailures();
	const failed = count(all, isFailed);
	const skipped = count(all, isSkipped);
	const passed = count(all, isPassed);
	if (skipped > 0) console.log(`\n${skipped} skipped`);
	if (all.length === 0) console.log('nothing ran');
	console.log(`\n${passed} passed, ${failed} failed`);
	process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => {
		for (const end of running) end();
		process.exit(1);
	});

main(process.argv.slice(2));
