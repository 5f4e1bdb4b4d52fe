#include "cli/pages.h"

#include "base/json.h"

#define PAGE 250       /* tokens; one of them can be long */
#define PAGES_MAX 8000 /* a manager that never comes to an end is none */

static enum rc
odd_page(struct ctx *cx)
{
	(void)fail(cx, E_UPSTREAM, "The manager's list of tokens is not understood.");
	return fail_todo(cx, "Check that it and this program are of the same version.");
}

static enum rc
ask_page(struct ctx *cx, const struct cli_config *config, struct str after, json_t **out)
{
	struct str path = str_printf(cx->arena, "/api/v1/tokens?limit=%d", PAGE);

	if (after.len > 0) {
		struct str encoded = str_percent_encode(cx->arena, after);

		path = str_printf(cx->arena, "%.*s&after=%.*s", STR_ARG(path), STR_ARG(encoded));
	}
	TRY(manager_ask(cx, config, "GET", path, out));
	return json_is_array(json_object_get(*out, "tokens")) ? OK : odd_page(cx);
}

static void
drop_unwanted(json_t *tokens, pages_keep *keep, int64_t arg)
{
	for (size_t i = json_array_size(tokens); keep != NULL && i-- > 0;)
		if (!keep(json_array_get(tokens, i), arg))
			json_array_remove(tokens, i);
}

/* An answer without "next" is all there is: a manager that knows no pages. */
static bool
next_of(const json_t *page, struct str *after)
{
	const json_t *next = json_object_get(page, "next");
	struct str name = { json_string_value(next), json_string_length(next) };
	bool moves = name.len > 0 && !str_eq(name, *after);

	*after = name;
	return moves;
}

enum rc
pages_tokens(
    struct ctx *cx, const struct cli_config *config, pages_keep *keep, int64_t arg, json_t **out)
{
	struct str after = S("");
	json_t *page, *all = NULL;
	bool more = true;

	for (int i = 0; more; i++) {
		json_t *tokens;

		if (i == PAGES_MAX)
			return odd_page(cx);
		TRY(ask_page(cx, config, after, &page));
		tokens = json_object_get(page, "tokens");
		drop_unwanted(tokens, keep, arg);
		more = next_of(page, &after);
		if (all == NULL)
			all = page;
		else
			json_array_extend(json_object_get(all, "tokens"), tokens);
	}
	json_object_del(all, "next");
	*out = all;
	return OK;
}
