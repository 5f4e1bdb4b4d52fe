#include "api/api_int.h"

#define LABEL_MAX 1000
#define ID_MAX 64
#define TOKENS_MAX 1000

/* Ids with their names: a person picks by name. */
static json_t *
view_allowed(const struct api_key *k, const struct token *tokens, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < k->token_count; i++)
		for (size_t t = 0; t < n; t++)
			if (str_eq(tokens[t].id, k->token_ids[i]))
				json_array_append_new(list,
				    json_pack("{s:o, s:o}", "id", json_str(tokens[t].id), "name",
					json_str(tokens[t].name)));
	return list;
}

static json_t *
view_key(const struct api_key *k, const struct token *tokens, size_t n)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(k->id));
	json_put(o, "label", json_str(k->label));
	json_put(o, "hint", json_str(k->hint));
	json_put(o, "all_tokens", json_boolean(k->all_tokens));
	json_put(o, "tokens", view_allowed(k, tokens, n));
	json_put(o, "created_ms", json_integer(k->created_ms));
	json_put(o, "last_used_ms", view_time(k->used_ms));
	return o;
}

enum rc
api_keys(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	size_t n, token_count;
	struct api_key *keys;
	struct token *tokens;
	json_t *list;

	(void)req;
	TRY(vault_key_list(api->vault, cx, &keys, &n));
	TRY(vault_token_list(api->vault, cx, &tokens, &token_count));
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, view_key(&keys[i], tokens, token_count));
	return api_reply(res, 200,
	    json_pack("{s:I, s:o}", "now_ms", (json_int_t)clock_now_ms(cx->clock), "keys", list));
}

static enum rc
take_token_ids(struct ctx *cx, const json_t *body, struct api_key *k)
{
	const json_t *list = json_object_get(body, "token_ids");
	size_t n = json_array_size(list);

	if (n > TOKENS_MAX)
		return fail_at(
		    cx, E_INPUT, "bad-field", "token_ids", "Too many tokens for one key.");
	k->token_ids = ARENA_ARRAY(cx->arena, struct str, n);
	for (size_t i = 0; i < n; i++) {
		const json_t *id = json_array_get(list, i);

		if (!json_is_string(id) || json_string_length(id) > ID_MAX)
			return fail_at(
			    cx, E_INPUT, "bad-field", "token_ids", "A token id is not text.");
		k->token_ids[k->token_count++] = str_of(json_string_value(id));
	}
	if (k->all_tokens || n > 0)
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
	struct token *tokens;
	size_t n;
	json_t *body, *o;

	TRY(api_body(cx, req, &body));
	TRY(json_take_str(cx, body, "label", LABEL_MAX, &k.label));
	TRY(json_take_bool_opt(cx, body, "all_tokens", &k.all_tokens));
	TRY(take_token_ids(cx, body, &k));
	TRY(vault_key_create(api->vault, cx, &k, &key));
	TRY(vault_token_list(api->vault, cx, &tokens, &n));
	o = json_object();
	json_put(o, "key", json_str(secret_expose(key)));
	json_put(o, "record", view_key(&k, tokens, n));
	return api_reply(res, 201, o);
}

enum rc
api_key_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;

	TRY(vault_key_delete(api->vault, cx, req->args[0]));
	return api_no_content(res);
}
