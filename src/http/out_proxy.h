/* http/out_proxy.h - the proxy that the environment names for a call over plain http.
 *
 * Of https libcurl finds it, and makes a tunnel through it. A request over plain http is written in another
 * way for a proxy (RFC 9112 section 3.2.2), so that it must be known before; the variables and their rules
 * are libcurl's: http_proxy in lower case alone (the other name is a request header's in CGI), else all_proxy
 * or ALL_PROXY; no_proxy or NO_PROXY. Private to the room. */
#ifndef HTTP_OUT_PROXY_H
#define HTTP_OUT_PROXY_H

#include "base/buf.h"

struct out_proxy {
	struct buf url;   /* for libcurl, NUL-terminated; empty: none */
	struct buf login; /* the whole value of Proxy-Authorization; empty: none */
	bool too_long;    /* there is one, and it cannot be used */
	bool absolute;    /* speaks HTTP; otherwise SOCKS, where requests are as ever */
};

/* host: as an address has it, an IPv6 one in brackets. */
void out_proxy_find(const char *host, struct out_proxy *p);
void out_proxy_free(struct out_proxy *p);

/* Whether a list as in no_proxy covers the host: "*", names with all below them, addresses, and ranges as
 * in 10.0.0.0/8. Pure. */
bool out_proxy_spares(struct str list, const char *host);

#endif
