// Rows S-149 to S-154: what a stranger may make the server hold, and for how long.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { hidden, hiddenCount, request, socketCount, startTarget, talk, until } from './target.mjs';

async function withSite(opts, fn, extra) {
	const site = await startTarget(opts, extra);
	try {
		await fn(site);
	} finally {
		await site.stop();
	}
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const get = (site, path, headers = []) => request(site, `GET ${path}`, headers);
const statuses = (got) => got.replies.map((r) => r.status);
const fdCount = (pid) => readdirSync(`/proc/${pid}/fd`).length;
const rssKb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const cpuTicks = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13)
	.reduce((a, b) => a + Number(b), 0);

// A refusal comes at once: far earlier than the ten seconds that a head may take.
const AT_ONCE_MS = 5000;

// There comes a second in which the site takes next to no CPU time. What spins has none.
async function isCalm(site, what) {
	let ticks;
	for (let i = 0; i < 10; i++) {
		ticks = cpuTicks(site.pid);
		await sleep(1000);
		ticks = cpuTicks(site.pid) - ticks;
		if (ticks < 15) return;
	}
	assert.fail(`${what}: ${ticks} ticks of CPU in a second`);
}

// Nobody is connected any more: as many sockets as before the first one.
const allGone = (site, listening) => until(() => socketCount(site.pid) === listening, () => `${socketCount(site.pid) - listening} sockets are left`);
const isAnswered = (site, options) => until(async () => (await talk(site.port, get(site, '/hello'), options)).replies[0]?.status === 200, 'it does not recover');

function openIdle(port, from, first = '') {
	return new Promise((resolve) => {
		const s = net.connect({ port, host: '127.0.0.1', localAddress: from });
		s.state = 'new';
		s.on('error', () => {});
		s.on('close', () => (s.state = 'closed'));
		s.on('data', () => (s.state = 'answered'));
		s.on('connect', () => {
			if (first) s.write(first);
			resolve(s);
		});
		s.on('close', () => resolve(s));
	});
}

test('S-149 embedded files are served by exact name from a table', () => withSite({}, async (site) => {
	const ok = await talk(site.port, get(site, '/assets/app.js'));
	assert.equal(ok.replies[0].status, 200);
	assert.equal(ok.replies[0].body, 'let a = 1;\n');
	assert.equal(ok.replies[0].headers['cache-control'], 'no-cache');
	const again = await talk(site.port, get(site, '/assets/app.js', [`If-None-Match: ${ok.replies[0].headers.etag}`]));
	assert.deepEqual([again.replies[0].status, again.leftover.length], [304, 0]);
	const paths = ['/../etc/passwd', '/assets/..%2f..%2fmaster.key', '/assets/../../etc/passwd', '/.git/config', '/assets/', '/assets',
		'/assets/x.map', '/assets/app.js/..', '/assets/app.js/', '/assets/app.js%00.js', '/index.html%00.js', '/assets//app.js',
		'/assets/APP.js', '/assets/app%2ejs%00', '/assets/app.js;x', '/etc/passwd', '//etc/passwd'];
	for (const path of paths) {
		const got = await talk(site.port, get(site, path));
		assert.ok([400, 404].includes(got.replies[0].status), `${path}: ${statuses(got)}`);
		assert.ok(!/root:|let a/.test(got.replies[0].body), path);
	}
	const post = await talk(site.port, request(site, 'POST /assets/app.js', ['Content-Length: 0']));
	assert.deepEqual([post.replies[0].status, post.replies[0].headers.allow], [405, 'GET, HEAD']);
}));

