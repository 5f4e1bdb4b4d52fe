/* The end of old events, and whether those that are kept are whole. */
#include "base/buf.h"
#include "store/event_int.h"
#include "store/store_int.h"

#define IDLE_MS 3600000 /* nobody wrote to it for so long: closed; its process begins another */
#define BATCH 500

/* The heads behind `last`, in order. */
static enum rc
read_nums(
    struct store *s, struct ctx *cx, int64_t last, bool kept_only, int64_t *out, size_t *count)
{
	struct db_stmt *st;
	bool row;

	*count = 0;
	TRY(db_stmt(cx, s->db,
	    "SELECT num FROM event_head WHERE num > $1 AND ($2 = 0 OR seq > swept_seq) ORDER BY num"
	    " LIMIT $3",
	    &st));
	db_bind_int(st, 1, last);
	db_bind_int(st, 2, kept_only);
	db_bind_int(st, 3, BATCH);
	while (*count < BATCH) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		out[(*count)++] = db_col_int(st, 0);
	}
	db_done(st);
	return OK;
}

/* --- sweeping --- */

/* A write that changes nothing: nobody else writes to the head until the end. */
static enum rc
hold_head(struct store *s, struct ctx *cx, int64_t num)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE event_head SET seq = seq WHERE num = $1", &st));
	db_bind_int(st, 1, num);
	return db_run(cx, st, NULL);
}

/* The last of the rows at the chain's beginning that are all old, and its MAC. */
static enum rc
find_old(struct store *s, struct ctx *cx, struct event_head *h, int64_t before_ms, int64_t max)
{
	struct db_stmt *st;
	bool row = true;

	TRY(db_stmt(cx, s->db,
	    "SELECT seq, at_ms, mac FROM event WHERE head = $1 AND seq > $2 ORDER BY seq LIMIT $3",
	    &st));
	db_bind_int(st, 1, h->num);
	db_bind_int(st, 2, h->swept_seq);
	db_bind_int(st, 3, max);
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row || db_col_int(st, 1) >= before_ms)
			break;
		h->swept_seq = db_col_int(st, 0);
		h->swept_mac = db_col_blob(st, 2, cx->arena);
	}
	db_done(st);
	return OK;
}

static enum rc
sweep_head(struct store *s, struct ctx *cx, int64_t num, int64_t before_ms, int64_t max)
{
	struct event_head h;
	struct db_stmt *st;
	int64_t before;

	TRY(db_begin(cx, s->db));
	TRY(hold_head(s, cx, num));
	TRY(event_head_get(s, cx, num, &h));
	before = h.swept_seq;
	TRY(find_old(s, cx, &h, before_ms, max));
	if (h.swept_seq == before) {
		db_rollback(s->db);
		return OK;
	}
	TRY(db_stmt(cx, s->db, "DELETE FROM event WHERE head = $1 AND seq <= $2", &st));
	db_bind_int(st, 1, num);
	db_bind_int(st, 2, h.swept_seq);
	TRY(db_run(cx, st, NULL));
	TRY(event_head_put(s, cx, &h));
	return db_commit(cx, s->db);
}

/* Where several nodes write, the heads of those that are gone. One that only said nothing for long
 * finds its own closed and begins another. Closed ones that are read and swept are not needed. */
static enum rc
close_idle(struct store *s, struct ctx *cx)
{
	struct db_stmt *st;

	if (s->follower == NULL)
		return OK;
	TRY(db_stmt(cx, s->db,
	    "UPDATE event_head SET closed = 1 WHERE closed = 0 AND changed_ms < $1", &st));
	db_bind_int(st, 1, clock_wall_ms() - IDLE_MS);
	return db_run(cx, st, NULL);
}

enum rc
store_event_sweep(struct store *s, struct ctx *cx, int64_t before_ms, int64_t max)
{
	STORE_HOLD hold = store_hold(s, cx);
	int64_t *nums = ARENA_ARRAY(cx->arena, int64_t, BATCH);
	size_t n;

	TRY(close_idle(s, cx));
	TRY(read_nums(s, cx, 0, true, nums, &n));
	for (size_t i = 0; i < n; i++)
		TRY(sweep_head(s, cx, nums[i], before_ms, max));
	return OK;
}

/* --- checking --- */

/* What is known of a chain while it is walked. */
struct walk {
	struct event_head head;
	int64_t seq;    /* of the row before */
	struct str mac; /* and that one's */
	struct buf *bad;
};

