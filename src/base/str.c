#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/scan.h"

#define PRINTED_MAX (1 << 20)

/* What two letters that differ by their case alone have in common: nothing in it for other bytes. */
static const unsigned char case_bit[256] = { ['A' ... 'Z'] = 0x20, ['a' ... 'z'] = 0x20 };

bool
str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		unsigned char x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];

		if (x != y && (x ^ y) != (case_bit[x] & case_bit[y]))
			return false;
	}
	return true;
}

int
str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int cmp = len > 0 ? memcmp(a.p, b.p, len) : 0;

	return cmp != 0 ? cmp : (a.len > b.len) - (a.len < b.len);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_sub(s, 1, s.len);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool
str_contains(struct str s, struct str needle)
{
	return needle.len == 0 || (s.len > 0 && memmem(s.p, s.len, needle.p, needle.len) != NULL);
}

bool
str_split(struct str *s, char sep, struct str *part)
{
	size_t at;

	if (s->p == NULL)
		return false;
	at = str_find(*s, sep);
	*part = str_sub(*s, 0, at);
	/* A separator at the very end still has an empty part behind it; none leaves NULL. */
	*s = at < s->len ? str_sub(*s, at + 1, s->len) : (struct str){ 0 };
	return true;
}

bool
str_int(struct str s, int64_t min, int64_t max, int64_t *out)
{
	int64_t v = 0;

	if (s.len == 0 || s.len > 19)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s.p[i] - '0', &v))
			return false;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* Length of the UTF-8 sequence at the front, 0 when it is not well-formed (RFC 3629 section 4). */
static size_t
utf8_len(const unsigned char *p, size_t left)
{
	unsigned min2 = 0x80, max2 = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return p[0] == 0 ? 0 : 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		min2 = 0xa0;
	if (p[0] == 0xed)
		max2 = 0x9f;
	if (p[0] == 0xf0)
		min2 = 0x90;
	if (p[0] == 0xf4)
		max2 = 0x8f;
	if (left < n || p[1] < min2 || p[1] > max2)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

static bytes16
not_plain(bytes16 v)
{
	return (bytes16)(v == 0) | (bytes16)(v >= 0x80);
}

bool
str_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = scan_find(s, not_plain); i < s.len;) {
		size_t n = p[i] - 1u < 0x7f ? 1 : utf8_len(p + i, s.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t
str_chars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

char *
str_cstr(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return p;
}

struct str
str_dup(struct arena *a, struct str s)
{
	return (struct str){ .p = str_cstr(a, s), .len = s.len };
}

struct str
str_concat(struct arena *a, struct str x, struct str y)
{
	char *p = arena_alloc(a, x.len + y.len + 1);

	if (x.len > 0)
		memcpy(p, x.p, x.len);
	if (y.len > 0)
		memcpy(p + x.len, y.p, y.len);
	return (struct str){ .p = p, .len = x.len + y.len };
}

struct str
str_printf(struct arena *a, const char *fmt, ...)
{
	struct str out = S("");
	char small[512], *p;
	va_list ap;
	size_t len;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	len = n < 0 ? 0 : (size_t)n;
	if (len < sizeof(small)) {
		out = str_dup(a, (struct str){ small, len });
	} else if (len < PRINTED_MAX) {
		p = arena_alloc(a, len + 1);
		va_start(ap, fmt);
		vsnprintf(p, len + 1, fmt, ap);
		va_end(ap);
		out = (struct str){ p, len };
	}
	mem_wipe(small, len < sizeof(small) ? len : sizeof(small));
	return out;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How much of it is there already as it will be. */
static size_t
undecoded(struct str s, bool plus_is_space)
{
	size_t n = str_find(s, '%');

	return plus_is_space ? str_find(str_sub(s, 0, n), '+') : n;
}

bool
str_percent_decode(struct arena *a, struct str s, bool plus_is_space, struct str *out)
{
	char *p = arena_alloc(a, s.len + 1);
	size_t n = undecoded(s, plus_is_space);

	if (n > 0)
		memcpy(p, s.p, n);
	for (size_t i = n; i < s.len; i++) {
		int hi, lo;

		if (s.p[i] != '%') {
			p[n++] = plus_is_space && s.p[i] == '+' ? ' ' : s.p[i];
			continue;
		}
		if (s.len - i < 3)
			return false;
		hi = hex_digit(s.p[i + 1]);
		lo = hex_digit(s.p[i + 2]);
		if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
			return false;
		p[n++] = (char)(hi * 16 + lo);
		i += 2;
	}
	*out = (struct str){ .p = p, .len = n };
	return true;
}

struct str
str_percent_encode(struct arena *a, struct str s)
{
	struct buf b = buf_in(a, s.len * 3 + 1);

	buf_add_percent(&b, s);
	return b.p == NULL ? S("") : buf_str(&b);
}

static bool
form_decode(struct arena *a, struct str s, struct str *out)
{
	*out = s;
	return undecoded(s, true) == s.len || str_percent_decode(a, s, true, out);
}

static void
take_field(struct arena *a, struct str key, struct str value, struct str_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(key, fields[i].name))
			continue;
		if (fields[i].count++ == 0)
			fields[i].value = str_dup(a, value);
		return;
	}
}

bool
str_form_read(struct arena *a, struct str form, struct str_field *fields, size_t n)
{
	struct str pair;

	while (str_split(&form, '&', &pair)) {
		size_t eq = str_find(pair, '=');
		struct str key, value;

		if (pair.len == 0)
			continue;
		if (!form_decode(a, str_sub(pair, 0, eq), &key) ||
		    !form_decode(a, str_sub(pair, eq + 1, pair.len), &value))
			return false;
		take_field(a, key, value, fields, n);
	}
	return true;
}

bool
str_form_get(struct arena *a, struct str form, struct str name, struct str *out, int *count)
{
	struct str_field field = { .name = name };
	bool whole = str_form_read(a, form, &field, 1);

	*out = field.value;
	*count = whole ? field.count : -1;
	return whole && field.count > 0;
}
