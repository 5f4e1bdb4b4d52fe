#include "sandbox/oauth/grants.h"

#include "sandbox/tree/files.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define TOKEN_ALPHABET S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
#define ACCESS_RANDOM_LEN 140
#define REFRESH_LEN 64
#define CODE_TRIES_MAX 5
/* Expired tokens are kept a while so that they are told from unknown ones. */
#define KEEP_EXPIRED_MS (7 * DAY_MS)

static struct str
digest(struct sandbox *s, struct ctx *cx, const char *purpose, struct secret value)
{
	return crypto_digest(s->keys, cx->arena, str_of(purpose), value);
}

static struct str
random_id(struct ctx *cx)
{
	return secret_expose(crypto_random_text(cx->arena, 22, TOKEN_ALPHABET));
}

static enum rc
purge(struct sandbox *s, struct ctx *cx)
{
	int64_t before = clock_now_ms(s->clock) - KEEP_EXPIRED_MS;

	TRY(sql_exec(
	    cx, s->db, NULL, "DELETE FROM tokens WHERE expires_ms < $1", SQL_ARGS(I(before))));
	return sql_exec(
	    cx, s->db, NULL, "DELETE FROM codes WHERE expires_ms < $1", SQL_ARGS(I(before)));
}

static enum rc
put_link(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO links (id, app_key, account_id, scopes, redirect_uri, connected_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (app_key, account_id) DO UPDATE SET"
	    " scopes = excluded.scopes, redirect_uri = excluded.redirect_uri,"
	    " connected_ms = excluded.connected_ms",
	    SQL_ARGS(T(random_id(cx)), T(ask->app_key), T(ask->account_id),
		T(scopes_text(cx->arena, ask->scopes)), T(ask->redirect_uri),
		I(clock_now_ms(s->clock))));
}

static enum rc
put_code(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct str grant_id,
    struct secret code)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO codes (digest, grant_id, app_key, redirect_uri, challenge, method, "
	    "expires_ms,"
	    " used, tries) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)",
	    SQL_ARGS(B(digest(s, cx, "sandbox.code", code)), T(grant_id), T(ask->app_key),
		T(ask->redirect_uri), T(ask->challenge), T(ask->method),
		I(clock_now_ms(s->clock) + CODE_LIFE_MS)));
}

enum rc
grant_start(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct secret *code)
{
	struct str id = random_id(cx);

	*code = crypto_random_token(cx->arena);
	TRY(purge(s, cx));
	TRY(put_link(s, cx, ask));
	TRY(sql_exec(cx, s->db, NULL,
	    "INSERT INTO grants (id, app_key, account_id, scopes, offline, created_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6)",
	    SQL_ARGS(T(id), T(ask->app_key), T(ask->account_id),
		T(scopes_text(cx->arena, ask->scopes)), I(ask->offline),
		I(clock_now_ms(s->clock)))));
	return put_code(s, cx, ask, id, *code);
}

struct code_row {
	struct str digest, grant_id, redirect_uri, challenge, method;
	int64_t expires_ms, tries;
	bool used;
};

static enum rc
invalid_grant(struct ctx *cx, const char *why)
{
	return fail_at(cx, E_INPUT, "invalid_grant", NULL, "%s", why);
}

