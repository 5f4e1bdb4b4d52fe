#include "sandbox/console/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define DELETE HTTP_M_DELETE

static const struct row rows[] = {
	{ GET, "/_web/apps", ROW(WEB, READ), 0, web_apps_list },
	{ POST, "/_web/apps", ROW(CHANGE, WRITE), 4 * KB, web_app_create },
	{ GET, "/_web/apps/{}", ROW(WEB, READ), 0, web_app_get },
	{ POST, "/_web/apps/{}/secret", ROW(CHANGE, READ), KB, web_app_secret },
	{ POST, "/_web/apps/{}/redirect-uris", ROW(CHANGE, WRITE), 16 * KB, web_app_uri_add },
	{ POST, "/_web/apps/{}/redirect-uris/remove", ROW(CHANGE, WRITE), 16 * KB,
	    web_app_uri_remove },
	{ POST, "/_web/apps/{}/scopes", ROW(CHANGE, WRITE), 4 * KB, web_app_scopes },
	{ POST, "/_web/apps/{}/settings", ROW(CHANGE, WRITE), 4 * KB, web_app_settings },
	{ POST, "/_web/apps/{}/secret/rotate", ROW(CHANGE, WRITE), KB, web_app_secret_rotate },
	{ POST, "/_web/apps/{}/domains", ROW(CHANGE, WRITE), 4 * KB, web_app_domain_add },
	{ POST, "/_web/apps/{}/domains/remove", ROW(CHANGE, WRITE), 4 * KB, web_app_domain_remove },
	{ POST, "/_web/apps/{}/branding", ROW(CHANGE, WRITE), 16 * KB, web_app_branding },
	{ POST, "/_web/apps/{}/icon", ROW(CHANGE, WRITE), 360 * KB, web_app_icon_put },
	{ DELETE, "/_web/apps/{}/icon", ROW(CHANGE, WRITE), KB, web_app_icon_remove },
	{ GET, "/_web/apps/{}/webhooks", ROW(WEB, READ), 0, web_webhooks_list },
	{ POST, "/_web/apps/{}/webhooks", ROW(CHANGE, NONE), 16 * KB, web_webhook_add },
	{ POST, "/_web/apps/{}/webhooks/{}", ROW(CHANGE, WRITE), KB, web_webhook_enable },
	{ DELETE, "/_web/apps/{}/webhooks/{}", ROW(CHANGE, WRITE), KB, web_webhook_remove },
	{ GET, "/_web/icons/{}", ROW(VISITOR, READ), 0, web_icon },
	{ DELETE, "/_web/apps/{}", ROW(CHANGE, WRITE), KB, web_app_delete },
};

ROW_GROUP(console_rows, rows);
