/* sandbox/people/session.h - browser sessions: the cookie, the CSRF token, signing in and out.
 *
 * A cookie is a random token. Without a row in the store it is anonymous and proves nothing but that
 * the same browser sent it; signing in makes a new one whose keyed digest stands in the store. */
#ifndef SANDBOX_PEOPLE_SESSION_H
#define SANDBOX_PEOPLE_SESSION_H

#include "base/secret.h"
#include "http/message.h"
#include "sandbox/people/accounts.h"

struct sandbox;

struct session {
	struct secret cookie; /* empty: the browser sent none that we could have made */
	struct str digest;
	bool signed_in;
	int64_t created_ms;     /* wall clock; when signed in */
	struct account account; /* when signed in */
};

/* Store held. Never fails for a bad cookie: the session is anonymous then. */
MUST enum rc session_load(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct session *out);
/* The token that state-changing requests of this session must carry. */
struct str session_csrf(struct sandbox *s, struct ctx *cx, const struct session *sess);

#endif
