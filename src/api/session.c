#include "api/api_int.h"
#include "base/version.h"

#define USERNAME_MAX 100
#define PASSWORD_MAX 1000

static enum rc
reply_session(struct api *api, struct http_res *res, const struct session *s)
{
	json_t *obj = json_object(), *user = json_null();

	if (s->user.id.len > 0)
		user = json_pack("{s:o}", "username", json_str(s->user.username));
	json_put(obj, "csrf", json_str(s->csrf));
	json_put(obj, "user", user);
	json_put(obj, "public_url", json_str(vault_public_url(api->vault)));
	json_put(obj, "now_ms", json_integer(clock_wall_ms()));
	json_put(obj, "version", json_string(VALETKEY_VERSION));
	return api_reply(res, 200, obj);
}

enum rc
api_session_get(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)cx;
	return reply_session(app, res, session_of(req));
}

enum rc
api_sign_in(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct session *s = session_of(req);
	struct secret password;
	struct str username;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "username", USERNAME_MAX, &username));
	TRY(json_take_secret(cx, body, "password", PASSWORD_MAX, &password));
	TRY(vault_sign_in(api->vault, cx, s, req->peer, username, password));
	api_set_cookie(api, res, s);
	return reply_session(api, res, s);
}

enum rc
api_sign_out(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct session *s = session_of(req);

	TRY(vault_sign_out(api->vault, cx, s));
	api_set_cookie(api, res, s);
	return reply_session(api, res, s);
}

enum rc
api_confirm(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct secret password;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_secret(cx, body, "password", PASSWORD_MAX, &password));
	TRY(vault_session_confirm(api->vault, cx, session_of(req), req->peer, password));
	return api_no_content(res);
}

enum rc
api_password(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct secret current, replacement;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_secret(cx, body, "current", PASSWORD_MAX, &current));
	TRY(json_take_secret(cx, body, "new", PASSWORD_MAX, &replacement));
	TRY(vault_password_change(api->vault, cx, session_of(req), current, replacement));
	return api_no_content(res);
}
