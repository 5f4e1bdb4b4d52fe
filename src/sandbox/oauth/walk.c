#include "sandbox/oauth/walk.h"

#include <time.h>

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define PAUSE_NS 200000 /* whoever waits for the store gets it meanwhile; a mutex knows no queue */

enum rc
walk_next_tokens(struct sandbox *s, struct ctx *cx, struct str from, int64_t max, struct str *last,
    int64_t *count)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT max(digest), count(*) FROM"
	    " (SELECT digest FROM access_tokens WHERE digest > $1 ORDER BY digest LIMIT $2)",
	    SQL_ARGS(B(from), I(max)), &st));
	TRY(db_step(cx, st, &row));
	*last = db_col_blob(st, 0, cx->arena);
	*count = db_col_int(st, 1);
	db_done(st);
	return OK;
}

static enum rc
next_grants(struct sandbox *s, struct ctx *cx, struct str from, int64_t max, struct str *last,
    int64_t *count)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT max(id), count(*) FROM"
	    " (SELECT id FROM grants WHERE id > $1 ORDER BY id LIMIT $2)",
	    SQL_ARGS(T(from), I(max)), &st));
	TRY(db_step(cx, st, &row));
	*last = db_col_text(st, 0, cx->arena);
	*count = db_col_int(st, 1);
	db_done(st);
	return OK;
}

struct table {
	enum rc (*next)(struct sandbox *s, struct ctx *cx, struct str from, int64_t max,
	    struct str *last, int64_t *count);
	int64_t max;
};

/* *from becomes the last of the page; *more: there may be another. */
static enum rc
walk_page(struct sandbox *s, struct ctx *cx, const struct walk *w, const struct table *t,
    struct str *from, bool *more)
{
	struct str last;
	int64_t count;

	TRY(t->next(s, cx, *from, t->max, &last, &count));
	*more = count == t->max;
	if (count > 0)
		TRY(w->page(s, cx, *from, last, w->arg));
	*from = last;
	return OK;
}

static enum rc
walk(struct sandbox *s, struct ctx *cx, const struct walk *w, const struct table *t)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct str from = S("");
	bool more = false;

	for (;;) {
		enum rc rc;

		TRY(store_enter(s, cx, w->use));
		rc = walk_page(s, cx, w, t, &from, &more);
		TRY(store_leave(s, cx, w->use, rc));
		if (!more)
			return OK;
		nanosleep(&pause, NULL);
	}
}

enum rc
walk_tokens(struct sandbox *s, struct ctx *cx, const struct walk *w)
{
	return walk(s, cx, w, &(struct table){ walk_next_tokens, WALK_TOKENS });
}

enum rc
walk_grants(struct sandbox *s, struct ctx *cx, const struct walk *w)
{
	return walk(s, cx, w, &(struct table){ next_grants, WALK_GRANTS });
}
