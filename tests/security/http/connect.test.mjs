// Rows S-226 to S-229: the CONNECT proxy leads to this very server under a few names, and nowhere else.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { withCert } from './cert.mjs';
import { parseReplies, request, startTarget, talk } from './target.mjs';

const NAME = 'api.dropboxapi.com';
const OTHER = 'content.dropboxapi.com';
let site, end, dir, files;

before(() => new Promise((ready) => {
	withCert([NAME, OTHER], async (c) => {
		dir = c.dir;
		files = { proxy: 1, cert: c.cert, key: c.key, 'linger-ms': 200, loops: 1 };
		site = await startTarget(files);
		await new Promise((stop) => {
			end = stop;
			ready();
		});
	});
}));
after(async () => {
	await site.stop();
	end();
});

const cpuTicks = () => readFileSync(`/proc/${site.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0);
const connect = (target, version = 'HTTP/1.1', host = target) => `CONNECT ${target} ${version}\r\n${host === null ? '' : `Host: ${host}\r\n`}\r\n`;
const plain = (bytes) => talk(site.proxyPort, bytes, { quiet: 2000 });

// A socket on which the proxy has said 200; fails with what it said instead.
function open(head = connect(`${NAME}:443`), port = site.proxyPort) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ port, host: '127.0.0.1' });
		let said = '';
		socket.on('error', () => {});
		socket.on('close', () => reject(new Error(said || 'closed')));
		socket.on('data', function read(d) {
			said += d.toString('latin1');
			if (!said.includes('\r\n\r\n')) return;
			socket.removeListener('data', read);
			if (said === 'HTTP/1.1 200 Connection Established\r\n\r\n') resolve(socket);
			else socket.resume();
		});
		socket.write(head);
	});
}

// TLS inside the tunnel and the bytes -> { replies, error, cert }
function inside(socket, servername, bytes) {
	return new Promise((resolve) => {
		const chunks = [];
		let error, cert;
		const secure = tls.connect({ socket, servername, rejectUnauthorized: false });
		secure.on('secureConnect', () => {
			cert = secure.getPeerCertificate().fingerprint256;
			secure.write(bytes);
		});
		secure.on('data', (d) => chunks.push(d));
		secure.on('error', (e) => (error = e));
		const over = () => resolve({ replies: parseReplies(Buffer.concat(chunks)).replies, error, cert });
		secure.on('close', over);
		socket.on('close', over);
	});
}

const ask = (host, target = '/names') => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

test('S-226 the listed names on port 443 are answered by this server itself', async () => {
	for (const [head, name] of [
		[connect(`${NAME}:443`), NAME], [connect(`${OTHER}:443`), OTHER], [connect('API.DROPBOXAPI.COM:443'), NAME],
		[connect(`${NAME}:443`, 'HTTP/1.0', null), NAME], [connect(`${NAME}:443`, 'HTTP/1.1', NAME), NAME],
	]) {
		for (const host of [name, `${name}:443`, name.toUpperCase()]) {
			const got = await inside(await open(head), name, ask(host));
			assert.deepEqual(got.replies.map((r) => [r.status, r.body]), [[200, `${name} ${name}`]], `${head} ${host} ${got.error}`);
		}
	}
	const cross = await inside(await open(), OTHER, ask(OTHER));
	assert.equal(cross.replies[0].body, `${OTHER} ${NAME}`, 'another listed name');
});

const FOREIGN = ['evil:443', '127.0.0.1:443', 'localhost:443', `${NAME}:22`, `${NAME}:25`, `${NAME}:80`, `${NAME}.evil:443`, `${NAME}.:443`, 'API.dropboxapi.com.',
	`user@${NAME}:443`, '[::1]:443', `${NAME}:0`, `${NAME}:70000`, `${NAME}:0443`, `${NAME}:443:443`, `${NAME}:`, NAME, ':443', `${NAME}:443/`, `//${NAME}:443`,
	`https://${NAME}:443`, '/', '*', `evil${NAME}:443`, `${NAME}%00:443`, 'dropboxapi.com:443'];

