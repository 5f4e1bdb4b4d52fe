#include "sandbox/oauth/sweep.h"

#include <stdlib.h>

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/tally.h"
#include "sandbox/oauth/walk.h"

#define KEEP_ENDED_MS (7 * DAY_MS)
#define KEEP_SPENT_MS (30 * DAY_MS)
#define EVERY_MS MINUTE_MS
#define GO_ON_MS 25 /* of real time */
#define KEY_MAX 64

struct sweep {
	int64_t looked_ms;  /* the sandbox's clock at the last look; 0: none yet */
	bool under_way;     /* it has not seen all, and goes on */
	int64_t stopped_ms; /* monotonic */
	char key[KEY_MAX];  /* of the access token at which it stopped */
	size_t key_len;
};

struct sweep *
sweep_new(void)
{
	return mem_alloc(sizeof(struct sweep));
}

void
sweep_free(struct sweep *w)
{
	free(w);
}

void
sweep_anew(struct sweep *w)
{
	*w = (struct sweep){ 0 };
}

static bool
is_due(const struct sandbox *s, int64_t now_ms)
{
	const struct sweep *w = s->sweep;

	if (w->under_way && clock_mono_ms() - w->stopped_ms >= GO_ON_MS)
		return true;
	/* A restored snapshot may have set the clock back. */
	return now_ms < w->looked_ms || now_ms - w->looked_ms >= EVERY_MS;
}

#define SOME " LIMIT $2)"

/* $1 is a moment, $2 how many. */
static const struct {
	const char *sql;
	int64_t keep_ms;
} sweeps[] = {
	{ "DELETE FROM grants WHERE rowid IN (SELECT rowid FROM grants WHERE offline = 0"
	  " AND created_ms < $1 AND access_until_ms < $1" SOME,
	    KEEP_EXPIRED_MS },
	{ "DELETE FROM grants WHERE id IN"
	  " (SELECT grant_id FROM codes WHERE expires_ms < $1 AND used = 0" SOME,
	    KEEP_EXPIRED_MS },
	{ "DELETE FROM codes WHERE rowid IN (SELECT rowid FROM codes WHERE expires_ms < $1"
	  " AND (used <> 0 OR NOT EXISTS (SELECT 1 FROM grants WHERE id = codes.grant_id))" SOME,
	    KEEP_EXPIRED_MS },
	{ "DELETE FROM refresh_tokens WHERE rowid IN (SELECT rowid FROM refresh_tokens"
	  " WHERE spent_ms > 0 AND spent_ms < $1" SOME,
	    KEEP_SPENT_MS },
	{ "DELETE FROM grants WHERE rowid IN (SELECT rowid FROM grants WHERE ended_ms > 0"
	  " AND ended_ms < $1" SOME,
	    KEEP_ENDED_MS },
};

static enum rc
sweep_dead(struct sandbox *s, struct ctx *cx, int64_t now_ms, bool *more)
{
	for (size_t i = 0; i < sizeof(sweeps) / sizeof(sweeps[0]); i++) {
		int64_t gone;

		TRY(sql_exec(cx, s->db, &gone, sweeps[i].sql,
		    SQL_ARGS(I(now_ms - sweeps[i].keep_ms), I(SWEEP_ROWS))));
		if (gone == 0)
			store_stamp_keep(s);
		*more = *more || gone >= SWEEP_ROWS;
	}
	return OK;
}

/* Access tokens have no index but their key, so this walks round all of them. Those of a grant that has
 * ended or is gone are dead at once. */
static enum rc
sweep_access(struct sandbox *s, struct ctx *cx, int64_t now_ms, bool *more)
{
	struct sweep *w = s->sweep;
	struct str from = { w->key, w->key_len }, last;
	int64_t count, gone;

	TRY(walk_next_tokens(s, cx, from, SWEEP_ROWS, &last, &count));
	TRY(sql_exec(cx, s->db, &gone,
	    "DELETE FROM access_tokens AS t WHERE digest > $1 AND digest <= $2 AND"
	    " (expires_ms < $3 OR NOT EXISTS (SELECT 1 FROM grants g WHERE g.id = t.grant_id"
	    " AND " ALIVE "))",
	    SQL_ARGS(B(from), B(last), I(now_ms - KEEP_EXPIRED_MS))));
	store_stamp_keep(s);
	if (gone > 0)
		tally_swept(s);
	w->key_len = count == SWEEP_ROWS && last.len <= KEY_MAX ? last.len : 0;
	memcpy(w->key, last.p, w->key_len);
	*more = *more || w->key_len > 0;
	return OK;
}

enum rc
grants_sweep(struct sandbox *s, struct ctx *cx)
{
	int64_t now_ms = clock_now_ms(s->clock);
	struct sweep *w = s->sweep;
	bool more = false;

	if (!is_due(s, now_ms))
		return OK;
	TRY(counts_settle(s, cx)); /* tokens that go may be what tells of refreshes */
	TRY(sweep_dead(s, cx, now_ms, &more));
	TRY(sweep_access(s, cx, now_ms, &more));
	w->under_way = more;
	w->stopped_ms = clock_mono_ms();
	w->looked_ms = now_ms;
	return OK;
}
