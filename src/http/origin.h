/* http/origin.h - the names under which a server answers.
 *
 * A page on a name that somebody pointed at this machine must not reach it (DNS rebinding), so a
 * request's Host is compared, byte by byte, with a short list: 127.0.0.1, localhost and [::1] with
 * the listening port, and the public URL's authority. */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include "base/ctx.h"

#define ORIGIN_NAMES_MAX 32

struct origin {
	struct str names[ORIGIN_NAMES_MAX];
	size_t count;
	bool any_case; /* ASCII letters of a Host may be upper case */
	bool https;    /* the public URL is */
	struct str
	    url; /* as in a browser's Origin: without trailing slash and the scheme's own port */
};

/* https: the server speaks TLS itself. E_INPUT when public_url is not http(s)://host[:port]. All text is a's. */
MUST enum rc origin_fill(struct ctx *cx, struct arena *a, struct str host, int port, bool https,
    struct str public_url, struct origin *out);
/* For requests in a tunnel: the names, alone or with port 443. */
void origin_fill_tunnel(
    struct arena *a, const char *const *names, size_t count, struct origin *out);
/* The name as it stands in the list; p == NULL when it does not. */
struct str origin_find(const struct origin *o, struct str authority);
struct str origin_host(struct str authority); /* without port */
bool origin_has(const struct origin *o, struct str authority);
/* Could this be an authority at all? Otherwise it is 400 and not 421. */
bool origin_plausible(struct str authority);

#endif
