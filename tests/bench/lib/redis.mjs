/* redis that keeps nothing on the disk, with one value in it: const redis = await startRedis('name', value) */
import { execFileSync } from 'node:child_process';

import { freePort, scratch, SERVER_CORE, startOn, want } from './process.mjs';

export async function startRedis(key, value) {
	want('redis-server', 'redis-cli');
	const port = await freePort();
	const words = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', scratch(), '--daemonize', 'no'];
	const server = await startOn(SERVER_CORE, ['redis-server', ...words.map(String)], { port });
	execFileSync('redis-cli', ['-p', String(port), 'SET', key, value], { stdio: 'ignore' });
	return { ...server, pids: [server.pid] };
}
