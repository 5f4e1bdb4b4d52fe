/* The API's part of the gate. In this order: whose token, for whom it acts, whether the function is for
 * such apps, where paths start, which permission. Sources: auth.stone, common.stone. */
#include "sandbox/api/functions.h"
#include "sandbox/console/apps.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/errors.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/gate.h"
#include "sandbox/oauth/grants.h"

#define MEMBER_ID_LEN 41 /* "dbmid:" and 35 characters */

struct call {
	struct sandbox *s;
	const struct http_req *req;
	const struct row *row;
	unsigned flags; /* of the function, enum function_flag */
	struct caller *who;
};

/* The header; or for browsers, which may not send it without asking first, ?authorization= together
 * with reject_cors_preflight=true. p == NULL: neither. */
static enum rc
authorization(struct ctx *cx, const struct http_req *req, struct str *out)
{
	struct str query, reject;

	*out = http_req_header(req, S("Authorization"));
	TRY(http_req_param(cx, req, "authorization", &query));
	TRY(http_req_param(cx, req, "reject_cors_preflight", &reject));
	if (query.p == NULL || !str_eq(reject, S("true")))
		return OK;
	if (out->p != NULL)
		return fail(
		    cx, E_INPUT, "The authorization stands in the header and in the address.");
	*out = query;
	return OK;
}

static enum rc
want_authorization(struct ctx *cx, struct str value)
{
	if (value.p == NULL)
		return fail(cx, E_INPUT, "Must provide HTTP header \"Authorization\".");
	return fail(cx, E_INPUT, "Invalid authorization value in HTTP header \"Authorization\".");
}

static enum rc
missing_scope(struct ctx *cx, enum scope scope)
{
	return fail_at(cx, E_AUTH, "missing_scope", scope_name(scope),
	    "The access token lacks a scope that this function needs.");
}

static enum rc
check_scope(struct ctx *cx, const struct call *c)
{
	if ((c->flags & CLOSED) != 0)
		return fail_at(cx, E_AUTH, "route_access_denied", NULL,
		    "The function is not available to the public.");
	if (c->row->scope == SCOPE_NONE || (c->who->scopes & SCOPE_BIT(c->row->scope)) != 0)
		return OK;
	return missing_scope(cx, c->row->scope);
}

static json_t *
root_info(const struct account *acct)
{
	json_t *info = json_object();

	json_put(info, ".tag", json_string("user"));
	json_put(info, "root_namespace_id", json_str(acct->namespace_id));
	json_put(info, "home_namespace_id", json_str(acct->namespace_id));
	return info;
}

/* common.stone, PathRoot: only the account's own namespace exists here. */
static enum rc
check_path_root(struct ctx *cx, const struct call *c)
{
	struct str text = http_req_header(c->req, S("Dropbox-API-Path-Root"));
	const struct account *acct = &c->who->account;
	const char *tag, *id;
	json_t *root;

	if (text.p == NULL || acct->id.len == 0)
		return OK;
	if (json_read(cx, text, 2, &root) != OK)
		return fail(cx, E_INPUT, "Invalid HTTP header \"Dropbox-API-Path-Root\": not JSON");
	tag = json_string_value(json_object_get(root, ".tag"));
	if (tag != NULL && strcmp(tag, "home") == 0)
		return OK;
	if (tag == NULL || (strcmp(tag, "root") != 0 && strcmp(tag, "namespace_id") != 0))
		return fail(
		    cx, E_INPUT, "Invalid HTTP header \"Dropbox-API-Path-Root\": unknown tag");
	id = json_string_value(json_object_get(root, tag));
	if (id == NULL)
		return fail(cx, E_INPUT,
		    "Invalid HTTP header \"Dropbox-API-Path-Root\": a namespace is text");
	if (str_eq(str_of(id), acct->namespace_id))
		return OK;
	if (strcmp(tag, "namespace_id") == 0)
		return fail_at(cx, E_INPUT, "no_permission", "path-root", "Not your namespace.");
	fail_at(cx, E_INPUT, "invalid_root", "path-root", "Not your root namespace.");
	return api_detail(cx, root_info(acct));
}

static enum rc
check_app_folder(struct ctx *cx, const struct call *c)
{
	if (c->who->root.len == 0 || (c->flags & FOLDER) != 0)
		return OK;
	return fail(cx, E_INPUT,
	    "This function is not for apps whose access is limited to their app folder.");
}

static enum rc
suspended(struct ctx *cx)
{
	return fail_at(cx, E_AUTH, "user_suspended", NULL, "The user has been suspended.");
}

