#include "sandbox/core/sql.h"

enum rc
sql_bind(struct ctx *cx, struct db *db, const char *sql, const struct sql_arg *args, size_t count,
    struct db_stmt **out)
{
	TRY(db_stmt(cx, db, sql, out));
	for (size_t i = 0; i < count; i++) {
		int at = (int)i + 1;

		if (args[i].kind == SQL_INT)
			db_bind_int(*out, at, args[i].number);
		else if (args[i].bytes.p == NULL)
			db_bind_null(*out, at);
		else if (args[i].kind == SQL_TEXT)
			db_bind_text(*out, at, args[i].bytes);
		else
			db_bind_blob(*out, at, args[i].bytes);
	}
	return OK;
}

enum rc
sql_exec(struct ctx *cx, struct db *db, int64_t *changed, const char *sql,
    const struct sql_arg *args, size_t count)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, db, sql, args, count, &st));
	return db_run(cx, st, changed);
}

enum rc
sql_count(struct ctx *cx, struct db *db, const char *sql, const struct sql_arg *args, size_t count,
    int64_t *out)
{
	struct db_stmt *st;
	bool row;

	*out = 0;
	TRY(sql_bind(cx, db, sql, args, count, &st));
	TRY(db_step(cx, st, &row));
	if (row)
		*out = db_col_int(st, 0);
	db_done(st);
	return OK;
}
