/*
 * Connections that have asked once, and then say nothing: as a client's pool holds them.
 *
 *   const held = await holdIdle(port, 5000, path, headers); …; await held.end();
 */
import net from 'node:net';

const AT_ONCE = 100;

function open(port, text) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ port, host: '127.0.0.1' }, () => socket.write(text));
		socket.once('error', reject);
		socket.once('data', () => resolve(socket));
	});
}

export async function holdIdle(port, count, path, headers) {
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
	const text = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${lines}\r\n`;
	const sockets = [];
	while (sockets.length < count) {
		const some = Math.min(AT_ONCE, count - sockets.length);
		sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(port, text)))));
	}
	return {
		async end() {
			await Promise.all(sockets.map((s) => new Promise((resolve) => s.once('close', resolve).destroy())));
		},
	};
}
