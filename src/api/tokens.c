#include "api/api_int.h"
#include "vault/provider.h"

#define ID_MAX 64
#define TEXT_MAX 8000
#define SECRET_MAX 1000

static enum rc
reply_token(
    struct api *api, struct ctx *cx, struct http_res *res, int status, const struct token *t)
{
	json_t *o = api_dated(cx);

	json_put(o, "token", view_token(api, cx, t));
	return api_reply(res, status, o);
}

static enum rc
reply_token_id(struct api *api, struct ctx *cx, struct http_res *res, struct str id)
{
	struct token t;

	TRY(vault_token_get(api->vault, cx, id, &t));
	return reply_token(api, cx, res, 200, &t);
}

enum rc
api_providers(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	json_t *list = json_array(), *o;
	size_t n;
	const struct provider *p = vault_providers(api->vault, &n);

	(void)cx;
	(void)req;
	for (size_t i = 0; i < n; i++) {
		o = json_object();
		json_put(o, "id", json_str(p[i].id));
		json_put(o, "name", json_str(p[i].name));
		json_put(o, "redirect_uri", json_str(p[i].redirect_uri));
		json_put(o, "console_url", json_str(p[i].console_url));
		json_put(o, "app_key_pattern", json_str(p[i].app_key_pattern));
		json_put(o, "default_scopes", json_string(""));
		json_array_append_new(list, o);
	}
	return api_reply(res, 200, json_pack("{s:o}", "providers", list));
}

enum rc
api_tokens(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token_page page = { 0 };
	struct token *tokens;
	json_t *o, *list;
	size_t n;

	TRY(api_take_page(cx, req, &page));
	if (page.max == 0)
		page.max = API_PAGE_MAX;
	TRY(vault_token_page(api->vault, cx, &page, &tokens, &n));
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, view_token(api, cx, &tokens[i]));
	o = api_dated(cx);
	json_put(o, "tokens", list);
	json_put(o, "next", n == page.max ? json_str(tokens[n - 1].name) : json_null());
	return api_reply(res, 200, o);
}

enum rc
api_token_create(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct connect_save save = { 0 };
	struct str connection;
	struct token t;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "name", TEXT_MAX, &save.name));
	TRY(json_take_str_opt(cx, body, "description", TEXT_MAX, &save.description));
	TRY(json_take_bool_opt(cx, body, "lazy", &save.lazy));
	TRY(json_take_str(cx, body, "connection", ID_MAX, &connection));
	TRY(vault_connection_save(api->vault, cx, session_of(req), connection, &save, &t));
	return reply_token(api, cx, res, 201, &t);
}

enum rc
api_token_get(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return reply_token_id(app, cx, res, req->args[0]);
}

/* What the page showed: an edit of something else than that is refused. */
static enum rc
take_was(struct ctx *cx, const json_t *body, struct token_edit *edit)
{
	static const char *const members[] = { "name", "description", "lazy", NULL };
	const json_t *was = json_object_get(body, "was");

	if (was == NULL)
		return OK;
	TRY(json_only_members(cx, was, members));
	TRY(json_take_str_opt(cx, was, "name", TEXT_MAX, &edit->was.name));
	TRY(json_take_str_opt(cx, was, "description", TEXT_MAX, &edit->was.description));
	TRY(json_take_bool_opt(cx, was, "lazy", &edit->was.lazy));
	edit->was.has_lazy = json_object_get(was, "lazy") != NULL;
	return OK;
}

enum rc
api_token_patch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token_edit edit = { 0 };
	struct str app_secret;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str_opt(cx, body, "name", TEXT_MAX, &edit.name));
	TRY(json_take_str_opt(cx, body, "description", TEXT_MAX, &edit.description));
	TRY(json_take_str_opt(cx, body, "app_secret", SECRET_MAX, &app_secret));
	TRY(json_take_bool_opt(cx, body, "lazy", &edit.lazy));
	TRY(take_was(cx, body, &edit));
	edit.set_lazy = json_object_get(body, "lazy") != NULL;
	edit.set_name = edit.name.p != NULL;
	edit.set_description = edit.description.p != NULL;
	edit.set_app_secret = app_secret.len > 0;
	edit.app_secret = secret_of(app_secret);
	TRY(vault_token_edit(api->vault, cx, req->args[0], &edit));
	return reply_token_id(api, cx, res, req->args[0]);
}

