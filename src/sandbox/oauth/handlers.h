/* sandbox/oauth/handlers.h - what the rows of oauth/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_OAUTH_HANDLERS_H
#define SANDBOX_OAUTH_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group oauth_rows;

HANDLER(oauth_authorize);
HANDLER(oauth_token);
HANDLER(web_authorize_view);
HANDLER(web_authorize_allow);
HANDLER(web_authorize_cancel);
HANDLER(web_links_list);
HANDLER(web_link_delete);

#endif
