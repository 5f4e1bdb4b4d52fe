#include "sandbox/gate.h"

#include "sandbox/control/access.h"
#include "sandbox/control/faults.h"
#include "sandbox/control/rates.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/reach.h"
#include "sandbox/files/admit.h"
#include "sandbox/files/upload_link.h"
#include "sandbox/core/row.h"
#include "sandbox/oauth/cors.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/people/session.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

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

static enum rc
pass(struct sandbox *app, struct ctx *cx, struct http_req *req, enum access class)
{
	if (!reach_has(req))
		return fail_at(cx, E_NOTFOUND, "not-found", NULL, "There is nothing here.");
	switch (class) {
	case ACCESS_VISITOR:
	case ACCESS_WEB:
	case ACCESS_CHANGE:
	case ACCESS_SIGN:
		return gate_web(app, cx, req, class);
	case ACCESS_API_USER:
	case ACCESS_API_TEAM:
	case ACCESS_API_ANY:
	case ACCESS_API_APP:
	case ACCESS_API_USER_APP:
		return gate_api(app, cx, req);
	case ACCESS_TOKEN:
		req->session = ARENA_NEW(cx->arena, struct token_call);
		return OK;
	case ACCESS_UPLOAD_LINK:
		return upload_link_admit(app, cx, req);
	case ACCESS_CONTROL:
		return control_gate(app, cx, req);
	case ACCESS_CONTROL_SIGN:
		return control_gate_sign(app, cx, req);
	default:
		return OK;
	}
}

/* Whom the gate has let through, for what is decided by who calls. */
static struct fault_caller
caller_of(const struct http_req *req, enum access class)
{
	const struct caller *who = req->session;
	const struct session *session = req->session;

	switch (class) {
	case ACCESS_API_USER:
	case ACCESS_API_TEAM:
	case ACCESS_API_ANY:
	case ACCESS_API_APP:
	case ACCESS_API_USER_APP:
	case ACCESS_UPLOAD_LINK:
		return (struct fault_caller){
			.app_key = who->app_key,
			.account_id = who->account.id,
			.email = who->account.email,
		};
	case ACCESS_VISITOR:
	case ACCESS_WEB:
	case ACCESS_CHANGE:
	case ACCESS_SIGN:
		return (struct fault_caller){
			.account_id = session->account.id,
			.email = session->account.email,
		};
	default:
		return (struct fault_caller){ 0 };
	}
}

/* A token may also come in the address, for browsers; it is told from others by its grant then. */
static enum rc
count_call(struct sandbox *s, struct ctx *cx, const struct http_req *req)
{
	const struct caller *who = req->session;
	struct secret token = bearer_of(http_req_header(req, S("Authorization")));

	return rates_count(
	    s, cx, secret_empty(token) ? secret_of(who->grant_id) : token, who->app_key);
}

enum rc
sandbox_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	enum access class = row_of(app, req)->access;
	struct fault_caller who;
	bool met;

	/* Faults and limits are for the call itself, which a page makes next. */
	if (class == ACCESS_PREFLIGHT)
		return pass(app, cx, req, class);
	if (cors_concerns(class))
		TRY(cors_allow(app, cx, req, res));
	TRY(faults_meet(app, cx, req, res, NULL, &met));
	TRY(pass(app, cx, req, class));
	who = caller_of(req, class);
	if (who.app_key.len > 0)
		TRY(count_call(app, cx, req));
	if (req->route->body == BODY_TO_FILE)
		TRY(files_admit(app, cx, req));
	return met ? OK : faults_meet(app, cx, req, res, &who, &met);
}
