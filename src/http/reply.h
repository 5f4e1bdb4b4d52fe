/* http/reply.h - from a filled-in reply to the bytes of its head.
 *
 * What never changes (the security headers) is rendered once per server; a reply adds the rest. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/message.h"

#define REPLY_DATE_LEN 29

struct str reply_phrase(int status);

/* The constant header lines of every reply of a server. */
struct str reply_constant(struct arena *a, bool https);

struct reply_frame {
	struct str constant; /* from reply_constant */
	struct str date;     /* "Sun, 06 Nov 1994 08:49:37 GMT" */
	const char *request_id;
	bool close;
	bool say_keep_alive; /* an HTTP/1.0 client asked for it */
	struct str body;     /* written behind the head: a small one, or empty */
};

/* Status line and header block, with the empty line, and f->body. */
struct str reply_head(const struct http_res *res, const struct reply_frame *f);
bool reply_has_body(int status);
void http_res_drop_file(struct http_res *res); /* closes it; does nothing without one */
void reply_date(char out[REPLY_DATE_LEN + 1], int64_t unix_s);

#endif