test('S-226 every other name, port and form is refused', async () => {
	for (const target of FOREIGN) {
		const got = await plain(connect(target, 'HTTP/1.1', `${NAME}:443`));
		assert.ok([400, 403].includes(got.replies[0]?.status) && got.closed, `${target}: ${got.replies[0]?.status}`);
	}
	for (const bytes of [`CONNECT ${NAME}\0:443 HTTP/1.1\r\nHost: x\r\n\r\n`, `CONNECT  HTTP/1.1\r\nHost: x\r\n\r\n`, `CONNECT HTTP/1.1\r\nHost: x\r\n\r\n`,
		connect(`${NAME}:443`, 'HTTP/1.1', 'evil:443'), connect(`${NAME}:443`, 'HTTP/1.1', null),
		`CONNECT ${NAME}:443 HTTP/1.1\r\nHost: ${NAME}:443\r\nContent-Length: 5\r\n\r\nhello`,
		`CONNECT ${NAME}:443 HTTP/1.1\r\nHost: ${NAME}:443\r\nTransfer-Encoding: chunked\r\n\r\n`]) {
		const got = await plain(bytes);
		assert.ok([400, 403].includes(got.replies[0]?.status) && got.closed, `${JSON.stringify(bytes)}: ${got.replies[0]?.status}`);
	}
	for (const line of ['GET http://evil/', `GET http://${NAME}/`, `GET https://${NAME}/names`, 'GET /hello', `POST http://${NAME}/echo`, 'OPTIONS *', 'TRACE /']) {
		const got = await plain(`${line} HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
		assert.ok([403, 405].includes(got.replies[0].status) && got.closed, line);
		assert.equal(got.replies[0].headers.allow, 'CONNECT');
	}
	const site421 = await talk(site.port, request(site, `CONNECT ${NAME}:443`), { quiet: 2000 });
	assert.ok(site421.replies[0].status >= 400, 'the site itself is no proxy');
});

test('S-226 no name is looked up and no connection made', async (t) => {
	try {
		execFileSync('strace', ['-V'], { stdio: 'ignore' });
	} catch {
		return t.skip('strace is not installed');
	}
	const tracer = spawn('strace', ['-f', '-e', 'trace=socket,connect,sendto,openat', '-p', String(site.pid)]);
	let out = '';
	tracer.stderr.on('data', (d) => (out += d));
	const attached = await new Promise((resolve) => {
		tracer.stderr.on('data', () => out.includes('attached') && resolve(true));
		tracer.on('close', () => resolve(false));
	});
	if (!attached) return t.skip('strace may not attach here');
	await Promise.all(FOREIGN.map((target) => plain(connect(target))));
	await inside(await open(), NAME, ask(NAME));
	tracer.kill('SIGINT');
	await new Promise((resolve) => tracer.on('close', resolve));
	assert.doesNotMatch(out, /socket\(|connect\(|sendto\(.*sa_family|resolv\.conf|\/etc\/hosts/, out);
});

test('S-227 SNI must be there and be one of the names', async () => {
	for (const servername of ['evil.example', `${NAME}.evil.example`, '']) {
		const got = await inside(await open(), servername, ask(NAME));
		assert.deepEqual([got.replies.length, got.cert], [0, undefined], servername);
	}
});

test('S-227 Host inside must be one of the names', async () => {
	for (const host of ['evil', '127.0.0.1', site.host, `localhost:${site.port}`, `${NAME}:80`, `${NAME}:${site.port}`, `${NAME}.`, `${NAME}.evil`]) {
		const got = await inside(await open(), NAME, ask(host, '/hello'));
		assert.deepEqual(got.replies.map((r) => r.status), [421], host);
	}
	const none = await inside(await open(), NAME, 'GET /hello HTTP/1.0\r\n\r\n');
	assert.deepEqual(none.replies.map((r) => r.status), [421], 'no Host');
	const absolute = await inside(await open(), NAME, `GET http://evil/hello HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
	assert.deepEqual(absolute.replies.map((r) => r.status), [400]);
	const direct = await talk(site.port, request(site, 'GET /hello', [], '', NAME), { quiet: 500 });
	assert.equal(direct.replies[0].status, 421, 'and only inside');
});

test('S-227 a second CONNECT inside is refused', async () => {
	for (const target of [`${OTHER}:443`, `${NAME}:443`, 'evil:443']) {
		const got = await inside(await open(), NAME, `CONNECT ${target} HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
		assert.ok(got.replies[0].status >= 400 && got.replies[0].status < 500, `${got.replies[0].status}`);
		assert.equal(got.replies.length, 1);
	}
});

test('S-227 bytes behind CONNECT are not taken over, and clear text in the tunnel gets nothing', async () => {
	for (const behind of ['x', ask(NAME, '/hidden'), '\x16\x03\x01\x02\x00']) {
		const got = await plain(connect(`${NAME}:443`) + behind);
		assert.deepEqual([got.replies.map((r) => r.status), got.closed], [[400], true]);
	}
	const socket = await open();
	socket.removeAllListeners('close');
	const bytes = await new Promise((resolve) => {
		const chunks = [];
		socket.on('data', (d) => chunks.push(d)).on('close', () => resolve(Buffer.concat(chunks)));
		socket.write(ask(NAME, '/hidden'));
	});
	assert.ok(bytes.length <= 7 && !bytes.includes('HIDDEN'));
	const count = await talk(site.port, request(site, 'GET /hidden-count', ['Connection: close']), { quiet: 2000 });
	assert.equal(count.replies[0].body, '0');
});

test('S-227 requests are pipelined inside as elsewhere', async () => {
	const body = 'b'.repeat(30000);
	const got = await inside(await open(), NAME, [`GET /hello HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`, `POST /echo HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 30000\r\n\r\n${body}`, ask(NAME, '/file?len=100000')].join(''));
	assert.deepEqual(got.replies.map((r) => [r.status, r.complete]), [[200, true], [200, true], [200, true]]);
	assert.equal(got.replies[1].body, body);
});

test('S-228 it listens on loopback unless told', async (t) => {
	const outer = Object.values(networkInterfaces()).flat().find((i) => !i.internal && i.family === 'IPv4');
	if (outer === undefined) return t.skip('there is no other address here');
	const error = await new Promise((resolve) => {
		const socket = net.connect({ port: site.proxyPort, host: outer.address });
		socket.on('connect', () => resolve(null)).on('error', resolve);
	});
	assert.equal(error?.code, 'ECONNREFUSED');
});

test('S-228 heads have limits, and replies tell nothing of the machine', async () => {
	const long = await plain([`CONNECT ${NAME}:443 HTTP/1.1\r\nHost: ${NAME}:443\r\n`, ...Array(64).fill(`X-A: ${'a'.repeat(16000)}\r\n`)]);
	assert.deepEqual([long.replies[0].status, long.closed], [431, true]);
	const many = await plain(`CONNECT ${NAME}:443 HTTP/1.1\r\nHost: ${NAME}:443\r\n${'X-A: b\r\n'.repeat(2000)}\r\n`);
	assert.equal(many.replies[0].status, 431);
	const refused = await plain(connect('evil:443'));
	assert.deepEqual(['via', 'server', 'x-powered-by'].filter((h) => h in refused.replies[0].headers), []);
});

test('S-228 tunnels are limited, and those that are idle, half-open or slow are ended', async (t) => {
	const own = await startTarget({ ...files, 'head-ms': 1500, 'max-connections': 400 });
	t.after(() => own.stop());
	const began = performance.now();
	const sockets = await Promise.all(Array.from({ length: 100 }, () => open(undefined, own.proxyPort)));
	const half = Array.from({ length: 50 }, () => net.connect({ port: own.proxyPort, host: '127.0.0.1' }).on('error', () => {}));
	half.forEach((s, i) => i % 2 && s.write('CONNECT api'));
	sockets.forEach((s, i) => i % 2 && s.write(Buffer.from('16030102000100', 'hex')));
	await Promise.all([...sockets, ...half].map((s) => {
		s.removeAllListeners('close');
		return s.destroyed ? null : new Promise((resolve) => s.on('close', resolve).resume());
	}));
	const ms = performance.now() - began;
	assert.ok(ms > 1200 && ms < 20000, `${ms} ms`);
	const said = await Promise.all(Array.from({ length: 300 }, () => new Promise((resolve) => {
		const s = net.connect({ port: own.proxyPort, host: '127.0.0.1', localAddress: '127.0.0.9' });
		let text = '';
		s.on('connect', () => s.write('CONNECT api')).on('data', (d) => (text += d)).on('error', () => {}).on('close', () => resolve(text));
	})));
	/* Half of the 400 are one address's: these are told at their deadline, the others are ended without a word. */
	assert.equal(said.filter((text) => text.startsWith('HTTP/1.1 408 ')).length, 200);
	assert.equal(said.filter((text) => text === '').length, 100);
});

test('S-229 nothing is made for names that clients ask for', async () => {
	const listed = readdirSync(dir);
	const honest = await inside(await open(), NAME, ask(NAME));
	const ticks = cpuTicks();
	for (let i = 0; i < 20; i++) {
		const all = await Promise.all(Array.from({ length: 50 }, async (_, k) => inside(await open(), `n${i * 50 + k}.evil.example`, ask(NAME))));
		for (const got of all) assert.deepEqual([got.replies.length, got.cert], [0, undefined]);
	}
	assert.ok(cpuTicks() - ticks < 1500, `${cpuTicks() - ticks} ticks`);
	const later = await inside(await open(), OTHER, ask(OTHER));
	assert.equal(later.cert, honest.cert, 'one certificate for all');
	assert.deepEqual(readdirSync(dir), listed);
});
