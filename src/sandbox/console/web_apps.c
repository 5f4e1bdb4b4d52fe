/* The App Console's private API: what web/sandbox calls for My apps and an app's tabs. */
#include "base/json.h"
#include "sandbox/console/handlers.h"
#include "sandbox/console/view.h"
#include "sandbox/core/scopes.h"
#include "sandbox/people/session.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"

#define NAME_BYTES_MAX 200
#define URI_BYTES_MAX 16384
#define DOMAIN_BYTES_MAX 260
#define PAGE_DEFAULT 50
#define PAGE_MAX 200

enum rc
view_own_app(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct app *out)
{
	struct session *sess = req->session;

	return app_get_own(s, cx, req->args[0], sess->account.id, out);
}

enum rc
view_emit_app(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res, int status)
{
	struct session *sess = req->session;
	struct app app;
	json_t *o;

	TRY(view_own_app(s, cx, req, &app));
	TRY(app_json(s, cx, &app, sess->account.email, &o));
	http_res_json(res, status, json_write(cx->arena, o));
	return OK;
}

/* The page that is asked for; out of range is cut to it. */
static enum rc
read_query(struct ctx *cx, const struct http_req *req, struct apps_query *q)
{
	struct str limit;

	TRY(http_req_param(cx, req, "q", &q->words));
	TRY(http_req_param(cx, req, "after", &q->after));
	TRY(http_req_param(cx, req, "limit", &limit));
	q->words = str_trim(q->words);
	q->limit = PAGE_DEFAULT;
	if (q->words.len > NAME_BYTES_MAX)
		return fail_at(
		    cx, E_INPUT, "too-long", "q", "These are too many words to look for.");
	if (limit.p != NULL && !str_int(limit, 1, PAGE_MAX, &q->limit))
		return fail_at(
		    cx, E_INPUT, "bad-limit", "limit", "A page has 1 to %d apps.", PAGE_MAX);
	return OK;
}

enum rc
web_apps_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct apps_query q = { .owner_id = sess->account.id };
	struct sandbox *s = app;
	json_t *o;

	TRY(read_query(cx, req, &q));
	TRY(apps_json(app, cx, &q, &o));
	json_put(o, "now_ms", json_integer(clock_now_ms(s->clock)));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

static enum rc
check_choice(struct ctx *cx, const char *field, struct str value, struct str a, struct str b)
{
	if (str_eq(value, a) || str_eq(value, b))
		return OK;
	return fail_at(cx, E_INPUT, "bad-choice", field, "Choose one of the two.");
}

static enum rc
read_new_app(struct ctx *cx, const struct http_req *req, struct app *out)
{
	struct session *sess = req->session;
	json_t *body;

	TRY(json_read(cx, req->body, 4, &body));
	TRY(json_take_str(cx, body, "api", 20, &out->api));
	TRY(json_take_str(cx, body, "access", 20, &out->access));
	TRY(json_take_str(cx, body, "name", NAME_BYTES_MAX, &out->name));
	out->name = str_trim(out->name);
	TRY(check_choice(cx, "api", out->api, S("dropbox"), S("business")));
	TRY(check_choice(cx, "access", out->access, S("app_folder"), S("full")));
	TRY(app_name_check(cx, out->name));
	out->owner_id = sess->account.id;
	if (str_eq(out->api, S("business")) && !sess->account.business) {
		fail_at(cx, E_DENIED, "needs-business", "api",
		    "The Dropbox Business API is for Business accounts.");
		return fail_todo(cx, "Choose the Dropbox API, or sign in with a Business account.");
	}
	return OK;
}

enum rc
web_app_create(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct app made = { 0 };
	json_t *o;

	TRY(read_new_app(cx, req, &made));
	TRY(app_create(app, cx, &made));
	TRY(app_json(app, cx, &made, sess->account.email, &o));
	http_res_json(res, 201, json_write(cx->arena, o));
	return OK;
}

enum rc
web_app_get(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return view_emit_app(app, cx, req, res, 200);
}

static void
emit_secret(struct ctx *cx, struct http_res *res, struct secret secret)
{
	json_t *o = json_object();

	json_put(o, "app_secret", json_str(secret_expose(secret)));
	http_res_json(res, 200, json_write(cx->arena, o));
}

