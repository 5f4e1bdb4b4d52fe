#include "sandbox/routes.h"

#include "sandbox/access.h"
#include "sandbox/errors.h"
#include "sandbox/files.h"
#include "sandbox/gate.h"
#include "sandbox/handlers.h"
#include "sandbox/scopes.h"
#include "sandbox/session.h"
#include "sandbox/state.h"
#include "sandbox/store.h"
#include "web_assets.h"

#define KB 1024u

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define DELETE HTTP_M_DELETE

/* A row without a scope; a row of the API that needs one. */
#define ROW(class, use) ACCESS_PACK(ACCESS_##class, SCOPE_NONE, STORE_##use)
#define API(scope, use) ACCESS_PACK(ACCESS_API_USER, SCOPE_##scope, STORE_##use)

struct row {
	enum http_method method;
	const char *path;
	int access;
	size_t body_max;
	http_handler *handler;
};

static const struct row rows[] = {
	{ GET, "/healthz", ROW(PUBLIC, NONE), 0, health },

	{ GET, "/", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/login", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/developers/apps", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/developers/apps/create", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/developers/apps/info/{}", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/account/connected_apps", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/oauth2/authorize", ROW(PAGE, WRITE), 0, oauth_authorize },

	{ POST, "/oauth2/token", ROW(TOKEN, WRITE), 16 * KB, oauth_token },

	{ GET, "/_web/session", ROW(VISITOR, NONE), 0, web_session },
	{ POST, "/_web/sign-in", ROW(SIGN, NONE), 4 * KB, web_sign_in },
	{ POST, "/_web/sign-out", ROW(SIGN, WRITE), KB, web_sign_out },
	{ GET, "/_web/apps", ROW(WEB, READ), 0, web_apps_list },
	{ POST, "/_web/apps", ROW(CHANGE, WRITE), 4 * KB, web_app_create },
	{ GET, "/_web/apps/{}", ROW(WEB, READ), 0, web_app_get },
	{ POST, "/_web/apps/{}/secret", ROW(CHANGE, READ), KB, web_app_secret },
	{ POST, "/_web/apps/{}/redirect-uris", ROW(CHANGE, WRITE), 16 * KB, web_app_uri_add },
	{ POST, "/_web/apps/{}/redirect-uris/remove", ROW(CHANGE, WRITE), 16 * KB,
	    web_app_uri_remove },
	{ POST, "/_web/apps/{}/scopes", ROW(CHANGE, WRITE), 4 * KB, web_app_scopes },
	{ DELETE, "/_web/apps/{}", ROW(CHANGE, WRITE), KB, web_app_delete },
	{ GET, "/_web/connected-apps", ROW(WEB, READ), 0, web_links_list },
	{ DELETE, "/_web/connected-apps/{}", ROW(CHANGE, WRITE), KB, web_link_delete },
	{ GET, "/_web/authorize/{}", ROW(VISITOR, WRITE), 0, web_authorize_view },
	{ POST, "/_web/authorize/{}/allow", ROW(CHANGE, WRITE), KB, web_authorize_allow },
	{ POST, "/_web/authorize/{}/cancel", ROW(CHANGE, WRITE), KB, web_authorize_cancel },

	{ POST, "/2/users/get_current_account", API(ACCOUNT_READ, READ), 64 * KB,
	    api_current_account },
	{ POST, "/2/users/get_account", API(SHARING_READ, READ), 64 * KB, api_account },
	{ POST, "/2/users/get_space_usage", API(ACCOUNT_READ, READ), 64 * KB, api_space_usage },
	{ POST, "/2/check/user", API(ACCOUNT_READ, NONE), 64 * KB, api_check_user },
	{ POST, "/2/check/app", ROW(API_APP, NONE), 64 * KB, api_check_app },
	{ POST, "/2/auth/token/revoke", API(NONE, WRITE), KB, api_token_revoke },
	{ POST, "/2/files/list_folder", API(META_READ, READ), 64 * KB, api_list_folder },
	{ POST, "/2/files/list_folder/continue", API(META_READ, READ), 64 * KB,
	    api_list_folder_continue },
	{ POST, "/2/files/get_metadata", API(META_READ, READ), 64 * KB, api_get_metadata },
	{ POST, "/2/files/create_folder_v2", API(CONTENT_WRITE, WRITE), 64 * KB,
	    api_create_folder },
	{ POST, "/2/files/delete_v2", API(CONTENT_WRITE, WRITE), 64 * KB, api_delete },
	{ GET, "/2/files/download", API(CONTENT_READ, READ), 0, api_download },
	{ POST, "/2/files/download", API(CONTENT_READ, READ), KB, api_download },
	{ POST, "/2/files/upload", API(CONTENT_WRITE, WRITE), FILE_MAX, api_upload },

	{ POST, "/_sandbox/clock", ROW(CONTROL, WRITE), 4 * KB, control_clock },
	{ GET, "/_sandbox/state", ROW(CONTROL, READ), 0, control_state },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* One request is one transaction: what fails half-way leaves nothing behind. */
static enum rc
dispatch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	const struct row *row = &rows[req->route - s->routes];
	enum store_use use = (enum store_use)access_store(row->access);
	enum rc rc;

	if (use == STORE_NONE)
		return row->handler(app, cx, req, res);
	TRY(store_enter(s, cx, use));
	rc = row->handler(app, cx, req, res);
	return store_leave(s, cx, use, rc);
}

static bool
blocks(const struct row *row)
{
	enum access class = access_class(row->access);

	return class != ACCESS_PUBLIC &&
	    (class != ACCESS_PAGE || access_store(row->access) != STORE_NONE);
}

void
routes_prepare(struct sandbox *s)
{
	s->routes = ARENA_ARRAY(s->arena, struct http_route, ROW_COUNT);
	for (size_t i = 0; i < ROW_COUNT; i++)
		s->routes[i] = (struct http_route){
			.method = rows[i].method,
			.path = rows[i].path,
			.access = rows[i].access,
			.lane = blocks(&rows[i]) ? LANE_WORKER : LANE_LOOP,
			.body_max = rows[i].body_max,
			.handler = dispatch,
		};
	s->site = (struct http_site){
		.app = s,
		.routes = s->routes,
		.route_count = ROW_COUNT,
		.assets = web_sandbox_assets,
		.asset_count = web_sandbox_asset_count,
		.gate = sandbox_gate,
		.fail = sandbox_fail,
	};
}
