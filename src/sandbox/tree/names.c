#include "sandbox/tree/names.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "sandbox/core/text.h"

/* Folding may give what normalisation then changes, and the other way round. */
#define ROUNDS_MAX 4
#define EXTENSION_MAX 64 /* bytes, with its dot */

static bool
ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static struct str
ascii_key(struct arena *a, struct str s)
{
	char *p = str_cstr(a, s);

	for (size_t i = 0; i < s.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return (struct str){ p, s.len };
}

static struct str
fold(struct arena *a, struct str s)
{
	utf8proc_uint8_t *out;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.len,
	    &out, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
	struct str copy;

	if (n < 0)
		return s; /* not UTF-8: compared as it is */
	copy = str_dup(a, (struct str){ (const char *)out, (size_t)n });
	free(out);
	return copy;
}

struct str
path_key(struct arena *a, struct str path)
{
	struct str key = path, before;

	if (ascii(path))
		return ascii_key(a, path);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		before = key;
		key = fold(a, before);
		if (str_eq(key, before))
			break;
	}
	return key;
}

struct str
path_parent(struct str path)
{
	while (path.len > 0 && path.p[path.len - 1] != '/')
		path.len--;
	return str_sub(path, 0, path.len > 0 ? path.len - 1 : 0);
}

struct str
path_name(struct str path)
{
	return path.len > 0 ? str_sub(path, path_parent(path).len + 1, path.len) : path;
}

size_t
path_depth(struct str path)
{
	size_t n = 0;

	for (size_t i = 0; i < path.len; i++)
		n += path.p[i] == '/';
	return n;
}

struct str
path_without(struct str path, size_t depth)
{
	size_t at = 0;

	for (; depth > 0 && at < path.len; depth--)
		at += 1 + str_find(str_sub(path, at + 1, path.len), '/');
	return str_sub(path, at, path.len);
}

/* Where the extension begins; what is very long is none. */
static size_t
extension_at(struct str path, size_t name_at)
{
	size_t from = path.len > EXTENSION_MAX ? path.len - EXTENSION_MAX : 0;

	for (size_t i = path.len; i > name_at + 1 && i > from; i--)
		if (path.p[i - 1] == '.')
			return i - 1;
	return path.len;
}

/* Without so much of its end that it and `more` characters make a name. */
static struct str
shortened(struct str stem, size_t name_at, size_t more)
{
	while (stem.len > name_at + 1 &&
	    text_length(str_sub(stem, name_at, stem.len)) + more > PATH_NAME_MAX) {
		stem.len--;
		while (stem.len > name_at + 1 && ((unsigned char)stem.p[stem.len] & 0xc0) == 0x80)
			stem.len--;
	}
	return stem;
}

struct str
path_numbered(struct arena *a, struct str path, int n)
{
	size_t name_at = path.len - path_name(path).len, end = extension_at(path, name_at);
	struct str extension = str_sub(path, end, path.len), stem;
	struct str mark = n == 0 ? S(" (conflicted copy)") : str_printf(a, " (%d)", n);

	stem = shortened(str_sub(path, 0, end), name_at, mark.len + text_length(extension));
	return str_printf(a, "%.*s%.*s%.*s", STR_ARG(stem), STR_ARG(mark), STR_ARG(extension));
}

bool
path_within(struct str inner, struct str outer)
{
	return str_starts(inner, outer) && (inner.len == outer.len || inner.p[outer.len] == '/');
}
