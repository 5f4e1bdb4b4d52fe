/*
 * Many tokens at once: copies of one that is there, without their secrets being sealed anew.
 *
 *   copyToken(manager.data, 'Archive', 12000);    "Copy 00001" to "Copy 12000"
 */
import { byHand } from './by-hand.mjs';

export function copyToken(data, name, count) {
	byHand(data, `
		CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
			SELECT t.* FROM n, token t WHERE t.name = '${name}';
		UPDATE copies SET id = printf('%020d', rowid), name = printf('Copy %05d', rowid),
			name_key = printf('copy %05d', rowid), due_ms = 0;
		INSERT INTO token SELECT * FROM copies;`);
}
