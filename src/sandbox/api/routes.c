#include "sandbox/api/handlers.h"

#define POST HTTP_M_POST

static const struct row rows[] = {
	{ POST, "/2/users/get_current_account", API_ROW(ACCOUNT_READ, READ), 64 * KB,
	    api_current_account },
	{ POST, "/2/users/get_account", API_ROW(SHARING_READ, READ), 64 * KB, api_account },
	{ POST, "/2/users/get_space_usage", API_ROW(ACCOUNT_READ, READ), 64 * KB, api_space_usage },
	{ POST, "/2/check/user", API_ROW(ACCOUNT_READ, NONE), 64 * KB, api_check_user },
	{ POST, "/2/check/app", ROW(API_APP, NONE), 64 * KB, api_check_app },
	{ POST, "/2/auth/token/revoke", ROW(API_ANY, WRITE), KB, api_token_revoke },
};

ROW_GROUP(api_rows, rows);
