/*
 * A clock for a manager that runs by itself, in the build for tests (base/crash.h):
 *
 *   const clock = testClock();
 *   const manager = await startServe({ env: { ...clock.env } });
 *   await clock.advance(manager, 3600);      seconds, also back
 *   await clock.goWrong(manager, 3600);      as if somebody set the machine's clock: that of leases and of all else
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const directories = new Set();
process.on('exit', () => directories.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

export function testClock() {
	const dir = mkdtempSync(path.join(tmpdir(), 'valetkey-clock-'));
	const file = path.join(dir, 'offset');
	directories.add(dir);
	writeFileSync(file, '0');
	return {
		env: { VALETKEY_TEST_CLOCK: file },
		offset_s: 0,
		wrong_s: 0,
		/* Of one manager or of several; without any it holds from the next start on. */
		async advance(managers, seconds) {
			this.offset_s += seconds;
			await this.tell(managers);
		},
		async goWrong(managers, seconds) {
			this.wrong_s += seconds;
			await this.tell(managers);
		},
		async tell(managers) {
			writeFileSync(file, `${this.offset_s * 1000} ${this.wrong_s * 1000}`);
			const told = `event=test.clock offset_ms=${this.offset_s * 1000}\n`;
			await Promise.all([managers ?? []].flat().map((manager) => {
				const before = manager.log().length;
				process.kill(manager.pid, 'SIGUSR1');
				return manager.program.until(() => (manager.log().slice(before).includes(told) ? true : null), 'the clock did not move');
			}));
		},
	};
}
