/* sandbox/oauth/cors.h - programs that run in a browser, on pages of their own (the SDK in a page).
 *
 * Dropbox lets every page read its API's replies. Here a page may when its origin is that of a redirect
 * URI of some app: where programs in a browser come back to, and no stranger's page. Only rows of the API
 * and the token endpoint take part, none of which looks at a cookie; credentials are never allowed.
 * Source: the Fetch standard, sections 3.2.3 and 4.9. */
#ifndef SANDBOX_OAUTH_CORS_H
#define SANDBOX_OAUTH_CORS_H

#include "sandbox/core/row.h"

/* Do pages of other origins have business with such a row? */
bool cors_concerns(enum access access);
/* Lets the page that asks read the reply, whatever it becomes. May wait for the store. */
MUST enum rc cors_allow(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res);
/* The handler of OPTIONS on such a path. Who may not gets an empty reply without permission. */
HANDLER(cors_preflight);

#endif