enum rc
web_app_secret(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct secret secret;
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(app_secret(app, cx, own.key, &secret));
	emit_secret(cx, res, secret);
	return OK;
}

enum rc
web_app_secret_rotate(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct secret secret;
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(app_rotate_secret(app, cx, own.key, &secret));
	emit_secret(cx, res, secret);
	return OK;
}

static enum rc
read_uri(struct ctx *cx, const struct http_req *req, struct str *out)
{
	json_t *body;

	TRY(json_read(cx, req->body, 4, &body));
	return json_take_str(cx, body, "uri", URI_BYTES_MAX, out);
}

enum rc
web_app_uri_add(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const char *why;
	struct app own;
	struct str uri;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_uri(cx, req, &uri));
	if (!redirect_uri_ok(uri, &why)) {
		fail_at(cx, E_INPUT, "bad-uri", "uri", "%s", why);
		return fail_todo(cx, "Copy the address exactly as the other program shows it.");
	}
	TRY(app_add_uri(app, cx, own.key, uri));
	return view_emit_app(app, cx, req, res, 200);
}

enum rc
web_app_uri_remove(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;
	struct str uri;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_uri(cx, req, &uri));
	TRY(app_remove_uri(app, cx, own.key, uri));
	return view_emit_app(app, cx, req, res, 200);
}

static enum rc
read_domain(struct ctx *cx, const struct http_req *req, struct str *out)
{
	json_t *body;

	TRY(json_read(cx, req->body, 4, &body));
	TRY(json_take_str(cx, body, "domain", DOMAIN_BYTES_MAX, out));
	*out = text_fold(cx->arena, str_trim(*out));
	return OK;
}

enum rc
web_app_domain_add(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str domain;
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_domain(cx, req, &domain));
	if (!domain_ok(domain)) {
		fail_at(cx, E_INPUT, "bad-domain", "domain", "This is not a domain.");
		return fail_todo(
		    cx, "Type it as in www.example.com, without https:// and without a path.");
	}
	TRY(app_add_domain(app, cx, own.key, domain));
	return view_emit_app(app, cx, req, res, 200);
}

enum rc
web_app_domain_remove(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str domain;
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_domain(cx, req, &domain));
	TRY(app_remove_domain(app, cx, own.key, domain));
	return view_emit_app(app, cx, req, res, 200);
}

static enum rc
bad_scopes(struct ctx *cx, const char *why)
{
	return fail_at(cx, E_INPUT, "bad-scopes", "scopes", "%s", why);
}

static enum rc
read_scopes(struct ctx *cx, const struct http_req *req, const struct app *app, scope_set *out)
{
	enum scope scope, needed;
	json_t *body, *list, *item;
	size_t i;

	TRY(json_read(cx, req->body, 4, &body));
	list = json_object_get(body, "scopes");
	if (!json_is_array(list))
		return bad_scopes(cx, "The permissions must be a list of names.");
	*out = SCOPE_BIT(SCOPE_ACCOUNT_READ);
	json_array_foreach (list, i, item) {
		if (!json_is_string(item) || !scope_find(str_of(json_string_value(item)), &scope))
			return bad_scopes(cx, "One of the permissions does not exist.");
		*out |= SCOPE_BIT(scope);
	}
	if ((*out & SCOPES_OF_A_TEAM) != 0 && !str_eq(app->api, S("business")))
		return bad_scopes(
		    cx, "Permissions of a team are for apps of the Dropbox Business API.");
	if (scopes_gap(*out, &scope, &needed))
		return fail_at(cx, E_INPUT, "bad-scopes", "scopes",
		    "The permission %s needs %s too.", scope_name(scope), scope_name(needed));
	return OK;
}

enum rc
web_app_scopes(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;
	scope_set scopes = 0;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_scopes(cx, req, &own, &scopes));
	TRY(app_set_scopes(app, cx, own.key, scopes));
	return view_emit_app(app, cx, req, res, 200);
}

enum rc
web_app_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(app_delete(app, cx, own.key));
	res->status = 204;
	return OK;
}