/* The caller becomes that member. */
static enum rc
become(struct ctx *cx, const struct call *c, struct str member_id, bool as_admin)
{
	const char *invalid = as_admin ? "invalid_select_admin" : "invalid_select_user";
	struct account acct;
	enum rc rc;

	if (!str_starts(member_id, S("dbmid:")) || member_id.len != MEMBER_ID_LEN)
		return fail(
		    cx, E_INPUT, "Invalid select %s id format.", as_admin ? "admin" : "user");
	rc = account_by_member(c->s, cx, member_id, &acct);
	if (rc == E_NOTFOUND ||
	    (rc == OK &&
		(!str_eq(acct.team_id, c->who->team_id) ||
		    (as_admin && !str_eq(acct.role, S("admin"))))))
		return fail_at(cx, E_AUTH, invalid, NULL, "That is no such member of this team.");
	TRY(rc);
	c->who->account = acct;
	return acct.suspended ? suspended(cx) : OK;
}

/* A team's token on a user's function: for which member? */
static enum rc
select_member(struct ctx *cx, const struct call *c, struct str user, struct str admin)
{
	if (user.p != NULL && admin.p != NULL)
		return fail(cx, E_INPUT,
		    "HTTP headers \"Dropbox-API-Select-User\" and \"Dropbox-API-Select-Admin\""
		    " exclude each other.");
	if (user.p == NULL && admin.p == NULL)
		return fail(cx, E_INPUT,
		    "This API function operates on a single Dropbox account, but the OAuth 2 access"
		    " token is for an entire team. Name a member in HTTP header"
		    " \"Dropbox-API-Select-User\".");
	if (admin.p != NULL && (c->flags & ADMIN) == 0)
		return fail(cx, E_INPUT,
		    "This function does not take HTTP header \"Dropbox-API-Select-Admin\".");
	if ((c->who->scopes & SCOPE_BIT(SCOPE_TEAM_MEMBER)) == 0)
		return missing_scope(cx, SCOPE_TEAM_MEMBER);
	return become(cx, c, user.p != NULL ? user : admin, admin.p != NULL);
}

/* Token kind against function kind. A team's function takes no notice of the two headers. */
static enum rc
check_kind(struct ctx *cx, const struct call *c)
{
	struct str user = http_req_header(c->req, S("Dropbox-API-Select-User"));
	struct str admin = http_req_header(c->req, S("Dropbox-API-Select-Admin"));
	bool team = c->who->team_id.len > 0;

	if (c->row->access == ACCESS_API_TEAM)
		return team ? OK
			    : fail(cx, E_INPUT,
				  "This API function operates on a team, but the OAuth 2 access"
				  " token is for a single Dropbox account.");
	if (team)
		return c->row->access == ACCESS_API_ANY ? OK : select_member(cx, c, user, admin);
	if (user.p != NULL || admin.p != NULL)
		return fail(cx, E_INPUT,
		    "HTTP header \"Dropbox-API-Select-User\" or \"Dropbox-API-Select-Admin\""
		    " needs the access token of a team.");
	return c->who->account.suspended ? suspended(cx) : OK;
}

static enum rc
gate_token(struct ctx *cx, const struct call *c, struct secret token)
{
	enum rc rc;

	TRY(store_enter(c->s, cx, STORE_READ));
	rc = token_find(c->s, cx, token, c->who);
	if (rc == OK)
		rc = check_kind(cx, c);
	TRY(store_leave(c->s, cx, STORE_READ, rc));
	TRY(check_app_folder(cx, c));
	TRY(check_path_root(cx, c));
	return check_scope(cx, c);
}

static enum rc
gate_app(struct ctx *cx, const struct call *c)
{
	struct secret secret;
	struct str key;
	bool present, right;
	enum rc rc;

	if (basic_read(cx, c->req, &key, &secret, &present) != OK || !present)
		return want_authorization(cx, http_req_header(c->req, S("Authorization")));
	TRY(store_enter(c->s, cx, STORE_READ));
	rc = app_prove(c->s, cx, key, secret, &right);
	TRY(store_leave(c->s, cx, STORE_READ, rc));
	c->who->app_key = key;
	if (right)
		return OK;
	return fail_at(cx, E_AUTH, "invalid_access_token", NULL, "Wrong app key or app secret.");
}

enum rc
gate_api(struct sandbox *s, struct ctx *cx, struct http_req *req)
{
	const struct function *f = function_find(req->route->path + strlen("/2/"));
	struct call c = { .s = s,
		.req = req,
		.row = row_of(s, req),
		.flags = f != NULL ? f->flags : 0,
		.who = ARENA_NEW(cx->arena, struct caller) };
	struct secret token;
	struct str value;

	*c.who = (struct caller){ 0 };
	req->session = c.who;
	TRY(authorization(cx, req, &value));
	token = bearer_of(value);
	if (c.row->access == ACCESS_API_APP ||
	    (c.row->access == ACCESS_API_USER_APP && secret_empty(token)))
		return gate_app(cx, &c);
	return secret_empty(token) ? want_authorization(cx, value) : gate_token(cx, &c, token);
}
