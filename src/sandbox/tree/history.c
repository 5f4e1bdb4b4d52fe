#include "sandbox/tree/history.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/quota.h"
#include "sandbox/tree/range.h"

#define COLUMNS                                                                              \
	"path_lower, path_display, id, 0, 0, size, rev, content_hash, client_ms, server_ms," \
	" seq, content_id"
#define DROP_AT_ONCE 64

/* Moves bytes and a count between the living and the old ones. */
static enum rc
count_old(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t bytes, int64_t count)
{
	return sql_exec(cx, s->db, NULL,
	    "UPDATE trees SET old_bytes = old_bytes + $1, old_count = old_count + $2"
	    " WHERE account_id = $3",
	    SQL_ARGS(I(bytes), I(count), T(account_id)));
}

static enum rc
drop(struct sandbox *s, struct ctx *cx, const struct file *f)
{
	TRY(content_release(s, cx, f->content_id));
	TRY(sql_exec(cx, s->db, NULL, "DELETE FROM revisions WHERE account_id = $1 AND rev = $2",
	    SQL_ARGS(T(f->account_id), T(f->rev))));
	return count_old(s, cx, f->account_id, -f->size, -1);
}

static enum rc
oldest(struct sandbox *s, struct ctx *cx, struct str account_id, struct file *out, int64_t *old_ms,
    bool *found)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS ", old_ms FROM revisions WHERE account_id = $1 ORDER BY old_seq"
	    " LIMIT 1",
	    SQL_ARGS(T(account_id)), &st));
	TRY(db_step(cx, st, found));
	if (!*found)
		return OK;
	file_row(cx, st, account_id, out);
	*old_ms = db_col_int(st, 12);
	db_done(st);
	return OK;
}

/* Some at a time: a write that comes later does the rest. */
static enum rc
prune(struct sandbox *s, struct ctx *cx, struct str account_id)
{
	int64_t quota, old_ms, limit_ms = clock_now_ms(s->clock) - HISTORY_DAYS * DAY_MS;
	struct file f;
	struct tree t;
	bool found;

	TRY(files_quota(s, cx, account_id, &quota));
	for (int i = 0; i < DROP_AT_ONCE; i++) {
		TRY(tree_of(s, cx, account_id, &t));
		TRY(oldest(s, cx, account_id, &f, &old_ms, &found));
		if (!found ||
		    (t.old_bytes <= quota && t.old_count <= HISTORY_MAX && old_ms >= limit_ms))
			return OK;
		TRY(drop(s, cx, &f));
	}
	return OK;
}

enum rc
history_keep(struct sandbox *s, struct ctx *cx, struct str account_id, struct str path_key,
    bool below, int64_t seq)
{
	struct str from = below ? below_from(cx, path_key) : S("0");
	struct str to = below ? below_to(cx, path_key) : S("0");
	int64_t bytes, count;

	TRY(sql_count(cx, s->db,
	    "SELECT coalesce(sum(size), 0) FROM files WHERE account_id = $1 AND deleted = 0 AND "
	    "folder = 0 AND (path_lower = $2 OR (path_lower > $3 AND path_lower < $4))",
	    SQL_ARGS(T(account_id), T(path_key), T(from), T(to)), &bytes));
	TRY(sql_exec(cx, s->db, &count,
	    "INSERT INTO revisions (account_id, rev, path_lower, path_display, id, size,"
	    " content_hash, content_id, client_ms, server_ms, seq, old_seq, old_ms)"
	    " SELECT account_id, rev, path_lower, path_display, id, size, content_hash,"
	    " content_id, client_ms, server_ms, seq, $1, $2 FROM files WHERE account_id = $3 AND "
	    "deleted = 0 AND folder = 0 AND (path_lower = $4 OR (path_lower > $5 AND "
	    "path_lower < $6))",
	    SQL_ARGS(
		I(seq), I(clock_now_ms(s->clock)), T(account_id), T(path_key), T(from), T(to))));
	if (count > 0)
		TRY(count_old(s, cx, account_id, bytes, count));
	return prune(s, cx, account_id);
}

enum rc
history_by_rev(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str rev, struct file *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS " FROM revisions WHERE account_id = $1 AND rev = $2",
	    SQL_ARGS(T(account_id), T(rev)), &st));
	return file_take_one(cx, st, account_id, out);
}

enum rc
history_list(struct sandbox *s, struct ctx *cx, const struct history_query *q, struct file *out,
    size_t *count)
{
	struct db_stmt *st;
	bool row;

	*count = 0;
	TRY(sql_bind(cx, s->db,
	    q->id.len > 0 ? "SELECT " COLUMNS " FROM revisions WHERE account_id = $1 AND id = $2"
			    " AND seq < $3 ORDER BY seq DESC LIMIT $4"
			  : "SELECT " COLUMNS " FROM revisions WHERE account_id = $1 AND"
			    " path_lower = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4",
	    SQL_ARGS(T(q->account_id), T(q->id.len > 0 ? q->id : q->path_key), I(q->before_seq),
		I(q->limit)),
	    &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		file_row(cx, st, q->account_id, &out[(*count)++]);
	}
}

enum rc
history_ended(struct sandbox *s, struct ctx *cx, const struct file *mark, int64_t *ms)
{
	return sql_count(cx, s->db,
	    "SELECT old_ms FROM revisions WHERE account_id = $1 AND path_lower = $2"
	    " ORDER BY seq DESC LIMIT 1",
	    SQL_ARGS(T(mark->account_id), T(mark->path_lower)), ms);
}

enum rc
history_forget(struct sandbox *s, struct ctx *cx, const struct file *f)
{
	struct db_stmt *st;
	struct file old;
	enum rc rc;

	for (;;) {
		TRY(sql_bind(cx, s->db,
		    "SELECT " COLUMNS " FROM revisions WHERE account_id = $1 AND"
		    " (path_lower = $2 OR (path_lower > $3 AND path_lower < $4)) LIMIT 1",
		    SQL_ARGS(T(f->account_id), T(f->path_lower), T(below_from(cx, f->path_lower)),
			T(below_to(cx, f->path_lower))),
		    &st));
		rc = file_take_one(cx, st, f->account_id, &old);
		if (rc == E_NOTFOUND) {
			ctx_clear(cx);
			return OK;
		}
		TRY(rc);
		TRY(drop(s, cx, &old));
	}
}
