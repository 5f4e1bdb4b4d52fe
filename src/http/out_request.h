/* http/out_request.h - the bytes of an outgoing request. Pure; private to the room.
 *
 * Source: RFC 9112 section 3. */
#ifndef HTTP_OUT_REQUEST_H
#define HTTP_OUT_REQUEST_H

#include "base/buf.h"
#include "http/client.h"

struct out_target {
	struct str authority; /* for Host */
	struct str path;      /* with the query; begins with "/" */
	struct str proxy;     /* "http://" when the request is for a proxy that is not a tunnel */
	struct str proxy_authorization; /* the whole value; empty: none */
	bool close;                     /* the connection is for this request alone */
};

/* Bytes below 0x20, but for tab, and DEL: none may stand in an address or a header. */
bool out_printable(struct str s);
/* False: method or headers hold what cannot be sent (S-022). b->overflow: it is past b's limit. */
bool out_request_write(struct buf *b, struct str user_agent, const struct http_call *call,
    const struct out_target *to);

#endif
