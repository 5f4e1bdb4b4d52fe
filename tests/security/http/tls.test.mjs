// Row S-159: what the TLS listener agrees to; and that HTTP behaves behind it as in front of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { withCert } from './cert.mjs';
import { parseReplies, request, socketCount, startTarget, until } from './target.mjs';

let site, end, cert;

before(() => new Promise((ready) => {
	withCert(['127.0.0.1', 'localhost'], async (c) => {
		cert = c;
		site = await startTarget({ cert: c.cert, key: c.key, 'body-dir': c.dir, 'linger-ms': 200, loops: 1 });
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

const get = (target, headers = []) => request(site, `GET ${target}`, headers);

// A TLS client with these options; sends the pieces, then -> what came, and how it ended.
function speak(pieces, options = {}) {
	return new Promise((resolve) => {
		const chunks = [];
		let error, agreed;
		const socket = tls.connect({ port: site.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
		socket.on('secureConnect', () => {
			agreed = { protocol: socket.getProtocol(), cipher: socket.getCipher().name, alpn: socket.alpnProtocol };
			for (const piece of pieces) socket.write(piece);
		});
		socket.on('data', (d) => chunks.push(d));
		socket.on('error', (e) => (error = e));
		socket.on('close', () => {
			const bytes = Buffer.concat(chunks);
			resolve({ bytes, error, agreed, replies: error ? [] : parseReplies(bytes).replies });
		});
	});
}

// openssl s_client with the arguments, given the input -> all that it printed.
function client(args, input = '') {
	return new Promise((resolve) => {
		const child = spawn('openssl', ['s_client', '-connect', site.host, ...args]);
		let out = '';
		child.stdout.on('data', (d) => (out += d));
		child.stderr.on('data', (d) => (out += d));
		child.on('close', () => resolve(out));
		child.stdin.on('error', () => {});
		child.stdin.end(input);
	});
}

test('S-159 TLS 1.2 with ECDHE and AEAD, and TLS 1.3, work', async () => {
	for (const version of ['TLSv1.2', 'TLSv1.3']) {
		const got = await speak([get('/hello', ['Connection: close'])], { minVersion: version, maxVersion: version });
		assert.deepEqual([got.agreed?.protocol, got.replies[0]?.body], [version, '{"hello":"world"}']);
	}
	for (const cipher of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
		const got = await speak([get('/hello', ['Connection: close'])], { maxVersion: 'TLSv1.2', ciphers: cipher });
		assert.equal(got.agreed?.cipher, cipher);
	}
});

test('S-159 older versions and weak suites are refused', async () => {
	for (const version of ['-tls1', '-tls1_1']) {
		const out = await client([version, '-cipher', 'ALL:@SECLEVEL=0']);
		assert.match(out, /alert protocol version/, version);
		assert.doesNotMatch(out, /BEGIN CERTIFICATE/, version);
	}
	const suites = ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-CCM8',
		'DHE-RSA-AES256-GCM-SHA384', 'AECDH-AES128-SHA', 'ADH-AES128-GCM-SHA256', 'ECDHE-ECDSA-NULL-SHA', 'PSK-AES128-GCM-SHA256'];
	for (const suite of suites) {
		const out = await client(['-tls1_2', '-cipher', `${suite}:@SECLEVEL=0`]);
		assert.match(out, /alert handshake failure|no ciphers available|no cipher match/, `${suite}: ${out}`);
		assert.doesNotMatch(out, /BEGIN CERTIFICATE/, suite);
	}
	const offered = ['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA'];
	for (const suite of offered) assert.match(await client(['-tls1_2', '-cipher', `${suite}:@SECLEVEL=0`]), /alert handshake failure/, `${suite} was really offered`);
});

test('S-159 no compression, no renegotiation, nothing to resume', async () => {
	const out = await client(['-tls1_2', '-comp'], 'Q\n');
	assert.match(out, /Compression: NONE/);
	assert.doesNotMatch(out, /TLS session ticket:/);
	// "R" asks for another handshake; the server answers with an alert and the client gives up.
	const again = await client(['-tls1_2'], 'R\n');
	assert.match(again, /RENEGOTIATING/);
	assert.match(again, /no renegotiation|alert/);
	let session;
	const first = tls.connect({ port: site.port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.3' });
	first.on('session', (s) => (session = s)).on('error', () => {});
	first.on('secureConnect', () => first.write(get('/hello', ['Connection: close'])));
	first.resume();
	await new Promise((resolve) => first.on('close', resolve));
	assert.equal(session, undefined, 'no ticket was given');
});

test('S-159 ALPN is http/1.1 or nothing', async () => {
	const both = await speak([get('/hello', ['Connection: close'])], { ALPNProtocols: ['h2', 'http/1.1'] });
	assert.deepEqual([both.agreed.alpn, both.replies[0].status], ['http/1.1', 200]);
	const none = await speak([get('/hello')], { ALPNProtocols: ['h2'] });
	assert.equal(none.agreed, undefined);
});

test('S-159 plain HTTP on the TLS port gets no content', async () => {
	const bytes = await new Promise((resolve) => {
		const chunks = [];
		const socket = net.connect({ port: site.port, host: '127.0.0.1' });
		socket.on('data', (d) => chunks.push(d)).on('error', () => {}).on('close', () => resolve(Buffer.concat(chunks)));
		socket.write(get('/hello'));
	});
	assert.ok(bytes.length <= 7, 'an alert at most');
	assert.doesNotMatch(bytes.toString(), /HTTP|hello/);
});

test('S-152 a handshake that stops is ended at the deadline of a head', async () => {
	const own = await startTarget({ cert: cert.cert, key: cert.key, 'head-ms': 1500, loops: 1 });
	await Promise.all(['', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '\x16'].map(async (start) => {
		const got = await new Promise((resolve) => {
			const began = performance.now();
			const socket = net.connect({ port: own.port, host: '127.0.0.1' });
			socket.on('error', () => {}).on('close', () => resolve(performance.now() - began)).resume();
			socket.write(Buffer.from(start, 'latin1'));
		});
		assert.ok(got > 1300 && got < 10000, `${got} ms`);
	}));
	await own.stop();
});

test('keep-alive, pipelining, bodies and large replies work through TLS', async () => {
	const body = 'b'.repeat(60000);
	const pipelined = [get('/hello'), request(site, 'POST /echo', [`Content-Length: ${body.length}`], body), get('/slow?ms=5'), get('/big'),
		get('/file?len=300000'), request(site, 'POST /upload', ['Content-Length: 500000'], 'u'.repeat(500000)), get('/hello', ['Connection: close'])];
	for (const version of ['TLSv1.2', 'TLSv1.3']) {
		for (const pieces of [pipelined, [pipelined.join('')]]) {
			const got = await speak(pieces, { maxVersion: version });
			assert.deepEqual(got.replies.map((r) => r.status), Array(7).fill(200), String(got.error));
			assert.equal(got.replies[1].body, body);
			assert.equal(got.replies[3].body, 'x'.repeat(8 << 20));
			assert.match(got.replies[5].body, /^500000 /);
		}
	}
});

test('the public URL is https, and so are the names', async () => {
	const hsts = await speak([get('/names', ['Connection: close'])]);
	assert.equal(hsts.replies[0].body, '127.0.0.1 ');
	/* Only a configured public URL may claim its name for https (S-114). */
	assert.equal(hsts.replies[0].headers['strict-transport-security'], undefined);
	const wrong = await speak([request(site, 'GET /names', ['Connection: close'], '', 'evil.example')]);
	assert.equal(wrong.replies[0].status, 421);
	const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
	const ask = () => new Promise((resolve, reject) => {
		https.get({ port: site.port, host: '127.0.0.1', path: '/hello', agent }, (res) => {
			const from = res.socket.localPort;
			res.resume().on('end', () => resolve([res.statusCode, from]));
		}).on('error', reject);
	});
	const [one, two] = [await ask(), await ask()];
	assert.deepEqual(one, two, 'the same connection, twice');
	agent.destroy();
});

test('S-209 broken records of every kind end the connection and nothing else', async () => {
	let seed = 7;
	const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8 & 0xff;
	await Promise.all(Array.from({ length: 60 }, (_, i) => new Promise((resolve) => {
		const socket = net.connect({ port: site.port, host: '127.0.0.1' });
		socket.on('error', () => {}).on('close', resolve).resume();
		const noise = Buffer.from(Array.from({ length: 40 + i * 20 }, random));
		socket.end(i % 2 ? Buffer.concat([Buffer.from([0x16, 3, 1, 0, i]), noise]) : noise);
	})));
	const got = await speak([get('/hello', ['Connection: close'])]);
	assert.equal(got.replies[0].status, 200);
});

const STARTS = ['', 'GET /he', 'hello', 'slow?ms=30', 'big', 'file?len=900000', 'wait?ms=5000', 'fault?kind=none&delay=3000', 'fault?kind=drip&rate=500',
	'fault?kind=cut&len=300000', 'upload'];

// A connection brought into some state, in the clear or through TLS, and left there.
function leave(port, secure, start) {
	return new Promise((resolve) => {
		const to = { port, host: '127.0.0.1', rejectUnauthorized: false };
		const socket = secure ? tls.connect(to) : net.connect(to);
		const host = `Host: 127.0.0.1:${port}\r\n`;
		const bytes = start === 'upload' ? `POST /upload HTTP/1.1\r\n${host}Content-Length: 900000\r\n\r\n${'u'.repeat(200000)}`
			: start.startsWith('GET') || start === '' ? start : `GET /${start} HTTP/1.1\r\n${host}\r\n`.repeat(2);
		socket.on('error', () => resolve(socket)).pause();
		socket.on(secure ? 'secureConnect' : 'connect', () => socket.write(bytes, () => resolve(socket)));
	});
}

test('S-153 connections reset in every state leave nothing behind, TLS or not, and a stop ends them all', () => withCert(['127.0.0.1'], async (c) => {
	for (const secure of [true, false]) {
		const own = await startTarget({ ...(secure ? { cert: c.cert, key: c.key } : {}), 'body-dir': c.dir, 'linger-ms': 100, loops: 1 });
		const idle = socketCount(own.pid);
		for (let round = 0; round < 20; round++) {
			const open = await Promise.all(STARTS.map((start) => leave(own.port, secure, start)));
			open.forEach((s) => (round % 2 && !secure ? s.resetAndDestroy() : s.destroy()));
		}
		await until(() => socketCount(own.pid) === idle, () => `${socketCount(own.pid) - idle} sockets are left`);
		assert.deepEqual(readdirSync(c.dir).sort(), ['cert.pem', 'key.pem']);
		const open = await Promise.all(STARTS.map((start) => leave(own.port, secure, start)));
		const began = performance.now();
		await own.stop();
		assert.ok(performance.now() - began < 10000);
		assert.deepEqual(readdirSync(c.dir).sort(), ['cert.pem', 'key.pem']);
		open.forEach((s) => s.destroy());
	}
}));

test('S-160 a key that is not the certificate\'s stops the start with one sentence', () => withCert(['other'], async (other) => {
	await assert.rejects(startTarget({ cert: cert.cert, key: other.key }), /The TLS key is not a private key in PEM that belongs to the certificate\./);
	await assert.rejects(startTarget({ cert: other.key, key: other.key }), /The TLS certificate is not a certificate in PEM\./);
}));
