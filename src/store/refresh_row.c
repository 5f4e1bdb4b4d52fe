#include "store/refresh_row.h"

#include "store/token_row.h"

struct rows {
	struct store *store;
	struct ctx *cx;
	const struct round *round;
	int64_t now_ms;
	struct round_wish *wishes;
	struct round_wish **chosen;
	struct round_reply *replies;
	struct round_pair *pairs;
	int64_t *changed;
};

static int64_t *
numbers(struct ctx *cx, size_t n)
{
	return ARENA_ARRAY(cx->arena, int64_t, n > 0 ? n : 1);
}

/* --- claim --- */

static void
bind_claim(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	db_bind_int(st, 1, r->round->wall_ms + r->round->lease_ms);
	db_bind_text(st, 2, r->wishes[i].id);
	db_bind_int(st, 3, r->round->wall_ms);
}

static enum rc
read_claim(const struct rows *r, struct round_wish *w, struct db_stmt *st)
{
	struct refresh_claim *c = w->claim;
	struct ctx *cx = w->cx;

	token_row_read(cx, st, &c->token);
	c->fence = c->token.fence;
	c->reply = secret_of(S(""));
	TRY(token_row_secrets(r->store, cx, st, &c->token, &c->secrets));
	if (secret_empty(c->secrets.refresh))
		return fail_at(cx, E_REAUTH, "no-refresh-token", NULL,
		    "The provider gave no refresh token for this access token.");
	if (c->token.attempt.stage != STAGE_KEPT)
		return OK;
	return store_open_sealed(r->store, cx,
	    token_reply_place(c->token.id, c->token.attempt.fence),
	    db_col_blob(st, TOKEN_COLUMN_COUNT, cx->arena), &c->reply);
}

static void
row_claim(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	r->wishes[i].rc = read_claim(r, &r->wishes[i], st);
}

static void
bind_chosen(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	db_bind_text(st, 1, r->chosen[i]->id);
}

static void
row_chosen(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	r->chosen[i]->rc = read_claim(r, r->chosen[i], st);
}

#define TAKE_LEASE                                                \
	"UPDATE token SET lease_until_ms = $1, fence = fence + 1" \
	" WHERE id = $2 AND deleted_ms = 0 AND lease_until_ms < $3"

/* Everything is read as it is after the lease was taken: by the same statement, where that saves a round
 * trip, or by the next one, which costs SQLite half of that. */
static enum rc
take_leases(struct rows *r, size_t n, int64_t *claimed)
{
	struct db_many many = {
		.sql = TAKE_LEASE, .count = n, .bind = bind_claim, .arg = r, .changed = claimed
	};

	if (db_is_shared(r->store->db)) {
		many.sql = TAKE_LEASE " RETURNING " TOKEN_COLUMNS ", attempt_reply";
		many.row = row_claim;
		return db_run_many(r->cx, r->store->db, &many);
	}
	TRY(db_run_many(r->cx, r->store->db, &many));
	r->chosen = ARENA_ARRAY(r->cx->arena, struct round_wish *, n > 0 ? n : 1);
	many.count = 0;
	for (size_t i = 0; i < n; i++)
		if (claimed[i] == 1)
			r->chosen[many.count++] = &r->wishes[i];
	many.sql = "SELECT " TOKEN_COLUMNS ", attempt_reply FROM token WHERE id = $1";
	many.bind = bind_chosen;
	many.row = row_chosen;
	many.changed = numbers(r->cx, n);
	return db_run_many(r->cx, r->store->db, &many);
}

/* Nobody was claimed: it is not there, or another has it. */
static enum rc
why_not(struct store *s, struct round_wish *w)
{
	TRY(token_row_get(s, w->cx, TOKEN_BY_ID, w->id, &w->claim->token));
	return fail(w->cx, E_CONFLICT, "Another refresh of this token is under way.");
}

static void
bind_give_back(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	db_bind_text(st, 1, r->chosen[i]->id);
	db_bind_int(st, 2, r->chosen[i]->claim->fence);
}

/* What was claimed and cannot be begun keeps nobody from claiming it. */
static enum rc
give_back(struct rows *r, size_t n)
{
	return db_run_many(r->cx, r->store->db,
	    &(struct db_many){
		.sql = "UPDATE token SET lease_until_ms = 0 WHERE id = $1 AND fence = $2",
		.count = n,
		.bind = bind_give_back,
		.arg = r,
		.changed = r->changed });
}

