/*
 * A reader of server-sent events:
 *
 *   const stream = await openStream(client, '/api/console/events/stream');       with its cookies
 *   const stream = await openStream(url, '/api/v1/events/stream', { key });
 *   const e = await stream.next();           { id, event, data }; the last id there was
 *   await stream.ended;                      resolves when the server ends it
 *   stream.close();
 */
import { Client } from './http.mjs';

function parse(block) {
	const e = {};
	for (const line of block.split('\n')) {
		const at = line.indexOf(':');
		if (at > 0) e[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, '');
	}
	return e;
}

export async function openStream(where, path, { key, headers = {} } = {}) {
	const client = typeof where === 'string' ? new Client(where, '') : where;
	const stop = new AbortController();
	const cookie = [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	const res = await fetch(new URL(path, client.url), {
		signal: stop.signal,
		headers: { accept: 'text/event-stream', ...(cookie ? { cookie } : {}), ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
	});
	const stream = { status: res.status, headers: res.headers, comments: 0, id: undefined, close: () => stop.abort() };
	if (res.status !== 200) {
		stream.body = await res.json();
		return stream;
	}
	const events = [], waiting = [];
	let over = false;
	const read = async () => {
		let text = '';
		const decoder = new TextDecoder();
		for await (const chunk of res.body) {
			text += decoder.decode(chunk, { stream: true });
			let at;
			while ((at = text.indexOf('\n\n')) >= 0) {
				const e = parse(text.slice(0, at));
				text = text.slice(at + 2);
				if (e.id) stream.id = e.id;
				if (!e.data) stream.comments++;
				else if (waiting.length > 0) waiting.shift()({ ...e, data: JSON.parse(e.data) });
				else events.push({ ...e, data: JSON.parse(e.data) });
			}
		}
	};
	stream.ended = read().catch(() => {}).then(() => {
		over = true;
		waiting.splice(0).forEach((resolve) => resolve(null));
	});
	/* null: it has ended */
	stream.next = () => {
		if (events.length > 0 || over) return Promise.resolve(events.shift() ?? null);
		return new Promise((resolve) => waiting.push(resolve));
	};
	return stream;
}
