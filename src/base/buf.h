/* base/buf.h - a capped buffer for writing text.
 *
 * Grows up to max; past it nothing more is written and overflow stays set, so a writer checks once
 * at the end. With an arena the arena owns the memory; without one buf_free wipes and frees. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

struct buf {
	char *p;
	size_t len, cap, max;
	bool overflow;
	struct arena *arena; /* NULL: heap */
};

struct buf buf_in(struct arena *a, size_t max);
/* With room for `first` bytes from the start, so that the usual text never moves. */
struct buf buf_with(struct arena *a, size_t first, size_t max);
struct buf buf_heap(size_t max);
void buf_free(struct buf *b); /* heap only: wipes and frees */

/* Whether so many bytes fit behind what is there: makes room for them, or sets overflow. */
bool buf_room(struct buf *b, size_t more);

static inline void
buf_add(struct buf *b, struct str s)
{
	if (s.len == 0 || ((b->overflow || s.len > b->cap - b->len) && !buf_room(b, s.len)))
		return;
	memcpy(b->p + b->len, s.p, s.len);
	b->len += s.len;
}

static inline void
buf_addc(struct buf *b, char c)
{
	buf_add(b, (struct str){ .p = &c, .len = 1 });
}

void buf_add_int(struct buf *b, int64_t n); /* decimal */
/* The last digits of n in hexadecimal, at most 16, zeros in front. */
void buf_add_hex(struct buf *b, uint64_t n, size_t digits);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_add_percent(struct buf *b, struct str s);     /* percent-encoded */
void buf_add_json_string(struct buf *b, struct str s); /* with quotes; safe inside <script> */
struct str buf_str(const struct buf *b);

#endif
