/* vault/upstream.h - talking to a provider, and saying in a sentence what came of it. */
#ifndef VAULT_UPSTREAM_H
#define VAULT_UPSTREAM_H

#include "http/client.h"
#include "oauth/outcome.h"
#include "vault/provider.h"
#include "vault/tokens.h"

/* The token request as a call. Memory is the arena's. */
struct http_call upstream_token_call(
    const struct provider *p, const struct oauth_token_request *request);

/* A call with an access token. Memory is the context's. */
struct http_call upstream_call(
    struct ctx *cx, const struct provider_call *what, struct secret access);

/* How the call ended, in the words of the protocol's room. */
enum oauth_transport upstream_transport(const struct http_reply *reply);

/* What a call took along: no answer that repeats it, or 8 characters of it, is repeated. */
struct upstream_sent {
	struct secret secrets[4];
};

/* Reads the reply; OK only with tokens in *out. Otherwise the context says what happened and what
 * to do, and *outcome what kind it is: E_REAUTH, E_INPUT (field "app_secret"), E_UPSTREAM. */
MUST enum rc upstream_token_reply(struct ctx *cx, const struct provider *p,
    const struct upstream_sent *sent, const struct http_reply *reply, struct oauth_reply *out,
    enum oauth_outcome *outcome);

/* One cheap call with the token: whose is it? Always fills out. *rejected tells a 401. */
void upstream_account(struct vault *v, struct ctx *cx, const struct provider *p,
    struct secret access, struct token_test *out, bool *rejected);

#endif
