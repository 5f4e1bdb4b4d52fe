#include "api/api_int.h"

#define SMALL 4096
#define FORM 16384
#define KEY_FORM 32768 /* as many ids of tokens as a key may name */
#define KEY_EDIT_FORM \
	(3 * KEY_FORM) /* and those that the editor saw, of which there may be twice as many */

/* The whole surface of the manager. A row names method, path, who may, where it runs, how much body
 * it takes, and the handler. */
const struct http_route api_routes[] = {
	{ HTTP_M_GET, "/healthz", ACCESS_PUBLIC, LANE_LOOP, 0, api_health },
	{ HTTP_M_GET, "/api/v1/openapi.json", ACCESS_PUBLIC, LANE_LOOP, 0, api_openapi },

	{ HTTP_M_GET, "/api/v1/tokens/{}/access-token", ACCESS_KEY, LANE_LOOP, 0,
	    api_v1_access_token },
	{ HTTP_M_GET, "/api/v1/tokens", ACCESS_KEY, LANE_WORKER, 0, api_v1_tokens },
	{ HTTP_M_GET, "/api/v1/tokens/{}", ACCESS_KEY, LANE_WORKER, 0, api_v1_token },
	{ HTTP_M_POST, "/api/v1/tokens/{}/refresh", ACCESS_KEY, LANE_WORKER, SMALL,
	    api_v1_refresh },

	{ HTTP_M_GET, "/metrics", ACCESS_KEY, LANE_WORKER, 0, api_metrics },
	{ HTTP_M_POST, "/api/v1/tokens/{}/recover", ACCESS_KEY, LANE_WORKER, SMALL,
	    api_v1_recover },
	{ HTTP_M_POST, "/api/v1/tokens/{}/access-token/rejected", ACCESS_KEY, LANE_WORKER, SMALL,
	    api_v1_rejected },

	{ HTTP_M_GET, "/api/v1/events", ACCESS_KEY, LANE_WORKER, 0, api_events },
	{ HTTP_M_GET, "/api/v1/events/stream", ACCESS_KEY, LANE_WORKER, 0, api_event_stream },

	{ HTTP_M_GET, "/", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/sign-in", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/tokens", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/tokens/{}", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/tokens/new/{}", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/keys", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/activity", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/notifications", ACCESS_PAGE, LANE_LOOP, 0, api_app_page },
	{ HTTP_M_GET, "/oauth/callback/{}", ACCESS_CALLBACK, LANE_WORKER, 0, api_callback },

	{ HTTP_M_GET, "/api/console/session", ACCESS_VISITOR, LANE_WORKER, 0, api_session_get },
	{ HTTP_M_POST, "/api/console/sign-in", ACCESS_VISITOR_CHANGE, LANE_WORKER, SMALL,
	    api_sign_in },
	{ HTTP_M_POST, "/api/console/sign-out", ACCESS_VISITOR_CHANGE, LANE_WORKER, SMALL,
	    api_sign_out },
	{ HTTP_M_POST, "/api/console/confirm", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_confirm },
	{ HTTP_M_POST, "/api/console/password", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_password },
	{ HTTP_M_GET, "/api/console/providers", ACCESS_USER, LANE_WORKER, 0, api_providers },

	{ HTTP_M_GET, "/api/console/tokens", ACCESS_USER, LANE_WORKER, 0, api_tokens },
	{ HTTP_M_POST, "/api/console/tokens", ACCESS_USER_CHANGE, LANE_WORKER, FORM,
	    api_token_create },
	{ HTTP_M_GET, "/api/console/deleted-tokens", ACCESS_USER, LANE_WORKER, 0,
	    api_tokens_deleted },
	{ HTTP_M_POST, "/api/console/deleted-tokens/{}/restore", ACCESS_USER_CHANGE, LANE_WORKER,
	    SMALL, api_token_restore },
	{ HTTP_M_GET, "/api/console/tokens/{}", ACCESS_USER, LANE_WORKER, 0, api_token_get },
	{ HTTP_M_PATCH, "/api/console/tokens/{}", ACCESS_USER_CHANGE, LANE_WORKER, FORM,
	    api_token_patch },
	{ HTTP_M_DELETE, "/api/console/tokens/{}", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_token_delete },
	{ HTTP_M_POST, "/api/console/tokens/{}/reveal", ACCESS_USER_SECRET, LANE_WORKER, SMALL,
	    api_token_reveal },
	{ HTTP_M_POST, "/api/console/tokens/{}/test", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_token_test },
	{ HTTP_M_POST, "/api/console/tokens/{}/refresh", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_token_refresh },

	{ HTTP_M_POST, "/api/console/tokens/{}/recover", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_token_recover },

	{ HTTP_M_POST, "/api/console/connections", ACCESS_USER_CHANGE, LANE_WORKER, FORM,
	    api_connection_create },
	{ HTTP_M_GET, "/api/console/connections/{}", ACCESS_USER, LANE_WORKER, 0,
	    api_connection_get },
	{ HTTP_M_DELETE, "/api/console/connections/{}", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_connection_delete },
	{ HTTP_M_POST, "/api/console/connections/{}/probe", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_connection_probe },
	{ HTTP_M_POST, "/api/console/connections/{}/reveal", ACCESS_USER_SECRET, LANE_WORKER, SMALL,
	    api_connection_reveal },
	{ HTTP_M_POST, "/api/console/connections/{}/test", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_connection_test },
	{ HTTP_M_POST, "/api/console/connections/{}/use", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_connection_use },

	{ HTTP_M_GET, "/api/console/events", ACCESS_USER, LANE_WORKER, 0, api_events },
	{ HTTP_M_GET, "/api/console/events/stream", ACCESS_USER, LANE_WORKER, 0, api_event_stream },

	{ HTTP_M_GET, "/api/console/webhooks", ACCESS_USER, LANE_WORKER, 0, api_webhooks },
	{ HTTP_M_POST, "/api/console/webhooks", ACCESS_USER_SECRET, LANE_WORKER, FORM,
	    api_webhook_create },
	{ HTTP_M_PATCH, "/api/console/webhooks/{}", ACCESS_USER_CHANGE, LANE_WORKER, FORM,
	    api_webhook_patch },
	{ HTTP_M_DELETE, "/api/console/webhooks/{}", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_webhook_delete },
	{ HTTP_M_POST, "/api/console/webhooks/{}/secret", ACCESS_USER_SECRET, LANE_WORKER, SMALL,
	    api_webhook_secret },
	{ HTTP_M_POST, "/api/console/webhooks/{}/test", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_webhook_test },
	{ HTTP_M_GET, "/api/console/webhooks/{}/deliveries", ACCESS_USER, LANE_WORKER, 0,
	    api_deliveries },
	{ HTTP_M_POST, "/api/console/webhooks/{}/deliveries/{}/again", ACCESS_USER_CHANGE,
	    LANE_WORKER, SMALL, api_delivery_again },

	{ HTTP_M_GET, "/api/console/keys", ACCESS_USER, LANE_WORKER, 0, api_keys },
	{ HTTP_M_POST, "/api/console/keys", ACCESS_USER_SECRET, LANE_WORKER, KEY_FORM,
	    api_key_create },
	{ HTTP_M_GET, "/api/console/keys/{}", ACCESS_USER, LANE_WORKER, 0, api_key_get },
	{ HTTP_M_PATCH, "/api/console/keys/{}", ACCESS_USER_SECRET, LANE_WORKER, KEY_EDIT_FORM,
	    api_key_patch },
	{ HTTP_M_DELETE, "/api/console/keys/{}", ACCESS_USER_CHANGE, LANE_WORKER, SMALL,
	    api_key_delete },
};

const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

const struct http_route *
api_route_table(size_t *count)
{
	*count = api_route_count;
	return api_routes;
}

const char *
api_access_word(int access)
{
	static const char *const words[] = {
		[ACCESS_PUBLIC] = "public",
		[ACCESS_PAGE] = "page",
		[ACCESS_CALLBACK] = "callback",
		[ACCESS_VISITOR] = "visitor",
		[ACCESS_VISITOR_CHANGE] = "visitor+csrf",
		[ACCESS_USER] = "user",
		[ACCESS_USER_CHANGE] = "user+csrf",
		[ACCESS_USER_SECRET] = "user+csrf+confirmed",
		[ACCESS_KEY] = "key",
	};

	return words[access];
}
