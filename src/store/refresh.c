#include "store/refresh.h"

#include "store/refresh_row.h"
#include "store/reply.h"
#include "store/token_row.h"

/* One token's part of a round, by itself. */
static enum rc
run(struct store *s, struct ctx *cx, struct round *r, const enum rc *rc)
{
	struct ctx scratch;

	ctx_init(&scratch, cx->arena, cx->clock);
	scratch.may_block = cx->may_block;
	scratch.actor = cx->actor;
	store_round(s, &scratch, r);
	return *rc;
}

enum rc
store_refresh_claim(struct store *s, struct ctx *cx, struct str id, int64_t wall_ms,
    int64_t lease_ms, struct refresh_claim *out)
{
	struct round_wish wish = { .id = id, .cx = cx, .claim = out };
	struct round r = {
		.wishes = &wish, .wish_count = 1, .wall_ms = wall_ms, .lease_ms = lease_ms
	};

	return run(s, cx, &r, &wish.rc);
}

enum rc
store_refresh_sent(
    struct store *s, struct ctx *cx, struct refresh_claim *claim, int64_t now_ms, bool risky)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct round_wish wish = { .cx = cx, .claim = claim, .risky = risky };

	TRY(db_begin(cx, s->db));
	TRY(refresh_row_record(s, cx, &wish, now_ms));
	return db_commit(cx, s->db);
}

enum rc
store_refresh_answered(struct store *s, struct ctx *cx, struct refresh_claim *claim, int64_t now_ms,
    int status, int64_t date_s, struct secret reply)
{
	struct round_reply part = {
		.claim = claim, .cx = cx, .status = status, .date_s = date_s, .body = reply
	};
	struct round r = { .replies = &part, .reply_count = 1, .now_ms = now_ms };

	return run(s, cx, &r, &part.rc);
}

/* Only the owner of the newest claim may write its outcome. */
static enum rc
check_fence(struct store *s, struct ctx *cx, const struct refresh_claim *claim, struct token *now,
    struct token_secrets *secrets)
{
	TRY(token_row_open(s, cx, TOKEN_BY_ID, claim->token.id, now, secrets));
	if (now->fence != claim->fence)
		return fail(cx, E_CONFLICT, "A newer refresh has taken over.");
	return OK;
}

/* What the row holds now is what is replaced: the name or the App Secret may be others than at the
 * claim. */
static enum rc
write_pair(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    const struct token_grant *grant)
{
	struct refresh_claim now = *claim;
	struct token_grant granted = *grant;
	struct round_pair pair = { .claim = &now, .cx = cx, .grant = &granted };

	TRY(token_row_hold(s, cx, claim->token.id));
	TRY(check_fence(s, cx, claim, &now.token, &now.secrets));
	if (now.token.attempt.stage == STAGE_SETTLED &&
	    crypto_equal(now.secrets.access, grant->access))
		return OK; /* it was written, and only the answer to that was lost */
	/* When it is due again was computed for the other setting. */
	if (now.token.lazy != claim->token.lazy)
		granted.due_ms = granted.now_ms;
	TRY(refresh_rows_commit(s, cx, &pair, 1));
	if (pair.rc != OK)
		return fail(cx, E_BUG, "The token changed under its own lock.");
	return store_changed(s, cx, CHANGE_TOKEN, claim->token.id);
}

enum rc
store_refresh_commit(
    struct store *s, struct ctx *cx, struct refresh_claim *claim, const struct token_grant *grant)
{
	STORE_HOLD hold = store_hold(s, cx);
	bool overtaken;
	enum rc rc;

	TRY(db_begin(cx, s->db));
	rc = write_pair(s, cx, claim, grant);
	overtaken = (rc == E_CONFLICT || rc == E_NOTFOUND) && claim->slot > 0;
	if (overtaken)
		TRY(reply_hand_over(s, cx, claim, grant->now_ms));
	else
		TRY(rc);
	TRY(reply_end(s, cx, claim->slot > 0));
	TRY(db_commit(cx, s->db));
	reply_free(s, claim);
	return rc;
}

enum rc
store_refresh_failed(struct store *s, struct ctx *cx, struct refresh_claim *claim,
    const struct refresh_failure *failure)
{
	struct round_failure part = { .claim = claim, .cx = cx, .failure = failure };
	struct round r = { .failures = &part, .failure_count = 1 };

	return run(s, cx, &r, &part.rc);
}

enum rc
store_refresh_release(
    struct store *s, struct ctx *cx, const struct refresh_claim *claim, int64_t due_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	/* A reply that was sealed since the claim stays due as it is; and for another setting it was not
	 * computed. */
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET lease_until_ms = 0, due_ms = CASE WHEN attempt_fence <> $3 AND"
	    " attempt_stage <> $4 THEN due_ms WHEN lazy = $5 THEN $1 ELSE $6 END"
	    " WHERE id = $2 AND fence = $3",
	    &st));
	db_bind_int(st, 1, due_ms);
	db_bind_text(st, 2, claim->token.id);
	db_bind_int(st, 3, claim->fence);
	db_bind_int(st, 4, claim->token.attempt.stage);
	db_bind_int(st, 5, claim->token.lazy);
	db_bind_int(st, 6, clock_now_ms(cx->clock));
	return store_write_one(cx, st, E_CONFLICT, REFRESH_TAKEN_OVER);
}

enum rc
store_refresh_recover(struct store *s, struct ctx *cx, int64_t now_ms, int64_t *count)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(reply_recover(cx, s->db, now_ms));
	TRY(db_stmt(
	    cx, s->db, "UPDATE token SET lease_until_ms = 0 WHERE lease_until_ms > 0", &st));
	TRY(db_run(cx, st, NULL));
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET due_ms = $1 WHERE attempt_stage > 0 AND attempt_stage < $2 AND"
	    " lease_until_ms = 0 AND deleted_ms = 0",
	    &st));
	db_bind_int(st, 1, now_ms);
	db_bind_int(st, 2, STAGE_LOST);
	TRY(db_run(cx, st, count));
	return db_commit(cx, s->db);
}

enum rc
store_refresh_reread(struct store *s, struct ctx *cx, struct str id, int64_t now_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET due_ms = $1, attempt_stage = $3 WHERE id = $2 AND deleted_ms = 0 AND"
	    " (attempt_stage = $3 OR (attempt_stage = $4 AND length(attempt_reply) > 0))",
	    &st));
	db_bind_int(st, 1, now_ms);
	db_bind_text(st, 2, id);
	db_bind_int(st, 3, STAGE_KEPT);
	db_bind_int(st, 4, STAGE_LOST);
	return store_write_one(
	    cx, st, E_NOTFOUND, "No reply that could be read again is kept for this access token.");
}
