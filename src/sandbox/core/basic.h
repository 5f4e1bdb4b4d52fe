/* sandbox/core/basic.h - credentials of HTTP Basic (RFC 7617) and Bearer (RFC 6750). Pure. */
#ifndef SANDBOX_CORE_BASIC_H
#define SANDBOX_CORE_BASIC_H

#include "base/secret.h"
#include "http/message.h"

/* *present false: another scheme, or none. E_INPUT with code "invalid_client" when malformed. */
MUST enum rc basic_read(struct ctx *cx, const struct http_req *req, struct str *user,
    struct secret *password, bool *present);
/* What "Bearer x" carries; empty when value is something else. */
struct secret bearer_of(struct str value);

#endif
