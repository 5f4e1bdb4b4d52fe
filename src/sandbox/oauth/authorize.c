/* GET /oauth2/authorize: who asks, is the answer's address registered, what is asked for.
 *
 * Until client and redirect URI are known to belong together nothing is ever sent to the URI: the
 * person gets a page (RFC 6749 section 4.1.2.1). After that errors go back to the app. */
#include "sandbox/console/apps.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/core/pages.h"
#include "sandbox/oauth/redirect.h"
#include "sandbox/oauth/requests.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/core/text.h"

#define STATE_MAX 2000
#define SHOWN_MAX 2000

struct asking {
	struct app app;
	struct auth_request r;
};

/* E_INPUT with the OAuth code invalid_request when it stands twice; absent gives p == NULL. */
static enum rc
param(struct ctx *cx, const struct http_req *req, const char *name, struct str *out)
{
	int count;

	str_form_get(cx->arena, req->query, str_of(name), out, &count);
	if (count >= 0 && count <= 1)
		return OK;
	*out = (struct str){ 0 };
	return fail_at(cx, E_INPUT, "invalid_request", NULL,
	    count < 0 ? "The address has a broken escape." : "The parameter %s stands there twice.",
	    name);
}

/* What the person sees when the answer has no safe address. */
static void
refuse_page(struct sandbox *s, struct ctx *cx, struct http_res *res, struct str uri)
{
	page_emit_error(s, cx, res,
	    &(struct page_error){
		.status = 400,
		.title = "This app cannot be connected",
		.detail = str_of(cx->why),
		.todo = cx->todo,
		.redirect_uri =
		    uri.p != NULL && str_utf8(uri) ? str_sub(uri, 0, SHOWN_MAX) : (struct str){ 0 },
	    });
}

static enum rc
identify_app(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct app *out)
{
	struct str key;
	enum rc rc = param(cx, req, "client_id", &key);

	if (rc == OK && key.len == APP_KEY_LEN && text_only(key, ""))
		rc = app_get(s, cx, key, out);
	else
		rc = E_NOTFOUND;
	if (rc != E_NOTFOUND)
		return rc;
	fail_at(cx, E_INPUT, "unknown-client", NULL,
	    "The address that brought you here does not name an app that exists (client_id).");
	return fail_todo(cx, "Check the app key in the program that sent you here.");
}

static enum rc
identify_uri(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct asking *q,
    struct str *shown)
{
	bool known = false;
	enum rc rc = param(cx, req, "redirect_uri", shown);

	if (rc == OK && shown->p == NULL)
		return OK; /* the code is shown for copying */
	if (rc == OK)
		TRY(app_has_uri(s, cx, q->app.key, *shown, &known));
	if (known) {
		q->r.redirect_uri = *shown;
		return OK;
	}
	fail_at(cx, E_INPUT, "unknown-redirect-uri", NULL,
	    "The redirect_uri must exactly match one of the redirect URIs that are pre-configured "
	    "for "
	    "the app, including the path.");
	return fail_todo(
	    cx, "The app's owner can add it under Redirect URIs on the app's Settings tab.");
}

static enum rc
read_pkce(struct ctx *cx, const struct http_req *req, struct auth_request *r)
{
	struct str challenge, method;

	TRY(param(cx, req, "code_challenge", &challenge));
	TRY(param(cx, req, "code_challenge_method", &method));
	if (challenge.p == NULL && method.p == NULL)
		return OK;
	if (challenge.len < 43 || challenge.len > 128 || !text_only(challenge, "-._~"))
		return fail_at(cx, E_INPUT, "invalid_request", NULL,
		    "code_challenge must have 43 to 128 unreserved characters");
	if (method.p == NULL)
		method = S("plain"); /* RFC 7636 section 4.3 */
	if (!str_eq(method, S("S256")) && !str_eq(method, S("plain")))
		return fail_at(cx, E_INPUT, "invalid_request", NULL,
		    "code_challenge_method must be S256 or plain");
	r->challenge = challenge;
	r->method = method;
	return OK;
}

static enum rc
read_scope(struct ctx *cx, const struct http_req *req, struct asking *q)
{
	struct str text;

	TRY(param(cx, req, "scope", &text));
	q->r.scopes = q->app.scopes;
	if (str_trim(text).len == 0)
		return OK;
	if (!scopes_parse(text, &q->r.scopes))
		return fail_at(
		    cx, E_INPUT, "invalid_scope", NULL, "A requested scope does not exist.");
	if ((q->r.scopes & ~q->app.scopes) != 0)
		return fail_at(cx, E_INPUT, "invalid_scope", NULL,
		    "A requested scope is not among the permissions of the app.");
	q->r.scopes |= SCOPE_BIT(SCOPE_ACCOUNT_READ);
	return OK;
}

