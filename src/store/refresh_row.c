#include "store/refresh_row.h"

#include "store/reply.h"
#include "store/token_row.h"

struct rows {
	struct store *store;
	struct ctx *cx;
	const struct round *round;
	int64_t now_ms;
	struct round_wish *wishes;
	struct round_wish **chosen;
	struct round_reply **sealing;
	struct round_pair **writing;
	int64_t *changed;
};

static int64_t *
numbers(struct ctx *cx, size_t n)
{
	return ARENA_ARRAY(cx->arena, int64_t, n > 0 ? n : 1);
}

/* --- claim --- */

static enum rc
read_claim(const struct rows *r, struct round_wish *w, struct db_stmt *st)
{
	struct refresh_claim *c = w->claim;
	struct ctx *cx = w->cx;

	token_row_read(cx, st, &c->token);
	c->fence = ++c->token.fence;
	c->place = db_col_int(st, TOKEN_COLUMN_COUNT + 1);
	c->slot = 0;
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
bind_free(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	db_bind_text(st, 1, r->wishes[i].id);
	db_bind_int(st, 2, r->round->wall_ms);
}

static void
row_free(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	r->wishes[i].rc = read_claim(r, &r->wishes[i], st);
}

/* Not one to be had: it is not there, or another has it. */
static enum rc
why_not(struct store *s, struct round_wish *w)
{
	TRY(token_row_get(s, w->cx, TOKEN_BY_ID, w->id, &w->claim->token));
	return fail(w->cx, E_CONFLICT, "Another refresh of this token is under way.");
}

#define FREE_ROW                                                        \
	"SELECT " TOKEN_COLUMNS ", attempt_reply, ROW_PLACE FROM token" \
	" WHERE id = $1 AND deleted_ms = 0 AND lease_until_ms < $2"

enum rc
refresh_rows_find(
    struct store *s, struct ctx *cx, struct round_wish *wishes, size_t n, const struct round *round)
{
	struct rows r = { .store = s, .cx = cx, .round = round, .wishes = wishes };

	r.changed = numbers(cx, n);
	/* Whoever writes to a file is alone. Elsewhere each row is held from its reading on; one that
	 * somebody else holds is about to be claimed, or edited, and not waited for. */
	TRY(db_run_many(cx, s->db,
	    &(struct db_many){
		.sql = db_is_shared(s->db) ? FREE_ROW " FOR UPDATE OF token SKIP LOCKED" : FREE_ROW,
		.count = n,
		.bind = bind_free,
		.row = row_free,
		.arg = &r,
		.changed = r.changed }));
	for (size_t i = 0; i < n; i++)
		if (r.changed[i] == 0)
			wishes[i].rc = why_not(s, &wishes[i]);
	return OK;
}

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
	if (next.risked != RISK_NONE || risky)
		next.risked = risky ? RISK_NEWEST : RISK_BEFORE;
	return next;
}

/* From the first parameter to the sixth; the fence is the second. */
static void
bind_attempt(const struct rows *r, const struct round_wish *w, struct db_stmt *st)
{
	struct token_attempt next = next_attempt(w->claim, r->now_ms, w->risky);

	db_bind_int(st, 1, next.stage);
	db_bind_int(st, 2, next.fence);
	db_bind_int(st, 3, next.first_ms);
	db_bind_int(st, 4, next.sent_ms);
	db_bind_int(st, 5, next.risked);
	db_bind_blob(st, 6, S(""));
}

/* A new one each time: a claim that is made again is another one. */
static void
bind_nonce(struct db_stmt *st, int i, struct refresh_claim *claim)
{
	crypto_random(claim->nonce, sizeof(claim->nonce));
	db_bind_blob(st, i, (struct str){ (const char *)claim->nonce, sizeof(claim->nonce) });
}

static void
bind_claim_and_record(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_wish *w = r->chosen[i];

	bind_attempt(r, w, st);
	db_bind_text(st, 7, w->claim->token.id);
	db_bind_int(st, 8, r->round->wall_ms + r->round->lease_ms);
	bind_nonce(st, 9, w->claim);
	db_bind_int(st, 10, r->round->wall_ms);
	db_bind_place(st, 11, w->claim->place);
}

static void
bind_claim(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_wish *w = r->chosen[i];

	db_bind_int(st, 1, w->claim->fence);
	db_bind_text(st, 2, w->claim->token.id);
	db_bind_int(st, 3, r->round->wall_ms + r->round->lease_ms);
	bind_nonce(st, 4, w->claim);
	db_bind_int(st, 5, r->round->wall_ms);
	db_bind_place(st, 6, w->claim->place);
}

