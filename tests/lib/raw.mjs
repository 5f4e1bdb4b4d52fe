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

const TICK_MS = 20;

/* Whether the bytes are `count` whole replies and nothing behind them. */
function areWhole(bytes, heads, count) {
	try {
		const { replies, leftover } = parseReplies(bytes, heads);
		return replies.length >= count && replies.every((r) => r.complete) && leftover.length === 0;
	} catch {
		return true; /* no replies at all: whoever asked will say so */
	}
}

/*
 * Sends the pieces and collects what comes -> { bytes, closed, ms }. A piece is a string (as latin1), a
 * Buffer, a number (wait that many ms) or a pattern (wait until what came matches it). It ends when the
 * other side closes, after `timeout` ms, or when `replies` whole replies have come and then neither side
 * says anything for `quiet` ms. Of a time in which this process was not run, only a moment counts as
 * quiet: the other side may have been kept waiting as well.
 */
export async function converse(to, pieces, { timeout, quiet, heads, replies = 1, end = false }) {
	const socket = net.connect(to);
	const began = performance.now();
	const chunks = [];
	let closed = false;
	let quietMs = 0;
	socket.on('data', (d) => {
		chunks.push(d);
		quietMs = 0;
	});
	socket.on('error', () => {});
	const over = new Promise((resolve) => {
		socket.on('end', () => resolve((closed = true)));
		socket.on('close', () => resolve((closed = true)));
	});
	const came = () => Buffer.concat(chunks);
	const isLate = () => closed || performance.now() - began >= timeout;
	const tick = () => Promise.race([wait(TICK_MS), over]);
	for (const piece of [].concat(pieces)) {
		if (closed) break;
		if (typeof piece === 'number') await Promise.race([wait(piece), over]);
		else if (piece instanceof RegExp) while (!isLate() && !piece.test(came().toString('latin1'))) await tick();
		else socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
	}
	if (end) socket.end();
	for (quietMs = 0; !isLate(); quietMs += TICK_MS) {
		await tick();
		/* Timers run before what came meanwhile is read. */
		if (quietMs > quiet) await new Promise((resolve) => setImmediate(resolve));
		if (quietMs > quiet && areWhole(came(), heads, replies)) break;
	}
	const ms = performance.now() - began;
	socket.destroy();
	return { bytes: came(), closed, ms };
}

/* -> { replies, status (of the first, or undefined), text, closed, ms, leftover }; see converse. */
export async function talk(port, pieces, opt = {}) {
	const { timeout = 30000, quiet = 150, host = '127.0.0.1' } = opt;
	const { bytes, closed, ms } = await converse({ port, host }, pieces, { ...opt, timeout, quiet });
	const parsed = parseReplies(bytes, opt.heads);
	return { ...parsed, status: parsed.replies[0]?.status, text: bytes.toString('latin1'), closed, ms };
}
