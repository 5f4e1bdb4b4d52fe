#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/scan.h"

#define FIRST_CAP 256

struct buf
buf_in(struct arena *a, size_t max)
{
	return (struct buf){ .arena = a, .max = max };
}

struct buf
buf_with(struct arena *a, size_t first, size_t max)
{
	return (struct buf){ .p = arena_alloc(a, first), .cap = first, .max = max, .arena = a };
}

struct buf
buf_heap(size_t max)
{
	return (struct buf){ .max = max };
}

void
buf_free(struct buf *b)
{
	mem_wipe(b->p, b->cap);
	free(b->p);
	*b = (struct buf){ 0 };
}

/* Moves to a larger piece of memory, wiping the old one: it may have held a secret. */
static void
move_to(struct buf *b, size_t cap)
{
	char *p = b->arena != NULL ? arena_alloc(b->arena, cap) : mem_alloc(cap);

	if (b->len > 0)
		memcpy(p, b->p, b->len);
	mem_wipe(b->p, b->len);
	if (b->arena == NULL)
		free(b->p);
	b->p = p;
	b->cap = cap;
}

bool
buf_room(struct buf *b, size_t more)
{
	size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;

	if (b->overflow || more > b->max - b->len) {
		b->overflow = true;
		return false;
	}
	while (cap < b->len + more)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	if (cap > b->cap)
		move_to(b, cap);
	return true;
}

void
buf_add_int(struct buf *b, int64_t n)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (n < 0)
		digits[--at] = '-';
	buf_add(b, (struct str){ digits + at, sizeof(digits) - at });
}

void
buf_add_hex(struct buf *b, uint64_t n, size_t digits)
{
	char text[16];
	size_t len = digits < sizeof(text) ? digits : sizeof(text);

	for (size_t i = len; i-- > 0; n >>= 4)
		text[i] = "0123456789abcdef"[n & 15];
	buf_add(b, (struct str){ text, len });
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char small[512];
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n < 0) {
		b->overflow = true;
	} else if ((size_t)n < sizeof(small)) {
		buf_add(b, (struct str){ .p = small, .len = (size_t)n });
	} else if (buf_room(b, (size_t)n + 1)) {
		vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	mem_wipe(small, n < 0 || (size_t)n >= sizeof(small) ? sizeof(small) : (size_t)n);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

/* RFC 3986 section 2.3: all but letters, digits and four signs. */
static bytes16
reserved(bytes16 v)
{
	bytes16 letter = (bytes16)((v | 0x20) - 'a' < 26), digit = (bytes16)(v - '0' < 10);
	bytes16 sign =
	    (bytes16)(v == '-') | (bytes16)(v == '.') | (bytes16)(v == '_') | (bytes16)(v == '~');

	return ~(letter | digit | sign);
}

void
buf_add_percent(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (;;) {
		size_t run = scan_find(s, reserved);
		unsigned char c;

		buf_add(b, str_sub(s, 0, run));
		if (run == s.len)
			return;
		c = (unsigned char)s.p[run];
		buf_addc(b, '%');
		buf_addc(b, hex[c >> 4]);
		buf_addc(b, hex[c & 15]);
		s = str_sub(s, run + 1, s.len);
	}
}

/* What cannot stand in a JSON string as it is, or not inside a <script>. */
static bytes16
json_escaped(bytes16 v)
{
	return scan_controls(v) | (bytes16)(v == '"') | (bytes16)(v == '\\') | (bytes16)(v == '<') |
	    (bytes16)(v == '>') | (bytes16)(v == '&');
}

void
buf_add_json_string(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	for (;;) {
		size_t run = scan_find(s, json_escaped);
		char c;

		buf_add(b, str_sub(s, 0, run));
		if (run == s.len)
			break;
		c = s.p[run];
		buf_addf(b, c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
		s = str_sub(s, run + 1, s.len);
	}
	buf_addc(b, '"');
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ .p = b->p, .len = b->len };
}
