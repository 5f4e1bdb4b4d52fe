/* sandbox/api/handlers.h - what the rows of api/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_API_HANDLERS_H
#define SANDBOX_API_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group api_rows;

HANDLER(api_current_account);
HANDLER(api_account);
HANDLER(api_account_batch);
HANDLER(api_user_features);
HANDLER(api_space_usage);
HANDLER(api_check_user);
HANDLER(api_check_app);
HANDLER(api_token_revoke);

HANDLER(api_team_info);
HANDLER(api_team_features);
HANDLER(api_members_list);
HANDLER(api_members_list_v2);
HANDLER(api_members_continue);
HANDLER(api_members_continue_v2);
HANDLER(api_members_info);
HANDLER(api_members_info_v2);
HANDLER(api_members_suspend);
HANDLER(api_members_unsuspend);
HANDLER(api_authenticated_admin);

#endif
