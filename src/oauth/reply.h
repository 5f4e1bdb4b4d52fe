/* oauth/reply.h - what a token endpoint's reply holds. Pure; what follows from it: oauth/outcome.h.
 *
 * Only a 200 with a JSON object, no error, a string access_token that can stand in a header and a
 * token type of bearer holds tokens (RFC 6749 section 5.1; RFC 6750). */
#ifndef OAUTH_REPLY_H
#define OAUTH_REPLY_H

#include "base/ctx.h"
#include "base/secret.h"

struct oauth_reply {
	int status;
	bool has_tokens;  /* access_token, and refresh_token if any, are good */
	bool is_object;   /* it is one JSON object, whole */
	bool names_token; /* there is an access_token or a refresh_token, whatever it looks like */
	struct secret access_token;
	struct secret refresh_token;  /* empty: none came, keep the old one */
	int64_t expires_in_s;         /* -1: not said, or zero, which some say for "not told" */
	int64_t refresh_expires_in_s; /* -1: not said */
	struct str scope;             /* empty: not said */
	struct str error;             /* "invalid_grant"; empty when none */
	struct str error_description; /* the provider's words, cut to 200 printable bytes */
};

/* Fills out; memory is the arena's. */
void oauth_reply_read(struct ctx *cx, int status, struct secret body, struct oauth_reply *out);

/* Words that stand in `granted` and not in `asked`; both space-separated. */
struct str oauth_scope_extra(struct arena *a, struct str granted, struct str asked);

#endif
