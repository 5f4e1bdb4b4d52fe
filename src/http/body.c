#include "http/body.h"

#include <http_parser.h>
#include <stdlib.h>

#include "base/arena.h"

#define CHUNK_DIGITS_MAX 15
#define EXTENSION_MAX 256
#define TRAILER_MAX 8192
#define KEPT_MAX 1024 /* memory that waits for the next body */

enum frame_state {
	F_SIZE,      /* the hex digits of a chunk's size */
	F_EXTENSION, /* after a semicolon */
	F_SIZE_LF,   /* the LF of a chunk's line */
	F_DATA,      /* inside a chunk, or a body of known length */
	F_DATA_CR,   /* the CR LF after a chunk */
	F_DATA_LF,
	F_TRAILER,      /* at the start of a line after the last chunk */
	F_TRAILER_LINE, /* inside one */
	F_TRAILER_LF,
	F_END_LF,
	F_DONE,
	F_BAD,
};

struct body {
	http_parser parser;
	bool complete; /* says http_parser */
	enum frame_state state;
	bool chunked;
	uint64_t left;  /* bytes of this chunk, or of the body */
	uint64_t total; /* announced so far */
	size_t digits, extra;
	uint64_t max;
	struct buf bytes;
};

static int
on_body(http_parser *p, const char *at, size_t len)
{
	struct body *b = p->data;

	buf_add(&b->bytes, (struct str){ at, len });
	return b->bytes.overflow;
}

static int
on_complete(http_parser *p)
{
	struct body *b = p->data;

	b->complete = true;
	return 0;
}

static const http_parser_settings settings = {
	.on_body = on_body,
	.on_message_complete = on_complete,
};

struct body *
body_new(void)
{
	return mem_alloc(sizeof(struct body));
}

/* Empty, and never larger than what may come now. */
static struct buf
room_of_last(struct body *b, size_t keep)
{
	if (b->bytes.cap > (keep < KEPT_MAX ? keep : KEPT_MAX))
		buf_free(&b->bytes);
	else
		body_take(b);
	return (struct buf){ .p = b->bytes.p, .cap = b->bytes.cap, .max = keep };
}

void
body_clear(struct body *b)
{
	room_of_last(b, KEPT_MAX);
}

void
body_free(struct body *b)
{
	if (b == NULL)
		return;
	buf_free(&b->bytes);
	free(b);
}

/* http_parser has seen the whole head, and expects the body that we do. */
static bool
same_plan(const http_parser *p, const struct body_plan *plan)
{
	bool chunked = (p->flags & F_CHUNKED) != 0;

	return HTTP_PARSER_ERRNO(p) == HPE_OK && chunked == plan->chunked &&
	    (chunked || p->content_length == plan->length);
}

bool
body_start(struct body *b, struct str raw_head, const struct body_plan *plan)
{
	bool empty = !plan->chunked && plan->length == 0;

	*b = (struct body){ .chunked = plan->chunked,
		.left = plan->length,
		.max = plan->max,
		.bytes = room_of_last(b, plan->keep) };
	b->complete = empty;
	b->state = plan->chunked ? F_SIZE : empty ? F_DONE : F_DATA;
	if (empty)
		return true;
	http_parser_init(&b->parser, HTTP_REQUEST);
	b->parser.data = b;
	return http_parser_execute(&b->parser, &settings, raw_head.p, raw_head.len) ==
	    raw_head.len &&
	    same_plan(&b->parser, plan) && !b->complete;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum frame_state
size_byte(struct body *b, char c)
{
	int v = hex_value(c);

	if (v >= 0) {
		b->left = b->left * 16 + (unsigned)v;
		return ++b->digits > CHUNK_DIGITS_MAX ? F_BAD : F_SIZE;
	}
	if (b->digits == 0)
		return F_BAD;
	if (c == '\r')
		return F_SIZE_LF;
	b->extra = 0;
	return c == ';' ? F_EXTENSION : F_BAD;
}

static enum frame_state
extension_byte(struct body *b, char c)
{
	unsigned char u = (unsigned char)c;

	if (c == '\r')
		return F_SIZE_LF;
	if ((u < ' ' && c != '\t') || u == 0x7f || ++b->extra > EXTENSION_MAX)
		return F_BAD;
	return F_EXTENSION;
}

static enum frame_state
trailer_byte(struct body *b, char c)
{
	unsigned char u = (unsigned char)c;

	if (++b->extra > TRAILER_MAX)
		return F_BAD;
	if (c == '\r')
		return b->state == F_TRAILER ? F_END_LF : F_TRAILER_LF;
	if ((u < ' ' && c != '\t') || u == 0x7f || (b->state == F_TRAILER && u <= ' '))
		return F_BAD;
	return F_TRAILER_LINE;
}

static enum frame_state
after_size(struct body *b)
{
	b->total += b->left;
	b->digits = b->extra = 0;
	return b->left == 0 ? F_TRAILER : F_DATA;
}

static enum frame_state
frame_byte(struct body *b, char c)
{
	switch (b->state) {
	case F_SIZE:
		return size_byte(b, c);
	case F_EXTENSION:
		return extension_byte(b, c);
	case F_SIZE_LF:
		return c == '\n' ? after_size(b) : F_BAD;
	case F_DATA_CR:
		return c == '\r' ? F_DATA_LF : F_BAD;
	case F_DATA_LF:
		return c == '\n' ? F_SIZE : F_BAD;
	case F_TRAILER:
	case F_TRAILER_LINE:
		return trailer_byte(b, c);
	case F_TRAILER_LF:
		return c == '\n' ? F_TRAILER : F_BAD;
	case F_END_LF:
		return c == '\n' ? F_DONE : F_BAD;
	default:
		return F_BAD;
	}
}

/* How many of the bytes belong to this body; b->state says whether it ended or broke. */
static size_t
scan(struct body *b, struct str bytes)
{
	size_t at = 0;

	while (at < bytes.len && b->state != F_DONE && b->state != F_BAD && b->total <= b->max) {
		size_t here = bytes.len - at;

		if (b->state != F_DATA) {
			b->state = frame_byte(b, bytes.p[at++]);
			continue;
		}
		if (here > b->left)
			here = (size_t)b->left;
		at += here;
		b->left -= here;
		if (b->left == 0)
			b->state = b->chunked ? F_DATA_CR : F_DONE;
	}
	return at;
}

enum body_step
body_feed(struct body *b, struct str bytes, size_t *used)
{
	size_t n = scan(b, bytes);

	*used = n;
	if (b->state == F_BAD)
		return BODY_BAD;
	if (b->total > b->max)
		return BODY_TOOBIG;
	if (n > 0 &&
	    (http_parser_execute(&b->parser, &settings, bytes.p, n) != n ||
		HTTP_PARSER_ERRNO(&b->parser) != HPE_OK))
		return b->bytes.overflow ? BODY_TOOBIG : BODY_BAD;
	if ((b->state == F_DONE) != b->complete)
		return BODY_BAD;
	return b->complete ? BODY_DONE : BODY_MORE;
}

struct str
body_bytes(const struct body *b)
{
	return buf_str(&b->bytes);
}

void
body_take(struct body *b)
{
	mem_wipe(b->bytes.p, b->bytes.len);
	b->bytes.len = 0;
}
