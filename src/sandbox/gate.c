#include "sandbox/gate.h"

#include "sandbox/console/apps.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/reach.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/row.h"
#include "sandbox/people/session.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

/* What "Authorization: Bearer x" carries; empty when it is something else. */
static struct secret
bearer(const struct http_req *req)
{
	struct str value = http_req_header(req, S("Authorization"));

	if (value.len <= 7 || !str_eq_nocase(str_sub(value, 0, 7), S("Bearer ")))
		return (struct secret){ 0 };
	return secret_of(str_trim(str_sub(value, 7, value.len)));
}

static enum rc
refuse_change(struct sandbox *s, struct ctx *cx, const struct http_req *req, const char *why)
{
	struct str url = reach_url(s, req);

	fail_at(cx, E_DENIED, "not-from-our-page", NULL, "%s", why);
	return fail_todo(cx, "Open %.*s, reload the page and try again.", STR_ARG(url));
}

/* A page on another port of this host is same-site and shares our cookies, so the exact origin and a
 * token that only our own page can read are both demanded (S-108). */
static enum rc
check_change(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct session *sess)
{
	struct str origin = http_req_header(req, S("Origin"));
	struct str token = http_req_header(req, S("X-CSRF-Token"));

	if (!str_eq(origin, reach_url(s, req)))
		return refuse_change(
		    s, cx, req, "The request does not come from a page of this sandbox.");
	if (secret_empty(sess->cookie) || token.len == 0 ||
	    !crypto_equal(secret_of(token), secret_of(session_csrf(s, cx, sess))))
		return refuse_change(
		    s, cx, req, "The page's security token is missing or no longer valid.");
	return req->method == HTTP_M_DELETE ? OK : http_req_want_json(cx, req);
}

static enum rc
want_sign_in(struct ctx *cx, const struct session *sess)
{
	if (sess->signed_in)
		return OK;
	fail_at(cx, E_AUTH, "signed-out", NULL, "You are not signed in.");
	return fail_todo(cx, "Sign in and try again.");
}

static enum rc
gate_web(struct sandbox *s, struct ctx *cx, struct http_req *req, enum access class)
{
	struct session *sess = ARENA_NEW(cx->arena, struct session);
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = session_load(s, cx, req, sess);
	TRY(store_leave(s, cx, STORE_READ, rc));
	req->session = sess;
	if (class == ACCESS_CHANGE || class == ACCESS_SIGN)
		TRY(check_change(s, cx, req, sess));
	if (class == ACCESS_CHANGE || class == ACCESS_WEB)
		TRY(want_sign_in(cx, sess));
	return OK;
}

/* common.stone, PathRoot: only the account's own namespace exists here. */
static enum rc
check_path_root(struct ctx *cx, const struct http_req *req, const struct caller *who)
{
	struct str text = http_req_header(req, S("Dropbox-API-Path-Root"));
	const char *tag, *id;
	json_t *root;

	if (text.p == NULL)
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
	if (id != NULL && str_eq(str_of(id), who->account.namespace_id))
		return OK;
	return fail_at(cx, E_INPUT, "path-root", NULL,
	    "The namespace of HTTP header \"Dropbox-API-Path-Root\" is not yours");
}

static enum rc
check_scope(struct ctx *cx, const struct caller *who, enum scope scope)
{
	if (scope == SCOPE_NONE || (who->scopes & SCOPE_BIT(scope)) != 0)
		return OK;
	return fail_at(cx, E_AUTH, "missing_scope", scope_name(scope),
	    "The access token lacks a scope that this function needs.");
}

static enum rc
want_authorization(struct ctx *cx, const struct http_req *req)
{
	if (http_req_header(req, S("Authorization")).p == NULL)
		return fail(cx, E_INPUT, "Must provide HTTP header \"Authorization\".");
	return fail(cx, E_INPUT, "Invalid authorization value in HTTP header \"Authorization\".");
}

static enum rc
gate_api_user(struct sandbox *s, struct ctx *cx, struct http_req *req)
{
	struct caller *who = ARENA_NEW(cx->arena, struct caller);
	struct secret token = bearer(req);
	enum rc rc;

	if (secret_empty(token))
		return want_authorization(cx, req);
	TRY(store_enter(s, cx, STORE_READ));
	rc = token_find(s, cx, token, who);
	TRY(store_leave(s, cx, STORE_READ, rc));
	req->session = who;
	TRY(check_path_root(cx, req, who));
	return check_scope(cx, who, row_of(s, req)->scope);
}

static enum rc
gate_api_app(struct sandbox *s, struct ctx *cx, struct http_req *req)
{
	struct secret secret;
	struct str key;
	bool present, right;
	enum rc rc;

	if (basic_read(cx, req, &key, &secret, &present) != OK || !present)
		return want_authorization(cx, req);
	TRY(store_enter(s, cx, STORE_READ));
	rc = app_prove(s, cx, key, secret, &right);
	TRY(store_leave(s, cx, STORE_READ, rc));
	if (right)
		return OK;
	return fail_at(cx, E_AUTH, "invalid_access_token", NULL, "Wrong app key or app secret.");
}

static enum rc
gate_control(struct sandbox *s, struct ctx *cx, struct http_req *req)
{
	if (!req->peer_is_loopback)
		return fail_at(cx, E_DENIED, "loopback-only", NULL,
		    "The control API answers on the loopback only.");
	if (!crypto_equal(bearer(req), s->control_token)) {
		fail_at(
		    cx, E_AUTH, "no-control-token", NULL, "The control token is missing or wrong.");
		return fail_todo(cx, "It stands in the file control-token of the data directory.");
	}
	return req->method == HTTP_M_GET || req->method == HTTP_M_HEAD
	    ? OK
	    : http_req_want_json(cx, req);
}

enum rc
sandbox_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	enum access class = row_of(app, req)->access;

	(void)res;
	TRY(reach_check(cx, req));
	switch (class) {
	case ACCESS_VISITOR:
	case ACCESS_WEB:
	case ACCESS_CHANGE:
	case ACCESS_SIGN:
		return gate_web(app, cx, req, class);
	case ACCESS_API_USER:
		return gate_api_user(app, cx, req);
	case ACCESS_API_APP:
		return gate_api_app(app, cx, req);
	case ACCESS_CONTROL:
		return gate_control(app, cx, req);
	default:
		return OK;
	}
}
