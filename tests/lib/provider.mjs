/*
 * A provider whose every answer a test decides: the manager is pointed at it with
 * startServe({ env: { VALETKEY_DROPBOX_URL: provider.url } }).
 *
 *   const p = await startProvider();
 *   p.on.token = (req) => ({ status: 400, json: { error: 'invalid_grant' } });
 *   p.requests            every request: { method, path, query, headers, body, form }
 *   p.count('/oauth2/token'), p.connections
 *
 * A handler gets (request, response) and returns { status, json | text | bytes, headers }, or
 * nothing when it has answered by itself, or not at all.
 */
import http from 'node:http';
import net from 'node:net';

const paths = {
	'/oauth2/authorize': 'authorize',
	'/oauth2/token': 'token',
	'/2/users/get_current_account': 'account',
};

let serial = 0;

/* A provider without a mind of its own: consents at once and gives what Dropbox gives. */
export const usual = {
	authorize: (req) => {
		const { redirect_uri: to, state } = req.query;
		return { status: 302, headers: { location: `${to}?${new URLSearchParams({ code: `code-${++serial}`, state })}` } };
	},
	token: (req) => ({ json: tokenReply(req.form.grant_type === 'refresh_token' ? { refresh_token: undefined } : {}) }),
	account: () => ({
		json: {
			account_id: 'dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc',
			name: { given_name: 'Ann', surname: 'Lee', familiar_name: 'Ann', display_name: 'Ann Lee', abbreviated_name: 'AL' },
			email: 'ann@example.com',
			email_verified: true,
			disabled: false,
		},
	}),
};

/* A good reply of the token endpoint; a field given as undefined is left out. */
export function tokenReply(change = {}) {
	const n = ++serial;
	return {
		access_token: `sl.u.access-${n}-${'A'.repeat(40)}`,
		token_type: 'bearer',
		expires_in: 14400,
		refresh_token: `refresh-${n}-${'R'.repeat(40)}`,
		scope: 'account_info.read files.metadata.read',
		uid: '12345',
		account_id: 'dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc',
		...change,
	};
}

function readBody(req) {
	return new Promise((resolve, reject) => {
		const chunks = [];
		req.on('data', (d) => chunks.push(d));
		req.on('end', () => resolve(Buffer.concat(chunks).toString()));
		req.on('error', reject);
	});
}

function answer(res, reply) {
	const { status = 200, json, text, bytes, headers = {} } = reply;
	const body = bytes ?? Buffer.from(json === undefined ? (text ?? '') : JSON.stringify(json));
	const type = json === undefined ? 'text/plain; charset=utf-8' : 'application/json';
	res.writeHead(status, { 'content-type': type, 'content-length': body.length, ...headers });
	res.end(body);
}

function listen(server) {
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

export async function startProvider(handlers = {}) {
	const provider = { on: { ...usual, ...handlers }, requests: [], connections: 0 };
	const sockets = new Set();
	const server = http.createServer(async (req, res) => {
		const url = new URL(req.url, 'http://provider');
		const body = await readBody(req).catch(() => null);
		if (body === null) return;
		const seen = {
			method: req.method,
			path: url.pathname,
			url: req.url,
			query: Object.fromEntries(url.searchParams),
			headers: req.headers,
			body,
			form: Object.fromEntries(new URLSearchParams(body)),
		};
		provider.requests.push(seen);
		const handler = provider.on[paths[url.pathname]] ?? provider.on.other ?? (() => ({ status: 404, text: 'not here' }));
		const reply = await handler(seen, res);
		if (reply && !res.writableEnded) answer(res, reply);
	});
	server.on('connection', (socket) => {
		provider.connections++;
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
	});
	provider.port = await listen(server);
	return Object.assign(provider, {
		url: `http://127.0.0.1:${provider.port}`,
		count: (path) => provider.requests.filter((r) => r.path === path).length,
		last: (path) => provider.requests.filter((r) => r.path === path).at(-1),
		/* Back to usual answers and empty counts. */
		reset() {
			provider.on = { ...usual, ...handlers };
			provider.requests.length = 0;
			provider.connections = 0;
		},
		stop() {
			for (const socket of sockets) socket.destroy();
			return new Promise((resolve) => server.close(resolve));
		},
	});
}

/* A listener that nobody should ever reach: it counts who came, and keeps what they said. */
export async function evil() {
	const listener = { connections: 0, said: '' };
	const sockets = new Set();
	const server = net.createServer((socket) => {
		listener.connections++;
		sockets.add(socket);
		socket.on('data', (d) => (listener.said += d.toString('latin1')));
		socket.on('error', () => {});
		socket.on('close', () => sockets.delete(socket));
	});
	listener.port = await listen(server);
	return Object.assign(listener, {
		url: `http://127.0.0.1:${listener.port}`,
		stop() {
			for (const socket of sockets) socket.destroy();
			return new Promise((resolve) => server.close(resolve));
		},
	});
}