static void
row_claimed(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	r->chosen[i]->claim->place = db_col_int(st, 0);
}

/* Of those that were found, the ones that are recorded, or the others. */
static size_t
choose(struct rows *r, size_t n, bool recorded)
{
	size_t chosen = 0;

	for (size_t i = 0; i < n; i++)
		if (r->wishes[i].rc == OK && r->wishes[i].recorded == recorded)
			r->chosen[chosen++] = &r->wishes[i];
	return chosen;
}

/* The fence says that each row is as it was read. */
static void
claimed(const struct rows *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct round_wish *w = r->chosen[i];

		if (r->changed[i] != 1) {
			w->recorded = false;
			w->rc = fail(w->cx, E_CONFLICT, REFRESH_TAKEN_OVER);
		} else if (w->recorded) {
			w->claim->token.attempt = next_attempt(w->claim, r->now_ms, w->risky);
		}
	}
}

/* An access token that was refused before its first attempt was so by order, whatever a clock that was set
 * back says since. */
#define ATTEMPT                                                                                \
	"attempt_stage = $1, attempt_fence = $2, attempt_first_ms = $3, attempt_sent_ms = $4," \
	" attempt_risked = $5, attempt_reply = $6, refused_ms = CASE WHEN attempt_stage = 0"   \
	" AND refused_ms > $3 THEN $3 ELSE refused_ms END"

/* Due from the claim on, whoever asked for it: if its owner is gone, the next one finds it among what is due. By
 * the clock of the database, since the owner's own may be ahead of the others'. */
#define DUE(wall) \
	"CASE WHEN due_ms > 0 AND due_ms <= " wall " THEN due_ms ELSE " wall " - 60000 END"

/* Where a new version of a row stands elsewhere than the old one. */
static const char *
moving(const struct store *s, const char *moves, const char *stays)
{
	return db_is_shared(s->db) ? moves : stays;
}

#define MOVED " RETURNING ROW_PLACE"

#define CLAIM_AND_RECORD                                                                   \
	"UPDATE token SET " ATTEMPT ", fence = $2, lease_until_ms = $8, claim_nonce = $9," \
	" due_ms = CASE WHEN due_ms > 0 AND due_ms <= $4 THEN due_ms ELSE $4 END"          \
	" WHERE ROW_PLACE = $11 AND id = $7 AND fence = $2 - 1"
#define CLAIM                                                                                \
	"UPDATE token SET fence = $1, lease_until_ms = $3, claim_nonce = $4, due_ms = " DUE( \
	    "$5") " WHERE ROW_PLACE = $6 AND id = $2 AND fence = $1 - 1"

/* Each row is where it was found, since nobody else has written since. */
enum rc
refresh_rows_claim(
    struct store *s, struct ctx *cx, struct round_wish *wishes, size_t n, const struct round *round)
{
	struct rows r = {
		.store = s, .cx = cx, .round = round, .now_ms = round->now_ms, .wishes = wishes
	};
	struct db_many many = { .row = row_claimed, .arg = &r };

	many.changed = r.changed = numbers(cx, n);
	r.chosen = ARENA_ARRAY(cx->arena, struct round_wish *, n > 0 ? n : 1);
	many.sql = moving(s, CLAIM_AND_RECORD MOVED, CLAIM_AND_RECORD);
	many.bind = bind_claim_and_record;
	many.count = choose(&r, n, true);
	TRY(db_run_many(cx, s->db, &many));
	claimed(&r, many.count);
	many.sql = moving(s, CLAIM MOVED, CLAIM);
	many.bind = bind_claim;
	many.count = choose(&r, n, false);
	TRY(db_run_many(cx, s->db, &many));
	claimed(&r, many.count);
	return OK;
}

static void
bind_record(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_wish *w = &r->wishes[i];

	bind_attempt(r, w, st);
	db_bind_text(st, 7, w->claim->token.id);
	db_bind_int(st, 8, w->claim->token.attempt.stage);
}

