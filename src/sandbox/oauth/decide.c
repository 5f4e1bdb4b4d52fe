#include "sandbox/oauth/decide.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/redirect.h"
#include "sandbox/tree/files.h"

#define DENIED S("The user chose not to give your app access to their Dropbox account.")

static enum rc
granted_to_account(struct sandbox *s, struct ctx *cx, const struct decision *d, scope_set *out)
{
	struct link link;
	enum rc rc = link_find(s, cx, d->app->key, d->account->id, &link);

	*out = 0;
	if (rc == OK)
		*out = link.scopes & ~SCOPES_OF_A_TEAM;
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	return OK;
}

static enum rc
granted_to_team(struct sandbox *s, struct ctx *cx, const struct decision *d, scope_set *out)
{
	struct db_stmt *st;
	scope_set one;
	bool row;

	*out = 0;
	TRY(sql_bind(cx, s->db,
	    "SELECT DISTINCT scopes FROM grants"
	    " WHERE app_key = $1 AND team_id = $2 AND +ended_ms = 0",
	    SQL_ARGS(T(d->app->key), T(d->account->team_id)), &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		if (scopes_parse(db_col_text(st, 0, cx->arena), &one))
			*out |= one;
	}
}

static enum rc
scopes_to_grant(struct sandbox *s, struct ctx *cx, struct decision *d)
{
	scope_set before = 0;

	if (str_eq(d->r->include, S("user")))
		TRY(granted_to_account(s, cx, d, &before));
	else if (str_eq(d->r->include, S("team")) && d->account->team_id.len > 0)
		TRY(granted_to_team(s, cx, d, &before));
	d->scopes = (d->r->scopes | before) & d->app->scopes;
	return OK;
}

static enum rc
check_role(struct ctx *cx, const struct decision *d)
{
	bool work = str_eq(d->r->role, S("work"));

	if (d->r->role.len == 0 || work == d->account->business)
		return OK;
	fail_at(cx, E_DENIED, "wrong-role", NULL,
	    "%.*s asks for a %s account, and this is a %s one.", STR_ARG(d->app->name),
	    work ? "work" : "personal", d->account->business ? "work" : "personal");
	return fail_todo(cx, "Sign in with your %s account.", work ? "work" : "personal");
}

/* An app in development has its owner, and after Enable additional users a few hundred others. */
static enum rc
check_users(struct sandbox *s, struct ctx *cx, const struct decision *d)
{
	int64_t others = 0;

	if (d->app->production || str_eq(d->app->owner_id, d->account->id))
		return OK;
	if (d->app->more_users)
		TRY(sql_count(cx, s->db,
		    "SELECT count(*) FROM links WHERE app_key = $1 AND account_id <> $2",
		    SQL_ARGS(T(d->app->key), T(d->account->id)), &others));
	if (d->app->more_users && others < DEVELOPMENT_USERS_MAX)
		return OK;
	fail_at(cx, E_DENIED, "app-users-limit", NULL,
	    "It is still in development, where only %s may connect it.",
	    d->app->more_users ? "500 people" : "its owner");
	return fail_todo(cx,
	    "Ask its developer to raise the limit, on the app's Settings tab in the App Console.");
}

static enum rc
check_uri(struct sandbox *s, struct ctx *cx, const struct decision *d)
{
	bool there = true;

	if (d->r->redirect_uri.len > 0)
		TRY(app_has_uri(s, cx, d->app->key, d->r->redirect_uri, &there));
	if (there)
		return OK;
	fail_at(cx, E_CONFLICT, "uri-removed", NULL,
	    "The app's redirect URI was removed while this page was open.");
	return fail_todo(cx, "Start again in the program that sent you here.");
}

/* The app may have stopped allowing public clients meanwhile. */
static enum rc
check_implicit(struct ctx *cx, const struct decision *d)
{
	if (!d->r->implicit || d->app->public_clients)
		return OK;
	fail_at(cx, E_CONFLICT, "no-public-clients", NULL,
	    "The app stopped allowing public clients while this page was open.");
	return fail_todo(cx, "Start again in the program that sent you here.");
}

static enum rc
check_suspended(struct ctx *cx, const struct decision *d)
{
	if (!d->account->suspended)
		return OK;
	fail_at(cx, E_DENIED, "account-suspended", NULL,
	    "This account is suspended: it cannot connect apps.");
	return fail_todo(cx, "Ask an administrator of your team, or sign in with another account.");
}

enum rc
decide_check(struct sandbox *s, struct ctx *cx, struct decision *d)
{
	TRY(check_suspended(cx, d));
	TRY(scopes_to_grant(s, cx, d));
	TRY(check_role(cx, d));
	TRY(grant_team(cx, d->account, d->scopes, &d->team_id));
	TRY(check_users(s, cx, d));
	TRY(check_implicit(cx, d));
	return check_uri(s, cx, d);
}

enum rc
decide_remembered(struct sandbox *s, struct ctx *cx, const struct decision *d, bool *out)
{
	bool unproven = d->app->public_clients && (d->r->implicit || d->r->challenge.len > 0);
	struct link link;
	enum rc rc;

	*out = false;
	if (d->r->reapprove || d->r->redirect_uri.len == 0 || unproven)
		return OK;
	rc = link_find(s, cx, d->app->key, d->account->id, &link);
	if (rc == OK)
		*out = str_eq(link.redirect_uri, d->r->redirect_uri) &&
		    (d->scopes & ~link.approved) == 0;
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	return OK;
}

static enum rc
make_app_folder(struct sandbox *s, struct ctx *cx, const struct decision *d)
{
	if (d->app->folder_name.len == 0)
		return OK;
	return folder_ensure(s, cx, d->account->id,
	    str_printf(cx->arena, "/Apps/%.*s", STR_ARG(d->app->folder_name)));
}

static struct str
or_none(struct str text)
{
	return text.len > 0 ? text : (struct str){ 0 };
}

static struct grant_ask
ask_of(struct sandbox *s, const struct decision *d)
{
	return (struct grant_ask){
		.app_key = d->app->key,
		.account_id = d->account->id,
		.team_id = d->team_id,
		.scopes = d->scopes,
		.offline = d->r->offline,
		.long_lived = d->r->long_lived,
		.redirect_uri = or_none(d->r->redirect_uri),
		.challenge = or_none(d->r->challenge),
		.method = or_none(d->r->method),
		.nonce = or_none(d->r->nonce),
		.auth_ms = d->signed_in_ms + clock_offset_ms(s->clock),
	};
}

/* RFC 6749 section 4.2.2. */
static struct str
token_address(struct ctx *cx, const struct decision *d, const struct issued *got)
{
	bool team = got->team_id.len > 0;
	struct str none = { 0 };

	return redirect_with(cx, d->r->redirect_uri, REDIRECT_FRAGMENT,
	    (const struct redirect_param[]){
		{ "access_token", secret_expose(got->access) },
		{ "token_type", S("bearer") },
		{ "expires_in", issued_expires_in(cx, got) },
		{ "scope", scopes_text(cx->arena, got->scopes) },
		{ "uid", team ? none : str_printf(cx->arena, "%lld", (long long)got->uid) },
		{ "account_id", team ? none : got->account_id },
		{ "team_id", or_none(got->team_id) },
		{ "state", d->r->state },
	    },
	    8);
}

static struct str
code_address(struct ctx *cx, const struct decision *d, struct secret code)
{
	const struct redirect_param params[] = {
		{ "code", secret_expose(code) },
		{ "state", d->r->state },
	};

	if (d->r->redirect_uri.len == 0)
		return (struct str){ 0 };
	return redirect_with(cx, d->r->redirect_uri, REDIRECT_QUERY, params, 2);
}

enum rc
decide_allow(struct sandbox *s, struct ctx *cx, const struct decision *d, struct decided *out)
{
	struct grant_ask ask = ask_of(s, d);
	struct issued got;

	*out = (struct decided){ 0 };
	TRY(make_app_folder(s, cx, d));
	if (d->r->implicit) {
		TRY(grant_implicit(s, cx, &ask, &got));
		out->address = token_address(cx, d, &got);
		return OK;
	}
	TRY(grant_start(s, cx, &ask, &out->code));
	out->address = code_address(cx, d, out->code);
	return OK;
}

void
decide_deny(struct ctx *cx, const struct auth_request *r, struct decided *out)
{
	const struct redirect_param params[] = {
		{ "error", S("access_denied") },
		{ "error_description", DENIED },
		{ "state", r->state },
	};

	*out = (struct decided){ 0 };
	if (r->redirect_uri.len > 0)
		out->address = redirect_with(cx, r->redirect_uri, redirect_part_of(r), params, 3);
}

void
decided_put(json_t *o, const struct decided *done)
{
	if (done->address.len > 0)
		json_put(o, "redirect", json_str(done->address));
	else if (!secret_empty(done->code))
		json_put(o, "code", json_str(secret_expose(done->code)));
	else
		json_put(o, "cancelled", json_true());
}
