/* What did not work, of many refreshes at once. */
#include "base/json.h"
#include "store/refresh_row.h"
#include "store/reply.h"

struct rows {
	const struct round_failure *failures;
	int64_t *changed;
};

/* A reply that said for certain what became of the attempt is not needed any more. */
static bool
keeps_reply(const struct refresh_failure *f)
{
	return f->attempt.stage == STAGE_KEPT || f->keep_reply;
}

static void
bind_failure(void *arg, size_t i, struct db_stmt *st)
{
	const struct rows *r = arg;
	const struct refresh_failure *f = r->failures[i].failure;
	const struct refresh_claim *claim = r->failures[i].claim;
	bool same = f->status == claim->token.status;

	db_bind_int(st, 1, f->status);
	db_bind_text(st, 2, f->status == TOKEN_ACTIVE ? S("") : f->reason);
	db_bind_int(st, 3, same ? claim->token.status_ms : f->now_ms);
	db_bind_int(st, 4, f->due_ms);
	db_bind_int(st, 5, f->now_ms);
	db_bind_text(st, 6, f->reason);
	db_bind_int(st, 7, f->attempt.stage);
	db_bind_int(st, 8, f->attempt.risked);
	db_bind_text(st, 9, claim->token.id);
	db_bind_int(st, 10, claim->fence);
	db_bind_int(st, 11, claim->token.sealed_version);
	db_bind_int(st, 12, claim->token.attempt.stage);
	db_bind_int(st, 13, f->attempt.sent_ms);
	db_bind_int(st, 14, f->first_of_kind);
	db_bind_int(st, 15, keeps_reply(f));
	db_bind_blob(st, 16, S(""));
}

/* What made its owner's act needed stands, whatever a try in vain brings after it. */
#define FAILED                                                                                   \
	"UPDATE token SET status = $1, status_reason = CASE WHEN status = $1 THEN status_reason" \
	" ELSE $2 END, status_ms = $3, due_ms = $4,"                                             \
	" failed_ms = CASE WHEN attempts > 0 AND failed_ms > 0 THEN failed_ms ELSE $5 END,"      \
	" attempts = CASE WHEN $14 = 1 THEN 1 ELSE attempts + 1 END, last_error = $6,"           \
	" lease_until_ms = 0, attempt_stage = $7, attempt_risked = $8, attempt_sent_ms = $13,"   \
	" attempt_reply = CASE WHEN $15 = 1 THEN attempt_reply ELSE $16 END"                     \
	" WHERE id = $9 AND fence = $10 AND (access_version = $11 OR status = $1)"               \
	" AND (attempt_fence = $10 OR attempt_stage = $12)"

/* The first failure, each that changes what has to be done about it, and when it is no longer known whether
 * the grant lives. */
static enum rc
tell_failed(struct store *s, struct ctx *cx, const struct token *t, const struct refresh_failure *f)
{
	static const char *const types[] = {
		[TOKEN_ACTIVE] = "token.failing",
		[TOKEN_NEEDS_REAUTHORIZATION] = "token.needs_reauthorization",
		[TOKEN_MISCONFIGURED] = "token.misconfigured",
	};

	if (f->status == t->status && !f->newly_in_doubt &&
	    (f->status != TOKEN_ACTIVE || t->attempts > 0))
		return OK;
	return store_event_token(
	    s, cx, types[f->status], t, json_pack("{s:o}", "why", json_str(f->reason)));
}

static enum rc
written(struct store *s, struct ctx *cx, const struct round_failure *f)
{
	if (keeps_reply(f->failure))
		TRY(reply_keep(s, cx, f->claim));
	return tell_failed(s, cx, &f->claim->token, f->failure);
}

enum rc
refresh_rows_fail(struct store *s, struct ctx *cx, struct round_failure *failures, size_t n)
{
	struct rows r = { .failures = failures,
		.changed = ARENA_ARRAY(cx->arena, int64_t, n > 0 ? n : 1) };

	TRY(db_run_many(cx, s->db,
	    &(struct db_many){ .sql = FAILED,
		.count = n,
		.bind = bind_failure,
		.arg = &r,
		.changed = r.changed }));
	for (size_t i = 0; i < n; i++) {
		struct round_failure *f = &failures[i];

		f->rc = r.changed[i] == 1 ? OK : fail(f->cx, E_CONFLICT, REFRESH_TAKEN_OVER);
		TRY(f->rc == OK ? written(s, cx, f)
				: reply_hand_over(s, cx, f->claim, f->failure->now_ms));
	}
	return OK;
}
