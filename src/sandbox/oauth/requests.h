/* sandbox/oauth/requests.h - authorization requests that wait for a person. Store held.
 *
 * The page gets an unguessable id; everything else stays here, so nothing that a page or a stranger
 * sends can change who gets what. A request belongs to the first signed-in session that looks at it,
 * lives an hour, and is decided once. */
#ifndef SANDBOX_OAUTH_REQUESTS_H
#define SANDBOX_OAUTH_REQUESTS_H

#include "base/ctx.h"
#include "base/secret.h"
#include "sandbox/core/scopes.h"

struct sandbox;

struct auth_request {
	struct str digest; /* of its id */
	struct str app_key;
	struct str redirect_uri;      /* empty: the code is shown for copying */
	struct str state;             /* bytes as sent; p == NULL: none was sent */
	struct str challenge, method; /* empty: no PKCE */
	struct str role;              /* "personal", "work", or empty */
	struct str include;           /* also what was granted before: "user", "team", or empty */
	struct str nonce;             /* OpenID Connect; empty: none */
	scope_set scopes;
	bool implicit;   /* response_type=token: the answer is an access token */
	bool offline;    /* with a refresh token */
	bool long_lived; /* access tokens without end, of the app's legacy setting */
	bool reapprove, reauthenticate;
	int64_t created_ms; /* wall clock */
};

MUST enum rc request_put(
    struct sandbox *s, struct ctx *cx, const struct auth_request *r, struct secret *id);
/* E_NOTFOUND when unknown, decided or too old. */
MUST enum rc request_get(
    struct sandbox *s, struct ctx *cx, struct str id, struct auth_request *out);
/* E_NOTFOUND when another session has it. */
MUST enum rc request_claim(
    struct sandbox *s, struct ctx *cx, const struct auth_request *r, struct str session_digest);
/* Decides it, once. E_NOTFOUND unless this session has it. */
MUST enum rc request_decide(
    struct sandbox *s, struct ctx *cx, const struct auth_request *r, struct str session_digest);

#endif
