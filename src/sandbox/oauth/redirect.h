/* sandbox/oauth/redirect.h - the address that carries an answer back to the app. */
#ifndef SANDBOX_OAUTH_REDIRECT_H
#define SANDBOX_OAUTH_REDIRECT_H

#include "base/ctx.h"

struct redirect_param {
	const char *name;
	struct str value; /* p == NULL: left out */
};

/* Where the answer stands: in the query, or in the fragment, which no server sees (RFC 6749 section
 * 4.2.2). */
enum redirect_part { REDIRECT_QUERY, REDIRECT_FRAGMENT };

struct auth_request;
/* Where the answer to this request stands. */
enum redirect_part redirect_part_of(const struct auth_request *r);

/* Appends to the URI's own query, or makes its fragment; everything percent-encoded. */
struct str redirect_with(struct ctx *cx, struct str uri, enum redirect_part part,
    const struct redirect_param *params, size_t count);

#endif
