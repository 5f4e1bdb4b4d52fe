#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/files.h"
#include "sandbox/tree/range.h"

/* A plus sign keeps a term away from an index: each query walks the one index that is in its order,
 * so that a page costs what it holds, however large the account is. */
#define FROM_FILES "SELECT " FILE_COLUMNS " FROM files WHERE account_id = $1 AND "
#define CHANGED "seq >= $2 AND (seq > $2 OR +path_lower > $3) AND +path_lower <> '' AND "
#define IN_ORDER " ORDER BY seq, path_lower LIMIT "

static enum rc
bind_changes(struct sandbox *s, struct ctx *cx, const struct file_query *q, int64_t limit,
    struct db_stmt **st)
{
	struct str after = q->after.p != NULL ? q->after : S("");

	if (!q->recursive)
		return sql_bind(cx, s->db, FROM_FILES CHANGED "+parent_lower = $4" IN_ORDER "$5",
		    SQL_ARGS(T(q->account_id), I(q->since), T(after), T(q->path_lower), I(limit)),
		    st);
	return sql_bind(cx, s->db,
	    FROM_FILES CHANGED
	    "(+path_lower = $4 OR (+path_lower > $5 AND +path_lower < $6))" IN_ORDER "$7",
	    SQL_ARGS(T(q->account_id), I(q->since), T(after), T(q->path_lower),
		T(below_from(cx, q->path_lower)), T(below_to(cx, q->path_lower)), I(limit)),
	    st);
}

/* The first key that may come: \1 is the smallest byte of a name, so nothing lies between. */
static struct str
first_key(struct ctx *cx, const struct file_query *q)
{
	if (q->after.len == 0)
		return q->path_lower;
	return str_printf(cx->arena, "%.*s\1", STR_ARG(q->after));
}

static enum rc
bind_entries(struct sandbox *s, struct ctx *cx, const struct file_query *q, int64_t limit,
    struct db_stmt **st)
{
	struct str first = first_key(cx, q);

	if (!q->recursive)
		return sql_bind(cx, s->db,
		    FROM_FILES "parent_lower = $2 AND path_lower >= $3 AND +path_lower <> ''"
			       " AND +deleted <= $4 ORDER BY path_lower LIMIT $5",
		    SQL_ARGS(T(q->account_id), T(q->path_lower), T(first), I(q->deleted), I(limit)),
		    st);
	return sql_bind(cx, s->db,
	    FROM_FILES "path_lower >= $2 AND path_lower < $3 AND (+path_lower = $4 OR"
		       " +path_lower > $5) AND +deleted <= $6 ORDER BY path_lower LIMIT $7",
	    SQL_ARGS(T(q->account_id), T(first), T(below_to(cx, q->path_lower)), T(q->path_lower),
		T(below_from(cx, q->path_lower)), I(q->deleted), I(limit)),
	    st);
}

static enum rc
bind_query(struct sandbox *s, struct ctx *cx, const struct file_query *q, int64_t limit,
    struct db_stmt **st)
{
	return q->changes ? bind_changes(s, cx, q, limit, st) : bind_entries(s, cx, q, limit, st);
}

enum rc
files_list(struct sandbox *s, struct ctx *cx, const struct file_query *q, struct file *out,
    size_t *count, bool *more)
{
	struct db_stmt *st;
	bool row;

	*count = 0;
	*more = false;
	TRY(bind_query(s, cx, q, q->limit + 1, &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		if (*count == (size_t)q->limit)
			break;
		file_row(cx, st, q->account_id, &out[(*count)++]);
	}
	*more = true;
	db_done(st);
	return OK;
}

enum rc
files_changed(struct sandbox *s, struct ctx *cx, const struct file_query *q, bool *out)
{
	struct db_stmt *st;

	TRY(bind_query(s, cx, q, 1, &st));
	TRY(db_step(cx, st, out));
	db_done(st);
	return OK;
}
