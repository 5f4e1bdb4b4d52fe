/* sandbox/oauth/openid.h - who signed in, told to an app: OpenID Connect Core 1.0. */
#ifndef SANDBOX_OAUTH_OPENID_H
#define SANDBOX_OAUTH_OPENID_H

#include "http/message.h"
#include "sandbox/oauth/grants.h"

/* The id_token of a code's exchange; empty unless a person granted openid. Store held for writing. */
MUST enum rc openid_token(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    const struct issued *got, struct str *jwt);

#endif
