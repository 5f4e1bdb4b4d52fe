#include "api/api_int.h"
#include "base/buf.h"
#include "vault/counts.h"
#include "vault/live.h"

#define MIN_TTL_MAX_S 86400
#define LIST_MAX 20000 /* of them in an answer that is no page */
#define FINGERPRINT_MAX 64
#define REPLY_FIRST 160  /* names and what else is not from outside */
#define REPLY_MAX 139264 /* the largest token, scope and warning, every byte escaped */

static const struct key_ref *
key_of(const struct http_req *req)
{
	return req->session;
}

/* A key that is limited to some tokens gets the same answer for all others, existing or not. */
static enum rc
allowed_token(struct api *api, struct ctx *cx, const struct http_req *req, struct token *out)
{
	enum rc rc = vault_token_by_name(api->vault, cx, req->args[0], out);

	if (rc == OK && vault_key_allows(api->vault, key_of(req), out->id))
		return OK;
	if (rc == E_NOTFOUND && key_of(req)->all_tokens)
		return fail_at(
		    cx, E_NOTFOUND, "not-found", NULL, "There is no access token of this name.");
	if (rc != OK && rc != E_NOTFOUND)
		return rc;
	fail_at(cx, E_DENIED, "token-not-permitted", NULL, "This API key may not read this token.");
	return fail_todo(cx, "Allow the key to read it under API Keys in the console.");
}

enum rc
api_take_page(struct ctx *cx, const struct http_req *req, struct token_page *page)
{
	struct str text;
	int64_t limit = 0;

	TRY(http_req_param(cx, req, "limit", &text));
	if (text.p != NULL && !str_int(text, 1, API_PAGE_MAX, &limit))
		return fail_at(cx, E_INPUT, "bad-parameter", "limit",
		    "limit must be a whole number from 1 to %d.", API_PAGE_MAX);
	page->max = (size_t)limit;
	TRY(http_req_param(cx, req, "after", &page->after));
	return http_req_param(cx, req, "find", &page->find);
}

static enum rc
too_many(struct ctx *cx)
{
	fail_at(cx, E_INPUT, "too-many", "limit", "There are more tokens than one answer holds.");
	return fail_todo(cx,
	    "Ask for pages: ?limit=%d, then with the \"next\" of each answer as &after=…",
	    API_PAGE_MAX);
}

/* Appends a page of what the key may read; page->after moves behind it. */
static enum rc
add_page(struct api *api, struct ctx *cx, const struct http_req *req, struct token_page *page,
    json_t *list, bool *more)
{
	struct token *tokens;
	size_t n;

	TRY(vault_token_page(api->vault, cx, page, &tokens, &n));
	for (size_t i = 0; i < n; i++)
		if (vault_key_allows(api->vault, key_of(req), tokens[i].id))
			json_array_append_new(list, view_token_v1(api, cx, &tokens[i]));
	*more = n == page->max;
	if (n > 0)
		page->after = tokens[n - 1].name;
	return OK;
}

/* All of them, or with a limit a page; *next: where the page behind it goes on. */
static enum rc
list_tokens(
    struct api *api, struct ctx *cx, const struct http_req *req, json_t *list, json_t **next)
{
	struct token_page page = { .key = key_of(req)->all_tokens ? S("") : key_of(req)->id };
	bool one, more = true;

	TRY(api_take_page(cx, req, &page));
	one = page.max > 0;
	if (!one)
		page.max = API_PAGE_MAX;
	do {
		TRY(add_page(api, cx, req, &page, list, &more));
		if (json_array_size(list) > LIST_MAX)
			return too_many(cx);
	} while (!one && more);
	if (one)
		*next = more ? json_str(page.after) : json_null();
	return OK;
}

enum rc
api_v1_tokens(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *list = json_array(), *o = json_object(), *next = NULL;
	struct str text;
	enum rc rc;

	json_put(o, "now", json_str(clock_rfc3339(cx->arena, clock_now_ms(cx->clock))));
	json_put(o, "tokens", list);
	rc = list_tokens(app, cx, req, list, &next);
	if (rc != OK) {
		json_decref(o);
		return rc;
	}
	if (next != NULL)
		json_put(o, "next", next);
	text = json_write(res->arena, o);
	if (text.p == NULL)
		return too_many(cx);
	http_res_json(res, 200, text);
	return OK;
}

