#include "store/round.h"

#include <stdlib.h>

#include "store/refresh_row.h"
#include "store/reply.h"

static int
by_id(const void *a, const void *b)
{
	return str_cmp(((const struct round_wish *)a)->id, ((const struct round_wish *)b)->id);
}

/* Asks each that can be claimed what becomes of it. */
static void
begin_wishes(struct round *r)
{
	for (size_t i = 0; i < r->wish_count; i++) {
		struct round_wish *w = &r->wishes[i];

		w->recorded = w->rc == OK && w->begin != NULL && w->begin(w->arg, &w->risky);
	}
}

/* Whose tokens are others now. */
static enum rc
note_changes(struct store *s, struct ctx *cx, const struct round *r)
{
	size_t n = 0, most = r->pair_count + r->failure_count;
	struct str *ids = ARENA_ARRAY(cx->arena, struct str, most > 0 ? most : 1);

	for (size_t i = 0; i < r->pair_count; i++)
		if (r->pairs[i].rc == OK)
			ids[n++] = r->pairs[i].claim->token.id;
	for (size_t i = 0; i < r->failure_count; i++)
		if (r->failures[i].rc == OK)
			ids[n++] = r->failures[i].claim->token.id;
	return n > 0 ? store_changed_many(s, cx, CHANGE_TOKEN, ids, n) : OK;
}

/* Whose reply is not needed any more once this is committed: what it said is written, or it is in its row. */
static struct refresh_claim *
ended(const struct round *r, size_t i)
{
	if (i < r->pair_count)
		return r->pairs[i].rc == OK ? r->pairs[i].claim : NULL;
	return r->failures[i - r->pair_count].claim;
}

static size_t
ended_count(const struct round *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->pair_count + r->failure_count; i++)
		n += ended(r, i) != NULL && ended(r, i)->slot > 0;
	return n;
}

/* Whatever comes into the slots next stands behind this in the log: no power cut takes this and leaves that. */
static void
free_slots(struct store *s, const struct round *r)
{
	for (size_t i = 0; i < r->pair_count + r->failure_count; i++)
		if (ended(r, i) != NULL)
			reply_free(s, ended(r, i));
}

/* All but the commit. Claims come first, and in the order of their ids, so that of several nodes none waits
 * for one that waits for it. */
static enum rc
write_all(struct store *s, struct ctx *cx, struct round *r)
{
	if (r->wish_count > 1)
		qsort(r->wishes, r->wish_count, sizeof(*r->wishes), by_id);
	TRY(db_begin_unsettled(cx, s->db));
	if (r->wish_count > 0)
		TRY(store_clock(s, cx, &r->wall_ms));
	TRY(refresh_rows_find(s, cx, r->wishes, r->wish_count, r));
	begin_wishes(r);
	TRY(refresh_rows_claim(s, cx, r->wishes, r->wish_count, r));
	TRY(refresh_rows_seal(s, cx, r->replies, r->reply_count, r->now_ms));
	TRY(refresh_rows_commit(s, cx, r->pairs, r->pair_count));
	TRY(refresh_rows_fail(s, cx, r->failures, r->failure_count));
	TRY(reply_end(s, cx, ended_count(r)));
	return note_changes(s, cx, r);
}

/* What can be so with one token alone is no answer for all of a round: of them it would say that nothing is left
 * to be written. */
static enum rc
shared_rc(enum rc rc)
{
	return rc == E_NOTFOUND || rc == E_CONFLICT || rc == E_REAUTH ? E_STORE : rc;
}

static enum rc
share(struct ctx *cx, const struct ctx *why)
{
	fail_at(cx, shared_rc(why->rc), why->code, NULL, "%s", why->why);
	cx->retry_after_s = why->retry_after_s;
	return cx->rc;
}

static void
all_failed(struct round *r, const struct ctx *why)
{
	for (size_t i = 0; i < r->wish_count; i++) {
		r->wishes[i].recorded = false;
		r->wishes[i].rc = share(r->wishes[i].cx, why);
	}
	for (size_t i = 0; i < r->reply_count; i++)
		r->replies[i].rc = share(r->replies[i].cx, why);
	for (size_t i = 0; i < r->pair_count; i++)
		r->pairs[i].rc = share(r->pairs[i].cx, why);
	for (size_t i = 0; i < r->failure_count; i++)
		r->failures[i].rc = share(r->failures[i].cx, why);
}

/* Before the words of what failed are theirs. */
static void
unsure(struct round *r)
{
	for (size_t i = 0; i < r->wish_count; i++)
		r->wishes[i].unsure = r->wishes[i].rc == OK;
}

static bool
write_round(struct store *s, struct ctx *cx, struct round *r)
{
	STORE_HOLD hold = store_hold(s, cx);

	if (write_all(s, cx, r) == OK) {
		if (db_commit(cx, s->db) == OK) {
			free_slots(s, r);
			return true;
		}
		unsure(r);
	}
	all_failed(r, cx);
	return false;
}

/* Which of the claims whose commit was not answered are there. */
static void
find_claims(struct store *s, const struct ctx *cx, struct round *r)
{
	enum rc rc = OK;

	for (size_t i = 0; i < r->wish_count && (rc == OK || rc == E_CONFLICT); i++) {
		struct round_wish *w = &r->wishes[i];
		struct ctx scratch = *cx;

		if (!w->unsure)
			continue;
		ctx_clear(&scratch);
		rc = store_refresh_find(s, &scratch, w->claim, &w->recorded);
		w->unsure = rc != OK && rc != E_CONFLICT;
		if (rc == OK) {
			ctx_clear(w->cx);
			w->rc = OK;
		}
	}
}

bool
store_round_write(struct store *s, struct ctx *cx, struct round *r)
{
	for (size_t i = 0; i < r->wish_count; i++) {
		r->wishes[i].recorded = false;
		r->wishes[i].rc = OK;
		r->wishes[i].unsure = false;
	}
	if (!write_round(s, cx, r)) {
		find_claims(s, cx, r);
		return false;
	}
	/* What was edited under the same fence is read again, and written by itself. */
	for (size_t i = 0; i < r->pair_count; i++) {
		struct round_pair *p = &r->pairs[i];

		if (p->rc == E_CONFLICT)
			p->rc = store_refresh_commit(s, p->cx, p->claim, p->grant);
	}
	return db_settles(s->db);
}

enum rc
store_round_settle(struct store *s, struct ctx *cx)
{
	return db_settle(cx, s->db);
}

void
store_round_unsettled(struct round *r, const struct ctx *cx)
{
	unsure(r);
	all_failed(r, cx);
}

void
store_round(struct store *s, struct ctx *cx, struct round *r)
{
	if (store_round_write(s, cx, r) && store_round_settle(s, cx) != OK) {
		store_round_unsettled(r, cx);
		find_claims(s, cx, r);
	}
}
