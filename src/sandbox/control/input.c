#include "sandbox/control/input.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

#define DEPTH_MAX 8
#define WORDS_MAX 256

static struct str
place_of(struct ctx *cx, const struct input *in, const char *name)
{
	return str_printf(
	    cx->arena, "%.*s%s%s", STR_ARG(in->place), in->place.len > 0 ? "." : "", name);
}

enum rc
input_bad(struct ctx *cx, const struct input *in, const char *name, const char *fmt, ...)
{
	struct str place = place_of(cx, in, name);
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return fail_at(cx, E_INPUT, "bad-field", name, "%.*s %s", STR_ARG(place), why);
}

static bool
known(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* A name from outside is repeated only as far as it is plain text. */
static enum rc
unknown_member(struct ctx *cx, const struct input *in, const char *name)
{
	char shown[41];
	size_t len = 0;

	for (; name[len] != '\0' && len < sizeof(shown) - 1; len++)
		shown[len] = name[len] > ' ' && name[len] < 0x7f ? name[len] : '?';
	shown[len] = '\0';
	return fail_at(cx, E_INPUT, "bad-field", NULL, "%.*s is not known here.",
	    STR_ARG(place_of(cx, in, shown)));
}

enum rc
input_object(struct ctx *cx, const json_t *value, struct str place, const char *const *names,
    struct input *out)
{
	const char *name;
	json_t *member;

	*out = (struct input){ .object = value, .place = place };
	if (!json_is_object(value))
		return fail_at(cx, E_INPUT, "bad-field", NULL, "%.*s must be an object.",
		    STR_ARG(place.len > 0 ? place : S("The document")));
	json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
		if (!known(name, names))
			return unknown_member(cx, out, name);
	}
	return OK;
}

enum rc
input_body(struct ctx *cx, const struct http_req *req, const char *const *names, struct input *out)
{
	struct str text = req->body.len > 0 ? req->body : S("{}");
	json_t *value;

	TRY(json_read(cx, text, DEPTH_MAX, &value));
	return input_object(cx, value, S(""), names, out);
}

bool
input_has(const struct input *in, const char *name)
{
	const json_t *v = json_object_get(in->object, name);

	return v != NULL && !json_is_null(v);
}

enum rc
input_int(struct ctx *cx, const struct input *in, const char *name, struct input_range range,
    int64_t *out)
{
	const json_t *v = json_object_get(in->object, name);

	*out = range.absent;
	if (!input_has(in, name))
		return OK;
	if (json_is_integer(v) && json_integer_value(v) >= range.min &&
	    json_integer_value(v) <= range.max) {
		*out = json_integer_value(v);
		return OK;
	}
	return input_bad(cx, in, name, "must be a whole number from %lld to %lld.",
	    (long long)range.min, (long long)range.max);
}

enum rc
input_text(struct ctx *cx, const struct input *in, const char *name, size_t max, struct str *out)
{
	const json_t *v = json_object_get(in->object, name);

	*out = (struct str){ 0 };
	if (!input_has(in, name))
		return OK;
	if (!json_is_string(v) || json_string_length(v) > max)
		return input_bad(cx, in, name, "must be text of at most %zu bytes.", max);
	*out = (struct str){ json_string_value(v), json_string_length(v) };
	if (str_find(*out, '\0') < out->len)
		return input_bad(cx, in, name, "must not hold a NUL.");
	return OK;
}

enum rc
input_need(struct ctx *cx, const struct input *in, const char *name, size_t max, struct str *out)
{
	TRY(input_text(cx, in, name, max, out));
	return out->len > 0 ? OK : input_bad(cx, in, name, "is missing.");
}

static struct str
list_words(struct ctx *cx, const char *const *words)
{
	struct buf b = buf_in(cx->arena, WORDS_MAX);

	for (size_t i = 0; words[i] != NULL; i++)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", words[i]);
	return buf_str(&b);
}

enum rc
input_word(
    struct ctx *cx, const struct input *in, const char *name, const char *const *words, int *out)
{
	struct str word;

	*out = -1;
	if (!input_has(in, name))
		return OK;
	if (input_text(cx, in, name, WORDS_MAX, &word) == OK) {
		for (int i = 0; words[i] != NULL; i++) {
			if (str_eq(word, str_of(words[i]))) {
				*out = i;
				return OK;
			}
		}
	}
	return input_bad(cx, in, name, "must be one of %.*s.", STR_ARG(list_words(cx, words)));
}

enum rc
input_bool(struct ctx *cx, const struct input *in, const char *name, bool *out)
{
	const json_t *v = json_object_get(in->object, name);

	*out = json_is_true(v);
	if (!input_has(in, name) || json_is_boolean(v))
		return OK;
	return input_bad(cx, in, name, "must be true or false.");
}
