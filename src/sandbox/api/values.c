#include "sandbox/api/values.h"

#include "crypto/crypto.h"
#include "sandbox/core/state.h"

json_t *
value_tag(const char *name)
{
	json_t *o = json_object();

	json_put(o, ".tag", json_string(name));
	return o;
}

json_t *
value_union(const char *name, json_t *value)
{
	json_t *o = value_tag(name);

	json_put(o, name, value);
	return o;
}

const char *
value_tag_of(const json_t *value)
{
	return json_string_value(json_is_object(value) ? json_object_get(value, ".tag") : value);
}

enum rc
value_list(struct ctx *cx, const json_t *arg, const char *name, size_t max, json_t **out)
{
	*out = json_object_get(arg, name);
	if (*out == NULL)
		return fail(cx, E_INPUT, "request body: missing required field '%s'", name);
	if (!json_is_array(*out))
		return fail(cx, E_INPUT, "request body: %s: expected list", name);
	if (json_array_size(*out) > max)
		return fail(cx, E_INPUT, "request body: %s: more than %zu items", name, max);
	return OK;
}

enum rc
value_int(
    struct ctx *cx, const json_t *arg, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(arg, name);

	if (value == NULL || json_is_null(value))
		return OK;
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return fail(cx, E_INPUT, "request body: %s: expected integer from %lld to %lld",
		    name, (long long)min, (long long)max);
	*out = json_integer_value(value);
	return OK;
}

static struct seal_place
cursor_place(struct ctx *cx, const char *purpose, const struct caller *who)
{
	return (struct seal_place){ .purpose = str_printf(cx->arena, "sandbox.cursor.%s", purpose),
		.row = str_printf(cx->arena, "%.*s %.*s %.*s", STR_ARG(who->app_key),
		    STR_ARG(who->account.id), STR_ARG(who->team_id)) };
}

struct str
cursor_seal(
    struct sandbox *s, struct ctx *cx, const char *purpose, const struct caller *who, json_t *value)
{
	struct str plain = json_write(cx->arena, value);

	return crypto_base64url(cx->arena,
	    crypto_seal(s->keys, cx->arena, cursor_place(cx, purpose, who), secret_of(plain)));
}

/* crypto decodes the standard alphabet with padding only. */
static struct str
to_base64(struct ctx *cx, struct str text)
{
	char *p = arena_alloc(cx->arena, text.len + 4);
	size_t n = text.len;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(text.p[i] == '-' ? '+' : text.p[i] == '_' ? '/' : text.p[i]);
	while (n % 4 != 0)
		p[n++] = '=';
	return (struct str){ p, n };
}

enum rc
cursor_open(struct sandbox *s, struct ctx *cx, const char *purpose, const struct caller *who,
    struct str text, json_t **out)
{
	struct secret plain;
	struct str sealed;

	if (crypto_base64_decode(cx, to_base64(cx, text), &sealed) == OK &&
	    crypto_open(s->keys, cx, cursor_place(cx, purpose, who), sealed, &plain) == OK &&
	    json_read(cx, secret_expose(plain), 4, out) == OK)
		return OK;
	return fail(cx, E_NOTFOUND, "The cursor is not one of ours.");
}