enum rc
api_token_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct str revoke;

	TRY(http_req_param(cx, req, "revoke", &revoke));
	if (revoke.p != NULL && !str_eq(revoke, S("true")) && !str_eq(revoke, S("false")))
		return fail_at(cx, E_INPUT, "bad-parameter", "revoke",
		    "The parameter revoke is true or false.");
	TRY(vault_token_delete(api->vault, cx, req->args[0], str_eq(revoke, S("true"))));
	return api_no_content(res);
}

/* "after" is the "next" of the page before: when its last token was put aside, and its id. */
static enum rc
take_deleted_page(struct ctx *cx, const struct http_req *req, struct deleted_page *out)
{
	struct token_page page = { 0 };
	struct str time;

	TRY(api_take_page(cx, req, &page));
	*out = (struct deleted_page){ .until_ms = INT64_MAX,
		.max = page.max > 0 ? page.max : API_PAGE_MAX };
	if (page.after.len == 0)
		return OK;
	if (str_split(&page.after, '.', &time) && str_int(time, 0, INT64_MAX, &out->until_ms) &&
	    page.after.len > 0 && page.after.len <= ID_MAX) {
		out->after_id = page.after;
		return OK;
	}
	return fail_at(
	    cx, E_INPUT, "bad-parameter", "after", "after is the \"next\" of the page before.");
}

static json_t *
view_deleted(struct api *api, struct ctx *cx, const struct token *t)
{
	json_t *o = view_token(api, cx, t);

	json_put(o, "deleted_ms", json_integer(t->deleted_ms));
	json_put(o, "ends_ms", json_integer(t->deleted_ms + vault_keep_deleted_ms(api->vault)));
	return o;
}

enum rc
api_tokens_deleted(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	json_t *o, *list;
	struct deleted_page page;
	struct token *tokens;
	struct str next = S("");
	size_t n;

	TRY(take_deleted_page(cx, req, &page));
	TRY(vault_token_page_deleted(api->vault, cx, &page, &tokens, &n));
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, view_deleted(api, cx, &tokens[i]));
	if (n == page.max)
		next = str_printf(cx->arena, "%lld.%.*s", (long long)tokens[n - 1].deleted_ms,
		    STR_ARG(tokens[n - 1].id));
	o = api_dated(cx);
	json_put(o, "tokens", list);
	json_put(o, "next", json_opt_str(next));
	return api_reply(res, 200, o);
}

enum rc
api_token_restore(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct str name = S("");
	struct token t;
	json_t *body;

	if (req->body.len > 0) {
		TRY(api_body(cx, req, &body));
		TRY(json_take_str_opt(cx, body, "name", TEXT_MAX, &name));
	}
	TRY(vault_token_restore(api->vault, cx, req->args[0], name, &t));
	return reply_token(api, cx, res, 200, &t);
}

enum rc
api_token_recover(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_token_recover(api->vault, cx, req->args[0]));
	return reply_token_id(api, cx, res, req->args[0]);
}

enum rc
api_token_reveal(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct secret access;

	TRY(vault_token_reveal(api->vault, cx, req->args[0], &access));
	return api_reply(
	    res, 200, json_pack("{s:o}", "access_token", json_str(secret_expose(access))));
}

enum rc
api_token_test(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token_test test;
	struct token t;
	json_t *o;

	TRY(vault_token_test(api->vault, cx, req->args[0], &test));
	TRY(vault_token_get(api->vault, cx, req->args[0], &t));
	o = view_test(&test);
	json_put(o, "now_ms", json_integer(clock_now_ms(cx->clock)));
	json_put(o, "token", view_token(api, cx, &t));
	return api_reply(res, 200, o);
}

enum rc
api_token_refresh(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_token_refresh(api->vault, cx, req->args[0]));
	return reply_token_id(api, cx, res, req->args[0]);
}
