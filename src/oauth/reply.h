/* oauth/reply.h - what a token endpoint's reply means. Pure.
 *
 * Only a 200 with a JSON object, a string access_token that can stand in a header and a token type
 * of bearer is success (RFC 6749 section 5.1; RFC 6750). Everything else is named, so that the
 * caller can say what happened and what to do. */
#ifndef OAUTH_REPLY_H
#define OAUTH_REPLY_H

#include "base/ctx.h"
#include "base/secret.h"

enum oauth_outcome {
	OUTCOME_TOKENS,      /* here they are */
	OUTCOME_REAUTHORIZE, /* invalid_grant: the code or the refresh token is dead */
	OUTCOME_MISCONFIGURED, /* invalid_client, unauthorized_client, …: a person must mend settings */
	OUTCOME_TRANSIENT,  /* 429, 5xx: try later */
	OUTCOME_UNREADABLE, /* an answer, but not one that we understand */
};

struct oauth_reply {
	enum oauth_outcome outcome;
	struct secret access_token;
	struct secret refresh_token;  /* empty: none came, keep the old one */
	int64_t expires_in_s;         /* -1: not said */
	struct str scope;             /* empty: not said */
	struct str error;             /* "invalid_grant"; empty when none */
	struct str error_description; /* the provider's words, cut to 200 printable bytes */
};

/* Fills out; memory is the arena's. */
void oauth_reply_read(struct ctx *cx, int status, struct secret body, struct oauth_reply *out);

/* Words that stand in `granted` and not in `asked`; both space-separated. */
struct str oauth_scope_extra(struct arena *a, struct str granted, struct str asked);

#endif
