/* http/router.h - from method and path segments to a site's row.
 *
 * The best pattern is chosen by the path alone, literals before {}; the method only then. So a
 * wrong method is a 405 with the methods that pattern has, and never falls through to a wider one.
 * Immutable after router_new, so any thread may ask. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/server.h"

struct router;

struct router *router_new(const struct http_site *site);
void router_free(struct router *r); /* takes NULL */

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* Sets req->route and req->args. ROUTE_NO_METHOD: *allow lists the methods there are. */
enum route_found router_find(const struct router *r, struct http_req *req, bool method_known,
    struct arena *a, struct str *allow);

const struct http_asset *router_asset(const struct router *r, struct str raw_path);

struct str http_method_text(enum http_method m);

#endif
