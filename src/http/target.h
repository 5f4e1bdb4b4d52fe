/* http/target.h - from the request target to decoded path segments, once.
 *
 * Every later rule looks at the segments, so what could make two rules see two names is refused
 * here: NUL and control bytes, an encoded slash or backslash, dot segments, bad escapes, bad UTF-8
 * (RFC 3986 sections 2.4 and 3.3). Pure. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/message.h"

enum target_fault {
	TARGET_OK,
	TARGET_BAD,     /* 400 */
	TARGET_NOTHING, /* 404: no route can have this shape */
};

/* Splits off an absolute-form's authority (the empty slice for origin-form), path and query. */
bool target_split(struct str target, struct str *authority, struct str *path, struct str *query);

/* Fills req->segs from a path that begins with a slash. */
enum target_fault target_segments(struct arena *a, struct str path, struct http_req *req);

#endif
