/* What happened: a page of it, and what came since. */
#include "api/api_int.h"
#include "api/events.h"

#define LIMIT_MAX 200
#define LIMIT 50

static bool
by_key(const struct http_req *req)
{
	return req->route->access == ACCESS_KEY;
}

/* A key limited to some tokens gets the same answer for all others, existing or not. */
static enum rc
take_token(struct api *api, struct ctx *cx, const struct http_req *req, struct str name,
    struct event_filter *f)
{
	const struct key_ref *key = req->session;
	struct token t;
	enum rc rc;

	if (!by_key(req)) {
		f->token_id = name; /* the console names it by its id */
		return OK;
	}
	rc = vault_token_by_name(api->vault, cx, name, &t);
	if (rc == OK && !vault_key_allows(api->vault, key, t.id))
		rc = E_NOTFOUND;
	if (rc == E_NOTFOUND && !key->all_tokens) {
		fail_at(cx, E_DENIED, "token-not-permitted", NULL,
		    "This API key may not read this token.");
		return fail_todo(cx, "Allow the key to read it under API Keys in the console.");
	}
	f->token_id = t.id;
	return rc;
}

void
api_event_reach(struct api *api, const struct http_req *req, struct event_filter *f)
{
	const struct key_ref *key = by_key(req) ? req->session : NULL;

	f->key_id = key == NULL || vault_key_allows_all(api->vault, key) ? S("") : key->id;
}

enum rc
api_event_filter(
    struct api *api, struct ctx *cx, const struct http_req *req, struct event_filter *f)
{
	struct str token;

	*f = (struct event_filter){ .tokens_only = by_key(req) };
	api_event_reach(api, req, f);
	TRY(http_req_param(cx, req, "type", &f->type));
	if (f->type.len > 0 && !vault_event_type_known(f->type)) {
		fail_at(cx, E_INPUT, "bad-parameter", "type", "There is no such type of event.");
		return fail_todo(
		    cx, "For example type=token.failing, or type=token for all of them.");
	}
	TRY(http_req_param(cx, req, "token", &token));
	return token.len > 0 ? take_token(api, cx, req, token, f) : OK;
}

json_t *
api_event_view(struct api *api, struct ctx *cx, const struct http_req *req, const struct event *e)
{
	json_t *o = vault_event_json(api->vault, cx, e, !by_key(req));

	if (!by_key(req))
		json_put(o, "at_ms", json_integer(e->at_ms));
	return o;
}

static json_t *
view_events(
    struct api *api, struct ctx *cx, const struct http_req *req, const struct event *list, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, api_event_view(api, cx, req, &list[i]));
	return out;
}

enum rc
api_event_cursor(struct ctx *cx, struct str text, struct event_cursor *out)
{
	if (event_cursor_read(text, out))
		return OK;
	fail_at(cx, E_INPUT, "bad-cursor", "after", "This is no cursor.");
	return fail_todo(cx, "Send the \"cursor\" of an earlier answer as it was, or none.");
}

static enum rc
reply_after(struct api *api, struct ctx *cx, const struct http_req *req, struct http_res *res,
    const struct event_filter *f, struct str after, size_t limit)
{
	struct event_cursor cursor;
	struct event *list;
	bool missed;
	size_t n;
	json_t *o;

	TRY(api_event_cursor(cx, after, &cursor));
	TRY(vault_event_after(api->vault, cx, f, &cursor, limit, &list, &n, &missed));
	o = json_object();
	json_put(o, "events", view_events(api, cx, req, list, n));
	json_put(o, "cursor", json_str(event_cursor_text(cx->arena, &cursor)));
	json_put(o, "more", json_boolean(n == limit));
	json_put(o, "missed", json_boolean(missed));
	return api_reply(res, 200, o);
}

/* "1700000000000-3-42": where a page ended. */
static enum rc
take_before(struct ctx *cx, struct str text, struct event *out)
{
	int64_t *const numbers[] = { &out->at_ms, &out->head, &out->seq };
	struct str part;
	bool ok = true;

	for (int i = 0; i < 3; i++)
		ok = ok && str_split(&text, '-', &part) && str_int(part, 0, INT64_MAX, numbers[i]);
	if (ok && text.len == 0)
		return OK;
	fail_at(cx, E_INPUT, "bad-cursor", "before", "This is no place between two pages.");
	return fail_todo(cx, "Send the \"next\" of the page before as it was.");
}

/* The cursor is older than the page: whoever goes on from it may see an event twice, and none never. */
static enum rc
reply_page(struct api *api, struct ctx *cx, const struct http_req *req, struct http_res *res,
    const struct event_filter *f, struct str before, size_t limit)
{
	struct event from, *list;
	struct event_cursor end;
	struct str next = S("");
	size_t n;
	json_t *o;

	if (before.len > 0)
		TRY(take_before(cx, before, &from));
	TRY(vault_event_end(api->vault, cx, &end));
	TRY(vault_event_list(api->vault, cx, f, before.len > 0 ? &from : NULL, limit, &list, &n));
	if (n == limit)
		next = str_printf(cx->arena, "%lld-%lld-%lld", (long long)list[n - 1].at_ms,
		    (long long)list[n - 1].head, (long long)list[n - 1].seq);
	o = json_object();
	json_put(o, "events", view_events(api, cx, req, list, n));
	json_put(o, "next", json_opt_str(next));
	json_put(o, "cursor", json_str(event_cursor_text(cx->arena, &end)));
	if (!by_key(req))
		json_put(o, "now_ms", json_integer(clock_now_ms(cx->clock)));
	return api_reply(res, 200, o);
}

enum rc
api_events(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str text, before, after;
	struct event_filter f;
	int64_t limit = LIMIT;

	TRY(api_event_filter(app, cx, req, &f));
	TRY(http_req_param(cx, req, "limit", &text));
	if (text.p != NULL && !str_int(text, 1, LIMIT_MAX, &limit))
		return fail_at(cx, E_INPUT, "bad-parameter", "limit",
		    "limit must be a whole number from 1 to %d.", LIMIT_MAX);
	TRY(http_req_param(cx, req, "before", &before));
	TRY(http_req_param(cx, req, "after", &after));
	if (before.p != NULL && after.p != NULL)
		return fail_at(cx, E_INPUT, "bad-parameter", "after",
		    "A page goes back with before, or on with after.");
	return after.p != NULL ? reply_after(app, cx, req, res, &f, after, (size_t)limit)
			       : reply_page(app, cx, req, res, &f, before, (size_t)limit);
}
