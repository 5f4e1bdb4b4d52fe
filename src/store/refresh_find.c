/* A claim whose commit was answered to nobody: is it there? */
#include "store/refresh.h"

#include "store/store_int.h"
#include "store/token_row.h"

static enum rc
is_ours(struct store *s, struct ctx *cx, const struct refresh_claim *claim)
{
	const struct str nonce = { (const char *)claim->nonce, sizeof(claim->nonce) };
	struct db_stmt *st;
	bool ours;

	TRY(db_stmt(cx, s->db, "SELECT fence, claim_nonce FROM token WHERE id = $1", &st));
	db_bind_text(st, 1, claim->token.id);
	TRY(store_want_row(cx, st, "access token"));
	ours = db_col_int(st, 0) == claim->fence && str_eq(db_col_blob(st, 1, cx->arena), nonce);
	db_done(st);
	return ours ? OK : fail(cx, E_CONFLICT, "This claim does not stand in the store.");
}

/* The server may still be about to commit what was asked for on a connection that is gone: whoever holds the
 * row after that sees what came of it. */
enum rc
store_refresh_find(struct store *s, struct ctx *cx, struct refresh_claim *claim, bool *recorded)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token now;
	enum rc rc;

	TRY(db_begin(cx, s->db));
	rc = token_row_hold(s, cx, claim->token.id);
	if (rc == OK)
		rc = is_ours(s, cx, claim);
	if (rc == OK)
		rc = token_row_get(s, cx, TOKEN_BY_ID, claim->token.id, &now);
	if (rc == E_NOTFOUND)
		return fail(cx, E_CONFLICT, "There is no such access token any more.");
	TRY(rc);
	claim->token.attempt = now.attempt;
	*recorded = now.attempt.fence == claim->fence && now.attempt.stage == STAGE_SENT;
	return OK;
}
