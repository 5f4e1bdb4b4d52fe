/* sandbox/control/reqlog.h - the last thousand requests, for a person who looks on.
 *
 * Holds no header and no body. Of a query only the values of harmless parameters are kept, of a path
 * no segment that could be a secret. Left out are assets, health checks and reads of the control API,
 * as far as they succeed. In memory only. Thread-safe; its lock is a leaf. */
#ifndef SANDBOX_CONTROL_REQLOG_H
#define SANDBOX_CONTROL_REQLOG_H

#include "base/json.h"
#include "http/message.h"

#define REQLOG_MAX 1000

struct reqlog;

struct reqlog *reqlog_new(void);
void reqlog_free(struct reqlog *l); /* takes NULL */

/* http_site.done */
void reqlog_note(void *app, const struct ctx *cx, const struct http_req *req,
    const struct http_res *res, struct str method, int64_t ms);

int64_t reqlog_last(struct reqlog *l); /* the number of the newest entry; 0: none yet */
/* Entries after that number, oldest first, at most max of them, as an array. */
json_t *reqlog_json(struct reqlog *l, struct ctx *cx, int64_t after, int max);

/* What may be shown of a request's address. Pure; in the arena. */
struct str reqlog_mask_query(struct arena *a, struct str query);
struct str reqlog_mask_path(struct arena *a, const struct http_req *req, struct str pattern);

#endif
