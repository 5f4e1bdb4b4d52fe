/* code_redeem of grants.h: a code is tried, used once, and turned into tokens. */
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/issue.h"

#define CODE_TRIES_MAX 5
#define GONE "code doesn't exist or has expired"

struct code_row {
	struct str digest, redirect_uri, challenge, method, nonce;
	int64_t expires_ms, tries, auth_ms, uid;
	bool used, ended;
	struct str personality;
	struct grant grant;
};

static void
read_row(struct ctx *cx, struct db_stmt *st, struct code_row *out)
{
	struct arena *a = cx->arena;

	out->redirect_uri = db_col_text(st, 0, a);
	out->challenge = db_col_text(st, 1, a);
	out->method = db_col_text(st, 2, a);
	out->nonce = db_col_text(st, 3, a);
	out->expires_ms = db_col_int(st, 4);
	out->used = db_col_int(st, 5) != 0;
	out->tries = db_col_int(st, 6);
	out->ended = db_col_int(st, 7) != 0;
	out->personality = db_col_text(st, 8, a);
	out->grant = (struct grant){
		.id = db_col_text(st, 9, a),
		.account_id = db_col_text(st, 10, a),
		.team_id = db_col_text(st, 11, a),
		.offline = db_col_int(st, 13) != 0,
		.long_lived = db_col_int(st, 14) != 0,
	};
	out->auth_ms = db_col_int(st, 15);
	out->uid = db_col_int(st, 16);
	scopes_parse(db_col_text(st, 12, a), &out->grant.scopes);
}

static enum rc
code_get(struct sandbox *s, struct ctx *cx, const struct code_use *use, struct code_row *out)
{
	struct db_stmt *st;
	bool row;

	out->digest = token_digest(s, cx, CODE_PURPOSE, use->code);
	TRY(sql_bind(cx, s->db,
	    "SELECT c.redirect_uri, c.challenge, c.method, c.nonce, c.expires_ms, c.used, c.tries,"
	    " g.ended_ms, a.personality, g.id, g.account_id, g.team_id, g.scopes, g.offline,"
	    " g.long_lived, c.auth_ms, u.uid FROM codes c JOIN grants g ON g.id = c.grant_id"
	    " JOIN apps a ON a.app_key = g.app_key JOIN accounts u ON u.id = g.account_id"
	    " WHERE c.digest = $1 AND c.app_key = $2",
	    SQL_ARGS(B(out->digest), T(use->app_key)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return invalid_grant(cx, GONE);
	read_row(cx, st, out);
	db_done(st);
	out->grant.app_key = use->app_key;
	return personality_parse(cx, out->personality, &out->grant.personality);
}

/* RFC 7636 section 4.6; a verifier without a challenge is refused too (RFC 9700 section 4.8.2). */
static bool
verifier_ok(struct ctx *cx, const struct code_row *code, struct secret verifier)
{
	struct secret answer = verifier;

	if (code->challenge.len == 0)
		return secret_empty(verifier);
	if (secret_empty(verifier))
		return false;
	if (str_eq(code->method, S("S256")))
		answer = secret_of(
		    crypto_base64url(cx->arena, crypto_sha256(cx->arena, secret_expose(verifier))));
	return crypto_equal(answer, secret_of(code->challenge));
}

/* A wrong guess is counted and stays counted. */
static enum rc
wrong_guess(struct sandbox *s, struct ctx *cx, const struct code_row *code, const char *why)
{
	TRY(sql_exec(cx, s->db, NULL, "UPDATE codes SET tries = tries + 1 WHERE digest = $1",
	    SQL_ARGS(B(code->digest))));
	store_keep(s);
	return invalid_grant(cx, why);
}

static enum rc
used_again(struct sandbox *s, struct ctx *cx, const struct code_row *code)
{
	TRY(grant_revoke(s, cx, code->grant.id));
	store_keep(s);
	return invalid_grant(cx, "code has already been used");
}

/* The verifier proves a client without a secret, so there must have been a challenge (S-063). */
static enum rc
check_public(struct ctx *cx, const struct code_use *use, const struct code_row *code)
{
	if (use->proven || code->challenge.len > 0)
		return OK;
	return fail_at(cx, E_INPUT, "invalid_client", NULL, "Invalid client_id or client_secret");
}

static enum rc
code_check(struct sandbox *s, struct ctx *cx, const struct code_use *use,
    const struct code_row *code, int64_t now_ms)
{
	TRY(check_public(cx, use, code));
	if (code->used)
		return used_again(s, cx, code);
	if (code->ended || code->expires_ms <= now_ms || code->tries >= CODE_TRIES_MAX)
		return invalid_grant(cx, GONE);
	if (!str_eq(code->redirect_uri, use->redirect_uri) ||
	    (use->redirect_uri.p != NULL && code->redirect_uri.len == 0))
		return wrong_guess(s, cx, code, "redirect_uri mismatch");
	if (!verifier_ok(cx, code, use->verifier))
		return wrong_guess(s, cx, code, "invalid code verifier");
	return OK;
}

static enum rc
use_up(struct sandbox *s, struct ctx *cx, const struct code_use *use, const struct code_row *code)
{
	int64_t changed;

	TRY(sql_exec(cx, s->db, &changed,
	    "UPDATE codes SET used = 1 WHERE digest = $1 AND used = 0", SQL_ARGS(B(code->digest))));
	if (changed != 1)
		return invalid_grant(cx, "code has already been used");
	store_stamp_keep(s); /* nobody keeps codes in memory */
	if (use->proven)
		return OK;
	TRY(sql_exec(cx, s->db, NULL, "UPDATE grants SET public_client = 1 WHERE id = $1",
	    SQL_ARGS(T(code->grant.id))));
	store_stamp_keep(s); /* nor a grant that has no refresh token yet */
	return OK;
}

enum rc
code_redeem(struct sandbox *s, struct ctx *cx, const struct code_use *use, struct issued *out)
{
	struct code_row code = { 0 };

	*out = (struct issued){ .at_ms = clock_now_ms(s->clock) };
	TRY(code_get(s, cx, use, &code));
	TRY(code_check(s, cx, use, &code, out->at_ms));
	TRY(use_up(s, cx, use, &code));
	out->uid = code.uid;
	out->nonce = code.nonce;
	out->auth_ms = code.auth_ms;
	out->scopes = code.grant.scopes;
	TRY(access_issue(s, cx, &code.grant, (struct birth){ 0 }, out));
	if (!code.grant.offline)
		return OK;
	TRY(refresh_issue(s, cx, &code.grant, 1, (struct secret){ 0 }, out));
	store_stamp_keep(s); /* nor what is not there yet */
	return OK;
}
