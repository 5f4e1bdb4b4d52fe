/* auth/token/revoke, check/user, check/app. */
#include "sandbox/api/args.h"
#include "sandbox/api/handlers.h"
#include "sandbox/core/state.h"

#define QUERY_MAX 2000

enum rc
api_token_revoke(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct caller *who = req->session;
	json_t *none;

	TRY(api_rpc_arg(cx, req, NULL, &none));
	TRY(grant_revoke(app, cx, who->grant_id));
	api_json(cx, res, 200, json_null());
	return OK;
}

static enum rc
echo(struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "query", NULL };
	struct str query;
	json_t *o;

	TRY(api_rpc_arg(cx, req, names, &o));
	TRY(api_arg_str(cx, o, "query", QUERY_MAX, &query));
	o = json_object();
	json_put(o, "result", json_str(query));
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_check_user(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	return echo(cx, req, res);
}

enum rc
api_check_app(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	return echo(cx, req, res);
}
