/* sandbox/core/reach.h - by which name a request came, and what there is under that name.
 *
 * Directly, at the sandbox's own address, there is everything. In a CONNECT tunnel the sandbox stands
 * for Dropbox's hosts: www.dropbox.com has sign-in and consent, dropbox.com leads there, the API's hosts
 * have the API, and the rest (App Console, control API) is not there (S-227). The list is one of what may, so a new route is
 * reached directly only until it says otherwise. */
#ifndef SANDBOX_CORE_REACH_H
#define SANDBOX_CORE_REACH_H

#include "http/message.h"

struct sandbox;

/* The hosts that the proxy answers for, for http_server_proxy and for the certificate. */
extern const char *const reach_names[];
extern const size_t reach_name_count;

/* The name under which a route is reached in a tunnel: "www", "api", or "-" for none. */
const char *reach_word(const char *route_path);
/* Is the route there, by the name that the request came by? */
bool reach_has(const struct http_req *req);
/* Has that name nothing but the way to another? Then where to. */
bool reach_elsewhere(const struct http_req *req, struct arena *a, struct str *url);
/* Are there pages by that name at all? */
bool reach_has_pages(const struct http_req *req);

/* A browser's origin on the pages: the sandbox's public URL, or https://www.dropbox.com. */
struct str reach_url(const struct sandbox *s, const struct http_req *req);
/* The session cookie's name and attributes: in a tunnel it is always https. */
struct str reach_cookie_name(const struct sandbox *s, const struct http_req *req);
struct str reach_cookie_flags(const struct sandbox *s, const struct http_req *req);
/* Fills the cookie's names in s from public_url; instance tells this sandbox from others (S-106). */
void reach_prepare(struct sandbox *s, struct str instance);

#endif