enum rc
api_v1_token(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token t;

	TRY(allowed_token(api, cx, req, &t));
	return api_reply(res, 200, view_token_v1(api, cx, &t));
}

static enum rc
take_min_ttl(struct ctx *cx, const struct http_req *req, int64_t *out)
{
	struct str text;

	*out = LIVE_MIN_TTL_S;
	TRY(http_req_param(cx, req, "min_ttl", &text));
	if (text.p == NULL || str_int(text, 0, MIN_TTL_MAX_S, out))
		return OK;
	fail_at(cx, E_INPUT, "bad-parameter", "min_ttl",
	    "min_ttl must be a whole number of seconds from 0 to %d.", MIN_TTL_MAX_S);
	return fail_todo(cx, "For example ?min_ttl=300");
}

/* The hot path: written without a JSON tree. */
static enum rc
reply_live(struct ctx *cx, struct http_res *res, const struct live_token *t)
{
	int64_t left = (t->expires_ms - clock_now_ms(cx->clock)) / 1000;
	struct buf b = buf_with(
	    cx->arena, REPLY_FIRST + secret_expose(t->access).len + t->scope.len, REPLY_MAX);

	buf_add(&b, S("{\"access_token\":"));
	buf_add_json_string(&b, secret_expose(t->access));
	buf_add(&b, S(",\"token_type\":\"bearer\",\"expires_at\":"));
	if (t->expires_ms == 0) {
		buf_add(&b, S("null,\"expires_in\":null"));
	} else {
		buf_add_json_string(&b, clock_rfc3339(cx->arena, t->expires_ms));
		buf_add(&b, S(",\"expires_in\":"));
		buf_add_int(&b, left > 0 ? left : 0);
	}
	buf_add(&b, S(",\"scope\":"));
	buf_add_json_string(&b, t->scope);
	if (t->warning.code != NULL) {
		buf_addf(&b, ",\"warning\":{\"code\":\"%s\",\"detail\":", t->warning.code);
		buf_add_json_string(&b, t->warning.detail);
		buf_add(&b, S(",\"todo\":"));
		buf_add_json_string(&b, t->warning.todo);
		buf_addc(&b, '}');
	}
	buf_addc(&b, '}');
	http_res_json(res, 200, buf_str(&b));
	return OK;
}

enum rc
api_v1_access_token(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct live_token t;
	int64_t min_ttl_s;
	enum rc rc;

	TRY(take_min_ttl(cx, req, &min_ttl_s));
	rc = vault_token_live(api->vault, cx, key_of(req), req->args[0], min_ttl_s, &t);
	/* With E_AGAIN the same request comes again, on a thread that may wait. */
	if (rc != E_AGAIN)
		vault_count(api->vault, rc == OK ? COUNT_READ : COUNT_READ_REFUSED);
	TRY(rc);
	return reply_live(cx, res, &t);
}

/* A refused App Key or App Secret is a fault of what a person typed, and none of the program's request. */
static enum rc
blame(struct ctx *cx, enum rc rc)
{
	if (rc != E_INPUT || cx->code == NULL ||
	    (strcmp(cx->code, "invalid-client") != 0 && strcmp(cx->code, "refused-request") != 0))
		return rc;
	cx->field = NULL;
	return cx->rc = E_REAUTH;
}

enum rc
api_v1_rejected(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct str fingerprint;
	struct live_token t;
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "fingerprint", FINGERPRINT_MAX, &fingerprint));
	TRY(blame(
	    cx, vault_token_rejected(api->vault, cx, key_of(req), req->args[0], fingerprint, &t)));
	return reply_live(cx, res, &t);
}

enum rc
api_v1_refresh(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token t;

	TRY(allowed_token(api, cx, req, &t));
	TRY(blame(cx, vault_token_refresh(api->vault, cx, t.id)));
	TRY(vault_token_get(api->vault, cx, t.id, &t));
	return api_reply(res, 200, view_token_v1(api, cx, &t));
}

enum rc
api_v1_recover(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct token t;

	TRY(allowed_token(api, cx, req, &t));
	TRY(blame(cx, vault_token_recover(api->vault, cx, t.id)));
	TRY(vault_token_get(api->vault, cx, t.id, &t));
	return api_reply(res, 200, view_token_v1(api, cx, &t));
}
