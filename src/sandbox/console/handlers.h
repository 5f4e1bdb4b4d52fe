/* sandbox/console/handlers.h - what the rows of console/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_CONSOLE_HANDLERS_H
#define SANDBOX_CONSOLE_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group console_rows;

HANDLER(web_apps_list);
HANDLER(web_app_create);
HANDLER(web_app_get);
HANDLER(web_app_secret);
HANDLER(web_app_uri_add);
HANDLER(web_app_uri_remove);
HANDLER(web_app_scopes);
HANDLER(web_app_delete);
HANDLER(web_app_secret_rotate);
HANDLER(web_app_domain_add);
HANDLER(web_app_domain_remove);
HANDLER(web_app_branding);
HANDLER(web_app_icon_put);
HANDLER(web_app_icon_remove);
HANDLER(web_icon);
HANDLER(web_webhooks_list);
HANDLER(web_webhook_add);
HANDLER(web_webhook_enable);
HANDLER(web_webhook_remove);
HANDLER(web_app_settings);

#endif
