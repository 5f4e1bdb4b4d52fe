/* oauth/pkce.h - proof key for code exchange, S256 only (RFC 7636). Pure. */
#ifndef OAUTH_PKCE_H
#define OAUTH_PKCE_H

#include "base/secret.h"

/* 43 random unreserved characters (RFC 7636 section 4.1). */
struct secret pkce_verifier(struct arena *a);
/* BASE64URL(SHA256(verifier)) (section 4.2). */
struct str pkce_challenge(struct arena *a, struct secret verifier);

#endif
