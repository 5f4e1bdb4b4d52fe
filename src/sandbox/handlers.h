/* sandbox/handlers.h - what the rows of routes.c call. Each is an http_handler. */
#ifndef SANDBOX_HANDLERS_H
#define SANDBOX_HANDLERS_H

#include "http/server.h"

#define HANDLER(name) \
	enum rc name(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)

/* pages.c */
HANDLER(page_app);
HANDLER(health);
/* authorize.c, consent.c, token.c */
HANDLER(oauth_authorize);
HANDLER(web_authorize_view);
HANDLER(web_authorize_allow);
HANDLER(web_authorize_cancel);
HANDLER(oauth_token);
/* web_apps.c, web_links.c */
HANDLER(web_apps_list);
HANDLER(web_app_create);
HANDLER(web_app_get);
HANDLER(web_app_secret);
HANDLER(web_app_uri_add);
HANDLER(web_app_uri_remove);
HANDLER(web_app_scopes);
HANDLER(web_app_delete);
HANDLER(web_links_list);
HANDLER(web_link_delete);
/* api_*.c */
HANDLER(api_current_account);
HANDLER(api_account);
HANDLER(api_space_usage);
HANDLER(api_check_user);
HANDLER(api_check_app);
HANDLER(api_token_revoke);
HANDLER(api_list_folder);
HANDLER(api_list_folder_continue);
HANDLER(api_get_metadata);
HANDLER(api_create_folder);
HANDLER(api_delete);
HANDLER(api_download);
HANDLER(api_upload);
/* control.c */
HANDLER(control_clock);
HANDLER(control_state);

#undef HANDLER

#endif
