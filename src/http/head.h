/* http/head.h - the strict scan of a request's raw head.
 *
 * Runs on the complete head before anything is routed, and refuses whatever two readers could
 * understand in two ways: folded lines, a space before the colon, bare CR or LF, two lengths,
 * length with chunked, a second Host. Pure. Sources: RFC 9112 sections 2 to 6, RFC 9110 section 5. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "http/message.h"

#define HEAD_MAX 32768
#define HEAD_LINE_MAX 16384
#define HEAD_TARGET_MAX 8192
#define HEAD_METHOD_MAX 32

enum head_found {
	HEAD_PARTIAL,         /* more bytes are needed */
	HEAD_COMPLETE,        /* *len is the head's length, with the empty line */
	HEAD_BAD_LINE,        /* a bare CR or a bare LF: 400 */
	HEAD_TOO_LONG,        /* past a limit: 431 */
	HEAD_TARGET_TOO_LONG, /* past the target's limit: 414 */
};

/* Looks for the end of the head in what has come so far; *scanned remembers how far it looked. */
enum head_found head_find_end(struct str bytes, size_t *scanned, size_t *len);

struct head {
	struct str method; /* as sent; known says whether req->method means it */
	bool method_known;
	struct str target; /* as sent */
	struct str host;   /* the Host field; p == NULL when there is none */
	int minor;         /* HTTP/1.minor */
	bool keep_alive;
	bool chunked;
	bool has_length;
	uint64_t content_length;
	bool expect_continue;
	/* Set when refused. */
	int status;
	const char *code;
	const char *why;
};

/* Fills h and req's method and headers from a complete head. False: h->status, code and why say
 * what is wrong. */
bool head_parse(struct str raw, struct http_req *req, struct head *h);

#endif