enum rc
refresh_rows_claim(
    struct store *s, struct ctx *cx, struct round_wish *wishes, size_t n, const struct round *round)
{
	struct rows r = { .store = s, .cx = cx, .round = round, .wishes = wishes };
	int64_t *claimed = numbers(cx, n);
	size_t failed = 0;

	TRY(take_leases(&r, n, claimed));
	r.changed = numbers(cx, n);
	r.chosen = ARENA_ARRAY(cx->arena, struct round_wish *, n > 0 ? n : 1);
	for (size_t i = 0; i < n; i++) {
		if (claimed[i] == 0)
			wishes[i].rc = why_not(s, &wishes[i]);
		else if (wishes[i].rc != OK)
			r.chosen[failed++] = &wishes[i];
	}
	return failed > 0 ? give_back(&r, failed) : OK;
}

/* --- record --- */

static struct token_attempt
next_attempt(const struct refresh_claim *claim, int64_t now_ms, bool risky)
{
	struct token_attempt next = claim->token.attempt;

	/* Doubt that was there already began with the first sending. */
	if (next.stage == STAGE_SETTLED)
		next = (struct token_attempt){ .first_ms = now_ms };
	next.stage = STAGE_SENT;
	next.fence = claim->fence;
	next.sent_ms = now_ms;
	next.risked = next.risked || risky;
	return next;
}

static void
bind_record(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_wish *w = r->chosen[i];
	struct token_attempt next = next_attempt(w->claim, r->now_ms, w->risky);

	db_bind_int(st, 1, next.stage);
	db_bind_int(st, 2, next.fence);
	db_bind_int(st, 3, next.first_ms);
	db_bind_int(st, 4, next.sent_ms);
	db_bind_int(st, 5, next.risked);
	db_bind_blob(st, 6, S(""));
	db_bind_text(st, 7, w->claim->token.id);
	db_bind_int(st, 8, w->claim->token.attempt.stage);
}

enum rc
refresh_rows_record(
    struct store *s, struct ctx *cx, struct round_wish **wishes, size_t n, int64_t now_ms)
{
	struct rows r = { .store = s, .cx = cx, .now_ms = now_ms, .chosen = wishes };

	r.changed = numbers(cx, n);
	TRY(db_run_many(cx, s->db,
	    &(struct db_many){
		.sql = "UPDATE token SET attempt_stage = $1, attempt_fence = $2,"
		       " attempt_first_ms = $3, attempt_sent_ms = $4, attempt_risked = $5,"
		       " attempt_reply = $6 WHERE id = $7 AND fence = $2"
		       " AND (attempt_fence = $2 OR attempt_stage = $8)",
		.count = n,
		.bind = bind_record,
		.arg = &r,
		.changed = r.changed }));
	for (size_t i = 0; i < n; i++) {
		struct round_wish *w = wishes[i];

		w->recorded = r.changed[i] == 1;
		if (w->recorded)
			w->claim->token.attempt = next_attempt(w->claim, now_ms, w->risky);
		else
			w->rc = fail(w->cx, E_CONFLICT, REFRESH_TAKEN_OVER);
	}
	return OK;
}

/* --- seal --- */

static void
bind_reply(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_reply *reply = &r->replies[i];
	const struct refresh_claim *claim = reply->claim;

	db_bind_int(st, 1, STAGE_KEPT);
	db_bind_int(st, 2, reply->status);
	db_bind_int(st, 3, reply->date_s);
	store_bind_sealed(
	    r->store, r->cx, st, 4, token_reply_place(claim->token.id, claim->fence), reply->body);
	db_bind_int(st, 5, r->now_ms);
	db_bind_text(st, 6, claim->token.id);
	db_bind_int(st, 7, claim->fence);
}

enum rc
refresh_rows_seal(
    struct store *s, struct ctx *cx, struct round_reply *replies, size_t n, int64_t now_ms)
{
	struct rows r = { .store = s, .cx = cx, .now_ms = now_ms, .replies = replies };

	r.changed = numbers(cx, n);
	/* Due for whoever reads it; what is due already keeps its place. */
	TRY(db_run_many(cx, s->db,
	    &(struct db_many){
		.sql = "UPDATE token SET attempt_stage = $1, attempt_status = $2,"
		       " attempt_date_s = $3, attempt_reply = $4, due_ms = CASE WHEN deleted_ms > 0"
		       " OR (due_ms > 0 AND due_ms < $5) THEN due_ms ELSE $5 END"
		       " WHERE id = $6 AND attempt_fence = $7",
		.count = n,
		.bind = bind_reply,
		.arg = &r,
		.changed = r.changed }));
	for (size_t i = 0; i < n; i++)
		replies[i].rc =
		    r.changed[i] == 1 ? OK : fail(replies[i].cx, E_CONFLICT, REFRESH_TAKEN_OVER);
	return OK;
}

