/* Which program the tests talk to: VALETKEY_BIN, else build/valetkey. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const binary = path.resolve(root, process.env.VALETKEY_BIN ?? 'build/valetkey');

if (!existsSync(binary)) throw new Error(`${binary} is not built: run make, or set VALETKEY_BIN`);

/* Settings of the person who runs the tests must not reach the program under test. */
export function cleanEnv(extra = {}) {
	const env = Object.fromEntries(
		Object.entries(process.env).filter(([name]) => !/^VALETKEY_|^XDG_|_proxy$/i.test(name)),
	);
	return { ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1', ...env, ...extra };
}

export const sanitizerReport = /ERROR: \w*Sanitizer|runtime error:/;
