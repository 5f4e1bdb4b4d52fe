/* store/copy.h - all that one database holds in another, proven row for row.
 *
 * Between files and PostgreSQL in any direction, at the source's own schema version; sealed values
 * stay sealed, and no key is needed. The source is only read, as of one moment; the target must be
 * empty and has all or nothing afterwards. Not for any other process to call into: one thread. */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/store.h"

struct store_copy {
	const char *from, *to; /* a file, or postgres://… */
	bool moving; /* refuse while somebody serves from `from`: it would be left behind */
	/* After each table, NULL: nothing is told. */
	void (*told)(void *arg, struct str table, int64_t rows);
	void *arg;
};

MUST enum rc store_copy(struct ctx *cx, const struct store_copy *copy);

/* A copy in one private file that did not exist, with the digest of every table in it. E_CONFLICT
 * when it exists. */
MUST enum rc store_backup(struct ctx *cx, const struct store_copy *copy);

/* The mark of the master key that a backup's sealed values open with. */
MUST enum rc store_backup_key(struct ctx *cx, const char *file, struct str *mark);

/* Of a backup: whether its rows are the ones that were written (E_STORE), and which of its sealed
 * values this key does not open. */
struct store_verdict {
	int64_t tokens, connections; /* looked at */
	struct str *broken;          /* a sentence each */
	size_t broken_count;
};
MUST enum rc store_backup_verify(
    struct ctx *cx, const char *file, const struct keyring *keyring, struct store_verdict *out);

#endif
