/* oauth/request.h - what a client sends: the authorization URL and the token requests. Pure.
 * Sources: RFC 6749 sections 4.1.1, 4.1.3, 6, 2.3.1; RFC 7636. */
#ifndef OAUTH_REQUEST_H
#define OAUTH_REQUEST_H

#include "base/ctx.h"
#include "base/secret.h"

#define OAUTH_MAX_EXTRA 8

struct oauth_param {
	struct str name, value;
};

struct oauth_authorize {
	struct str endpoint; /* may have a query of its own */
	struct str client_id;
	struct str redirect_uri;
	struct str scope; /* empty: left out */
	struct secret state;
	struct str challenge; /* S256; empty only for a probe that asks for no code */
	struct oauth_param extra[OAUTH_MAX_EXTRA]; /* the provider definition's */
	size_t extra_count;
};

struct str oauth_authorize_url(struct arena *a, const struct oauth_authorize *in);

enum oauth_client_auth { CLIENT_AUTH_BASIC, CLIENT_AUTH_BODY };

struct oauth_client {
	struct str id;
	struct secret secret;
	enum oauth_client_auth auth;
};

/* Form body, and the Authorization value when the client authenticates with it. */
struct oauth_token_request {
	struct secret body;
	struct secret authorization; /* empty with CLIENT_AUTH_BODY */
};

struct oauth_code_exchange {
	struct secret code;
	struct str redirect_uri; /* exactly the one of the authorization request */
	struct secret verifier;
};

struct oauth_token_request oauth_exchange_request(
    struct arena *a, const struct oauth_client *client, const struct oauth_code_exchange *in);
struct oauth_token_request oauth_refresh_request(
    struct arena *a, const struct oauth_client *client, struct secret refresh_token);

#endif
