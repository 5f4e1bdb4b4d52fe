/* What a measurement is worth nothing without: the machine and the programs that were measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

import { binary, root } from '../../lib/binary.mjs';

/* The first line that a program prints about itself; empty when it is not there. */
function says(program, args) {
	try {
		const out = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
		return out.trim().split('\n')[0];
	} catch {
		return '';
	}
}

function distribution() {
	try {
		return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
	} catch {
		return '';
	}
}

export function machine() {
	return {
		cpu: os.cpus()[0]?.model ?? '',
		cores: os.cpus().length,
		memory_gib: Math.round(os.totalmem() / 2 ** 30),
		system: `${distribution()}, Linux ${os.release()}`,
		node: process.version,
		commit: says('git', ['-C', root, 'describe', '--always', '--dirty']),
		binary,
	};
}

/* Debian's version of a package, "nginx 1.22.1-9+deb12u2". */
export function packageVersion(name) {
	return `${name} ${says('dpkg-query', ['-W', '-f', '${Version}', name])}`;
}
