/* db/postgres_sets.h - a statement with many sets of values, as one statement over arrays of them.
 *
 * "UPDATE t SET a = $1 WHERE id = $2" becomes "UPDATE t SET a = v.p1 FROM (SELECT unnest($1::bigint[]) AS p1,
 * unnest($2::text[]) AS p2, unnest($3::bigint[]) AS n) AS v WHERE id = v.p2 RETURNING v.n". Owns that text and
 * the arrays; knows how PostgreSQL sends both. For db/postgres.c only. */
#ifndef DB_POSTGRES_SETS_H
#define DB_POSTGRES_SETS_H

#include <libpq-fe.h>

#include "db/driver.h"

/* Of pg_type.h, which only the server's headers have. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_TID = 27
};

struct pg_sets {
	uint64_t prepared_in; /* the caller's: with which connection; 0: none */
	/* The rest is postgres_sets.c's own. */
	const char *sql;
	char name[16];
	int params;
	enum db_type types[DB_PARAMS_MAX];
	struct buf *arrays; /* one more than parameters, for n */
	size_t counts[DB_PARAMS_MAX + 1];
};

/* sql is borrowed, of a form that db_run_many names. */
struct pg_sets *pg_sets_new(const char *sql, unsigned number);
void pg_sets_free(struct pg_sets *s); /* takes NULL */
/* The next value of a parameter, from 0, as the server takes it in binary. */
void pg_sets_add(struct pg_sets *s, int param, enum db_type type, struct str value);
bool pg_sets_fit(const struct pg_sets *s); /* false: there were too many bytes */
/* Whether its rows say whose they are; otherwise each set is written, or all of them fail. */
bool pg_sets_tells(const struct pg_sets *s);
/* With all values added. 0: the connection is gone. */
int pg_sets_prepare(const struct pg_sets *s, PGconn *conn);
int pg_sets_send(struct pg_sets *s, PGconn *conn);
void pg_sets_clear(struct pg_sets *s); /* wipes the values */

#endif
