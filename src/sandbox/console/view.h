/* sandbox/console/view.h - what the App Console's handlers share: whose app, and the app as its page
 * shows it. */
#ifndef SANDBOX_CONSOLE_VIEW_H
#define SANDBOX_CONSOLE_VIEW_H

#include "http/message.h"
#include "sandbox/console/apps.h"

/* The app of the path's first argument. E_NOTFOUND also when it belongs to somebody else (S-093). */
MUST enum rc view_own_app(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct app *out);
/* The same app, read again, as the reply. */
MUST enum rc view_emit_app(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    struct http_res *res, int status);

#endif
