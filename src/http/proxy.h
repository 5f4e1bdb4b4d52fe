/* http/proxy.h - which CONNECT is accepted: one of a few names, port 443, and nothing else.
 *
 * The tunnel ends in this very server, so no name is resolved and no connection made. Immutable
 * once open. Source: RFC 9110 section 9.3.6. */
#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H

#include "http/frame.h"
#include "http/tls.h"

struct proxy {
	const char *names[HTTP_PROXY_NAMES_MAX];
	size_t name_count;
	struct tls_rules *tls; /* NULL: there is no proxy */
	int port;
};

/* All text is a's. E_INPUT a name, the certificate or the key is not usable. */
MUST enum rc proxy_fill(
    struct ctx *cx, struct arena *a, const struct http_proxy_config *cfg, struct proxy *out);
/* Reads the raw head; more: bytes came behind it. The name, in lower case, or the empty slice, and
 * then the refusal is filled in. */
struct str proxy_accept(const struct proxy *p, struct exchange *x, struct str raw_head, bool more);

#endif
