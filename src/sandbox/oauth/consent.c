/* The consent page's private API: what is asked, Allow, Cancel. */
#include "base/json.h"
#include "sandbox/console/apps.h"
#include "sandbox/tree/files.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/oauth/redirect.h"
#include "sandbox/oauth/requests.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/scopes.h"
#include "sandbox/people/session.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"

#define DENIED S("The user chose not to give your app access to their Dropbox account.")

static void
emit_redirect(struct ctx *cx, struct http_res *res, const char *stage, struct str address)
{
	json_t *o = json_object();

	if (stage != NULL)
		json_put(o, "stage", json_string(stage));
	json_put(o, "redirect", json_str(address));
	http_res_json(res, 200, json_write(cx->arena, o));
}

static void
emit_sign_in(struct ctx *cx, struct http_res *res, const struct app *app)
{
	json_t *o = json_object(), *a = json_object();

	json_put(a, "name", json_str(app->name));
	json_put(o, "stage", json_string("sign_in"));
	json_put(o, "app", a);
	http_res_json(res, 200, json_write(cx->arena, o));
}

static json_t *
app_card(const struct app *app, const struct account *owner)
{
	json_t *o = json_object();

	json_put(o, "name", json_str(app->name));
	json_put(o, "owner_name", json_str(owner->display_name));
	json_put(o, "owner_email", json_str(owner->email));
	json_put(o, "access", json_str(app->access));
	json_put(o, "folder_name", json_opt_str(app->folder_name));
	json_put(o, "status", json_string("development"));
	json_put(o, "api", json_str(app->api));
	return o;
}

static enum rc
emit_consent(struct sandbox *s, struct ctx *cx, struct http_res *res, const struct app *app,
    const struct auth_request *r, const struct session *sess)
{
	struct account owner;
	json_t *o;

	TRY(account_get(s, cx, app->owner_id, &owner));
	o = json_object();
	json_put(o, "stage", json_string("consent"));
	json_put(o, "app", app_card(app, &owner));
	json_put(o, "account", account_json(cx, &sess->account));
	json_put(o, "scopes", scopes_json(r->scopes & app->scopes));
	json_put(o, "answer_goes_to", json_opt_str(uri_authority(r->redirect_uri)));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

static enum rc
check_role(struct ctx *cx, const struct auth_request *r, const struct account *acct)
{
	bool work = str_eq(r->role, S("work"));

	if (r->role.len == 0 || work == acct->business)
		return OK;
	fail_at(cx, E_DENIED, "wrong-role", NULL,
	    "The app asks for a %s account, and this is a %s one.", work ? "work" : "personal",
	    acct->business ? "work" : "personal");
	return fail_todo(cx, "Sign out and sign in with the other account.");
}

/* A remembered approval covers the same address and no more than was granted (S-084). */
static bool
approved_before(
    struct sandbox *s, struct ctx *cx, const struct auth_request *r, const struct account *acct)
{
	struct link link;

	if (r->reapprove || r->redirect_uri.len == 0)
		return false;
	if (link_find(s, cx, r->app_key, acct->id, &link) != OK) {
		ctx_clear(cx);
		return false;
	}
	return str_eq(link.redirect_uri, r->redirect_uri) && (r->scopes & ~link.scopes) == 0;
}

/* The permissions and the address must still be the app's at the moment of the decision. */
static enum rc
still_valid(struct sandbox *s, struct ctx *cx, const struct auth_request *r)
{
	bool there = true;

	if (r->redirect_uri.len > 0)
		TRY(app_has_uri(s, cx, r->app_key, r->redirect_uri, &there));
	if (there)
		return OK;
	fail_at(cx, E_CONFLICT, "uri-removed", NULL,
	    "The app's redirect URI was removed while this page was open.");
	return fail_todo(cx, "Start again in the program that sent you here.");
}

static enum rc
make_app_folder(struct sandbox *s, struct ctx *cx, const struct app *app, struct str account_id)
{
	if (app->folder_name.len == 0)
		return OK;
	return folder_ensure(
	    s, cx, account_id, str_printf(cx->arena, "/Apps/%.*s", STR_ARG(app->folder_name)));
}

static enum rc
allow(struct sandbox *s, struct ctx *cx, const struct auth_request *r, const struct session *sess,
    struct secret *code)
{
	struct app app;

	TRY(check_role(cx, r, &sess->account));
	TRY(still_valid(s, cx, r));
	TRY(request_decide(s, cx, r, sess->digest));
	TRY(app_get(s, cx, r->app_key, &app));
	TRY(make_app_folder(s, cx, &app, sess->account.id));
	return grant_start(s, cx,
	    &(struct grant_ask){
		.app_key = r->app_key,
		.account_id = sess->account.id,
		.scopes = r->scopes & app.scopes,
		.offline = r->offline,
		.redirect_uri = r->redirect_uri.len > 0 ? r->redirect_uri : (struct str){ 0 },
		.challenge = r->challenge.len > 0 ? r->challenge : (struct str){ 0 },
		.method = r->method.len > 0 ? r->method : (struct str){ 0 },
	    },
	    code);
}

static struct str
success_address(struct ctx *cx, const struct auth_request *r, struct secret code)
{
	const struct redirect_param params[] = {
		{ "code", secret_expose(code) },
		{ "state", r->state },
	};

	return redirect_with(cx, r->redirect_uri, params, 2);
}

enum rc
web_authorize_view(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct auth_request r;
	struct secret code;
	struct app asking;

	TRY(request_get(app, cx, req->args[0], &r));
	TRY(app_get(app, cx, r.app_key, &asking));
	if (!sess->signed_in || (r.reauthenticate && sess->created_ms < r.created_ms)) {
		emit_sign_in(cx, res, &asking);
		return OK;
	}
	TRY(request_claim(app, cx, &r, sess->digest));
	TRY(check_role(cx, &r, &sess->account));
	if (req->method != HTTP_M_GET || !approved_before(app, cx, &r, &sess->account))
		return emit_consent(app, cx, res, &asking, &r, sess);
	TRY(allow(app, cx, &r, sess, &code));
	emit_redirect(cx, res, "redirect", success_address(cx, &r, code));
	return OK;
}

enum rc
web_authorize_allow(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct auth_request r;
	struct secret code;
	json_t *o;

	TRY(request_get(app, cx, req->args[0], &r));
	TRY(allow(app, cx, &r, sess, &code));
	if (r.redirect_uri.len > 0) {
		emit_redirect(cx, res, NULL, success_address(cx, &r, code));
		return OK;
	}
	o = json_object();
	json_put(o, "code", json_str(secret_expose(code)));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
web_authorize_cancel(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct session *sess = req->session;
	struct auth_request r;

	TRY(request_get(s, cx, req->args[0], &r));
	TRY(request_decide(s, cx, &r, sess->digest));
	if (r.redirect_uri.len == 0) {
		emit_redirect(cx, res, NULL, reach_url(s, req));
	} else {
		const struct redirect_param params[] = {
			{ "error", S("access_denied") },
			{ "error_description", DENIED },
			{ "state", r.state },
		};

		emit_redirect(cx, res, NULL, redirect_with(cx, r.redirect_uri, params, 3));
	}
	return OK;
}
