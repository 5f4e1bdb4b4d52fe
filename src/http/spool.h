/* http/spool.h - the file that a request's body goes to.
 *
 * Made with a random name, mode 0600, in the site's body_dir; it belongs to the request, whose
 * handler may rename it away. Any thread that has the request; all of it may block. */
#ifndef HTTP_SPOOL_H
#define HTTP_SPOOL_H

#include "http/message.h"

/* Sets req->body_fd, for writing too, and req->body_path. */
MUST enum rc spool_open(struct ctx *cx, const char *dir, struct http_req *req);
/* The failure for an errno: a full disk is "insufficient-storage", 507. */
enum rc spool_failed(struct ctx *cx, int error);
/* Closes the file and removes what is still there; does nothing without one. */
void spool_drop(const char *dir, struct http_req *req);

#endif