/* --- commit --- */

/* The pair that is replaced, from the first parameter on. */
static void
bind_previous(const struct rows *r, const struct refresh_claim *claim, struct db_stmt *st)
{
	const struct token *t = &claim->token;

	db_bind_int(st, 1, t->sealed_version);
	store_bind_sealed(r->store, r->cx, st, 2,
	    token_previous_place(t->id, S("token.previous_access"), t->sealed_version),
	    claim->secrets.access);
	store_bind_sealed(r->store, r->cx, st, 3,
	    token_previous_place(t->id, S("token.previous_refresh"), t->sealed_version),
	    claim->secrets.refresh);
}

static void
bind_pair(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_pair *p = &r->pairs[i];
	const struct token_grant *g = p->grant;
	struct token_secrets secrets = p->claim->secrets;
	struct token t = p->claim->token;
	bool returned = !secret_empty(g->refresh);
	bool rotated = returned && !crypto_equal(g->refresh, p->claim->secrets.refresh);

	bind_previous(r, p->claim, st);
	secrets.access = g->access;
	if (returned)
		secrets.refresh = g->refresh;
	db_bind_int(st, 4, rotated);
	db_bind_int(st, 5, g->now_ms);
	db_bind_int(st, 6, g->expires_ms);
	db_bind_int(st, 7, g->life_source);
	db_bind_text(st, 8, g->scope_granted.len > 0 ? g->scope_granted : t.scope_granted);
	db_bind_int(st, 9, g->due_ms);
	db_bind_int(
	    st, 10, g->refresh_expires_ms > 0 ? g->refresh_expires_ms : t.refresh_expires_ms);
	db_bind_blob(st, 11, S(""));
	t.sealed_version++;
	token_row_bind_secrets(r->store, r->cx, st, 12, &t, &secrets);
	db_bind_int(st, 15, t.sealed_version);
	db_bind_text(st, 16, t.id);
	db_bind_int(st, 17, p->claim->fence);
	db_bind_int(st, 18, returned);
	db_bind_int(st, 19, p->claim->token.expires_ms);
	db_bind_int(st, 20, g->expires_date_s);
	db_bind_int(st, 21, p->claim->token.lazy);
}

/* A refresh like any other is counted; one that ends a trouble is told. */
static enum rc
tell_recovered(struct store *s, struct ctx *cx, const struct token *t)
{
	return t->status != TOKEN_ACTIVE || t->attempts > 0
	    ? store_event_token(s, cx, "token.recovered", t, NULL)
	    : OK;
}

enum rc
refresh_rows_commit(struct store *s, struct ctx *cx, struct round_pair *pairs, size_t n)
{
	struct rows r = { .store = s, .cx = cx, .pairs = pairs };

	r.changed = numbers(cx, n);
	TRY(db_run_many(cx, s->db,
	    &(struct db_many){
		.sql = "UPDATE token SET previous_version = $1, previous_access = $2,"
		       " previous_refresh = $3, learned_refreshes = learned_refreshes + 1,"
		       " learned_rotations = learned_rotations + $4,"
		       " learned_returned = learned_returned + $18, previous_expires_ms = $19,"
		       " learned_ms = CASE WHEN learned_refreshes > 0 THEN learned_ms ELSE $5 END,"
		       " status = 0,"
		       " status_reason = '', status_ms = $5, expires_ms = $6, life_source = $7,"
		       " scope_granted = $8, refreshed_ms = $5, updated_ms = $5, proved_ms = $5,"
		       " due_ms = $9, refresh_expires_ms = $10, attempts = 0, last_error = '',"
		       " failed_ms = 0, lease_until_ms = 0, attempt_stage = 0, attempt_fence = 0,"
		       " attempt_risked = 0, attempt_reply = $11, refused_ms = 0,"
		       " expires_date_s = $20, app_secret = "
		       "$12, access = $13,"
		       " refresh = $14, sealed_version = $15"
		       " WHERE id = $16 AND fence = $17 AND sealed_version = $1 AND lazy = $21",
		.count = n,
		.bind = bind_pair,
		.arg = &r,
		.changed = r.changed }));
	for (size_t i = 0; i < n; i++) {
		pairs[i].rc = r.changed[i] == 1 ? OK : E_CONFLICT;
		if (r.changed[i] == 1)
			TRY(tell_recovered(s, cx, &pairs[i].claim->token));
	}
	return OK;
}
