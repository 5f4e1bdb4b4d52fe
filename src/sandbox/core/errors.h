/* sandbox/core/errors.h - replies in Dropbox's shapes, and the one place that maps failures to them.
 *
 * A handler of the API fails with what the mapping needs: E_INPUT is a text reply with status 400;
 * E_CONFLICT carries the route's own error union as its code, tags joined by "/" ("path/not_found");
 * with field "reason" the union's second level is a struct with that member. E_AUTH carries the tag of
 * the authentication error, and for "missing_scope" the scope as its field. E_INPUT with field
 * "path-root" is a PathRootError (422). api_detail adds the value of the innermost tag. */
#ifndef SANDBOX_CORE_ERRORS_H
#define SANDBOX_CORE_ERRORS_H

#include "base/json.h"
#include "http/message.h"

/* JSON with X-Dropbox-Request-Id; consumes body. */
void api_json(struct ctx *cx, struct http_res *res, int status, json_t *body);
/* The same of JSON that is written already. */
void api_json_text(struct ctx *cx, struct http_res *res, int status, struct str json);
/* The union of a recorded E_CONFLICT, for an entry of a batch that failed while others did not. */
json_t *api_error_union(struct ctx *cx);
void api_request_id(struct ctx *cx, struct http_res *res);

/* After fail_at: the value that belongs to the innermost tag of the error. The members of a plain
 * object stand beside the tag, anything else under its name. Consumes value; returns cx->rc. */
enum rc api_detail(struct ctx *cx, json_t *value);

/* http_site.fail */
void sandbox_fail(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc);

#endif
