#include "sandbox/oauth/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define DELETE HTTP_M_DELETE

static const struct row rows[] = {
	{ GET, "/oauth2/authorize", ROW(PAGE, WRITE), 0, oauth_authorize },
	{ POST, "/oauth2/token", ROW(TOKEN, WRITE), 16 * KB, oauth_token },

	{ GET, "/_web/connected-apps", ROW(WEB, READ), 0, web_links_list },
	{ DELETE, "/_web/connected-apps/{}", ROW(CHANGE, WRITE), KB, web_link_delete },
	{ GET, "/_web/authorize/{}", ROW(VISITOR, WRITE), 0, web_authorize_view },
	{ POST, "/_web/authorize/{}/allow", ROW(CHANGE, WRITE), KB, web_authorize_allow },
	{ POST, "/_web/authorize/{}/cancel", ROW(CHANGE, WRITE), KB, web_authorize_cancel },
};

ROW_GROUP(oauth_rows, rows);
