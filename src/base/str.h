/* base/str.h - slices of text for reading.
 *
 * A struct str points at bytes somebody else owns; it is never NUL-terminated by contract.
 * Parsers advance a slice. No function here allocates except the ones that take an arena. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
	const char *p;
	size_t len;
};

#define S(lit) ((struct str){ .p = ("" lit), .len = sizeof(lit) - 1 })
/* For printf: "%.*s", STR_ARG(s). Evaluates s twice: give it a value, not a call that acts. */
#define STR_ARG(s) (int)(s).len, (s).p

/* NULL gives the empty slice. */
static inline struct str
str_of(const char *cstr)
{
	return (struct str){ .p = cstr, .len = cstr == NULL ? 0 : strlen(cstr) };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Clamped to s. */
static inline struct str
str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	return (struct str){ .p = s.p == NULL ? NULL : s.p + from, .len = to - from };
}

/* Index of the first c, or s.len. */
static inline size_t
str_find(struct str s, char c)
{
	const char *at = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	return at == NULL ? s.len : (size_t)(at - s.p);
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
/* Byte by byte, as memcmp. */
int str_cmp(struct str a, struct str b);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* spaces and tabs */
bool str_contains(struct str s, struct str needle);
/* Takes the text up to sep (or all of it) off the front. An empty slice has one empty part; false
 * once nothing is left, when s has become the NULL slice. */
bool str_split(struct str *s, char sep, struct str *part);
/* Whole decimal integer without sign or space, within [min, max]. */
bool str_int(struct str s, int64_t min, int64_t max, int64_t *out);
/* Well-formed UTF-8 without NUL, surrogates or overlong forms. */
bool str_utf8(struct str s);
size_t str_chars(struct str s); /* characters of such a text */

struct str str_dup(struct arena *a, struct str s);                  /* also NUL-terminated */
char *str_cstr(struct arena *a, struct str s);                      /* NUL-terminated copy */
struct str str_concat(struct arena *a, struct str x, struct str y); /* also NUL-terminated */
struct str str_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* RFC 3986 section 2.1. Decoding fails on a bad escape and on %00; plus_is_space is for forms. */
bool str_percent_decode(struct arena *a, struct str s, bool plus_is_space, struct str *out);
struct str str_percent_encode(struct arena *a, struct str s); /* all but unreserved */

/* The value of name in a query or form; *count says how often it stands there. Decoded. False when
 * absent or when its escape is bad (then *count is -1). */
bool str_form_get(struct arena *a, struct str form, struct str name, struct str *out, int *count);

/* The same for several names at once. Adds to counts and keeps values that are there, so that a query
 * and a body can be read as one. False when an escape is bad. */
struct str_field {
	struct str name, value;
	int count;
};
bool str_form_read(struct arena *a, struct str form, struct str_field *fields, size_t n);

#endif
