#include "sandbox/oauth/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define PUT HTTP_M_PUT
#define DELETE HTTP_M_DELETE
#define PERSONALITY "/_sandbox/apps/{}/personality"

static const struct row rows[] = {
	{ GET, "/oauth2/authorize", ROW(PAGE, WRITE), 0, oauth_authorize },
	{ POST, "/oauth2/token", ROW(TOKEN, CHECKED), 16 * KB, oauth_token },
	/* The older names, which Dropbox's Go SDK and so rclone still use. */
	{ GET, "/1/oauth2/authorize", ROW(PAGE, WRITE), 0, oauth_authorize },
	{ POST, "/1/oauth2/token", ROW(TOKEN, CHECKED), 16 * KB, oauth_token },
	{ GET, "/.well-known/openid-configuration", ROW(PUBLIC, NONE), 0, openid_discovery },
	{ GET, "/.well-known/jwks.json", ROW(PUBLIC, WRITE), 0, openid_keys },
	{ POST, "/2/openid/userinfo", API_ROW(OPENID, READ), 64 * KB, openid_userinfo },
	{ GET, "/2/openid/userinfo", API_ROW(OPENID, READ), 0, openid_userinfo },

	{ POST, "/_web/apps/{}/generate", ROW(CHANGE, WRITE), KB, web_app_generate },
	{ POST, "/_web/apps/{}/unlink", ROW(CHANGE, WRITE), KB, web_app_unlink },
	{ GET, "/_web/connected-apps", ROW(WEB, READ), 0, web_links_list },
	{ DELETE, "/_web/connected-apps/{}", ROW(CHANGE, WRITE), KB, web_link_delete },
	{ GET, "/_web/authorize/{}", ROW(VISITOR, WRITE), 0, web_authorize_view },
	{ POST, "/_web/authorize/{}/allow", ROW(CHANGE, WRITE), KB, web_authorize_allow },
	{ POST, "/_web/authorize/{}/cancel", ROW(CHANGE, WRITE), KB, web_authorize_cancel },

	{ POST, "/_sandbox/consent", ROW(CONTROL, WRITE), 16 * KB, control_consent },
	{ GET, PERSONALITY, ROW(CONTROL, READ), 0, control_personality_get },
	{ PUT, PERSONALITY, ROW(CONTROL, WRITE), 4 * KB, control_personality_put },
	{ POST, "/_sandbox/tokens/expire", ROW(CONTROL, NONE), 4 * KB, control_tokens_expire },
	{ POST, "/_sandbox/tokens/revoke", ROW(CONTROL, NONE), 4 * KB, control_tokens_revoke },
	{ POST, "/_sandbox/openid/rotate-key", ROW(CONTROL, WRITE), KB, control_rotate_key },
};

ROW_GROUP(oauth_rows, rows);
