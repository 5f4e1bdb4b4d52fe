#include "sandbox/oauth/counts.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/issue.h"

#define WAITING_MAX 4096
#define WRITE_EVERY_MS 1000
#define SETTING S("counted_to_ms")

struct counts {
	struct map *waiting;   /* id of a grant -> struct refreshed */
	struct map *written;   /* the same, of those whose commit is not known yet */
	int64_t since_ms;      /* monotonic: of the first that waits */
	int64_t written_to_ms; /* on the sandbox's clock: access tokens made before are counted */
	int64_t kept_to_ms;    /* the same, as far as it is committed */
	bool unread;           /* the store could not be asked what it says */
};

struct counts *
counts_new(void)
{
	struct counts *c = mem_alloc(sizeof(*c));

	c->waiting = map_new();
	c->written = map_new();
	return c;
}

void
counts_free(struct counts *c)
{
	if (c == NULL)
		return;
	map_free(c->waiting, free);
	map_free(c->written, free);
	free(c);
}

static void
empty(struct map **m)
{
	map_free(*m, free);
	*m = map_new();
}

static void
raise_to(struct refreshed *of, struct refreshed to)
{
	if (to.count > of->count)
		of->count = to.count;
	if (to.last_ms > of->last_ms)
		of->last_ms = to.last_ms;
}

static void
put(struct map *m, struct str grant_id, struct refreshed now)
{
	struct refreshed *there = map_get(m, grant_id);

	if (there == NULL) {
		there = mem_alloc(sizeof(*there));
		map_put(m, grant_id, there);
	}
	raise_to(there, now);
}

static void
wait_with(struct counts *c, struct str grant_id, struct refreshed now)
{
	if (map_count(c->waiting) == 0)
		c->since_ms = clock_mono_ms();
	put(c->waiting, grant_id, now);
}

static bool
put_into(struct str grant_id, void *value, void *arg)
{
	put(arg, grant_id, *(const struct refreshed *)value);
	return true;
}

static void
move_all(struct map **from, struct map *to)
{
	map_each(*from, put_into, to);
	empty(from);
}

void
counts_ended(struct sandbox *s, bool kept)
{
	struct counts *c = s->counts;

	if (kept) {
		if (map_count(c->written) > 0)
			empty(&c->written);
		c->kept_to_ms = c->written_to_ms;
		return;
	}
	if (map_count(c->waiting) == 0)
		c->since_ms = clock_mono_ms();
	move_all(&c->written, c->waiting);
	c->written_to_ms = c->kept_to_ms;
}

/* What is kept of grants in memory has these numbers already. */
static enum rc
write_one(struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed now)
{
	TRY(sql_exec(cx, s->db, NULL,
	    "UPDATE grants SET refreshes = max(refreshes, $1), refreshed_ms = max(refreshed_ms, $2)"
	    " WHERE id = $3",
	    SQL_ARGS(I(now.count), I(now.last_ms), T(grant_id))));
	store_stamp_keep(s);
	return OK;
}

struct writing {
	struct sandbox *s;
	struct ctx *cx;
	enum rc rc;
};

static bool
write_waiting(struct str grant_id, void *value, void *arg)
{
	struct writing *w = arg;
	const struct refreshed *now = value;

	if (w->rc == OK)
		w->rc = write_one(w->s, w->cx, grant_id, *now);
	return true;
}

static enum rc
write_all(struct sandbox *s, struct ctx *cx, int64_t now_ms)
{
	struct writing w = { .s = s, .cx = cx };

	map_each(s->counts->waiting, write_waiting, &w);
	TRY(w.rc);
	TRY(store_setting_put(s, cx, SETTING, str_printf(cx->arena, "%lld", (long long)now_ms)));
	store_stamp_keep(s);
	return OK;
}

/* It stays at hand until counts_ended. */
static enum rc
write_and_keep(struct sandbox *s, struct ctx *cx, int64_t now_ms)
{
	TRY(write_all(s, cx, now_ms));
	move_all(&s->counts->waiting, s->counts->written);
	s->counts->written_to_ms = now_ms;
	return OK;
}

static enum rc
be_read(struct sandbox *s, struct ctx *cx)
{
	return s->counts->unread ? counts_restore(s, cx) : OK;
}

enum rc
counts_correct(struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed *of)
{
	const struct refreshed *waiting;

	TRY(be_read(s, cx));
	waiting = map_get(s->counts->waiting, grant_id);
	if (waiting != NULL)
		raise_to(of, *waiting);
	return OK;
}

enum rc
counts_note(struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed now)
{
	struct counts *c = s->counts;
	enum rc rc;

	TRY(be_read(s, cx));
	wait_with(c, grant_id, now);
	/* With a clock that went back, tokens made now would seem to be counted already. */
	if (map_count(c->waiting) < WAITING_MAX && now.last_ms >= c->written_to_ms &&
	    clock_mono_ms() - c->since_ms < WRITE_EVERY_MS)
		return OK;
	rc = write_and_keep(s, cx, now.last_ms);
	c->unread = rc != OK; /* the refresh that was noted is taken back */
	return rc;
}

enum rc
counts_write(struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed now)
{
	return write_one(s, cx, grant_id, now);
}

enum rc
counts_settle(struct sandbox *s, struct ctx *cx)
{
	TRY(be_read(s, cx));
	if (map_count(s->counts->waiting) == 0)
		return OK;
	TRY(store_note_begin(s, cx));
	return store_note_end(s, cx, write_and_keep(s, cx, clock_now_ms(s->clock)));
}

static int64_t
time_of(struct str key)
{
	char text[ACCESS_TIME_LEN + 1] = { 0 };

	memcpy(text, key.p, key.len < ACCESS_TIME_LEN ? key.len : ACCESS_TIME_LEN);
	return strtoll(text, NULL, 16);
}

static enum rc
read_waiting(struct sandbox *s, struct ctx *cx)
{
	struct buf from = buf_in(cx->arena, ACCESS_TIME_LEN);
	struct db_stmt *st;
	bool row;

	buf_add_hex(&from, (uint64_t)s->counts->written_to_ms, ACCESS_TIME_LEN);
	TRY(sql_bind(cx, s->db,
	    "SELECT grant_id, max(born), max(digest) FROM access_tokens"
	    " WHERE digest >= $1 AND born > 0 GROUP BY grant_id",
	    SQL_ARGS(B(buf_str(&from))), &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		wait_with(s->counts, db_col_text(st, 0, cx->arena),
		    (struct refreshed){ .count = db_col_int(st, 1),
			.last_ms = time_of(db_col_blob(st, 2, cx->arena)) });
	}
}

enum rc
counts_restore(struct sandbox *s, struct ctx *cx)
{
	struct counts *c = s->counts;
	struct str text;

	empty(&c->waiting);
	empty(&c->written);
	c->unread = true;
	TRY(store_setting_get(s, cx, SETTING, &text));
	if (!str_int(text, 0, INT64_MAX, &c->written_to_ms))
		c->written_to_ms = 0;
	c->kept_to_ms = c->written_to_ms;
	TRY(read_waiting(s, cx));
	c->unread = false;
	return OK;
}