test('S-150 bodies are limited as announced and as they arrive', () => withSite({ 'linger-ms': 300 }, async (site) => {
	const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
	const cases = {
		'10 GB announced': request(site, 'POST /echo', ['Content-Length: 10000000000'], hidden(site)),
		'one byte over': request(site, 'POST /echo', ['Content-Length: 65537'], hidden(site)),
		'chunked, too much': [request(site, 'POST /echo', ['Transfer-Encoding: chunked']), chunk, chunk, chunk, chunk],
		'chunk of 10 GB': request(site, 'POST /echo', ['Transfer-Encoding: chunked'], '2540be400\r\nx'),
		'body on GET': request(site, 'GET /hello', [`Content-Length: ${hidden(site).length}`], hidden(site)),
		'chunked body on GET': request(site, 'GET /hello', ['Transfer-Encoding: chunked'], `0\r\n\r\n${hidden(site)}`),
		'body on HEAD': request(site, 'HEAD /hello', [`Content-Length: ${hidden(site).length}`], hidden(site)),
		'body on DELETE': request(site, 'DELETE /items/a', [`Content-Length: ${hidden(site).length}`], hidden(site)),
		'body on no route': request(site, 'POST /nothing', [`Content-Length: ${hidden(site).length}`], hidden(site)),
		'body on a wrong method': request(site, 'PUT /hello', [`Content-Length: ${hidden(site).length}`], hidden(site)),
		'body on an asset': request(site, 'GET /assets/app.js', [`Content-Length: ${hidden(site).length}`], hidden(site)),
	};
	for (const [name, bytes] of Object.entries(cases)) {
		const got = await talk(site.port, bytes, { heads: [name === 'body on HEAD'], quiet: 2000 });
		const want = name.endsWith('no route') ? [404] : name.endsWith('method') ? [405] : [413];
		assert.deepEqual(statuses(got), want, name);
		assert.ok(got.closed && got.ms < AT_ONCE_MS, `${name}: closed ${got.closed} in ${got.ms} ms`);
		assert.equal(got.leftover.length, 0, name);
	}
	const denied = await talk(site.port, request(site, 'POST /private', ['Content-Length: 5'], `hello${get(site, '/hello')}`), { replies: 2 });
	assert.deepEqual(statuses(denied), [401, 200], 'a body that was read whole is no reason to close');
	assert.equal(await hiddenCount(site), 0);
	const most = await talk(site.port, request(site, 'POST /echo', ['Content-Length: 65536'], 'y'.repeat(65536)));
	assert.deepEqual([most.replies[0].status, most.replies[0].body.length], [200, 65536]);
}));

test('S-150 Expect: 100-continue is met only for a request that will be read', () => withSite({ 'linger-ms': 200 }, async (site) => {
	const expect = 'Expect: 100-continue';
	const asked = await talk(site.port, [request(site, 'POST /echo', ['Content-Length: 5', expect]), /^HTTP\/1\.1 100 /, 'hello'], { replies: 2 });
	assert.deepEqual(statuses(asked), [100, 200]);
	assert.equal(asked.replies[1].body, 'hello');
	const refusals = [
		[413, request(site, 'POST /echo', ['Content-Length: 999999', expect])],
		[404, request(site, 'POST /nothing', ['Content-Length: 5', expect])],
		[421, request(site, 'POST /echo', ['Content-Length: 5', expect], '', 'evil.example')],
		[417, request(site, 'POST /echo', ['Content-Length: 5', 'Expect: a-miracle'])],
		[417, request(site, 'POST /echo', ['Content-Length: 5', 'Expect: 100-continue, x'])],
		[400, request(site, 'POST /echo', ['Content-Length: 5', expect, expect])],
	];
	for (const [status, bytes] of refusals) {
		const got = await talk(site.port, bytes, { quiet: 2000 });
		assert.deepEqual([...statuses(got), got.closed], [status, true]);
	}
	const none = await talk(site.port, get(site, '/hello', [expect]));
	assert.deepEqual(statuses(none), [200], 'nothing to continue with');
}));

