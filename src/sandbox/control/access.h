/* sandbox/control/access.h - who may drive the sandbox: programs by the control token, a person's page by
 * a cookie that it gets for typing the token in.
 *
 * Everything is refused unless it comes from the loopback. The cookie is of the path /_sandbox only, and
 * is good for nothing without the CSRF token, which the page keeps for its own origin: neither another
 * page on this host nor somebody who was sent the cookie can use it (S-221). Both end with the process,
 * like the token they are made of. */
#ifndef SANDBOX_CONTROL_ACCESS_H
#define SANDBOX_CONTROL_ACCESS_H

#include "http/message.h"

struct sandbox;

/* For ACCESS_CONTROL: the token, or cookie and CSRF token; JSON where there is a body. */
MUST enum rc control_gate(struct sandbox *s, struct ctx *cx, const struct http_req *req);
/* For ACCESS_CONTROL_SIGN: our own page, which has no cookie yet. */
MUST enum rc control_gate_sign(struct sandbox *s, struct ctx *cx, const struct http_req *req);

#endif
