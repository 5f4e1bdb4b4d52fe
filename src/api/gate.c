#include "api/api_int.h"

static enum rc
key_gate(struct api *api, struct ctx *cx, struct http_req *req)
{
	struct str header = http_req_header(req, S("Authorization"));
	struct key_ref *key = ARENA_NEW(cx->arena, struct key_ref);
	size_t space = str_find(header, ' ');

	if (!str_eq_nocase(str_sub(header, 0, space), S("Bearer"))) {
		fail_at(cx, E_AUTH, "api-key-missing", NULL, "This needs an API key.");
		return fail_todo(
		    cx, "Send Authorization: Bearer vk_… with a key made under API Keys.");
	}
	TRY(vault_key_check(
	    api->vault, cx, secret_of(str_trim(str_sub(header, space + 1, header.len))), key));
	cx->actor = str_concat(cx->arena, S("key:"), key->id);
	req->session = key;
	return OK;
}

/* Our own page, in this browser, says so twice: by Origin, which no page can forge, and by a token
 * that only a page of ours can read. Other ports of this host count as strangers. */
static enum rc
csrf_gate(struct api *api, struct ctx *cx, const struct http_req *req, const struct session *s)
{
	struct str origin = http_req_header(req, S("Origin"));
	bool ours = origin.p != NULL
	    ? str_eq(origin, vault_public_url(api->vault))
	    : str_eq(http_req_header(req, S("Sec-Fetch-Site")), S("same-origin"));

	if (ours && vault_csrf_ok(s, http_req_header(req, S("X-CSRF-Token"))))
		return req->method == HTTP_M_DELETE ? OK : http_req_want_json(cx, req);
	fail_at(
	    cx, E_DENIED, "csrf", NULL, "The request does not come from this console's own page.");
	return fail_todo(cx, "Reload the page and try again.");
}

static enum rc
session_gate(struct api *api, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	struct session *s = ARENA_NEW(cx->arena, struct session);
	int access = req->route->access;
	struct str cookie = { 0 };
	bool fresh;

	if (!cx->may_block)
		return E_AGAIN;
	if (!http_req_cookie(req, api->cookie_name, &cookie))
		cookie = (struct str){ 0 };
	TRY(vault_session(api->vault, cx, cookie, s, &fresh));
	req->session = s;
	if (s->user.id.len > 0)
		vault_act_as(cx, &s->user);
	if (access == ACCESS_CALLBACK)
		return OK;
	if (s->user.id.len == 0 && access >= ACCESS_USER) {
		fail_at(cx, E_AUTH, "signed-out", NULL,
		    "You are not signed in, or the session has ended.");
		return fail_todo(cx, "Sign in and try again.");
	}
	if (access == ACCESS_VISITOR_CHANGE || access >= ACCESS_USER_CHANGE)
		TRY(csrf_gate(api, cx, req, s));
	if (access == ACCESS_USER_SECRET)
		return vault_session_want_confirmed(api->vault, cx, s);
	if (fresh && access == ACCESS_VISITOR)
		api_set_cookie(api, res, s);
	return OK;
}

enum rc
api_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	cx->from = req->peer;
	switch ((enum access)req->route->access) {
	case ACCESS_PUBLIC:
	case ACCESS_PAGE:
		return OK;
	case ACCESS_KEY:
		return key_gate(app, cx, req);
	default:
		return session_gate(app, cx, req, res);
	}
}

static bool
wants_html(const struct http_req *req)
{
	return (req->method == HTTP_M_GET || req->method == HTTP_M_HEAD) &&
	    !str_starts(req->path, S("/api/")) &&
	    str_contains(http_req_header(req, S("Accept")), S("text/html"));
}

void
api_fail(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	json_t *boot;

	(void)app;
	if (!wants_html(req)) {
		http_res_problem(res, cx, rc);
		return;
	}
	boot = json_object();
	json_put(boot, "page", json_string("error"));
	json_put(boot, "status", json_integer(http_status_of(cx, rc)));
	json_put(
	    boot, "title", json_string(rc == E_NOTFOUND ? "Page not found" : "That did not work"));
	json_put(boot, "detail",
	    rc == E_NOTFOUND ? json_string("There is no page at this address.")
			     : json_str(str_of(cx->why)));
	json_put(boot, "todo", json_string(rc == E_NOTFOUND ? "" : cx->todo));
	json_put(boot, "request_id", json_string(cx->request_id));
	api_page(res, http_status_of(cx, rc), boot);
}
