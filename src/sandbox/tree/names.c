#include "sandbox/tree/names.h"

#include <stdlib.h>
#include <utf8proc.h>

/* Folding may give what normalisation then changes, and the other way round. */
#define ROUNDS_MAX 4

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

struct str
path_numbered(struct arena *a, struct str path, int n)
{
	size_t stem = path.len, name_at = path.len - path_name(path).len;

	for (size_t i = path.len; i > name_at + 1; i--) {
		if (path.p[i - 1] == '.') {
			stem = i - 1;
			break;
		}
	}
	if (n == 0)
		return str_printf(a, "%.*s (conflicted copy)%.*s", (int)stem, path.p,
		    STR_ARG(str_sub(path, stem, path.len)));
	return str_printf(
	    a, "%.*s (%d)%.*s", (int)stem, path.p, n, STR_ARG(str_sub(path, stem, path.len)));
}

bool
path_within(struct str inner, struct str outer)
{
	return str_starts(inner, outer) && (inner.len == outer.len || inner.p[outer.len] == '/');
}
