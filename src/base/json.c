#include "base/json.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/scan.h"
#include "base/secret.h"

#define TEXT_MAX (16u << 20)

/* jansson frees without telling the size, so each block carries it in front. */
struct block {
	size_t size;
	_Alignas(16) unsigned char bytes[];
};

static void *
wiping_malloc(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	b->size = size;
	return b->bytes;
}

static void
wiping_free(void *p)
{
	struct block *b;

	if (p == NULL)
		return;
	b = (struct block *)((unsigned char *)p - offsetof(struct block, bytes));
	mem_wipe(b->bytes, b->size);
	free(b);
}

void
json_setup(void)
{
	json_set_alloc_funcs(wiping_malloc, wiping_free);
	json_object_seed(0);
}

static void
drop(void *value)
{
	json_decref(value);
}

/* Depth is checked on the raw text before a tree is built (S-203). */
static bool
too_deep(struct str text, int max_depth)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		if (depth > max_depth)
			return true;
	}
	return false;
}

static enum rc
load(struct ctx *cx, struct str text, int max_depth, size_t flags, json_t **out)
{
	json_error_t error;

	if (too_deep(text, max_depth))
		return fail_at(cx, E_INPUT, "bad-json", NULL, "The JSON is nested too deeply.");
	*out = json_loadb(
	    text.len > 0 ? text.p : "", text.len, JSON_REJECT_DUPLICATES | flags, &error);
	if (*out == NULL)
		return fail_at(cx, E_INPUT, "bad-json", NULL,
		    "The text is not valid JSON (line %d, column %d).", error.line, error.column);
	arena_defer(cx->arena, drop, *out);
	return OK;
}

enum rc
json_read(struct ctx *cx, struct str text, int max_depth, json_t **out)
{
	return load(cx, text, max_depth, 0, out);
}

enum rc
json_read_lenient(struct ctx *cx, struct str text, int max_depth, json_t **out)
{
	if (load(cx, text, max_depth, 0, out) == OK)
		return OK;
	ctx_clear(cx);
	return load(cx, text, max_depth, JSON_DECODE_INT_AS_REAL, out);
}

/* A '<' is escaped too, so that no text ends the script that it may stand in. */
static bytes16
escaped(bytes16 v)
{
	return (bytes16)(v < 0x20) | (bytes16)(v == '"') | (bytes16)(v == '\\') |
	    (bytes16)(v == '<');
}

static void
write_string(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	while (s.len > 0) {
		size_t n = scan_find(s, escaped);

		buf_add(b, str_sub(s, 0, n));
		if (n < s.len && (s.p[n] == '"' || s.p[n] == '\\'))
			buf_addf(b, "\\%c", s.p[n]);
		else if (n < s.len)
			buf_addf(b, "\\u%04x", (unsigned char)s.p[n]);
		s = str_sub(s, n + 1, s.len);
	}
	buf_addc(b, '"');
}

/* jansson knows how a real number is written so that it is read back the same. */
static void
write_real(struct buf *b, const json_t *value)
{
	char text[64];

	buf_add(b, (struct str){ text, json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY) });
}

static void write_value(struct buf *b, const json_t *value);

static void
write_object(struct buf *b, json_t *object)
{
	const char *name, *comma = "";
	json_t *member;

	buf_addc(b, '{');
	json_object_foreach (object, name, member) {
		buf_add(b, str_of(comma));
		comma = ",";
		write_string(b, str_of(name));
		buf_addc(b, ':');
		write_value(b, member);
	}
	buf_addc(b, '}');
}

static void
write_array(struct buf *b, const json_t *array)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_addc(b, ',');
		write_value(b, json_array_get(array, i));
	}
	buf_addc(b, ']');
}

