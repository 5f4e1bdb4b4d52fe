/*
 * `valetkey token get` as a whole process, as a script calls it, against curl making the same request, and against
 * oidc-token, which asks an agent that holds the access token in memory, over a Unix socket.
 */
import { startServe } from '../lib/server.mjs';
import { binary, cleanEnv } from '../lib/binary.mjs';
import { packageVersion } from './lib/machine.mjs';
import { startOidcAgent } from './lib/oidc-agent.mjs';
import { LOAD_CORE, pin, runOn, scratch, SERVER_CORE, want } from './lib/process.mjs';
import { startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { seed, tokenName } from './lib/seed.mjs';

const TIMES = 100;
const report = startReport('cli', { versions: [packageVersion('curl'), packageVersion('oidc-agent-cli')] });
want('curl');
const agent = await startOidcAgent();

const dir = scratch();
const { key } = await seed(dir, 10);
const manager = await startServe({ data: dir, log: 'warn' });
pin(manager.pid, SERVER_CORE);

const env = cleanEnv({ VALETKEY_URL: manager.url, VALETKEY_API_KEY: key, BINARY: binary, NAME: tokenName(3), ACCOUNT: agent.account, ...agent.env });
env.ADDRESS = `${manager.url}/api/v1/tokens/${encodeURIComponent(tokenName(3))}/access-token`;

/* Milliseconds of one call, of many that a shell makes one after the other. */
async function each(command) {
	const began = performance.now();
	await runOn(LOAD_CORE, ['bash', '-c', `set -e; for ((i = 0; i < ${TIMES}; i++)); do ${command} >/dev/null; done`], { env });
	return (performance.now() - began) / TIMES;
}

const GET = '"$BINARY" token get "$NAME"';
const CURL = 'curl -sSf -H "Authorization: Bearer $VALETKEY_API_KEY" "$ADDRESS"';
report.metric({
	metric: 'token get / curl', unit: 'ms', bar: 1, stretch: 0.5, at_most: true,
	...(await interleave({ ours: () => each(GET), reference: () => each(CURL) })),
});
report.metric({
	metric: 'token get / oidc-token', unit: 'ms', at_most: true,
	...(await interleave({ ours: () => each(GET), reference: () => each('oidc-token "$ACCOUNT"') })),
});
await agent.stop();
await manager.stop();
report.end();
