/*
 * oidc-agent with one account, at an oidc-provider of its own, all on this machine:
 *
 *   const agent = await startOidcAgent();
 *   await runOn(LOAD_CORE, ['oidc-token', agent.account], { env: { ...env, ...agent.env } });
 *   await agent.stop();
 *
 * The account is made from a refresh token, so nobody has to consent, in a home directory that is
 * thrown away. The agent then has an access token for an hour, and hands it out without asking anybody.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { cleanEnv } from '../../lib/binary.mjs';
import { freePort, scratch, SERVER_CORE, startOn, want } from './process.mjs';

const ACCOUNT = 'bench';
const run = promisify(execFile);
const program = fileURLToPath(new URL('./oidc-provider.mjs', import.meta.url));

async function startProvider() {
	const port = await freePort();
	const server = await startOn(SERVER_CORE, ['node', program, String(port)], { port });
	return { ...server, url: `http://127.0.0.1:${port}` };
}

/* What oidc-agent says of itself, as lines for a shell. */
function startAgent(home) {
	const socket = path.join(home, 'socket');
	const said = execFileSync('oidc-agent', ['--no-autoload', '-a', socket], { env: cleanEnv({ HOME: home }), encoding: 'utf8' });
	return { pid: Number(/OIDCD_PID=(\d+)/.exec(said)?.[1]), env: { HOME: home, OIDC_SOCK: socket } };
}

async function makeAccount(provider, agent) {
	const [token] = await (await fetch(`${provider.url}/bench/refresh-tokens?n=1&scope=openid%20offline_access`)).json();
	await run('oidc-gen', [ACCOUNT, '--iss', `${provider.url}/`, '--client-id', 'bench', '--client-secret', 'a-secret-of-the-bench',
		'--rt', token, '--scope', 'offline_access', '--redirect-uri', 'http://localhost:4242',
		'--pw-cmd', 'echo password', '--confirm-default', '--confirm-yes'], { env: cleanEnv(agent.env), timeout: 30000 });
}

export async function startOidcAgent() {
	want('oidc-agent', 'oidc-gen', 'oidc-token');
	const home = scratch();
	mkdirSync(path.join(home, '.oidc-agent'));
	const provider = await startProvider();
	const agent = startAgent(home);
	async function stop() {
		process.kill(agent.pid);
		await provider.stop();
	}
	try {
		await makeAccount(provider, agent);
	} catch (e) {
		await stop();
		throw e;
	}
	return { account: ACCOUNT, env: agent.env, stop };
}
