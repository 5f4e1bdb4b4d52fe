/* The webhooks of the Settings tab. Adding one calls it first, and holds no store meanwhile. */
#include "base/json.h"
#include "sandbox/console/handlers.h"
#include "sandbox/console/notifier.h"
#include "sandbox/console/view.h"
#include "sandbox/console/webhooks.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define URI_BYTES_MAX 4096

static enum rc
emit(struct sandbox *s, struct ctx *cx, struct http_res *res, struct str app_key)
{
	json_t *list, *o;

	TRY(webhooks_json(s, cx, app_key, &list));
	o = json_object();
	json_put(o, "webhooks", list);
	json_put(o, "now_ms", json_integer(clock_now_ms(s->clock)));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
web_webhooks_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	return emit(app, cx, res, own.key);
}

static enum rc
check_new(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct webhook *out)
{
	struct app own;
	json_t *body;

	TRY(view_own_app(s, cx, req, &own));
	out->app_key = own.key;
	TRY(json_read(cx, req->body, 2, &body));
	TRY(json_take_str(cx, body, "uri", URI_BYTES_MAX, &out->uri));
	out->uri = str_trim(out->uri);
	TRY(webhook_uri_check(cx, out->uri));
	return webhook_check_room(s, cx, own.key, out->uri);
}

/* The app may be gone, or the place taken, by the time the webhook has answered. */
static enum rc
keep_new(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    struct webhook *hook)
{
	struct app own;

	TRY(view_own_app(s, cx, req, &own));
	TRY(webhook_add(s, cx, hook));
	TRY(notifier_watch(s, cx));
	return emit(s, cx, res, own.key);
}

enum rc
web_webhook_add(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct webhook hook = { 0 };
	enum rc rc;

	TRY(store_enter(app, cx, STORE_READ));
	rc = check_new(app, cx, req, &hook);
	TRY(store_leave(app, cx, STORE_READ, rc));
	TRY(notifier_challenge(app, cx, hook.uri));
	TRY(store_enter(app, cx, STORE_WRITE));
	rc = keep_new(app, cx, req, res, &hook);
	return store_leave(app, cx, STORE_WRITE, rc);
}

enum rc
web_webhook_enable(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	bool enabled = true;
	struct app own;
	json_t *body;

	TRY(view_own_app(app, cx, req, &own));
	TRY(json_read(cx, req->body, 2, &body));
	TRY(json_take_bool_opt(cx, body, "enabled", &enabled));
	TRY(webhook_enable(app, cx, own.key, req->args[1], enabled));
	if (enabled)
		TRY(notifier_watch(app, cx));
	return emit(app, cx, res, own.key);
}

enum rc
web_webhook_remove(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(webhook_remove(app, cx, own.key, req->args[1]));
	notifier_forget(app, req->args[1]);
	return emit(app, cx, res, own.key);
}
