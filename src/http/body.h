/* http/body.h - where a request's body ends, and its bytes.
 *
 * Two opinions on every byte: http_parser decodes, and a strict scan of our own walks the chunk
 * framing beside it, refusing what http_parser lets through (spaces and line feeds in a chunk's
 * line, long extensions, endless trailers). They must agree on the end. Trailer fields are dropped.
 * The only file of the server that sees http_parser. Source: RFC 9112 sections 6 and 7. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/buf.h"

enum body_step {
	BODY_MORE,   /* all bytes taken, the end has not come */
	BODY_DONE,   /* the end has come; *used says how much of the input was this body's */
	BODY_BAD,    /* 400 */
	BODY_TOOBIG, /* 413 */
};

struct body;

/* One per connection slot, used again for each request. */
struct body *body_new(void);
void body_free(struct body *b); /* wipes; takes NULL */

/* What the head and the route say of a body. */
struct body_plan {
	bool chunked;
	uint64_t length; /* announced, unless chunked */
	uint64_t max;    /* allowed */
	size_t keep;     /* how much is collected before body_take must be called */
};

/* Starts with the raw head. False when http_parser reads it differently than we did; it is not asked about
 * a request without a body, of which tests/unit/test_http_second_opinion.c says that it would agree. */
bool body_start(struct body *b, struct str raw_head, const struct body_plan *plan);
enum body_step body_feed(struct body *b, struct str bytes, size_t *used);
struct str body_bytes(const struct body *b);
void body_take(struct body *b);  /* body_bytes were used: wipes them and goes on */
void body_clear(struct body *b); /* wipes what was collected */

#endif
