/* store/table.h - rows without meaning: one table read, digested and written as it is; for copies. */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "db/db.h"

struct table {
	struct str name;
	const struct db_column *columns;
	size_t count;
	int64_t rows; /* out, of table_read */
	struct str
	    digest; /* out, of table_read: over every value of every row, in order of the keys */
};

/* The tables of a database that hold an installation's data, those that others refer to first. What
 * says how a database came to be, and which nodes run on it, is left out. */
MUST enum rc table_list(struct ctx *cx, struct db *db, struct table **out, size_t *count);
/* Whether both have the same columns. */
bool table_same(const struct table *a, const struct table *b);
MUST enum rc table_count(struct ctx *cx, struct db *db, const struct table *t, int64_t *out);
/* Reads all of it in order of its keys; each row goes to `to` unless that is NULL. */
MUST enum rc table_read(struct ctx *cx, struct db *db, struct table *t, struct db *to);

#endif
