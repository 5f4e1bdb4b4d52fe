/* sandbox/oauth/ask.h - an authorization request as it arrives, read and checked. Store held.
 *
 * Until client and redirect URI are known to belong together nothing may ever be sent to the URI
 * (RFC 6749 section 4.1.2.1): such a mistake is for the person to read. After that, mistakes go back to
 * the app. What an app in good standing asks ends as a struct auth_request. */
#ifndef SANDBOX_OAUTH_ASK_H
#define SANDBOX_OAUTH_ASK_H

#include "sandbox/console/apps.h"
#include "sandbox/oauth/requests.h"

struct asking {
	struct app app;
	struct auth_request r;
	struct str shown; /* the redirect URI as it was sent, known or not */
	bool identified;  /* a mistake may go back to the app */
};

/* E_INPUT with the OAuth code in cx->code. */
MUST enum rc asking_read(struct sandbox *s, struct ctx *cx, struct str query, struct asking *out);
/* The address that carries the mistake in cx back; empty when it is for the person. */
struct str asking_refusal(struct ctx *cx, const struct asking *q);

#endif
