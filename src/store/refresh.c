#include "store/refresh.h"

#include "store/token_row.h"

static enum rc
open_reply(struct store *s, struct ctx *cx, struct refresh_claim *claim)
{
	claim->reply = secret_of(S(""));
	if (claim->token.attempt.stage != STAGE_KEPT)
		return OK;
	/* Bound to the claim that got it. */
	return token_row_reply(s, cx, claim->token.id, claim->token.attempt.fence, &claim->reply);
}

static enum rc
take_lease(
    struct store *s, struct ctx *cx, const struct token *t, int64_t wall_ms, int64_t lease_ms)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET lease_until_ms = $1, fence = fence + 1 WHERE id = $2 AND"
	    " lease_until_ms < $3 AND fence = $4",
	    &st));
	db_bind_int(st, 1, wall_ms + lease_ms);
	db_bind_text(st, 2, t->id);
	db_bind_int(st, 3, wall_ms);
	db_bind_int(st, 4, t->fence);
	return store_write_one(cx, st, E_CONFLICT, "Another refresh of this token is under way.");
}

enum rc
store_refresh_claim(struct store *s, struct ctx *cx, struct str id, int64_t wall_ms,
    int64_t lease_ms, struct refresh_claim *out)
{
	STORE_HOLD hold = store_hold(s, cx);

	TRY(db_begin(cx, s->db));
	TRY(token_row_get(
	    s, cx, TOKEN_BY_ID, id, &out->token)); /* a deleted token is no conflict */
	TRY(take_lease(s, cx, &out->token, wall_ms, lease_ms));
	TRY(token_row_open(s, cx, TOKEN_BY_ID, id, &out->token, &out->secrets));
	if (secret_empty(out->secrets.refresh))
		return fail_at(cx, E_REAUTH, "no-refresh-token", NULL,
		    "The provider gave no refresh token for this access token.");
	out->fence = out->token.fence;
	TRY(open_reply(s, cx, out));
	return db_commit(cx, s->db);
}

#define TAKEN_OVER "Something newer has taken over."

enum rc
store_refresh_sent(
    struct store *s, struct ctx *cx, struct refresh_claim *claim, int64_t now_ms, bool risky)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_attempt *a = &claim->token.attempt;
	struct token_attempt next = *a;
	struct db_stmt *st;

	/* Doubt that was there already began with the first sending. */
	if (a->stage == STAGE_SETTLED)
		next = (struct token_attempt){ .first_ms = now_ms };
	next.stage = STAGE_SENT;
	next.fence = claim->fence;
	next.sent_ms = now_ms;
	next.risked = next.risked || risky;
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET attempt_stage = $1, attempt_fence = $2, attempt_first_ms = $3,"
	    " attempt_sent_ms = $4, attempt_risked = $5, attempt_reply = $6"
	    " WHERE id = $7 AND fence = $2",
	    &st));
	db_bind_int(st, 1, next.stage);
	db_bind_int(st, 2, next.fence);
	db_bind_int(st, 3, next.first_ms);
	db_bind_int(st, 4, next.sent_ms);
	db_bind_int(st, 5, next.risked);
	db_bind_blob(st, 6, S(""));
	db_bind_text(st, 7, claim->token.id);
	TRY(store_write_one(cx, st, E_CONFLICT, TAKEN_OVER));
	*a = next;
	return OK;
}

enum rc
store_refresh_answered(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    int64_t now_ms, int status, int64_t date_s, struct secret reply)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET attempt_stage = $1, attempt_status = $2, attempt_date_s = $3,"
	    " attempt_reply = $4, due_ms = $5 WHERE id = $6 AND attempt_fence = $7",
	    &st));
	db_bind_int(st, 1, STAGE_KEPT);
	db_bind_int(st, 2, status);
	db_bind_int(st, 3, date_s);
	store_bind_sealed(s, cx, st, 4, token_reply_place(claim->token.id, claim->fence), reply);
	db_bind_int(st, 5, now_ms);
	db_bind_text(st, 6, claim->token.id);
	db_bind_int(st, 7, claim->fence);
	return store_write_one(cx, st, E_CONFLICT, TAKEN_OVER);
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

/* The pair that is replaced, and what its replacement shows about the provider. */
static enum rc
keep_previous(struct store *s, struct ctx *cx, const struct token *t,
    const struct token_secrets *old, const struct token_grant *grant)
{
	bool returned = !secret_empty(grant->refresh);
	bool rotated = returned && !crypto_equal(grant->refresh, old->refresh);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET previous_version = $1, previous_access = $2, previous_refresh = $3,"
	    " learned_refreshes = learned_refreshes + 1,"
	    " learned_rotations = learned_rotations + $4,"
	    " learned_returned = learned_returned + $7, previous_expires_ms = $8,"
	    " learned_ms = CASE WHEN learned_refreshes > 0 THEN learned_ms ELSE $9 END"
	    " WHERE id = $5 AND fence = $6",
	    &st));
	db_bind_int(st, 1, t->sealed_version);
	store_bind_sealed(s, cx, st, 2,
	    token_previous_place(t->id, S("token.previous_access"), t->sealed_version),
	    old->access);
	store_bind_sealed(s, cx, st, 3,
	    token_previous_place(t->id, S("token.previous_refresh"), t->sealed_version),
	    old->refresh);
	db_bind_int(st, 4, rotated);
	db_bind_text(st, 5, t->id);
	db_bind_int(st, 6, t->fence);
	db_bind_int(st, 7, returned);
	db_bind_int(st, 8, t->expires_ms);
	db_bind_int(st, 9, grant->now_ms);
	return store_write_one(cx, st, E_CONFLICT, TAKEN_OVER);
}

