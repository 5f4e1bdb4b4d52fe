/* sandbox/api/handlers.h - what the rows of api/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_API_HANDLERS_H
#define SANDBOX_API_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group api_rows;

HANDLER(api_current_account);
HANDLER(api_account);
HANDLER(api_space_usage);
HANDLER(api_check_user);
HANDLER(api_check_app);
HANDLER(api_token_revoke);

#endif
