/* sandbox/files/admit.h - whether a body may come at all: asked before a byte of it is read.
 *
 * What a request says of its length is held against what the account may still hold. The exact count
 * is taken again when the content is written; this keeps the disk from what could never be kept. */
#ifndef SANDBOX_FILES_ADMIT_H
#define SANDBOX_FILES_ADMIT_H

#include "http/message.h"

struct sandbox;

/* For rows whose body goes to a file; req->session is the caller. E_CONFLICT in the route's union. */
MUST enum rc files_admit(struct sandbox *s, struct ctx *cx, const struct http_req *req);

#endif
