// Row S-152 on a line that is slow for the honest too: what moves is not taken for what crawls, in the clear or through TLS.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { withCert } from './cert.mjs';
import { parseReplies, request, startTarget } from './target.mjs';

const DROP_MS = 20;
const BODY = 12000;

// Passes all on at once; after slow(rate) of what the client sends so many bytes a second, by the clock: what a timer
// that is late has not passed on, the next one does.
function startLine(port) {
	return new Promise((ready) => {
		let rate = Infinity, since = 0, passed = 0;
		const server = net.createServer((from) => {
			const to = net.connect({ port, host: '127.0.0.1' });
			let queue = Buffer.alloc(0);
			const timer = setInterval(() => {
				const drop = Math.min(queue.length, Math.floor(((performance.now() - since) * rate) / 1000) - passed);
				if (drop <= 0) return;
				to.write(queue.subarray(0, drop));
				queue = queue.subarray(drop);
				passed += drop;
			}, DROP_MS);
			from.on('data', (d) => (rate === Infinity ? to.write(d) : (queue = Buffer.concat([queue, d]))));
			to.on('data', (d) => from.write(d)).on('end', () => from.end());
			for (const s of [from, to]) s.on('error', () => {}).on('close', () => {
				clearInterval(timer);
				from.destroy();
				to.destroy();
			});
		});
		server.listen(0, '127.0.0.1', () => ready({ port: server.address().port, slow: (value) => ([rate, since] = [value, performance.now()]), close: () => server.close() }));
	});
}

// A POST whose head is there at once and whose body, one record of TLS, comes over the slow line -> the reply's status.
async function upload(site, secure, target, body, rate) {
	const line = await startLine(site.port);
	const to = { port: line.port, host: '127.0.0.1', rejectUnauthorized: false };
	const socket = secure ? tls.connect(to) : net.connect(to);
	const chunks = [];
	const status = await new Promise((resolve) => {
		socket.on('data', (d) => chunks.push(d)).on('error', () => {});
		socket.on('close', () => resolve(parseReplies(Buffer.concat(chunks)).replies[0]?.status));
		socket.once(secure ? 'secureConnect' : 'connect', () => {
			socket.write(request(site, `POST ${target}`, [`Content-Length: ${body.length}`, 'Connection: close']));
			setTimeout(() => {
				line.slow(rate);
				socket.write(body);
			}, 200);
		});
	});
	line.close();
	return status;
}

// Speed is looked at from a second on, when a third of what moves has come: 4,000 bytes a second, and 100.
test('S-152 a body that moves is read to its end, one that crawls is ended', () => withCert(['127.0.0.1'], async (c) => {
	for (const secure of [false, true]) {
		const site = await startTarget({ ...(secure ? { cert: c.cert, key: c.key } : {}), 'body-dir': c.dir, 'body-ms': 6000, 'linger-ms': 200 });
		const ways = [['/echo', 4000], ['/upload', 4000], ['/echo', 100]];
		const got = await Promise.all(ways.map(([target, rate]) => upload(site, secure, target, 'b'.repeat(BODY), rate)));
		await site.stop();
		assert.deepEqual(got, [200, 200, 408], secure ? 'through TLS' : 'in the clear');
	}
}));
