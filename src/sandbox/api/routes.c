#include "sandbox/api/handlers.h"

#define POST HTTP_M_POST

static const struct row rows[] = {
	{ POST, "/2/users/get_current_account", API_ROW(ACCOUNT_READ, READ), 64 * KB,
	    api_current_account },
	{ POST, "/2/users/get_account", API_ROW(SHARING_READ, READ), 64 * KB, api_account },
	{ POST, "/2/users/get_account_batch", API_ROW(SHARING_READ, READ), 64 * KB,
	    api_account_batch },
	{ POST, "/2/users/features/get_values", API_ROW(ACCOUNT_READ, NONE), 64 * KB,
	    api_user_features },
	{ POST, "/2/users/get_space_usage", API_ROW(ACCOUNT_READ, READ), 64 * KB, api_space_usage },
	{ POST, "/2/check/user", API_ROW(ACCOUNT_READ, NONE), 64 * KB, api_check_user },
	{ POST, "/2/check/app", ROW(API_APP, NONE), 64 * KB, api_check_app },
	{ POST, "/2/auth/token/revoke", ROW(API_ANY, WRITE), KB, api_token_revoke },
	{ POST, "/2/team/get_info", TEAM_ROW(TEAM_INFO_READ, READ), KB, api_team_info },
	{ POST, "/2/team/features/get_values", TEAM_ROW(TEAM_INFO_READ, NONE), 64 * KB,
	    api_team_features },
	{ POST, "/2/team/members/list", TEAM_ROW(MEMBERS_READ, READ), 64 * KB, api_members_list },
	{ POST, "/2/team/members/list_v2", TEAM_ROW(MEMBERS_READ, READ), 64 * KB,
	    api_members_list_v2 },
	{ POST, "/2/team/members/list/continue", TEAM_ROW(MEMBERS_READ, READ), 64 * KB,
	    api_members_continue },
	{ POST, "/2/team/members/list/continue_v2", TEAM_ROW(MEMBERS_READ, READ), 64 * KB,
	    api_members_continue_v2 },
	{ POST, "/2/team/members/get_info", TEAM_ROW(MEMBERS_READ, READ), 256 * KB,
	    api_members_info },
	{ POST, "/2/team/members/get_info_v2", TEAM_ROW(MEMBERS_READ, READ), 256 * KB,
	    api_members_info_v2 },
	{ POST, "/2/team/members/suspend", TEAM_ROW(MEMBERS_WRITE, WRITE), 64 * KB,
	    api_members_suspend },
	{ POST, "/2/team/members/unsuspend", TEAM_ROW(MEMBERS_WRITE, WRITE), 64 * KB,
	    api_members_unsuspend },
	{ POST, "/2/team/token/get_authenticated_admin", TEAM_ROW(TEAM_INFO_READ, NONE), KB,
	    api_authenticated_admin },
};

ROW_GROUP(api_rows, rows);
