/* token_find of grants.h: whose access token is it, and what may it do. */
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/issue.h"

struct token_row {
	struct str digest, account_id;
	int64_t watched;
};

static void
read_token(struct ctx *cx, struct db_stmt *st, struct caller *out, struct token_row *row)
{
	struct arena *a = cx->arena;
	scope_set of_app;

	scopes_parse(db_col_text(st, 1, a), &out->scopes);
	out->grant_id = db_col_text(st, 2, a);
	row->account_id = db_col_text(st, 3, a);
	out->app_key = db_col_text(st, 4, a);
	scopes_parse(db_col_text(st, 5, a), &of_app);
	out->scopes &= of_app;
	if (!db_col_null(st, 6))
		out->root = str_printf(a, "/Apps/%s", db_col_text(st, 6, a).p);
	out->team_id = db_col_text(st, 7, a);
	row->watched = db_col_int(st, 8);
}

static enum rc
token_get(struct sandbox *s, struct ctx *cx, struct secret token, struct caller *out,
    struct token_row *found)
{
	struct db_stmt *st;
	bool row;

	found->digest = access_digest(s, cx, token);
	TRY(sql_bind(cx, s->db,
	    "SELECT t.expires_ms, coalesce(t.scopes, g.scopes), g.id, g.account_id, a.app_key,"
	    " a.scopes, a.folder_name, g.team_id, t.watched FROM access_tokens t"
	    " JOIN grants g ON g.id = t.grant_id JOIN apps a ON a.app_key = g.app_key"
	    " WHERE t.digest = $1 AND " ALIVE,
	    SQL_ARGS(B(found->digest)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail_at(
		    cx, E_AUTH, "invalid_access_token", NULL, "The access token is invalid.");
	if (db_col_int(st, 0) <= clock_now_ms(s->clock)) {
		db_done(st);
		return fail_at(
		    cx, E_AUTH, "expired_access_token", NULL, "The access token has expired.");
	}
	read_token(cx, st, out, found);
	db_done(st);
	return OK;
}

static enum rc
end_grace(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct token_row *row)
{
	TRY(sql_exec(cx, s->db, NULL, "UPDATE access_tokens SET watched = 0 WHERE digest = $1",
	    SQL_ARGS(B(row->digest))));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE refresh_tokens SET grace_over = 1, reply = NULL"
	    " WHERE grant_id = $1 AND generation <= $2 AND spent_ms > 0",
	    SQL_ARGS(T(who->grant_id), I(row->watched)));
}

/* The first use of an access token may end the grace of the refresh token that it came from. */
static enum rc
note_use(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct token_row *row)
{
	if (row->watched == 0)
		return OK;
	TRY(store_note_begin(s, cx));
	return store_note_end(s, cx, end_grace(s, cx, who, row));
}

enum rc
token_find(struct sandbox *s, struct ctx *cx, struct secret token, struct caller *out)
{
	struct token_row row = { 0 };

	*out = (struct caller){ 0 };
	TRY(token_get(s, cx, token, out, &row));
	TRY(note_use(s, cx, out, &row));
	return account_get(s, cx, row.account_id, &out->account);
}
