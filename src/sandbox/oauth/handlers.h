/* sandbox/oauth/handlers.h - what the rows of oauth/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_OAUTH_HANDLERS_H
#define SANDBOX_OAUTH_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group oauth_rows;

/* What the gate leaves in req->session for a call of the token endpoint, and that says about it. */
struct token_call {
	bool read; /* its parameters; the rest is empty otherwise */
	struct str client_id, grant_type;
};

HANDLER(oauth_authorize);
HANDLER(oauth_token);
HANDLER(web_authorize_view);
HANDLER(web_authorize_allow);
HANDLER(web_authorize_cancel);
HANDLER(openid_discovery);
HANDLER(openid_keys);
HANDLER(openid_userinfo);
HANDLER(control_rotate_key);
HANDLER(control_consent);
HANDLER(control_personality_get);
HANDLER(control_personality_put);
HANDLER(control_tokens_expire);
HANDLER(control_tokens_revoke);
HANDLER(web_app_generate);
HANDLER(web_app_unlink);
HANDLER(web_links_list);
HANDLER(web_link_delete);

#endif