enum rc
refresh_row_record(struct store *s, struct ctx *cx, struct round_wish *wish, int64_t now_ms)
{
	struct rows r = { .store = s, .cx = cx, .now_ms = now_ms, .wishes = wish };
	int64_t changed;

	TRY(db_run_many(cx, s->db,
	    &(struct db_many){ .sql = "UPDATE token SET " ATTEMPT " WHERE id = $7 AND fence = $2"
				      " AND (attempt_fence = $2 OR attempt_stage = $8)",
		.count = 1,
		.bind = bind_record,
		.arg = &r,
		.changed = &changed }));
	if (changed != 1)
		return fail(cx, E_CONFLICT, REFRESH_TAKEN_OVER);
	wish->claim->token.attempt = next_attempt(wish->claim, now_ms, wish->risky);
	return OK;
}

/* --- seal --- */

static void
bind_reply(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_reply *reply = r->sealing[i];
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

static void
bind_reply_and_place(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	bind_reply(arg, i, st);
	db_bind_place(st, 8, r->sealing[i]->claim->place);
}

static void
row_sealed(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;

	r->sealing[i]->claim->place = db_col_int(st, 0);
}

#define SEAL                                                                             \
	"UPDATE token SET attempt_stage = $1, attempt_status = $2, attempt_date_s = $3," \
	" attempt_reply = $4"

/* The row knows nothing of the claim: a standby that had not heard of it has become the primary. It is taken as
 * made, unless it is another grant's by now or somebody else's attempt is under way. */
#define SEAL_UNKNOWN                                                                    \
	SEAL ", due_ms = $5, fence = $7, attempt_fence = $7, attempt_first_ms = $8,"    \
	     " attempt_sent_ms = $9, attempt_risked = $10 WHERE id = $6 AND fence < $7" \
	     " AND consented_ms = $11 AND (attempt_stage = $12 OR attempt_stage = $13)"

static void
bind_unknown(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct token *t = &r->sealing[i]->claim->token;

	bind_reply(arg, i, st);
	db_bind_int(st, 8, t->attempt.first_ms);
	db_bind_int(st, 9, t->attempt.sent_ms);
	db_bind_int(st, 10, t->attempt.risked);
	db_bind_int(st, 11, t->consented_ms);
	db_bind_int(st, 12, STAGE_SETTLED);
	db_bind_int(st, 13, STAGE_LOST);
}

static size_t
not_sealed(struct rows *r, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		r->sealing[i]->rc = r->changed[i] == 1 ? OK : E_CONFLICT;
		if (r->changed[i] != 1)
			r->sealing[left++] = r->sealing[i];
	}
	return left;
}

/* Due for whoever reads it. What is due already, nearly all of them, stays so: no index is touched for it. */
#define SEAL_KNOWN                                                                 \
	SEAL ", due_ms = CASE WHEN deleted_ms > 0 OR (due_ms > 0 AND due_ms < $5)" \
	     " THEN due_ms ELSE $5 END WHERE id = $6 AND attempt_fence = $7"

static enum rc
seal_in_rows(struct store *s, struct ctx *cx, struct round_reply *replies, size_t n, int64_t now_ms)
{
	struct rows r = { .store = s, .cx = cx, .now_ms = now_ms };
	struct db_many many = { .count = n, .row = row_sealed, .arg = &r };

	many.changed = r.changed = numbers(cx, n);
	r.sealing = ARENA_ARRAY(cx->arena, struct round_reply *, n > 0 ? n : 1);
	for (size_t i = 0; i < n; i++)
		r.sealing[i] = &replies[i];
	many.sql = SEAL_KNOWN " AND ROW_PLACE = $8" MOVED;
	many.bind = bind_reply_and_place;
	TRY(db_run_many(cx, s->db, &many));
	many.sql = SEAL_KNOWN MOVED;
	many.bind = bind_reply;
	many.count = not_sealed(&r, n);
	TRY(db_run_many(cx, s->db, &many));
	many.sql = SEAL_UNKNOWN MOVED;
	many.bind = bind_unknown;
	many.count = not_sealed(&r, many.count);
	TRY(db_run_many(cx, s->db, &many));
	(void)not_sealed(&r, many.count);
	for (size_t i = 0; i < n; i++)
		if (replies[i].rc != OK)
			fail(replies[i].cx, E_CONFLICT, REFRESH_TAKEN_OVER);
	return OK;
}

enum rc
refresh_rows_seal(
    struct store *s, struct ctx *cx, struct round_reply *replies, size_t n, int64_t now_ms)
{
	return reply_has_slots(s) ? reply_seal(s, cx, replies, n)
				  : seal_in_rows(s, cx, replies, n, now_ms);
}

/* --- commit --- */