test('S-151 head, line, count and target have limits with the right status', () => withSite({ 'linger-ms': 300 }, async (site) => {
	const lines = (n, len) => Array.from({ length: n }, (_, i) => `X-${i}: ${'a'.repeat(len)}`);
	const cases = [
		['40 kB line', 431, get(site, '/hello', [`X-A: ${'a'.repeat(40000)}`])],
		['17 kB line', 431, get(site, '/hello', [`X-A: ${'a'.repeat(17000)}`])],
		['2,000 headers', 431, get(site, '/hello', lines(2000, 1))],
		['64 headers and Host', 431, get(site, '/hello', lines(64, 1))],
		['64 kB of cookies', 431, get(site, '/hello', Array.from({ length: 8 }, () => `Cookie: a=${'b'.repeat(8000)}`))],
		['100 kB target', 414, get(site, `/${'a'.repeat(100000)}`)],
		['5,000 segments', 414, get(site, '/a'.repeat(5000))],
		['10,000 query arguments', 414, get(site, `/hello?${'a=b&'.repeat(10000)}`)],
	];
	const before = rssKb(site.pid);
	for (const [name, status, bytes] of cases) {
		const got = await talk(site.port, bytes, { quiet: 2000 });
		assert.deepEqual(statuses(got), [status], name);
		assert.ok(got.closed && got.ms < AT_ONCE_MS, `${name}: ${got.ms} ms`);
	}
	for (let i = 0; i < 200; i++) await talk(site.port, cases[i % cases.length][2], { quiet: 2000 });
	assert.ok(rssKb(site.pid) - before < 60000, `memory grew from ${before} to ${rssKb(site.pid)} kB`);
	const fits = await talk(site.port, get(site, '/hello', [...lines(20, 1), `X-Long: ${'a'.repeat(16000)}`, `X-More: ${'a'.repeat(15000)}`]));
	assert.deepEqual(statuses(fits), [200], '31 kB of head');
	const many = await talk(site.port, get(site, '/seen', lines(63, 1)));
	assert.equal(JSON.parse(many.replies[0].body).headers, 64);
}));

test('S-151 a head of any length up to the limit leaves room for its body', () => withSite({}, async (site) => {
	for (const len of [6000, 7500, 8000, 8080, 8090, 8100, 8110, 8120, 8192, 12000]) {
		const head = request(site, 'POST /echo', [`X-A: ${'a'.repeat(len)}`, 'Content-Length: 30000']);
		const got = await talk(site.port, [head, 20, 'z'.repeat(30000)]);
		assert.deepEqual([got.replies[0]?.status, got.replies[0]?.body.length], [200, 30000], `${len}`);
	}
}));

test('S-152 head, body and the reading of the reply each have a total deadline', () =>
	withSite({ 'head-ms': 500, 'body-ms': 600, 'reply-ms': 600, 'idle-ms': 500, 'linger-ms': 100 }, async (site) => {
		const drip = (text) => [...text].flatMap((c) => [c, 60]);
		/* Each piece takes longer than its limit several times over; the fault would be to begin the limit again. */
		const listening = socketCount(site.pid);
		const head = await talk(site.port, drip(get(site, '/hello')), { quiet: 3000 });
		assert.ok(head.closed && head.ms > 450 && head.ms < 3000, `head: ${head.ms} ms`);
		assert.deepEqual(statuses(head), [408]);
		const body = await talk(site.port, [request(site, 'POST /echo', ['Content-Length: 5000']), ...drip('x'.repeat(100))], { quiet: 3000 });
		assert.ok(body.closed && body.ms < 5000, `body: ${body.ms} ms`);
		assert.deepEqual(statuses(body), [408]);
		const chunked = await talk(site.port, [request(site, 'POST /echo', ['Transfer-Encoding: chunked']), ...drip('1\r\nx\r\n'.repeat(30))], { quiet: 3000 });
		assert.ok(chunked.closed && chunked.ms < 5000, `chunked: ${chunked.ms} ms`);
		const idle = await talk(site.port, [get(site, '/hello'), 8000], { quiet: 3000 });
		assert.ok(idle.closed && idle.ms > 450 && idle.ms < 5000, `idle: ${idle.ms} ms`);
		const silent = await talk(site.port, [8000], { quiet: 3000 });
		assert.ok(silent.closed && silent.ms > 450 && silent.ms < 5000, `silent: ${silent.ms} ms`);

		await allGone(site, listening);
		const reader = net.connect({ port: site.port, host: '127.0.0.1' });
		reader.on('error', () => {});
		reader.pause();
		reader.write(get(site, '/big'));
		await until(() => socketCount(site.pid) === listening + 1, 'it is not accepted');
		await allGone(site, listening);
		reader.destroy();
	}));