static enum rc
read_flag(struct ctx *cx, const struct http_req *req, const char *name, bool *out)
{
	struct str v;

	TRY(param(cx, req, name, &v));
	*out = str_eq(v, S("true"));
	if (v.p == NULL || *out || str_eq(v, S("false")))
		return OK;
	return fail_at(cx, E_INPUT, "invalid_request", NULL, "%s must be true or false", name);
}

static enum rc
read_choices(struct ctx *cx, const struct http_req *req, struct auth_request *r)
{
	struct str v;

	TRY(param(cx, req, "token_access_type", &v));
	r->offline = str_eq(v, S("offline"));
	if (v.p != NULL && !r->offline && !str_eq(v, S("online")) && !str_eq(v, S("legacy")))
		return fail_at(cx, E_INPUT, "invalid_request", NULL,
		    "token_access_type must be online, offline or legacy");
	TRY(param(cx, req, "require_role", &r->role));
	if (r->role.p != NULL && !str_eq(r->role, S("personal")) && !str_eq(r->role, S("work")))
		return fail_at(
		    cx, E_INPUT, "invalid_request", NULL, "require_role must be personal or work");
	TRY(read_flag(cx, req, "force_reapprove", &r->reapprove));
	return read_flag(cx, req, "force_reauthentication", &r->reauthenticate);
}

static enum rc
read_state(struct ctx *cx, const struct http_req *req, struct auth_request *r)
{
	struct str state;

	TRY(param(cx, req, "state", &state));
	if (state.len > STATE_MAX)
		return fail_at(cx, E_INPUT, "invalid_request", NULL,
		    "state is longer than %d bytes", STATE_MAX);
	r->state = state;
	return OK;
}

static enum rc
read_response_type(struct ctx *cx, const struct http_req *req)
{
	struct str type, mode;

	TRY(param(cx, req, "response_type", &type));
	TRY(param(cx, req, "response_mode", &mode));
	if (type.len == 0)
		return fail_at(cx, E_INPUT, "invalid_request", NULL, "response_type is missing");
	if (str_eq(type, S("token")))
		return fail_at(cx, E_INPUT, "unauthorized_client", NULL,
		    "the app does not allow public clients, so response_type must be code");
	if (!str_eq(type, S("code")))
		return fail_at(
		    cx, E_INPUT, "unsupported_response_type", NULL, "response_type must be code");
	if (mode.p != NULL && !str_eq(mode, S("query")))
		return fail_at(cx, E_INPUT, "invalid_request", NULL, "response_mode must be query");
	return OK;
}

/* State first, so that whatever else is wrong is reported with it. */
static enum rc
read_rest(struct ctx *cx, const struct http_req *req, struct asking *q)
{
	TRY(read_state(cx, req, &q->r));
	TRY(read_response_type(cx, req));
	TRY(read_scope(cx, req, q));
	TRY(read_pkce(cx, req, &q->r));
	return read_choices(cx, req, &q->r);
}

static enum rc
refuse_redirect(struct sandbox *s, struct ctx *cx, struct http_res *res, const struct asking *q)
{
	const struct redirect_param params[] = {
		{ "error", str_of(cx->code) },
		{ "error_description", str_of(cx->why) },
		{ "state", q->r.state },
	};

	if (q->r.redirect_uri.p == NULL) {
		fail_todo(cx, "Tell the maker of the program that sent you here.");
		refuse_page(s, cx, res, (struct str){ 0 });
		return OK;
	}
	http_res_redirect(res, 302, redirect_with(cx, q->r.redirect_uri, params, 3));
	return OK;
}

static enum rc
emit_request(struct sandbox *s, struct ctx *cx, struct asking *q, struct http_res *res)
{
	struct secret id;
	json_t *boot;

	q->r.app_key = q->app.key;
	TRY(request_put(s, cx, &q->r, &id));
	boot = json_object();
	json_put(boot, "page", json_string("authorize"));
	json_put(boot, "request", json_str(secret_expose(id)));
	page_emit(s, res, 200, boot);
	return OK;
}

enum rc
oauth_authorize(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct asking q = { 0 };
	struct str shown = { 0 };
	enum rc rc;

	/* The program that opened this window looks at it until it closes. */
	res->coop_unsafe_none = true;
	rc = identify_app(app, cx, req, &q.app);
	if (rc == OK)
		rc = identify_uri(app, cx, req, &q, &shown);
	if (rc == E_INPUT) {
		refuse_page(app, cx, res, shown);
		return OK;
	}
	TRY(rc);
	rc = read_rest(cx, req, &q);
	if (rc == E_INPUT)
		return refuse_redirect(app, cx, res, &q);
	TRY(rc);
	return emit_request(app, cx, &q, res);
}