static void
write_value(struct buf *b, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_object(b, (json_t *)(uintptr_t)value);
		break;
	case JSON_ARRAY:
		write_array(b, value);
		break;
	case JSON_STRING:
		write_string(
		    b, (struct str){ json_string_value(value), json_string_length(value) });
		break;
	case JSON_INTEGER:
		buf_add_int(b, json_integer_value(value));
		break;
	case JSON_REAL:
		write_real(b, value);
		break;
	case JSON_TRUE:
		buf_add(b, S("true"));
		break;
	case JSON_FALSE:
		buf_add(b, S("false"));
		break;
	case JSON_NULL:
		buf_add(b, S("null"));
		break;
	}
}

struct str
json_write(struct arena *a, json_t *value)
{
	struct buf b = buf_in(a, TEXT_MAX);

	write_value(&b, value);
	json_decref(value);
	return b.overflow ? (struct str){ 0 } : buf_str(&b);
}

static enum rc
wrong(struct ctx *cx, const char *name, const char *what)
{
	return fail_at(cx, E_INPUT, "bad-field", name, "The field \"%s\" %s.", name, what);
}

enum rc
json_take_str_opt(struct ctx *cx, const json_t *obj, const char *name, size_t max, struct str *out)
{
	const json_t *v = json_object_get(obj, name);

	*out = (struct str){ 0 };
	if (v == NULL || json_is_null(v))
		return OK;
	if (!json_is_string(v))
		return wrong(cx, name, "must be text");
	if (json_string_length(v) > max)
		return wrong(cx, name, "is too long");
	*out = str_dup(cx->arena, (struct str){ json_string_value(v), json_string_length(v) });
	return OK;
}

enum rc
json_take_str(struct ctx *cx, const json_t *obj, const char *name, size_t max, struct str *out)
{
	TRY(json_take_str_opt(cx, obj, name, max, out));
	return out->p == NULL ? wrong(cx, name, "is missing") : OK;
}

enum rc
json_take_secret(
    struct ctx *cx, const json_t *obj, const char *name, size_t max, struct secret *out)
{
	struct str s;

	TRY(json_take_str(cx, obj, name, max, &s));
	*out = secret_of(s);
	return OK;
}

enum rc
json_take_bool_opt(struct ctx *cx, const json_t *obj, const char *name, bool *out)
{
	const json_t *v = json_object_get(obj, name);

	if (v == NULL || json_is_null(v))
		return OK;
	if (!json_is_boolean(v))
		return wrong(cx, name, "must be true or false");
	*out = json_is_true(v);
	return OK;
}

enum rc
json_take_int_opt(
    struct ctx *cx, const json_t *obj, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const json_t *v = json_object_get(obj, name);

	if (v == NULL || json_is_null(v))
		return OK;
	if (!json_is_integer(v))
		return wrong(cx, name, "must be a whole number");
	if (json_integer_value(v) < min || json_integer_value(v) > max)
		return wrong(cx, name, "is out of range");
	*out = json_integer_value(v);
	return OK;
}

enum rc
json_only_members(struct ctx *cx, const json_t *obj, const char *const *names)
{
	const char *member;
	json_t *value;
	size_t i;

	if (!json_is_object(obj))
		return fail_at(cx, E_INPUT, "bad-field", NULL, "There must be an object here.");
	json_object_foreach ((json_t *)obj, member, value) {
		for (i = 0; names[i] != NULL && strcmp(names[i], member) != 0; i++)
			continue;
		if (names[i] == NULL)
			return fail_at(cx, E_INPUT, "bad-field", NULL,
			    "The field \"%.60s\" is not known here.", member);
	}
	return OK;
}

json_t *
json_str(struct str s)
{
	json_t *v = json_stringn(s.len > 0 ? s.p : "", s.len);

	return v != NULL ? v : json_string("");
}

json_t *
json_opt_str(struct str s)
{
	return s.len == 0 ? json_null() : json_str(s);
}

void
json_put(json_t *obj, const char *name, json_t *value)
{
	json_object_set_new(obj, name, value);
}