static enum rc
code_get(struct sandbox *s, struct ctx *cx, const struct code_use *use, struct code_row *out)
{
	struct arena *a = cx->arena;
	struct db_stmt *st;
	bool row;

	out->digest = digest(s, cx, "sandbox.code", use->code);
	TRY(sql_bind(cx, s->db,
	    "SELECT grant_id, redirect_uri, challenge, method, expires_ms, used, tries FROM codes"
	    " WHERE digest = $1 AND app_key = $2",
	    SQL_ARGS(B(out->digest), T(use->app_key)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return invalid_grant(cx, "code doesn't exist or has expired");
	out->grant_id = db_col_text(st, 0, a);
	out->redirect_uri = db_col_text(st, 1, a);
	out->challenge = db_col_text(st, 2, a);
	out->method = db_col_text(st, 3, a);
	out->expires_ms = db_col_int(st, 4);
	out->used = db_col_int(st, 5) != 0;
	out->tries = db_col_int(st, 6);
	db_done(st);
	return OK;
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
code_check(
    struct sandbox *s, struct ctx *cx, const struct code_use *use, const struct code_row *code)
{
	if (code->used) {
		TRY(grant_revoke(s, cx, code->grant_id));
		store_keep(s);
		return invalid_grant(cx, "code has already been used");
	}
	if (code->expires_ms <= clock_now_ms(s->clock) || code->tries >= CODE_TRIES_MAX)
		return invalid_grant(cx, "code doesn't exist or has expired");
	if (!str_eq(code->redirect_uri, use->redirect_uri) ||
	    (use->redirect_uri.p != NULL && code->redirect_uri.len == 0))
		return wrong_guess(s, cx, code, "redirect_uri mismatch");
	if (!verifier_ok(cx, code, use->verifier))
		return wrong_guess(s, cx, code, "invalid code verifier");
	return OK;
}

struct grant_row {
	struct str id, account_id;
	scope_set scopes;
	bool offline;
};

static enum rc
grant_read(struct ctx *cx, struct db_stmt *st, const char *otherwise, struct grant_row *out)
{
	bool row;

	TRY(db_step(cx, st, &row));
	if (!row)
		return invalid_grant(cx, otherwise);
	out->id = db_col_text(st, 0, cx->arena);
	out->account_id = db_col_text(st, 1, cx->arena);
	scopes_parse(db_col_text(st, 2, cx->arena), &out->scopes);
	out->offline = db_col_int(st, 3) != 0;
	db_done(st);
	return OK;
}

static enum rc
issue_access(struct sandbox *s, struct ctx *cx, const struct grant_row *grant, struct issued *out)
{
	struct str tail =
	    secret_expose(crypto_random_text(cx->arena, ACCESS_RANDOM_LEN, TOKEN_ALPHABET));
	struct account acct;

	TRY(account_get(s, cx, grant->account_id, &acct));
	out->access = secret_of(str_printf(cx->arena, "sl.%.*s", STR_ARG(tail)));
	out->account_id = acct.id;
	out->uid = acct.uid;
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO tokens (digest, grant_id, scopes, expires_ms) VALUES ($1, $2, $3, $4)",
	    SQL_ARGS(B(digest(s, cx, "sandbox.access", out->access)), T(grant->id),
		T(scopes_text(cx->arena, out->scopes)),
		I(clock_now_ms(s->clock) + ACCESS_LIFE_S * SECOND_MS)));
}

static enum rc
issue_refresh(struct sandbox *s, struct ctx *cx, const struct grant_row *grant, struct issued *out)
{
	out->refresh = crypto_random_text(cx->arena, REFRESH_LEN, TOKEN_ALPHABET);
	return sql_exec(cx, s->db, NULL, "UPDATE grants SET refresh_digest = $1 WHERE id = $2",
	    SQL_ARGS(B(digest(s, cx, "sandbox.refresh", out->refresh)), T(grant->id)));
}

enum rc
code_redeem(struct sandbox *s, struct ctx *cx, const struct code_use *use, struct issued *out)
{
	struct code_row code = { 0 };
	struct grant_row grant;
	struct db_stmt *st;
	int64_t changed;

	*out = (struct issued){ 0 };
	TRY(code_get(s, cx, use, &code));
	TRY(code_check(s, cx, use, &code));
	TRY(sql_exec(cx, s->db, &changed,
	    "UPDATE codes SET used = 1 WHERE digest = $1 AND used = 0", SQL_ARGS(B(code.digest))));
	if (changed != 1)
		return invalid_grant(cx, "code has already been used");
	TRY(sql_bind(cx, s->db, "SELECT id, account_id, scopes, offline FROM grants WHERE id = $1",
	    SQL_ARGS(T(code.grant_id)), &st));
	TRY(grant_read(cx, st, "code doesn't exist or has expired", &grant));
	out->scopes = grant.scopes;
	TRY(issue_access(s, cx, &grant, out));
	return grant.offline ? issue_refresh(s, cx, &grant, out) : OK;
}

enum rc
refresh_redeem(struct sandbox *s, struct ctx *cx, struct str app_key, struct secret refresh,
    struct str scope_text, struct issued *out)
{
	struct grant_row grant;
	struct db_stmt *st;

	*out = (struct issued){ 0 };
	if (secret_expose(refresh).len != REFRESH_LEN)
		return invalid_grant(cx, "refresh token is malformed");
	TRY(sql_bind(cx, s->db,
	    "SELECT id, account_id, scopes, offline FROM grants"
	    " WHERE refresh_digest = $1 AND app_key = $2",
	    SQL_ARGS(B(digest(s, cx, "sandbox.refresh", refresh)), T(app_key)), &st));
	TRY(grant_read(cx, st, "refresh token is invalid or revoked", &grant));
	out->scopes = grant.scopes;
	if (scope_text.p != NULL &&
	    (!scopes_parse(scope_text, &out->scopes) || out->scopes == 0 ||
		(out->scopes & ~grant.scopes) != 0))
		return fail_at(cx, E_INPUT, "invalid_scope", NULL,
		    "scope must be a subset of what was granted");
	TRY(purge(s, cx));
	return issue_access(s, cx, &grant, out);
}

static enum rc
token_row(struct sandbox *s, struct ctx *cx, struct secret token, struct caller *out,
    struct str *account_id)
{
	struct arena *a = cx->arena;
	scope_set of_app;
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT t.expires_ms, t.scopes, g.id, g.account_id, a.app_key, a.scopes, a.folder_name"
	    " FROM tokens t JOIN grants g ON g.id = t.grant_id JOIN apps a ON a.app_key = g.app_key"
	    " WHERE t.digest = $1",
	    SQL_ARGS(B(digest(s, cx, "sandbox.access", token))), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail_at(
		    cx, E_AUTH, "invalid_access_token", NULL, "The access token is invalid.");
	if (db_col_int(st, 0) <= clock_now_ms(s->clock)) {
		db_done(st);
		return fail_at(
		    cx, E_AUTH, "expired_access_token", NULL, "The access token has expired.");
	}
	scopes_parse(db_col_text(st, 1, a), &out->scopes);
	out->grant_id = db_col_text(st, 2, a);
	*account_id = db_col_text(st, 3, a);
	out->app_key = db_col_text(st, 4, a);
	scopes_parse(db_col_text(st, 5, a), &of_app);
	out->scopes &= of_app;
	if (!db_col_null(st, 6))
		out->root = str_printf(a, "/Apps/%s", db_col_text(st, 6, a).p);
	db_done(st);
	return OK;
}

enum rc
token_find(struct sandbox *s, struct ctx *cx, struct secret token, struct caller *out)
{
	struct str account_id;

	*out = (struct caller){ 0 };
	TRY(token_row(s, cx, token, out, &account_id));
	return account_get(s, cx, account_id, &out->account);
}

enum rc
grant_revoke(struct sandbox *s, struct ctx *cx, struct str grant_id)
{
	TRY(sql_exec(cx, s->db, NULL,
	    "DELETE FROM links WHERE (app_key, account_id) IN"
	    " (SELECT app_key, account_id FROM grants WHERE id = $1) AND NOT EXISTS"
	    " (SELECT 1 FROM grants o WHERE o.app_key = links.app_key"
	    " AND o.account_id = links.account_id AND o.id <> $1)",
	    SQL_ARGS(T(grant_id))));
	return sql_exec(cx, s->db, NULL, "DELETE FROM grants WHERE id = $1", SQL_ARGS(T(grant_id)));
}
