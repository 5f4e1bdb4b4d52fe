/*
 * nginx with one worker that answers every request with the same bytes: as little as a careful HTTP
 * server can do.
 *
 *   const nginx = await startNginx({ body, headers: { 'X-Frame-Options': 'DENY' } });
 *   nginx.url, nginx.tls_url when { cert, key } were given; nginx.pids; await nginx.stop();
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { freePort, scratch, SERVER_CORE, startOn, want } from './process.mjs';

/* What nginx writes by itself. */
const ITS_OWN = /^(date|content-length|content-type|connection|server)$/i;

function configuration({ dir, port, tlsPort, body, headers, cert, key }) {
	const added = Object.entries(headers)
		.filter(([name]) => !ITS_OWN.test(name))
		.map(([name, value]) => `		add_header ${name} '${value.replaceAll("'", "\\'")}' always;`);
	const tls = cert ? [`		listen 127.0.0.1:${tlsPort} ssl backlog=4096;`, `		ssl_certificate ${cert};`, `		ssl_certificate_key ${key};`,
		/* The same work for both: Debian's nginx speaks 1.2 at most unless told, and ours resumes no session. */
		'		ssl_protocols TLSv1.2 TLSv1.3;', '		ssl_session_tickets off;'] : [];
	return [
		'worker_processes 1;', 'daemon off;', `pid ${dir}/pid;`, `error_log ${dir}/error.log error;`,
		'worker_rlimit_nofile 20000;',
		'events { worker_connections 16384; }',
		'http {',
		'	access_log off;', '	server_tokens off;', '	keepalive_requests 1000000000;', '	tcp_nodelay on;',
		...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `	${what}_temp_path ${dir}/${what};`),
		'	server {',
		`		listen 127.0.0.1:${port} backlog=4096;`, ...tls,
		`		default_type application/json;`, ...added,
		`		location / { return 200 '${body.replaceAll("'", "\\'")}'; }`,
		'	}', '}', '',
	].join('\n');
}

/* The port is open before the pid is written and before there is a worker. */
async function workerOf(pidFile) {
	for (let left = 100; left > 0; left--) {
		const master = existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim();
		const worker = master && Number(readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')[0]);
		if (worker) return worker;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	throw new Error('nginx has no worker');
}

export async function startNginx({ body, headers = {}, cert, key }) {
	want('nginx');
	const dir = scratch();
	const port = await freePort();
	const tlsPort = cert ? await freePort() : undefined;
	const file = path.join(dir, 'nginx.conf');
	writeFileSync(file, configuration({ dir, port, tlsPort, body, headers, cert, key }));
	const server = await startOn(SERVER_CORE, ['nginx', '-p', dir, '-c', file, '-e', path.join(dir, 'error.log')], { port });
	return { ...server, pids: [await workerOf(path.join(dir, 'pid'))], url: `http://127.0.0.1:${port}`, tls_url: tlsPort && `https://127.0.0.1:${tlsPort}` };
}
