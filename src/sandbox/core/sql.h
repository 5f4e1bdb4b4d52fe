/* sandbox/core/sql.h - one-line statements over db/db.h with typed arguments. The caller holds the lock. */
#ifndef SANDBOX_CORE_SQL_H
#define SANDBOX_CORE_SQL_H

#include "db/db.h"

enum sql_kind { SQL_TEXT, SQL_INT, SQL_BLOB };

struct sql_arg {
	enum sql_kind kind;
	struct str bytes; /* p == NULL binds NULL */
	int64_t number;
};

#define T(s) ((struct sql_arg){ .kind = SQL_TEXT, .bytes = (s) })
#define B(s) ((struct sql_arg){ .kind = SQL_BLOB, .bytes = (s) })
#define I(n) ((struct sql_arg){ .kind = SQL_INT, .number = (n) })

/* A bound statement, ready for db_step. */
MUST enum rc sql_bind(struct ctx *cx, struct db *db, const char *sql, const struct sql_arg *args,
    size_t count, struct db_stmt **out);
/* Runs to the end; the number of rows written goes to *changed unless it is NULL. */
MUST enum rc sql_exec(struct ctx *cx, struct db *db, int64_t *changed, const char *sql,
    const struct sql_arg *args, size_t count);
/* The first row's first column as a number, 0 without a row. */
MUST enum rc sql_count(struct ctx *cx, struct db *db, const char *sql, const struct sql_arg *args,
    size_t count, int64_t *out);

#define SQL_ARGS(...)                            \
	(const struct sql_arg[]){ __VA_ARGS__ }, \
	    sizeof((const struct sql_arg[]){ __VA_ARGS__ }) / sizeof(struct sql_arg)

#endif