test('S-152 many slow clients at once do not hold up the others', () =>
	withSite({ 'head-ms': 3000, 'linger-ms': 100, 'max-connections': 5000 }, async (site) => {
		const slow = [];
		for (let i = 0; i < 10; i++)
			slow.push(...await Promise.all(Array.from({ length: 80 }, () => openIdle(site.port, `127.0.0.${10 + i}`, 'GET /hel'))));
		const times = [];
		for (let i = 0; i < 100; i++) {
			const t = performance.now();
			const got = await talk(site.port, get(site, '/hello', ['Connection: close']), { quiet: 2000 });
			times.push(performance.now() - t);
			assert.deepEqual(statuses(got), [200]);
		}
		times.sort((a, b) => a - b);
		/* Far below the three seconds that each of the slow ones may take. */
		assert.ok(times[98] < 1500, `p99 ${times[98]} ms`);
		await until(() => slow.every((s) => s.state !== 'new'), 'not all slow clients are ended');
		slow.forEach((s) => s.destroy());
	}));

test('S-153 one address cannot take all connections', () =>
	withSite({ 'max-connections': 100, 'head-ms': 20000 }, async (site) => {
		const greedy = await Promise.all(Array.from({ length: 150 }, () => openIdle(site.port, '127.0.0.2')));
		const left = () => greedy.filter((s) => s.state === 'new').length;
		await until(() => left() <= 50, () => `${left()} connections of one address`);
		const other = await talk(site.port, get(site, '/hello'), { from: '127.0.0.3' });
		assert.deepEqual(statuses(other), [200]);
		assert.equal(left(), 50, 'half of all connections');
		greedy.forEach((s) => s.destroy());
		await isAnswered(site, { from: '127.0.0.2' });
	}));

test('S-153 behind a trusted proxy each client has its share, and the proxy has no limit of its own', () =>
	withSite({ 'max-connections': 20, 'idle-ms': 20000, proxies: '127.0.0.2' }, async (site) => {
		const listening = socketCount(site.pid);
		const of = (client, from = '127.0.0.2') => openIdle(site.port, from, get(site, '/hello', [`X-Forwarded-For: ${client}`]));
		const counts = (sockets) => sockets.map((s) => /^HTTP\/1\.1 (\d+)/.exec(s.text)?.[1]);
		const greedy = [];
		for (let i = 0; i < 12; i++) {
			const s = await of('203.0.113.9');
			s.text = await new Promise((resolve) => s.once('data', (d) => resolve(String(d))));
			greedy.push(s);
		}
		assert.deepEqual(counts(greedy), [...Array(10).fill('200'), '503', '503'], 'half of all connections');
		assert.match(greedy[10].text, /"code":"too-many-connections"/);
		assert.match(greedy[10].text, /Connection: close/i);
		const other = await talk(site.port, get(site, '/hello', ['X-Forwarded-For: 203.0.113.10']), { from: '127.0.0.2' });
		assert.deepEqual(statuses(other), [200]);
		/* A connection that the proxy uses for another client counts for that one. */
		const [moved] = greedy;
		moved.write(get(site, '/hello', ['X-Forwarded-For: 203.0.113.11']));
		assert.match(String(await new Promise((resolve) => moved.once('data', resolve))), /^HTTP\/1\.1 200/);
		const again = await talk(site.port, get(site, '/hello', ['X-Forwarded-For: 203.0.113.9']), { from: '127.0.0.2' });
		assert.deepEqual(statuses(again), [200]);
		/* What somebody else says of himself counts for nothing. */
		greedy.forEach((s) => s.destroy());
		await allGone(site, listening);
		const liars = await Promise.all(Array.from({ length: 12 }, (_, i) => of(`203.0.113.${i}`, '127.0.0.3')));
		await until(() => liars.every((s) => s.state !== 'new'), 'some are neither answered nor ended');
		assert.equal(liars.filter((s) => s.state === 'answered').length, 10);
		liars.forEach((s) => s.destroy());
	}));

