#include "api/api_int.h"

#define ID_MAX 64
#define KEY_MAX 1000
#define SCOPES_MAX 4000

enum rc
api_connection_create(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct connect_start in = { 0 };
	struct connection c;
	struct str url, app_secret;
	json_t *body, *o;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "provider", ID_MAX, &in.provider));
	TRY(json_take_str(cx, body, "app_key", KEY_MAX, &in.app_key));
	TRY(json_take_str_opt(cx, body, "app_secret", KEY_MAX, &app_secret));
	TRY(json_take_str_opt(cx, body, "scopes", SCOPES_MAX, &in.scopes));
	TRY(json_take_str_opt(cx, body, "token_id", ID_MAX, &in.token_id));
	in.app_secret = secret_of(app_secret);
	TRY(vault_connect_start(api->vault, cx, session_of(req), &in, &c, &url));
	o = api_dated(cx);
	json_put(o, "id", json_str(c.id));
	json_put(o, "authorization_url", json_str(url));
	json_put(o, "expires_at_ms", json_integer(c.expires_ms));
	return api_reply(res, 201, o);
}

enum rc
api_connection_get(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct connection c;
	json_t *o;

	TRY(vault_connection_get(api->vault, cx, session_of(req), req->args[0], &c));
	o = api_dated(cx);
	json_put(o, "connection", view_connection(api, cx, &c));
	return api_reply(res, 200, o);
}

/* A "no" of the provider is this route's answer, not its failure. */
enum rc
api_connection_probe(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	enum rc rc = vault_connect_probe(api->vault, cx, session_of(req), req->args[0]);
	json_t *o;

	if (rc != OK && rc != E_INPUT)
		return rc;
	o = json_object();
	json_put(o, "ok", json_boolean(rc == OK));
	if (rc != OK) {
		json_put(o, "code", json_string(cx->code));
		json_put(o, "field", json_string(cx->field));
		json_put(o, "detail", json_string(cx->why));
		json_put(o, "todo", json_string(cx->todo));
	}
	return api_reply(res, 200, o);
}

enum rc
api_connection_reveal(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct secret access;

	TRY(vault_connection_reveal(api->vault, cx, session_of(req), req->args[0], &access));
	return api_reply(
	    res, 200, json_pack("{s:o}", "access_token", json_str(secret_expose(access))));
}

enum rc
api_connection_test(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token_test test;

	TRY(vault_connection_test(api->vault, cx, session_of(req), req->args[0], &test));
	return api_reply(res, 200, view_test(&test));
}

enum rc
api_connection_use(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_connection_use(api->vault, cx, session_of(req), req->args[0]));
	return api_connection_get(app, cx, req, res);
}

enum rc
api_connection_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_connection_forget(api->vault, cx, session_of(req), req->args[0]));
	return api_no_content(res);
}
