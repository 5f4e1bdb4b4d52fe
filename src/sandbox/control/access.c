#include "sandbox/control/access.h"

#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/pages.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"

#define TOKEN_MAX 256
#define COOKIE_FLAGS "; Path=/_sandbox; HttpOnly; SameSite=Strict"

/* The session's name carries the instance (S-106); "__Host-" would want the path to be "/". */
static struct str
cookie_name(const struct sandbox *s, struct arena *a)
{
	struct str name = s->cookie_name;
	bool https = str_starts(name, S("__Host-"));

	if (https)
		name = str_sub(name, strlen("__Host-"), name.len);
	return str_printf(a, "%s%.*s_control", https ? "__Secure-" : "", STR_ARG(name));
}

static struct str
cookie_flags(const struct sandbox *s, bool end)
{
	bool https = str_starts(s->cookie_name, S("__Host-"));

	if (end)
		return https ? S(COOKIE_FLAGS "; Secure; Max-Age=0")
			     : S(COOKIE_FLAGS "; Max-Age=0");
	return https ? S(COOKIE_FLAGS "; Secure") : S(COOKIE_FLAGS);
}

static struct str
cookie_of(const struct sandbox *s, struct arena *a)
{
	return crypto_mac_text(s->keys, a, S("sandbox.control-cookie"), s->control_token);
}

static struct str
csrf_of(const struct sandbox *s, struct arena *a)
{
	return crypto_mac_text(s->keys, a, S("sandbox.control-csrf"), s->control_token);
}

static enum rc
from_loopback(struct ctx *cx, const struct http_req *req)
{
	if (req->peer_is_loopback)
		return OK;
	return fail_at(
	    cx, E_DENIED, "loopback-only", NULL, "The control API answers on the loopback only.");
}

static enum rc
from_our_page(struct sandbox *s, struct ctx *cx, const struct http_req *req)
{
	if (str_eq(http_req_header(req, S("Origin")), reach_url(s, req)))
		return OK;
	fail_at(cx, E_DENIED, "not-from-our-page", NULL,
	    "The request does not come from a page of this sandbox.");
	return fail_todo(cx, "Open %.*s/_sandbox and try again.", STR_ARG(s->public_url));
}

static bool
is_read(const struct http_req *req)
{
	return req->method == HTTP_M_GET || req->method == HTTP_M_HEAD;
}

static bool
has_cookie(struct sandbox *s, struct ctx *cx, const struct http_req *req)
{
	struct str token = http_req_header(req, S("X-CSRF-Token")), value;

	return http_req_cookie(req, cookie_name(s, cx->arena), &value) && token.len > 0 &&
	    crypto_equal(secret_of(value), secret_of(cookie_of(s, cx->arena))) &&
	    crypto_equal(secret_of(token), secret_of(csrf_of(s, cx->arena)));
}

enum rc
control_gate(struct sandbox *s, struct ctx *cx, const struct http_req *req)
{
	struct secret token = bearer_of(http_req_header(req, S("Authorization")));

	TRY(from_loopback(cx, req));
	if (!crypto_equal(token, s->control_token)) {
		if (!secret_empty(token) || !has_cookie(s, cx, req)) {
			fail_at(cx, E_AUTH, "no-control-token", NULL,
			    "The control token is missing or wrong.");
			return fail_todo(
			    cx, "It stands in the file control-token of the data directory.");
		}
		if (!is_read(req))
			TRY(from_our_page(s, cx, req));
	}
	return is_read(req) || req->method == HTTP_M_DELETE ? OK : http_req_want_json(cx, req);
}

enum rc
control_gate_sign(struct sandbox *s, struct ctx *cx, const struct http_req *req)
{
	TRY(from_loopback(cx, req));
	TRY(from_our_page(s, cx, req));
	return http_req_want_json(cx, req);
}

enum rc
control_sign_in(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const members[] = { "token", NULL };
	struct sandbox *s = app;
	struct input in;
	struct str token;
	json_t *o;

	TRY(input_body(cx, req, members, &in));
	TRY(input_need(cx, &in, "token", TOKEN_MAX, &token));
	if (!crypto_equal(secret_of(str_trim(token)), s->control_token)) {
		fail_at(cx, E_AUTH, "wrong-token", "token",
		    "This is not the control token of this sandbox.");
		return fail_todo(cx, "It is new at each start; look into the file control-token.");
	}
	http_res_cookie(
	    res, cookie_name(s, cx->arena), cookie_of(s, cx->arena), cookie_flags(s, false));
	o = json_object();
	json_put(o, "csrf", json_str(csrf_of(s, cx->arena)));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
control_sign_out(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;

	(void)req;
	http_res_cookie(res, cookie_name(s, cx->arena), S(""), cookie_flags(s, true));
	res->status = 204;
	return OK;
}

/* Without the token it shows nothing but a field for it. */
enum rc
control_page(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	TRY(from_loopback(cx, req));
	return page_app(app, cx, req, res);
}