for (const [status, method, path] of [[404, 'GET', '/nothing'], [405, 'DELETE', '/hello']])
	test(`S-153 a client behind a trusted proxy has no larger share by what is answered with ${status}`, () =>
		withSite({ 'max-connections': 20, 'idle-ms': 20000, proxies: '127.0.0.2' }, async (site) => {
			const greedy = [];
			for (let i = 0; i < 12; i++) {
				const s = await openIdle(site.port, '127.0.0.2',
					get(site, path, ['X-Forwarded-For: 203.0.113.9']).replace(/^GET/, method));
				greedy.push(s);
				const text = String(await new Promise((resolve) => s.once('data', resolve)));
				assert.match(text, i < 10 ? new RegExp(`^HTTP/1.1 ${status} `) : /^HTTP\/1.1 503 [^]*too-many-connections/);
			}
			const other = await talk(site.port, get(site, '/hello', ['X-Forwarded-For: 203.0.113.10']), { from: '127.0.0.2' });
			assert.deepEqual(statuses(other), [200]);
			greedy.forEach((s) => s.destroy());
		}));

test('S-153 full: those who knock wait, nothing spins, and it recovers', () =>
	withSite({ 'max-connections': 40, 'head-ms': 20000 }, async (site) => {
		const listening = socketCount(site.pid);
		const held = [];
		for (const from of ['127.0.0.2', '127.0.0.3'])
			held.push(...await Promise.all(Array.from({ length: 20 }, () => openIdle(site.port, from))));
		await until(() => socketCount(site.pid) === listening + 40, 'it is not full');
		const waiting = talk(site.port, get(site, '/hello'), { from: '127.0.0.4', timeout: 60000 });
		await isCalm(site, 'while full');
		held.forEach((s) => s.destroy());
		assert.deepEqual(statuses(await waiting), [200]);
	}));

test('S-153 few descriptors: no spin, no leak, recovery', () =>
	withSite({ 'head-ms': 20000 }, async (site) => {
		const before = fdCount(site.pid);
		const held = await Promise.all(Array.from({ length: 400 }, (_, i) => openIdle(site.port, `127.0.0.${2 + (i % 9)}`)));
		await isCalm(site, 'out of descriptors');
		assert.ok(fdCount(site.pid) < 256);
		held.forEach((s) => s.resetAndDestroy());
		await isAnswered(site);
		// Each of the two loops keeps one descriptor from its first connection on.
		await until(() => fdCount(site.pid) <= before + 2, () => `descriptors: ${before} before, ${fdCount(site.pid)} after`);
	}, { nofile: 256 }));

test('S-153 out of descriptors: accepting stops, serving goes on, nothing spins', () =>
	withSite({ 'head-ms': 20000, hold: 150, loops: 1 }, async (site) => {
		const first = await openIdle(site.port, '127.0.0.50');
		const held = await Promise.all(Array.from({ length: 130 }, (_, i) => openIdle(site.port, `127.0.0.${2 + (i % 9)}`)));
		await until(() => fdCount(site.pid) >= 250, () => `descriptors are not used up: ${fdCount(site.pid)}`);
		await isCalm(site, 'out of descriptors');
		let body = '';
		first.on('data', (d) => (body += d));
		first.write(get(site, '/hello'));
		await until(() => body.length > 0, 'the first is not served');
		assert.match(body, /^HTTP\/1\.1 200 /);
		[first, ...held].forEach((s) => s.destroy());
		await isAnswered(site);
	}, { nofile: 256 }));

