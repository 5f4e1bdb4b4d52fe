/* Bytes over a plain socket, for what no HTTP client would send. */
import net from 'node:net';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Header lines (array, or name-value pairs of an object) into a request with a Host. */
export function request(port, line, headers = [], body = '') {
	const list = Array.isArray(headers) ? headers : Object.entries(headers).map(([k, v]) => `${k}: ${v}`);
	const host = list.some((l) => /^host:/i.test(l)) ? [] : [`Host: 127.0.0.1:${port}`];
	return `${line} HTTP/1.1\r\n${[...host, ...list].map((l) => `${l}\r\n`).join('')}\r\n${body}`;
}

/* Cuts what came back into replies; `heads[i]` says that reply i answers a HEAD. */
export function parseReplies(bytes, heads = []) {
	const replies = [];
	let rest = bytes;
	for (;;) {
		const end = rest.indexOf('\r\n\r\n');
		if (end < 0) break;
		const [first, ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
		const m = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first);
		if (!m) throw new Error(`not a status line: ${JSON.stringify(first)}`);
		const headers = {};
		for (const line of lines) {
			const colon = line.indexOf(':');
			if (colon <= 0) throw new Error(`not a header line: ${JSON.stringify(line)}`);
			const name = line.slice(0, colon).toLowerCase();
			const value = line.slice(colon + 1).trim();
			headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
		}
		const status = Number(m[1]);
		const empty = heads[replies.length] || status < 200 || status === 204 || status === 304;
		const length = empty ? 0 : Number(headers['content-length'] ?? rest.length - end - 4);
		const body = rest.subarray(end + 4, end + 4 + length);
		replies.push({ status, line: first, headers, body: body.toString(), complete: body.length === length });
		rest = rest.subarray(end + 4 + length);
	}
	return { replies, leftover: rest };
}

/*
 * Sends the pieces (strings as latin1, Buffers, or numbers: wait that many ms) and collects until
 * the other side closes, `quiet` ms pass without a byte after the first answer, or `timeout`.
 * -> { replies, status (of the first, or undefined), text, closed, ms }
 */
export async function talk(port, pieces, opt = {}) {
	const { timeout = 8000, quiet = 150, heads, host = '127.0.0.1', end = false } = opt;
	const socket = net.connect({ port, host });
	const began = performance.now();
	const chunks = [];
	let closed = false;
	let last = 0;
	socket.on('data', (d) => {
		chunks.push(d);
		last = performance.now();
	});
	socket.on('error', () => {});
	const over = new Promise((resolve) => {
		socket.on('end', () => resolve((closed = true)));
		socket.on('close', () => resolve((closed = true)));
	});
	for (const piece of [].concat(pieces)) {
		if (closed) break;
		if (typeof piece === 'number') await Promise.race([wait(piece), over]);
		else socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
	}
	if (end) socket.end();
	while (!closed && performance.now() - began < timeout) {
		await Promise.race([wait(15), over]);
		if (last && performance.now() - last > quiet) break;
	}
	const ms = performance.now() - began;
	socket.destroy();
	const bytes = Buffer.concat(chunks);
	const parsed = parseReplies(bytes, heads);
	return { ...parsed, status: parsed.replies[0]?.status, text: bytes.toString('latin1'), closed, ms };
}
