/* http/out_url.h - the address of outgoing calls, taken apart once for all that go there.
 *
 * libcurl's parser reads it, both for what is checked here and for the connection (S-029). http and https
 * alone, without user name. Immutable once made and counted, so that any thread may hold one; the cache is
 * for one thread at a time (client.c's lock). Private to the room. */
#ifndef HTTP_OUT_URL_H
#define HTTP_OUT_URL_H

#include "base/buf.h"
#include "http/out_proxy.h"

#define OUT_URLS_KEPT 16

struct out_url {
	struct buf text; /* as it was given */
	struct buf
	    origin; /* "https://example.org:443/", for libcurl; the same for the same connections */
	struct buf authority; /* for Host: without the scheme's own port */
	struct buf path;      /* with the query */
	char host[72];        /* "host:port", for sentences; a long name is cut */
	bool tls;
	bool loopback; /* by its name: nothing on the way there is a proxy's */
	struct out_proxy proxy;
	int holders;
};

/* NULL: *why says for a person what is wrong with it. Held once. */
struct out_url *out_url_new(struct str text, const char **why);
void out_url_let_go(struct out_url *u); /* takes NULL */

struct out_urls {
	struct out_url *at[OUT_URLS_KEPT];
	unsigned next; /* the place that is used again */
};

/* Held for the caller; NULL: not there. */
struct out_url *out_urls_find(struct out_urls *us, struct str text);
void out_urls_keep(struct out_urls *us, struct out_url *u);
void out_urls_free(struct out_urls *us); /* and as new */

#endif
