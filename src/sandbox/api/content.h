/* sandbox/api/content.h - a file's content as the reply: from the disk to the wire bit by bit, whole or
 * one range of it, or nothing when the client has it (RFC 9110 sections 13 and 14). */
#ifndef SANDBOX_API_CONTENT_H
#define SANDBOX_API_CONTENT_H

#include "base/json.h"
#include "http/message.h"
#include "sandbox/tree/files.h"

/* As something to save, never to show: whatever it holds, a browser runs none of it (S-115). result
 * is for the header Dropbox-API-Result; NULL: none. Consumes it. */
MUST enum rc content_reply(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    const struct file *f, json_t *result, struct http_res *res);
/* The value of Dropbox-API-Result: in ASCII. Consumes value. */
struct str content_result(struct ctx *cx, json_t *value);
/* RFC 6266: attachment, with the name in both forms. */
struct str content_disposition(struct ctx *cx, struct str name);

#endif
