#include <stdlib.h>

#include "api/api_int.h"

#define LABEL_MAX 1000
#define ID_MAX 64
#define TOKENS_MAX 1000
#define SEEN_MAX (2 * TOKENS_MAX) /* some were put aside while others took their place */
#define NAMES_SHOWN 20

/* Ids with their names: a person picks by name. The first `max` of many. */
static enum rc
view_allowed(struct api *api, struct ctx *cx, const struct api_key *k, size_t max, json_t *o)
{
	struct token_page page = { .key = k->id,
		.max = k->token_count < max ? k->token_count : max };
	json_t *list = json_array();
	struct token *tokens;
	int64_t all;
	size_t n = 0;

	json_put(o, "tokens", list);
	if (!k->all_tokens && page.max > 0)
		TRY(vault_token_page(api->vault, cx, &page, &tokens, &n));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:o, s:o}", "id", json_str(tokens[i].id), "name",
			json_str(tokens[i].name)));
	all = (int64_t)n;
	if (n == max)
		TRY(vault_key_live_tokens(api->vault, cx, k->id, &all));
	json_put(o, "tokens_more", json_integer(all - (int64_t)n));
	return OK;
}

static enum rc
view_key(struct api *api, struct ctx *cx, const struct api_key *k, size_t max, json_t *o)
{
	json_put(o, "id", json_str(k->id));
	json_put(o, "label", json_str(k->label));
	json_put(o, "hint", json_str(k->hint));
	json_put(o, "all_tokens", json_boolean(k->all_tokens));
	json_put(o, "created_ms", json_integer(k->created_ms));
	json_put(o, "last_used_ms", view_time(k->used_ms));
	return view_allowed(api, cx, k, max, o);
}

static enum rc
view_keys(struct api *api, struct ctx *cx, json_t *list)
{
	struct api_key *keys;
	size_t n;

	TRY(vault_key_list(api->vault, cx, &keys, &n));
	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		json_array_append_new(list, o);
		TRY(view_key(api, cx, &keys[i], NAMES_SHOWN, o));
	}
	return OK;
}

/* Whatever came of the parts: the whole of them is sent, or let go. */
static enum rc
reply_or_drop(struct http_res *res, int status, json_t *o, enum rc rc)
{
	if (rc == OK)
		return api_reply(res, status, o);
	json_decref(o);
	return rc;
}

enum rc
api_keys(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *o = api_dated(cx), *list = json_array();

	(void)req;
	json_put(o, "keys", list);
	return reply_or_drop(res, 200, o, view_keys(app, cx, list));
}

static int
by_id(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Who names a token twice means it once. */
static size_t
drop_repeated(struct str *ids, size_t count)
{
	size_t n = 0;

	qsort(ids, count, sizeof(*ids), by_id);
	for (size_t i = 0; i < count; i++)
		if (n == 0 || !str_eq(ids[n - 1], ids[i]))
			ids[n++] = ids[i];
	return n;
}

static enum rc
take_ids(struct ctx *cx, const json_t *list, size_t max, struct str **ids, size_t *count)
{
	size_t n = json_array_size(list);

	if (list != NULL && !json_is_array(list))
		return fail_at(cx, E_INPUT, "bad-field", "token_ids",
		    "\"token_ids\" is a list of the ids of tokens.");
	if (n > max) {
		fail_at(cx, E_INPUT, "bad-field", "token_ids", "Too many tokens for one key.");
		return fail_todo(cx, "Choose at most %d, or let it read every token.", TOKENS_MAX);
	}
	*ids = ARENA_ARRAY(cx->arena, struct str, n + 1);
	for (size_t i = 0; i < n; i++) {
		const json_t *id = json_array_get(list, i);

		if (!json_is_string(id) || json_string_length(id) > ID_MAX)
			return fail_at(
			    cx, E_INPUT, "bad-field", "token_ids", "A token id is not text.");
		(*ids)[i] = str_of(json_string_value(id));
	}
	*count = drop_repeated(*ids, n);
	return OK;
}

static enum rc
take_token_ids(struct ctx *cx, const json_t *body, struct api_key *k)
{
	TRY(take_ids(
	    cx, json_object_get(body, "token_ids"), TOKENS_MAX, &k->token_ids, &k->token_count));
	if (k->all_tokens || k->token_count > 0)
		return OK;
	fail_at(cx, E_INPUT, "bad-field", "token_ids", "The key may not read any token.");
	return fail_todo(cx, "Choose at least one token, or all of them.");
}

enum rc
api_key_create(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct api_key k = { 0 };
	struct secret key;
	json_t *body, *o, *record;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "label", LABEL_MAX, &k.label));
	TRY(json_take_bool_opt(cx, body, "all_tokens", &k.all_tokens));
	TRY(take_token_ids(cx, body, &k));
	TRY(vault_key_create(api->vault, cx, &k, &key));
	o = json_object();
	record = json_object();
	json_put(o, "key", json_str(secret_expose(key)));
	json_put(o, "record", record);
	return reply_or_drop(res, 201, o, view_key(api, cx, &k, NAMES_SHOWN, record));
}

/* With all of its tokens: what is changed is changed as a whole. */
static enum rc
reply_whole_key(struct api *api, struct ctx *cx, struct http_res *res, const struct api_key *k)
{
	json_t *o = json_object(), *record = json_object();

	json_put(o, "record", record);
	return reply_or_drop(res, 200, o, view_key(api, cx, k, SEEN_MAX, record));
}

enum rc
api_key_get(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct api_key k;

	TRY(vault_key_get(api->vault, cx, req->args[0], &k));
	return reply_whole_key(api, cx, res, &k);
}

static bool
says_tokens(const json_t *o)
{
	return json_object_get(o, "all_tokens") != NULL || json_object_get(o, "token_ids") != NULL;
}

/* What the page showed: an edit of something else than that is refused. */
static enum rc
take_key_was(struct ctx *cx, const json_t *body, struct api_key_edit *edit)
{
	static const char *const members[] = { "label", "all_tokens", "token_ids", NULL };
	const json_t *was = json_object_get(body, "was");

	if (was == NULL)
		return OK;
	TRY(json_only_members(cx, was, members));
	TRY(json_take_str_opt(cx, was, "label", LABEL_MAX, &edit->was.label));
	TRY(json_take_bool_opt(cx, was, "all_tokens", &edit->was.all_tokens));
	edit->was.has_tokens = says_tokens(was);
	return take_ids(cx, json_object_get(was, "token_ids"), SEEN_MAX, &edit->was.token_ids,
	    &edit->was.token_count);
}

/* Which tokens are replaced as a whole: "all_tokens" or "token_ids" says so. */
enum rc
api_key_patch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct api_key_edit edit = { 0 };
	struct api_key k = { 0 };
	json_t *body;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str_opt(cx, body, "label", LABEL_MAX, &edit.label));
	TRY(json_take_bool_opt(cx, body, "all_tokens", &k.all_tokens));
	edit.set_label = edit.label.p != NULL;
	edit.set_tokens = says_tokens(body);
	TRY(take_key_was(cx, body, &edit));
	if (edit.set_tokens)
		TRY(take_token_ids(cx, body, &k));
	edit.all_tokens = k.all_tokens;
	edit.token_ids = k.token_ids;
	edit.token_count = k.token_count;
	TRY(vault_key_edit(api->vault, cx, req->args[0], &edit, &k));
	return reply_whole_key(api, cx, res, &k);
}

enum rc
api_key_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_key_delete(api->vault, cx, req->args[0]));
	return api_no_content(res);
}
