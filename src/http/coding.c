#include "http/coding.h"

#include <malloc.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/library.h"

#define WINDOW_MAX 15
#define WITH_HEADER (WINDOW_MAX + 32) /* gzip or zlib, by its first bytes */
#define BARE (-WINDOW_MAX)            /* what some send as "deflate" */
#define PIECE 4096

/* clang-format off */
#define FUNCTIONS(_)                                                                           \
	_(int, inflateInit2_, (z_streamp z, int window, const char *version, int size),        \
	    (z, window, version, size))                                                        \
	_(int, inflate, (z_streamp z, int flush), (z, flush))                                  \
	_(int, inflateEnd, (z_streamp z), (z))
/* clang-format on */

const char *zlib_load(void);
LIBRARY_TABLE(zlib_load, "libz.so.1", FUNCTIONS)

/* Its window holds what was in the body. */
static void
wiping_free(void *arg, void *p)
{
	(void)arg;
	mem_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
take(void *arg, unsigned int n, unsigned int size)
{
	(void)arg;
	return calloc(n, size);
}

/* The part that fits. */
static void
add_piece(struct buf *out, struct str s)
{
	size_t room = out->max - out->len;

	buf_add(out, str_sub(s, 0, room));
	if (s.len > room)
		out->overflow = true;
}

static void
undo(struct str body, int window, struct buf *out)
{
	z_stream z = { .zalloc = take, .zfree = wiping_free };
	char piece[PIECE];
	int end = Z_OK;

	z.next_in = (unsigned char *)(uintptr_t)body.p;
	z.avail_in = (unsigned int)body.len;
	if (loaded()->inflateInit2_(&z, window, ZLIB_VERSION, (int)sizeof(z)) != Z_OK)
		return;
	while (end == Z_OK && !out->overflow) {
		z.next_out = (unsigned char *)piece;
		z.avail_out = sizeof(piece);
		end = loaded()->inflate(&z, Z_NO_FLUSH);
		add_piece(out, (struct str){ piece, sizeof(piece) - z.avail_out });
	}
	loaded()->inflateEnd(&z);
	mem_wipe(piece, sizeof(piece));
}

bool
coding_undo(struct str coding, struct str body, struct buf *out)
{
	bool deflate = str_eq_nocase(coding, S("deflate"));

	if (!deflate && !str_eq_nocase(coding, S("gzip")) && !str_eq_nocase(coding, S("x-gzip")))
		return false;
	if (body.len == 0 || body.len > UINT32_MAX || zlib_load() != NULL)
		return false;
	undo(body, WITH_HEADER, out);
	if (out->len == 0 && deflate)
		undo(body, BARE, out);
	return out->len > 0;
}
