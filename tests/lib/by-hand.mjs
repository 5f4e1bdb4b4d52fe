/*
 * What somebody does at a manager's database itself, while it serves or not:
 *
 *   byHand(manager.data, "UPDATE session SET confirmed_ms = 1");
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/* Python is there because meson needs it; node has no SQLite of its own before version 22. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const program = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=60) as db: db.executescript(sys.argv[2])';

export function byHand(data, sql) {
	execFileSync(python, ['-c', program, path.join(data, 'valetkey.db'), sql]);
}
