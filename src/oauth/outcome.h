/* oauth/outcome.h - what the end of one token request means. Pure, and a table.
 *
 * Two questions: what to do, and whether the provider may have used up the refresh token although no
 * new one is here. The second is what a rotating provider makes dangerous. */
#ifndef OAUTH_OUTCOME_H
#define OAUTH_OUTCOME_H

#include "oauth/contract.h"
#include "oauth/reply.h"

enum oauth_outcome {
	OUTCOME_TOKENS,      /* here they are */
	OUTCOME_TRANSIENT,   /* certainly not processed: try later */
	OUTCOME_AMBIGUOUS,   /* may have been processed, and the reply is gone, or was none */
	OUTCOME_UNREADABLE,  /* names tokens, in a form that we do not understand: keep it */
	OUTCOME_REAUTHORIZE, /* the code or the refresh token is dead */
	OUTCOME_REFUSED, /* the request as such: in a moment it may be another, or a person must mend it */
	OUTCOME_MISCONFIGURED, /* a person must mend the app's settings; the grant may be good */
};

/* How the call itself ended. */
enum oauth_transport {
	TRANSPORT_ANSWERED,
	TRANSPORT_NOT_SENT,   /* no connection, no TLS, no proxy: nothing left */
	TRANSPORT_REDIRECTED, /* answered by something that is no token endpoint */
	TRANSPORT_LOST,       /* reset, or cut off */
	TRANSPORT_TIMED_OUT,
	TRANSPORT_TOO_LARGE,
	TRANSPORT_CRASHED, /* this program ended meanwhile */
};

/* reply is read with TRANSPORT_ANSWERED only. */
enum oauth_outcome oauth_classify(enum oauth_transport end, const struct oauth_reply *reply);

/* A refusal is believed when nothing before it is in doubt. After an attempt whose end is not known,
 * at a provider that forgives a second try, it is asked for once more (OUTCOME_TRANSIENT). */
enum oauth_outcome oauth_believe(
    enum oauth_outcome outcome, const struct contract *c, bool after_ambiguous);

/* Where a life comes from, best first. */
enum life_source { LIFE_UNKNOWN, LIFE_REPLY, LIFE_JWT, LIFE_DEFINITION, LIFE_LEARNED };

struct oauth_life {
	enum life_source source;
	int64_t expires_ms; /* 0 with LIFE_UNKNOWN */
};

/* When the access token of a reply ends, on our clock. sent_ms: when its request left, so that the
 * provider's count began later. skew_ms: the provider's clock less ours. learned_s: what rejections
 * taught, 0 nothing. */
struct oauth_life oauth_life(struct ctx *cx, const struct oauth_reply *reply,
    const struct contract *c, int64_t learned_s, int64_t sent_ms, int64_t skew_ms);

/* The exp of a JWT (RFC 7519 section 4.1.4), in seconds since 1970; 0 when it is no JWT or has none.
 * Nothing is verified: it is our own token, and only its end is asked for. */
int64_t oauth_jwt_exp(struct ctx *cx, struct secret token);

#endif