enum rc
store_refresh_commit(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    const struct token_grant *grant)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets, old;
	struct token t;

	TRY(db_begin(cx, s->db));
	TRY(token_row_hold(s, cx, claim->token.id));
	TRY(check_fence(s, cx, claim, &t, &old));
	secrets = old;
	secrets.access = grant->access;
	if (!secret_empty(grant->refresh))
		secrets.refresh = grant->refresh;
	TRY(keep_previous(s, cx, &t, &old, grant));
	TRY(token_row_grant(s, cx, &t, grant));
	TRY(token_row_seal(s, cx, &t, &secrets));
	/* A refresh like any other is counted; one that ends a trouble is told. */
	if (t.status != TOKEN_ACTIVE || t.attempts > 0)
		TRY(store_event_token(s, cx, "token.recovered", &t, NULL));
	TRY(store_changed(s, cx, CHANGE_TOKEN, t.id));
	return db_commit(cx, s->db);
}

/* The kept reply goes, unless it is what stays in doubt. */
static enum rc
forget_reply(struct store *s, struct ctx *cx, const struct refresh_claim *claim)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE token SET attempt_reply = $1 WHERE id = $2", &st));
	db_bind_blob(st, 1, S(""));
	db_bind_text(st, 2, claim->token.id);
	return db_run(cx, st, NULL);
}

/* The first failure, and each that changes what has to be done about it. */
static enum rc
tell_failed(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    const struct refresh_failure *failure)
{
	static const char *const types[] = {
		[TOKEN_ACTIVE] = "token.failing",
		[TOKEN_NEEDS_REAUTHORIZATION] = "token.needs_reauthorization",
		[TOKEN_MISCONFIGURED] = "token.misconfigured",
	};
	const struct token *t = &claim->token;

	if (failure->status == t->status && (failure->status != TOKEN_ACTIVE || t->attempts > 0))
		return OK;
	return store_event_token(
	    s, cx, types[failure->status], t, json_pack("{s:o}", "why", json_str(failure->reason)));
}

enum rc
store_refresh_failed(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    const struct refresh_failure *failure)
{
	STORE_HOLD hold = store_hold(s, cx);
	bool same = failure->status == claim->token.status;
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET status = $1, status_reason = $2, status_ms = $3, due_ms = $4,"
	    " failed_ms = CASE WHEN attempts > 0 AND failed_ms > 0 THEN failed_ms ELSE $5 END,"
	    " attempts = attempts + 1, last_error = $6, lease_until_ms = 0, attempt_stage = $7,"
	    " attempt_risked = $8 WHERE id = $9 AND fence = $10 AND (sealed_version = $11 OR"
	    " status = $1)",
	    &st));
	db_bind_int(st, 1, failure->status);
	db_bind_text(st, 2, failure->status == TOKEN_ACTIVE ? S("") : failure->reason);
	db_bind_int(st, 3, same ? claim->token.status_ms : failure->now_ms);
	db_bind_int(st, 4, failure->due_ms);
	db_bind_int(st, 5, failure->now_ms);
	db_bind_text(st, 6, failure->reason);
	db_bind_int(st, 7, failure->attempt.stage);
	db_bind_int(st, 8, failure->attempt.risked);
	db_bind_text(st, 9, claim->token.id);
	db_bind_int(st, 10, claim->fence);
	db_bind_int(st, 11, claim->token.sealed_version);
	TRY(store_write_one(cx, st, E_CONFLICT, TAKEN_OVER));
	if (failure->attempt.stage != STAGE_KEPT)
		TRY(forget_reply(s, cx, claim));
	TRY(tell_failed(s, cx, claim, failure));
	TRY(store_changed(s, cx, CHANGE_TOKEN, claim->token.id));
	return db_commit(cx, s->db);
}

enum rc
store_refresh_release(
    struct store *s, struct ctx *cx, const struct refresh_claim *claim, int64_t due_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET lease_until_ms = 0, due_ms = $1 WHERE id = $2 AND fence = $3", &st));
	db_bind_int(st, 1, due_ms);
	db_bind_text(st, 2, claim->token.id);
	db_bind_int(st, 3, claim->fence);
	return store_write_one(cx, st, E_CONFLICT, TAKEN_OVER);
}

enum rc
store_refresh_recover(struct store *s, struct ctx *cx, int64_t now_ms, int64_t *count)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(db_stmt(
	    cx, s->db, "UPDATE token SET lease_until_ms = 0 WHERE lease_until_ms > 0", &st));
	TRY(db_run(cx, st, NULL));
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET due_ms = $1 WHERE attempt_stage > 0 AND attempt_stage < $2 AND"
	    " deleted_ms = 0",
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
	    "UPDATE token SET due_ms = $1 WHERE id = $2 AND attempt_stage = $3 AND deleted_ms = 0",
	    &st));
	db_bind_int(st, 1, now_ms);
	db_bind_text(st, 2, id);
	db_bind_int(st, 3, STAGE_KEPT);
	return store_write_one(
	    cx, st, E_NOTFOUND, "No reply that could be read again is kept for this access token.");
}
