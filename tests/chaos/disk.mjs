/*
 * A small disk: a tmpfs of its own, which only the processes of a private mount namespace see.
 *
 *   whyNoDisk()                  '' inside such a namespace, else why there is no such disk
 *   const disk = mountDisk(dir); disk.fill(); disk.free(); disk.umount();
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

const SIZE = '32m'; /* the store's log alone grows to 16 MiB before it begins anew */
const INSIDE = 'VALETKEY_CHAOS_INSIDE';

export function whyNoDisk() {
	return process.env[INSIDE] ? '' : process.getuid() === 0 ? 'unshare --mount is not allowed here' : 'not root';
}

/* Runs this program again in a mount namespace of its own, where that is possible; then it ends with its status. */
export function goInside(program) {
	if (process.env[INSIDE] || process.getuid() !== 0 || spawnSync('unshare', ['--mount', 'true']).status !== 0) return;
	const inside = spawnSync('unshare', ['--mount', '--propagation', 'private', process.execPath, program], {
		stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' },
	});
	process.exit(inside.status ?? 1);
}

export function mountDisk(dir) {
	const filler = path.join(dir, 'filler');
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', dir]);
	return {
		/* To the last block. */
		fill() {
			const fd = openSync(filler, 'w');
			for (const bytes of [1 << 16, 1 << 12, 1]) {
				const block = Buffer.alloc(bytes, 'x');
				try {
					for (;;) writeSync(fd, block);
				} catch (e) {
					if (e.code !== 'ENOSPC') throw e;
				}
			}
			closeSync(fd);
		},
		free: () => rmSync(filler, { force: true }),
		umount: () => execFileSync('umount', ['--lazy', dir]),
	};
}
