#include "sandbox/sharing/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define BOTH_ROW(scope, use) ACCESS_API_USER_APP, SCOPE_##scope, STORE_##use

static const struct row rows[] = {
	{ POST, "/2/sharing/create_shared_link_with_settings", API_ROW(SHARING_WRITE, WRITE),
	    64 * KB, api_link_create },
	{ POST, "/2/sharing/create_shared_link", API_ROW(SHARING_WRITE, WRITE), 64 * KB,
	    api_link_create_old },
	{ POST, "/2/sharing/list_shared_links", API_ROW(SHARING_READ, READ), 64 * KB,
	    api_links_list },
	{ POST, "/2/sharing/get_shared_link_metadata", BOTH_ROW(SHARING_READ, READ), 64 * KB,
	    api_link_metadata },
	{ GET, "/2/sharing/get_shared_link_file", BOTH_ROW(SHARING_READ, READ), 0, api_link_file },
	{ POST, "/2/sharing/get_shared_link_file", BOTH_ROW(SHARING_READ, READ), KB,
	    api_link_file },
	{ POST, "/2/sharing/modify_shared_link_settings", API_ROW(SHARING_WRITE, WRITE), 64 * KB,
	    api_link_modify },
	{ POST, "/2/sharing/revoke_shared_link", API_ROW(SHARING_WRITE, WRITE), 64 * KB,
	    api_link_revoke },
	{ POST, "/2/files/get_temporary_link", API_ROW(CONTENT_READ, READ), 64 * KB,
	    api_temporary_link },
	{ GET, "/apitl/1/{}", ROW(API_NONE, READ), 0, temporary_content },
	{ GET, "/scl/{}/{}/{}", ROW(PAGE, READ), 0, page_link },
};

ROW_GROUP(sharing_rows, rows);
