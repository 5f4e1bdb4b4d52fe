#include "vault/webhooks.h"

#include "api/api_int.h"
#include "base/buf.h"
#include "vault/events.h"

#define TEXT_MAX 2000
#define TYPES_TEXT_MAX 4000
#define TYPE_MAX 60
#define TYPES_COUNT_MAX 60

static json_t *
view_types(struct str types)
{
	json_t *list = json_array();
	struct str one;

	while (types.len > 0 && str_split(&types, ' ', &one))
		json_array_append_new(list, json_str(one));
	return list;
}

static json_t *
view_webhook(const struct webhook *w)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(w->id));
	json_put(o, "name", json_str(w->name));
	json_put(o, "url", json_str(w->url));
	json_put(o, "types", view_types(w->types));
	json_put(o, "enabled", json_boolean(w->enabled));
	json_put(o, "created_ms", json_integer(w->created_ms));
	return o;
}

static json_t *
view_delivery(const struct delivery *d)
{
	static const char *const states[] = { "waiting", "delivered", "given_up" };
	json_t *o = json_object();

	json_put(o, "id", json_str(d->id));
	json_put(o, "type", json_str(d->type));
	json_put(o, "created_ms", json_integer(d->created_ms));
	json_put(o, "state", json_string(states[d->state]));
	json_put(o, "attempts", json_integer(d->attempts));
	json_put(o, "tried_ms", view_time(d->tried_ms));
	json_put(o, "next_ms", view_time(d->attempts > 0 ? d->due_ms : 0));
	json_put(o, "status", d->status > 0 ? json_integer(d->status) : json_null());
	json_put(o, "error", json_opt_str(d->error));
	return o;
}

/* What a person can choose from. */
static json_t *
view_event_types(void)
{
	json_t *list = json_array();
	size_t n;
	const struct event_type *types = vault_event_types(&n);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(types[i].type));
	return list;
}

enum rc
api_webhooks(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct webhook *hooks;
	json_t *list, *o;
	size_t n;

	(void)req;
	TRY(vault_webhook_list(api->vault, cx, &hooks, &n));
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, view_webhook(&hooks[i]));
	o = api_dated(cx);
	json_put(o, "webhooks", list);
	json_put(o, "event_types", view_event_types());
	return api_reply(res, 200, o);
}

static enum rc
take_types(struct ctx *cx, const json_t *body, struct str *out)
{
	const json_t *list = json_object_get(body, "types");
	struct buf b = buf_in(cx->arena, TYPES_TEXT_MAX);

	if (!json_is_array(list) || json_array_size(list) > TYPES_COUNT_MAX)
		return fail_at(cx, E_INPUT, "bad-field", "types",
		    "The types of events must be a list; an empty one means all.");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		struct str text = { json_string_value(one), json_string_length(one) };

		if (text.len == 0 || text.len > TYPE_MAX || str_find(text, ' ') < text.len)
			return fail_at(
			    cx, E_INPUT, "bad-field", "types", "A type of events is not known.");
		buf_addf(&b, "%s%.*s", i > 0 ? " " : "", STR_ARG(text));
	}
	*out = buf_str(&b);
	return OK;
}

/* The secret is told here and never again. */
static enum rc
reply_secret(struct http_res *res, int status, json_t *webhook, struct secret secret)
{
	json_t *o = json_object();

	json_put(o, "webhook", webhook);
	json_put(o, "secret", json_str(secret_expose(secret)));
	return api_reply(res, status, o);
}

enum rc
api_webhook_create(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct webhook w = { 0 };
	struct secret secret;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "name", TEXT_MAX, &w.name));
	TRY(json_take_str(cx, body, "url", TEXT_MAX, &w.url));
	TRY(take_types(cx, body, &w.types));
	TRY(vault_webhook_create(api->vault, cx, &w, &secret));
	return reply_secret(res, 201, view_webhook(&w), secret);
}

/* What the page showed: an edit of something else than that is refused. */
static enum rc
take_was(struct ctx *cx, const json_t *body, struct webhook_edit *edit)
{
	static const char *const members[] = { "name", "url", "types", "enabled", NULL };
	const json_t *was = json_object_get(body, "was");

	if (was == NULL)
		return OK;
	TRY(json_only_members(cx, was, members));
	TRY(json_take_str_opt(cx, was, "name", TEXT_MAX, &edit->was.name));
	TRY(json_take_str_opt(cx, was, "url", TEXT_MAX, &edit->was.url));
	TRY(json_take_bool_opt(cx, was, "enabled", &edit->was.enabled));
	edit->was.has_enabled = json_is_boolean(json_object_get(was, "enabled"));
	edit->was.has_types = json_object_get(was, "types") != NULL;
	return edit->was.has_types ? take_types(cx, was, &edit->was.types) : OK;
}

enum rc
api_webhook_patch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct webhook_edit edit = { 0 };
	struct webhook w;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str_opt(cx, body, "name", TEXT_MAX, &edit.name));
	TRY(json_take_str_opt(cx, body, "url", TEXT_MAX, &edit.url));
	TRY(json_take_bool_opt(cx, body, "enabled", &edit.enabled));
	edit.set_name = edit.name.p != NULL;
	edit.set_url = edit.url.p != NULL;
	edit.set_enabled = json_is_boolean(json_object_get(body, "enabled"));
	edit.set_types = json_object_get(body, "types") != NULL;
	if (edit.set_types)
		TRY(take_types(cx, body, &edit.types));
	TRY(take_was(cx, body, &edit));
	TRY(vault_webhook_edit(api->vault, cx, req->args[0], &edit));
	TRY(vault_webhook_get(api->vault, cx, req->args[0], &w));
	return api_reply(res, 200, json_pack("{s:o}", "webhook", view_webhook(&w)));
}

enum rc
api_webhook_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_webhook_delete(api->vault, cx, req->args[0]));
	return api_no_content(res);
}

enum rc
api_webhook_secret(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct secret secret;
	struct webhook w;

	TRY(vault_webhook_renew_secret(api->vault, cx, req->args[0], &secret));
	TRY(vault_webhook_get(api->vault, cx, req->args[0], &w));
	return reply_secret(res, 200, view_webhook(&w), secret);
}

enum rc
api_webhook_test(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct str id;

	TRY(vault_webhook_test(api->vault, cx, req->args[0], &id));
	return api_reply(res, 202, json_pack("{s:o}", "delivery", json_str(id)));
}

enum rc
api_deliveries(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct delivery *list;
	struct webhook w;
	json_t *views, *o;
	size_t n;

	TRY(vault_webhook_get(api->vault, cx, req->args[0], &w));
	TRY(vault_delivery_list(api->vault, cx, w.id, &list, &n));
	views = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(views, view_delivery(&list[i]));
	o = api_dated(cx);
	json_put(o, "deliveries", views);
	return api_reply(res, 200, o);
}

enum rc
api_delivery_again(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_delivery_again(api->vault, cx, req->args[0], req->args[1]));
	return api_no_content(res);
}
