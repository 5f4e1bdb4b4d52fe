/*
 * A program that listens for webhooks: answers challenges, keeps what it is told.
 *
 *   const hook = await startHook();
 *   hook.url            'http://127.0.0.1:PORT/hook'
 *   await hook.next()   the next notification nobody has looked at: { body, headers, text }
 *   hook.answer         what it does with a request; set it for another behaviour
 */
import http from 'node:http';

/* As the documentation says. */
export function challengeBack(req, res) {
	const { searchParams } = new URL(req.url, 'http://hook');
	res.writeHead(200, { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' });
	res.end(req.method === 'GET' ? searchParams.get('challenge') : '');
}

export async function startHook() {
	const heard = [];
	const waiting = [];
	const hook = { answer: challengeBack, requests: [], heard };
	const server = http.createServer((req, res) => {
		const parts = [];
		req.on('data', (d) => parts.push(d));
		req.on('end', () => {
			const text = Buffer.concat(parts).toString();
			const request = { method: req.method, url: req.url, headers: req.headers, text };
			hook.requests.push(request);
			if (req.method === 'POST') {
				const told = { ...request, body: JSON.parse(text) };
				waiting.length > 0 ? waiting.shift()(told) : heard.push(told);
			}
			hook.answer(req, res, text);
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	hook.port = server.address().port;
	hook.url = `http://127.0.0.1:${hook.port}/hook`;
	hook.next = () => (heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((resolve) => waiting.push(resolve)));
	hook.stop = () => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	};
	return hook;
}