test('S-153 connections reset in every state leave nothing behind', () =>
	withSite({ 'linger-ms': 100, loops: 1 }, async (site) => {
		const listening = socketCount(site.pid);
		await talk(site.port, get(site, '/hello'));
		await allGone(site, listening);
		const before = fdCount(site.pid);
		const starts = ['', 'GET /he', get(site, '/hello'), get(site, '/slow?ms=30'), get(site, '/big'),
			request(site, 'POST /echo', ['Content-Length: 500'], 'part'), request(site, 'POST /worker-echo', ['Content-Length: 4'], 'part'),
			'broken\r\n\r\n', get(site, '/slow?ms=5').repeat(5)];
		for (let round = 0; round < 60; round++) {
			const open = await Promise.all(starts.map((first) => openIdle(site.port, '127.0.0.1', first)));
			if (round % 3) await sleep(round % 3 * 4);
			open.forEach((s) => (round % 2 ? s.resetAndDestroy() : s.destroy()));
		}
		await until(() => fdCount(site.pid) === before, () => `descriptors: ${before} before, ${fdCount(site.pid)} after`);
		assert.deepEqual(statuses(await talk(site.port, get(site, '/hello'))), [200]);
	}));

test('S-154 pipelined replies come in order, with suspended, missing and refused ones between', () =>
	withSite({ workers: 8 }, async (site) => {
		const wanted = [];
		let bytes = '';
		for (let i = 0; i < 1000; i++) {
			const kind = i % 10;
			if (kind === 3) {
				bytes += get(site, '/slow?ms=1');
				wanted.push([200, 'slept 1']);
			} else if (kind === 5) {
				bytes += get(site, `/nothing/${i}`);
				wanted.push([404, null]);
			} else if (kind === 7) {
				bytes += request(site, 'POST /worker-echo', ['Content-Length: 6'], `b${String(i).padStart(5, '0')}`);
				wanted.push([200, `b${String(i).padStart(5, '0')}`]);
			} else if (kind === 8) {
				bytes += get(site, '/private');
				wanted.push([401, null]);
			} else {
				bytes += get(site, `/items/n${i}/x`);
				wanted.push([200, `item n${i}`]);
			}
		}
		bytes += 'bad request\r\n\r\n' + hidden(site);
		wanted.push([400, null]);
		const clients = await Promise.all(Array.from({ length: 12 }, () => talk(site.port, bytes, { timeout: 100000, quiet: 15000 })));
		for (const got of clients) {
			assert.equal(got.replies.length, wanted.length);
			got.replies.forEach((r, i) => {
				assert.equal(r.status, wanted[i][0], `reply ${i}`);
				if (wanted[i][1] !== null) assert.equal(r.body, wanted[i][1]);
			});
			assert.ok(got.closed);
		}
		assert.equal(await hiddenCount(site), 0);
	}));

test('S-154 200 connections, some waiting for a worker: each gets its own answer', () =>
	withSite({ workers: 4, 'max-connections': 1000 }, async (site) => {
		const all = Array.from({ length: 200 }, async (_, i) => {
			const got = await talk(site.port, (i % 4 ? get(site, `/items/c${i}/x`) : get(site, '/slow?ms=3')).repeat(10), { replies: 10, timeout: 60000 });
			assert.deepEqual(got.replies.map((r) => r.body), Array(10).fill(i % 4 ? `item c${i}` : 'slept 3'), `client ${i}`);
		});
		await Promise.all(all);
	}));

test('S-149 no file is opened while a request is answered', async (t) => {
	try {
		execFileSync('strace', ['-V'], { stdio: 'ignore' });
	} catch {
		return t.skip('strace is not installed');
	}
	await withSite({ loops: 1 }, async (site) => {
		// The first connection and the first date of a loop read /dev/null and /etc/localtime.
		await talk(site.port, get(site, '/hello'));
		const tracer = spawn('strace', ['-f', '-e', 'trace=open,openat,stat,newfstatat', '-p', String(site.pid)]);
		let out = '';
		tracer.stderr.on('data', (d) => (out += d));
		const ended = new Promise((resolve) => tracer.on('close', resolve));
		await until(() => out.includes('attached') || tracer.exitCode !== null, 'strace does not attach');
		for (const path of ['/assets/app.js', '/assets/..%2f..%2fmaster.key', '/.git/config']) await talk(site.port, get(site, path));
		tracer.kill('SIGINT');
		await ended;
		assert.ok(!/open|stat/.test(out.replace(/.*attached.*|.*detached.*/g, '')), out);
	});
});
