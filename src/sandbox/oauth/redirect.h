/* sandbox/oauth/redirect.h - the address that carries an answer back to the app. */
#ifndef SANDBOX_OAUTH_REDIRECT_H
#define SANDBOX_OAUTH_REDIRECT_H

#include "base/ctx.h"

struct redirect_param {
	const char *name;
	struct str value; /* p == NULL: left out */
};

/* Appends to the URI's own query, everything percent-encoded. */
struct str redirect_with(
    struct ctx *cx, struct str uri, const struct redirect_param *params, size_t count);

#endif
