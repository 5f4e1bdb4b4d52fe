/* sandbox/oauth/ending.h - ending tokens from outside, for the control API. Takes the store, for a million of
 * them again and again: each page is ended as a whole, and a failure leaves those before it ended. */
#ifndef SANDBOX_OAUTH_ENDING_H
#define SANDBOX_OAUTH_ENDING_H

#include "base/ctx.h"

struct sandbox;

enum ending_by {
	ENDING_TOKEN, /* that access or refresh token and no other */
	ENDING_APP,
	ENDING_EMAIL,
	ENDING_ACCOUNT,
	ENDING_GRANT,
	ENDING_COUNT
};

extern const char *const ending_names[ENDING_COUNT]; /* "token", "app_key", ... */

struct ending {
	enum ending_by by;
	struct str value;
};

struct ended {
	int64_t access_tokens, refresh_tokens, grants;
};

/* Access tokens run out now, as after four hours; refresh tokens stay, but one that is named is as one
 * that was too old. What matches nothing ends nothing. */
MUST enum rc tokens_expire(
    struct sandbox *s, struct ctx *cx, const struct ending *which, struct ended *out);
/* The grants end, as when a person disconnects; a token that is named ends alone. */
MUST enum rc tokens_revoke(
    struct sandbox *s, struct ctx *cx, const struct ending *which, struct ended *out);

#endif