static void
say(struct walk *w, const char *what, int64_t seq)
{
	if (w->bad->len == 0)
		buf_addf(w->bad, "%s %lld-%lld", what, (long long)w->head.num, (long long)seq);
}

/* False at the first row that does not fit. */
static bool
check_row(struct store *s, struct ctx *cx, struct walk *w, const struct event *e, struct str mac)
{
	struct str want = event_mac(s, cx, w->mac, e);

	if (e->seq != w->seq + 1)
		say(w, "missing: event", w->seq + 1);
	else if (!crypto_equal(secret_of(mac), secret_of(want)))
		say(w, "changed: event", e->seq);
	w->seq = e->seq;
	w->mac = want;
	return w->bad->len == 0;
}

static enum rc
walk_batch(struct store *s, struct ctx *cx, struct walk *w, size_t *count)
{
	struct event *rows = ARENA_ARRAY(cx->arena, struct event, BATCH);
	struct str *macs = ARENA_ARRAY(cx->arena, struct str, BATCH);
	struct db_stmt *st;
	bool row;

	*count = 0;
	TRY(db_stmt(cx, s->db,
	    "SELECT " EVENT_COLUMNS
	    ", mac FROM event WHERE head = $1 AND seq > $2 ORDER BY seq LIMIT $3",
	    &st));
	db_bind_int(st, 1, w->head.num);
	db_bind_int(st, 2, w->seq);
	db_bind_int(st, 3, BATCH);
	while (*count < BATCH) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		event_row_read(cx, st, &rows[*count]);
		macs[(*count)++] = db_col_blob(st, EVENT_COLUMN_COUNT, cx->arena);
	}
	db_done(st);
	for (size_t i = 0; i < *count; i++)
		if (!check_row(s, cx, w, &rows[i], macs[i]))
			break;
	return OK;
}

static enum rc
walk_head(struct store *s, struct ctx *cx, int64_t num, int64_t *rows, struct buf *bad)
{
	struct walk w = { .bad = bad };
	size_t n = BATCH;

	TRY(event_head_get(s, cx, num, &w.head));
	if (!crypto_equal(secret_of(w.head.seal), secret_of(event_head_seal(s, cx, &w.head))))
		say(&w, "changed: the end of the chain at event", w.head.seq);
	w.seq = w.head.swept_seq;
	w.mac = w.head.swept_mac;
	while (n == BATCH && bad->len == 0) {
		struct arena *keep = cx->arena;
		enum rc rc;

		cx->arena = arena_new();
		rc = walk_batch(s, cx, &w, &n);
		w.mac = str_dup(keep, w.mac);
		arena_free(cx->arena);
		cx->arena = keep;
		TRY(rc);
		*rows += (int64_t)n;
	}
	if (w.seq != w.head.seq)
		say(&w, "missing: event", w.seq + 1);
	else if (!crypto_equal(secret_of(w.mac), secret_of(w.head.mac)))
		say(&w, "changed: the end of the chain at event", w.head.seq);
	return OK;
}

static enum rc
count_strays(struct store *s, struct ctx *cx, struct buf *bad)
{
	int64_t stray;

	TRY(store_number(s, cx,
	    "SELECT count(*) FROM event WHERE head NOT IN (SELECT num FROM event_head)", &stray));
	if (stray > 0)
		buf_addf(bad, "%lld events of a chain that is not there", (long long)stray);
	return OK;
}

/* Heads are numbered from 1 without a gap, too. */
static enum rc
walk_heads(struct store *s, struct ctx *cx, int64_t *rows, struct buf *bad)
{
	int64_t *nums = ARENA_ARRAY(cx->arena, int64_t, BATCH), last = 0;
	size_t n;

	do {
		TRY(read_nums(s, cx, last, false, nums, &n));
		for (size_t i = 0; i < n && bad->len == 0; i++) {
			if (nums[i] != ++last)
				buf_addf(bad, "missing: chain %lld", (long long)last);
			else
				TRY(walk_head(s, cx, nums[i], rows, bad));
		}
	} while (n == BATCH && bad->len == 0);
	return OK;
}

enum rc
store_event_verify(struct store *s, struct ctx *cx, int64_t *rows, struct str *bad)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct buf words = buf_in(cx->arena, 1024);

	*rows = 0;
	TRY(db_begin_snapshot(cx, s->db));
	TRY(count_strays(s, cx, &words));
	TRY(walk_heads(s, cx, rows, &words));
	*bad = buf_str(&words);
	return OK;
}
