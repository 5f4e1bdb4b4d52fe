#include "sandbox/oauth/cors.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define ORIGIN_MAX 300
#define PREFLIGHT_LIFE_S "600"
#define MAY_BE_SENT                                                                        \
	"Authorization, Content-Type, Range, Dropbox-API-Arg, Dropbox-API-Path-Root, "     \
	"Dropbox-API-Select-Admin, Dropbox-API-Select-User, X-Dropbox-Client-Attribution," \
	" X-Dropbox-User-Agent"
#define MAY_BE_READ                                                                 \
	"Content-Range, Dropbox-API-Result, Original-Content-Length, Retry-After, " \
	"X-Dropbox-Request-Id"

bool
cors_concerns(enum access access)
{
	switch (access) {
	case ACCESS_TOKEN:
	case ACCESS_API_USER:
	case ACCESS_API_TEAM:
	case ACCESS_API_ANY:
	case ACCESS_API_APP:
	case ACCESS_API_USER_APP:
	case ACCESS_API_NONE:
	case ACCESS_UPLOAD_LINK:
		return true;
	default:
		return false;
	}
}

/* Inside the store. The origin of a redirect URI ends where the URI does, or at a '/' or '?'. */
static enum rc
is_of_an_app(struct sandbox *s, struct ctx *cx, struct str origin, bool *ok)
{
	int64_t n;

	TRY(sql_count(cx, s->db,
	    "SELECT EXISTS (SELECT 1 FROM redirect_uris WHERE uri = $1"
	    " OR substr(uri, 1, length($1) + 1) IN ($1 || '/', $1 || '?'))",
	    SQL_ARGS(T(origin)), &n));
	*ok = n > 0;
	return OK;
}

static void
permit(struct http_res *res, struct str origin)
{
	http_res_header(res, S("Access-Control-Allow-Origin"), origin);
	http_res_header(res, S("Vary"), S("Origin"));
}

/* Inside the store. */
static enum rc
check(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res, bool *ok)
{
	struct str origin = http_req_header(req, S("Origin"));

	*ok = false;
	if (origin.len == 0 || origin.len > ORIGIN_MAX)
		return OK;
	TRY(is_of_an_app(s, cx, origin, ok));
	if (*ok)
		permit(res, origin);
	return OK;
}

enum rc
cors_allow(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	enum rc rc;
	bool ok;

	if (http_req_header(req, S("Origin")).len == 0)
		return OK;
	TRY(store_enter(s, cx, STORE_READ));
	rc = check(s, cx, req, res, &ok);
	TRY(store_leave(s, cx, STORE_READ, rc));
	if (ok)
		http_res_header(res, S("Access-Control-Expose-Headers"), S(MAY_BE_READ));
	return OK;
}

enum rc
cors_preflight(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	bool ok;

	TRY(check(app, cx, req, res, &ok));
	if (ok) {
		http_res_header(res, S("Access-Control-Allow-Methods"), S("GET, POST"));
		http_res_header(res, S("Access-Control-Allow-Headers"), S(MAY_BE_SENT));
		http_res_header(res, S("Access-Control-Max-Age"), S(PREFLIGHT_LIFE_S));
	}
	res->status = 204;
	return OK;
}
