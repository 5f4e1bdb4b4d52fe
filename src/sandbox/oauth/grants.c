#include "sandbox/console/apps.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/issue.h"
#include "sandbox/oauth/sweep.h"

#define STATE_MAX 1000

static enum rc
put_code(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct str grant_id,
    struct secret code)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO codes (digest, grant_id, app_key, redirect_uri, challenge, method, nonce,"
	    " auth_ms, expires_ms, used, tries) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)",
	    SQL_ARGS(B(token_digest(s, cx, CODE_PURPOSE, code)), T(grant_id), T(ask->app_key),
		T(ask->redirect_uri), T(ask->challenge), T(ask->method), T(ask->nonce),
		I(ask->auth_ms), I(clock_now_ms(s->clock) + CODE_LIFE_MS)));
}

static enum rc
put_grant(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct str *id)
{
	*id = random_id(cx);
	TRY(grants_sweep(s, cx));
	TRY(link_put(s, cx, ask));
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO grants (id, app_key, account_id, team_id, scopes, offline, long_lived,"
	    " created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	    SQL_ARGS(T(*id), T(ask->app_key), T(ask->account_id),
		T(ask->team_id.p != NULL ? ask->team_id : S("")),
		T(scopes_text(cx->arena, ask->scopes)), I(ask->offline), I(ask->long_lived),
		I(clock_now_ms(s->clock))));
}

enum rc
grant_start(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct secret *code)
{
	struct str id;

	*code = crypto_random_token(cx->arena);
	TRY(put_grant(s, cx, ask, &id));
	return put_code(s, cx, ask, id, *code);
}

/* The grant that `ask` became, as issuing needs it. */
static enum rc
grant_of(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct str id,
    struct grant *out)
{
	struct app app;

	TRY(app_get(s, cx, ask->app_key, &app));
	*out = (struct grant){
		.id = id,
		.app_key = ask->app_key,
		.account_id = ask->account_id,
		.team_id = ask->team_id,
		.scopes = ask->scopes,
		.offline = ask->offline,
		.long_lived = ask->long_lived,
	};
	return personality_parse(cx, app.personality, &out->personality);
}

enum rc
grant_implicit(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct issued *out)
{
	struct account acct;
	struct grant grant;
	struct str id;

	TRY(account_get(s, cx, ask->account_id, &acct));
	TRY(put_grant(s, cx, ask, &id));
	TRY(grant_of(s, cx, ask, id, &grant));
	*out = (struct issued){
		.at_ms = clock_now_ms(s->clock), .scopes = ask->scopes, .uid = acct.uid
	};
	return access_issue(s, cx, &grant, (struct birth){ 0 }, out);
}

static bool
refresh_ok(struct secret value)
{
	struct str text = secret_expose(value);

	return text.len == REFRESH_LEN && text_only(text, "-_");
}

enum rc
grant_team(struct ctx *cx, const struct account *acct, scope_set scopes, struct str *team_id)
{
	*team_id = (struct str){ 0 };
	if ((scopes & SCOPES_OF_A_TEAM) == 0)
		return OK;
	if (str_eq(acct->role, S("admin"))) {
		*team_id = acct->team_id;
		return OK;
	}
	fail_at(cx, E_DENIED, "team-admin-only", NULL,
	    "This app asks for access to a whole team, which only an administrator of the team "
	    "can give.");
	return fail_todo(
	    cx, "Sign in as an administrator of your team, or ask one to connect the app.");
}

enum rc
grant_import(struct sandbox *s, struct ctx *cx, const struct grant_import *g)
{
	struct grant_ask ask = {
		.app_key = g->app_key, .account_id = g->account_id, .offline = g->offline
	};
	struct account acct;
	struct issued made = { .at_ms = clock_now_ms(s->clock) };
	struct grant grant;
	struct str id;
	struct app app;

	if (!secret_empty(g->refresh) && !refresh_ok(g->refresh))
		return fail_at(cx, E_INPUT, "bad-field", "refresh_token",
		    "refresh_token must have %d letters, digits, - or _.", REFRESH_LEN);
	TRY(app_get(s, cx, g->app_key, &app));
	TRY(account_get(s, cx, g->account_id, &acct));
	ask.scopes = g->scopes != 0 ? g->scopes & app.scopes : app.scopes;
	ask.scopes |= SCOPE_BIT(SCOPE_ACCOUNT_READ);
	TRY(grant_team(cx, &acct, ask.scopes, &ask.team_id));
	TRY(put_grant(s, cx, &ask, &id));
	TRY(grant_of(s, cx, &ask, id, &grant));
	return g->offline ? refresh_issue(s, cx, &grant, 1, g->refresh, &made) : OK;
}

