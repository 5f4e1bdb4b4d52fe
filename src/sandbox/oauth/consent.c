/* The consent page's private API: what is asked, Allow, Cancel. */
#include "base/json.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/oauth/decide.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/people/session.h"

static void
emit(struct ctx *cx, struct http_res *res, json_t *o)
{
	http_res_json(res, 200, json_write(cx->arena, o));
}

static json_t *
stage(const char *name)
{
	json_t *o = json_object();

	json_put(o, "stage", json_string(name));
	return o;
}

static void
emit_sign_in(struct ctx *cx, struct http_res *res, const struct app *app)
{
	json_t *o = stage("sign_in"), *a = json_object();

	json_put(a, "name", json_str(app->name));
	json_put(o, "app", a);
	emit(cx, res, o);
}

/* What its owner wrote about it, and who that is. */
static json_t *
app_card(const struct app *app, const struct account *owner)
{
	json_t *o = json_object();

	json_put(o, "app_key", json_str(app->key));
	json_put(o, "name", json_str(app->name));
	json_put(o, "icon_id", json_opt_str(app->icon_id));
	json_put(o, "publisher", json_opt_str(app->publisher));
	json_put(o, "website", json_opt_str(app->website));
	json_put(o, "description", json_opt_str(app->description));
	json_put(o, "owner_name", json_str(owner->display_name));
	json_put(o, "owner_email", json_str(owner->email));
	json_put(o, "access", json_str(app->access));
	json_put(o, "folder_name", json_opt_str(app->folder_name));
	json_put(o, "status", json_string(app->production ? "production" : "development"));
	json_put(o, "api", json_str(app->api));
	return o;
}

static enum rc
emit_consent(struct sandbox *s, struct ctx *cx, struct http_res *res, const struct decision *d)
{
	struct account owner;
	json_t *o, *team = json_null();

	TRY(account_get(s, cx, d->app->owner_id, &owner));
	if (d->team_id.len > 0)
		team = json_str(d->account->team_name);
	o = stage("consent");
	json_put(o, "app", app_card(d->app, &owner));
	json_put(o, "account", account_json(cx, d->account));
	json_put(o, "team", team);
	json_put(o, "scopes", scopes_json(d->scopes));
	json_put(o, "offline", json_boolean(d->r->offline || d->r->long_lived));
	json_put(o, "answer_goes_to", json_opt_str(uri_authority(d->r->redirect_uri)));
	emit(cx, res, o);
	return OK;
}

struct refusal {
	const char *code, *title;
};

static const struct refusal refusals[] = {
	{ "account-suspended", "This account is suspended" },
	{ "wrong-role", "Another account is needed" },
	{ "team-admin-only", "Only a team administrator can connect this app" },
	{ "app-users-limit", "This app has reached its user limit" },
	{ "uri-removed", "This app has changed" },
	{ "no-public-clients", "This app has changed" },
};

/* What this account cannot agree to is told before it is asked; another account may. */
static enum rc
emit_refused(struct ctx *cx, struct http_res *res, const struct decision *d, enum rc rc)
{
	json_t *o;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (cx->code == NULL || strcmp(cx->code, refusals[i].code) != 0)
			continue;
		o = stage("refused");
		json_put(o, "code", json_string(cx->code));
		json_put(o, "title", json_string(refusals[i].title));
		json_put(o, "detail", json_string(cx->why));
		json_put(o, "todo", json_string(cx->todo));
		json_put(o, "account", account_json(cx, d->account));
		json_put(o, "other_account", json_boolean(rc == E_DENIED));
		json_put(o, "can_go_back", json_boolean(d->r->redirect_uri.len > 0));
		emit(cx, res, o);
		return OK;
	}
	return rc;
}

static enum rc
emit_decided(struct ctx *cx, struct http_res *res, json_t *o, const struct decided *done)
{
	decided_put(o, done);
	emit(cx, res, o);
	return OK;
}

static bool
must_sign_in(const struct session *sess, const struct auth_request *r)
{
	return !sess->signed_in || (r->reauthenticate && sess->created_ms < r->created_ms);
}

static struct decision
decision_of(const struct app *app, const struct auth_request *r, const struct session *sess)
{
	return (struct decision){
		.app = app,
		.r = r,
		.account = &sess->account,
		.signed_in_ms = sess->created_ms,
	};
}

enum rc
web_authorize_view(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct decided done;
	struct auth_request r;
	struct app asking;
	struct decision d;
	bool remembered;
	enum rc rc;

	TRY(request_get(app, cx, req->args[0], &r));
	TRY(app_get(app, cx, r.app_key, &asking));
	if (must_sign_in(sess, &r)) {
		emit_sign_in(cx, res, &asking);
		return OK;
	}
	TRY(request_claim(app, cx, &r, sess->digest));
	d = decision_of(&asking, &r, sess);
	rc = decide_check(app, cx, &d);
	if (rc != OK)
		return emit_refused(cx, res, &d, rc);
	TRY(decide_remembered(app, cx, &d, &remembered));
	if (req->method != HTTP_M_GET || !remembered)
		return emit_consent(app, cx, res, &d);
	TRY(request_decide(app, cx, &r, sess->digest));
	TRY(decide_allow(app, cx, &d, &done));
	return emit_decided(cx, res, stage("redirect"), &done);
}

enum rc
web_authorize_allow(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct decided done;
	struct auth_request r;
	struct app asking;
	struct decision d;

	TRY(request_get(app, cx, req->args[0], &r));
	TRY(app_get(app, cx, r.app_key, &asking));
	/* First, so that nobody learns anything of somebody else's request. */
	TRY(request_decide(app, cx, &r, sess->digest));
	d = decision_of(&asking, &r, sess);
	TRY(decide_check(app, cx, &d));
	TRY(decide_allow(app, cx, &d, &done));
	return emit_decided(cx, res, json_object(), &done);
}

enum rc
web_authorize_cancel(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct decided done;
	struct auth_request r;

	TRY(request_get(app, cx, req->args[0], &r));
	TRY(request_decide(app, cx, &r, sess->digest));
	decide_deny(cx, &r, &done);
	return emit_decided(cx, res, json_object(), &done);
}