/* The refresh token, the app secret and the pair that is replaced keep their seals; only what is new is sealed. */
static void
bind_pair(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct round_pair *p = r->writing[i];
	const struct token_grant *g = p->grant;
	struct token t = p->claim->token;
	bool returned = !secret_empty(g->refresh);
	bool rotated = returned && !crypto_equal(g->refresh, p->claim->secrets.refresh);

	db_bind_int(st, 1, t.sealed_version);
	t.sealed_version++;
	db_bind_int(st, 2, t.sealed_version);
	token_row_bind_access(r->store, r->cx, st, 3, &t, g->access);
	if (rotated)
		t.refresh_version = t.sealed_version;
	token_row_bind_refresh(r->store, r->cx, st, 4, &t, rotated ? g->refresh : secret_of(S("")));
	db_bind_int(st, 5, g->now_ms);
	db_bind_int(st, 6, g->expires_ms);
	db_bind_int(st, 7, g->life_source);
	db_bind_text(st, 8, g->scope_granted.len > 0 ? g->scope_granted : t.scope_granted);
	db_bind_int(st, 9, g->due_ms);
	db_bind_int(
	    st, 10, g->refresh_expires_ms > 0 ? g->refresh_expires_ms : t.refresh_expires_ms);
	db_bind_blob(st, 11, S(""));
	db_bind_int(st, 12, rotated);
	db_bind_int(st, 13, t.refresh_version);
	db_bind_int(st, 14, returned);
	db_bind_int(st, 15, t.expires_ms);
	db_bind_int(st, 16, g->expires_date_s);
	db_bind_text(st, 17, t.id);
	db_bind_int(st, 18, p->claim->fence);
	db_bind_int(st, 19, t.lazy);
	db_bind_place(st, 20, p->claim->place);
}

/* A refresh like any other is counted; one that ends a trouble is told. */
static enum rc
tell_recovered(struct store *s, struct ctx *cx, const struct token *t)
{
	return t->status != TOKEN_ACTIVE || t->attempts > 0
	    ? store_event_token(s, cx, "token.recovered", t, NULL)
	    : OK;
}

#define PAIR                                                                           \
	"UPDATE token SET " TOKEN_PREVIOUS ", previous_expires_ms = $15,"              \
	" access_version = $2, access = $3, refresh_version = $13,"                    \
	" refresh = CASE WHEN $12 = 1 THEN $4 ELSE refresh END,"                       \
	" learned_refreshes = learned_refreshes + 1,"                                  \
	" learned_rotations = learned_rotations + $12,"                                \
	" learned_returned = learned_returned + $14,"                                  \
	" learned_ms = CASE WHEN learned_refreshes > 0 THEN learned_ms ELSE $5 END,"   \
	" status = 0, status_reason = '', status_ms = $5, expires_ms = $6,"            \
	" life_source = $7, scope_granted = $8, refreshed_ms = $5, updated_ms = $5,"   \
	" proved_ms = $5, due_ms = $9, refresh_expires_ms = $10, attempts = 0,"        \
	" last_error = '', failed_ms = 0, lease_until_ms = 0, attempt_stage = 0,"      \
	" attempt_fence = 0, attempt_risked = 0, attempt_reply = $11, refused_ms = 0," \
	" expires_date_s = $16"                                                        \
	" WHERE id = $17 AND fence = $18 AND access_version = $1 AND lazy = $19"

static size_t
not_written(struct rows *r, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		r->writing[i]->rc = r->changed[i] == 1 ? OK : E_CONFLICT;
		if (r->changed[i] != 1)
			r->writing[left++] = r->writing[i];
	}
	return left;
}

enum rc
refresh_rows_commit(struct store *s, struct ctx *cx, struct round_pair *pairs, size_t n)
{
	struct rows r = { .store = s, .cx = cx };
	struct db_many many = { .count = n, .bind = bind_pair, .arg = &r };

	many.changed = r.changed = numbers(cx, n);
	r.writing = ARENA_ARRAY(cx->arena, struct round_pair *, n > 0 ? n : 1);
	for (size_t i = 0; i < n; i++)
		r.writing[i] = &pairs[i];
	many.sql = PAIR " AND ROW_PLACE = $20";
	TRY(db_run_many(cx, s->db, &many));
	many.sql = PAIR;
	many.count = not_written(&r, n);
	TRY(db_run_many(cx, s->db, &many));
	(void)not_written(&r, many.count);
	for (size_t i = 0; i < n; i++)
		if (pairs[i].rc == OK)
			TRY(tell_recovered(s, cx, &pairs[i].claim->token));
	return OK;
}
