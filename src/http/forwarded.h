/* http/forwarded.h - whose request it is behind a proxy.
 *
 * X-Forwarded-For counts only when the socket's address is one of the configured proxies, and then its
 * rightmost hop that is none of them is the client (security row S-157): everything to the left of that
 * anybody may have written. Without configured proxies no header counts. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <netinet/in.h>

#include "http/message.h"

#define FORWARDED_PROXIES_MAX 16

struct forwarded {
	struct in6_addr proxies[FORWARDED_PROXIES_MAX]; /* IPv4 as ::ffff:a.b.c.d */
	size_t count;
};

/* "ADDR[,ADDR]", IPv4 or IPv6, nothing else; empty: no proxy. E_INPUT names what is no address. */
MUST enum rc forwarded_read(struct ctx *cx, struct str list, struct forwarded *out);
bool forwarded_is_proxy(const struct forwarded *f, struct str address);
/* The client's address, in its usual form, from the arena; req->peer when no proxy told it, and the last
 * proxy's when what it told is no address. */
struct str forwarded_client(const struct forwarded *f, struct arena *a, const struct http_req *req);

#endif