enum rc
grant_generate(struct sandbox *s, struct ctx *cx, struct str app_key, struct str account_id,
    struct secret *access, int64_t *expires_in)
{
	struct grant_ask ask = { .app_key = app_key, .account_id = account_id };
	struct account acct;
	struct issued got;
	struct app app;

	TRY(app_get(s, cx, app_key, &app));
	TRY(account_get(s, cx, account_id, &acct));
	ask.scopes = app.scopes;
	ask.long_lived = app.no_expiration;
	TRY(grant_team(cx, &acct, ask.scopes, &ask.team_id));
	TRY(grant_implicit(s, cx, &ask, &got));
	*access = got.access;
	*expires_in = issued_life_s(&got);
	return OK;
}

static enum rc
drop_link(struct sandbox *s, struct ctx *cx, struct str grant_id)
{
	return sql_exec(cx, s->db, NULL,
	    "DELETE FROM links WHERE (app_key, account_id) IN"
	    " (SELECT app_key, account_id FROM grants WHERE id = $1) AND " NOBODYS_LINK,
	    SQL_ARGS(T(grant_id)));
}

enum rc
grant_lives(struct sandbox *s, struct ctx *cx, struct str grant_id, bool *out)
{
	int64_t n;

	TRY(sql_count(cx, s->db, "SELECT count(*) FROM grants WHERE id = $1 AND ended_ms = 0",
	    SQL_ARGS(T(grant_id)), &n));
	*out = n > 0;
	return OK;
}

enum rc
grant_revoke(struct sandbox *s, struct ctx *cx, struct str grant_id)
{
	int64_t changed;

	TRY(counts_settle(s, cx));
	TRY(sql_exec(cx, s->db, &changed,
	    "UPDATE grants SET ended_ms = $1, revocations = revocations + 1"
	    " WHERE id = $2 AND ended_ms = 0",
	    SQL_ARGS(I(clock_now_ms(s->clock)), T(grant_id))));
	if (changed == 0)
		return OK;
	TRY(sql_exec(cx, s->db, NULL, "DELETE FROM refresh_tokens WHERE grant_id = $1",
	    SQL_ARGS(T(grant_id))));
	return drop_link(s, cx, grant_id);
}

static json_t *
state_json(struct ctx *cx, struct db_stmt *st)
{
	struct arena *a = cx->arena;
	json_t *o = json_object();

	json_put(o, "grant_id", json_str(db_col_text(st, 0, a)));
	json_put(o, "app_key", json_str(db_col_text(st, 1, a)));
	json_put(o, "account_id", json_str(db_col_text(st, 2, a)));
	json_put(o, "team_id", json_opt_str(db_col_text(st, 3, a)));
	json_put(o, "offline", json_boolean(db_col_int(st, 4) != 0));
	json_put(o, "refreshes", json_integer(db_col_int(st, 5)));
	json_put(o, "reuses", json_integer(db_col_int(st, 6)));
	json_put(o, "revocations", json_integer(db_col_int(st, 7)));
	json_put(o, "ended", json_boolean(db_col_int(st, 8) != 0));
	json_put(o, "created_at", json_str(clock_rfc3339(a, db_col_int(st, 9))));
	return o;
}

#define NEWEST(offline)                                                                       \
	"SELECT * FROM (SELECT id, app_key, account_id, team_id, offline, refreshes, reuses," \
	" revocations, ended_ms, created_ms FROM grants WHERE offline = " offline             \
	" ORDER BY created_ms DESC, id LIMIT $1)"

/* Of both kinds, by the index that each has: a million grants are not put in order for a thousand. */
static const char newest_grants[] =
    NEWEST("0") " UNION ALL " NEWEST("1") " ORDER BY created_ms DESC, id LIMIT $1";

enum rc
grants_state_json(struct sandbox *s, struct ctx *cx, json_t **out)
{
	struct db_stmt *st;
	bool row;

	TRY(counts_settle(s, cx));
	TRY(sql_bind(cx, s->db, newest_grants, SQL_ARGS(I(STATE_MAX)), &st));
	*out = json_array();
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		json_array_append_new(*out, state_json(cx, st));
	}
}
