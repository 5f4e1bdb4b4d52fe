#include "sandbox/routes.h"

#include "sandbox/api/functions.h"
#include "sandbox/api/handlers.h"
#include "sandbox/console/handlers.h"
#include "sandbox/control/faults.h"
#include "sandbox/control/handlers.h"
#include "sandbox/control/reqlog.h"
#include "sandbox/core/errors.h"
#include "sandbox/core/pages.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"
#include "sandbox/files/handlers.h"
#include "sandbox/gate.h"
#include "sandbox/oauth/cors.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/people/handlers.h"
#include "sandbox/sharing/handlers.h"
#include "sandbox/sandbox.h"
#include "web_assets.h"

#define GET HTTP_M_GET

/* The pages: one HTML shell, which looks at its address. */
static const struct row page_rows[] = {
	{ GET, "/healthz", ROW(PUBLIC, NONE), 0, health },
	{ GET, "/", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/login", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/developers/apps", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/developers/apps/create", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/developers/apps/info/{}", ROW(PAGE, NONE), 0, page_app },
	{ GET, "/account/connected_apps", ROW(PAGE, NONE), 0, page_app },
};

static ROW_GROUP(pages, page_rows);

static const struct row_group *const groups[] = { &pages, &people_rows, &console_rows, &oauth_rows,
	&api_rows, &files_rows, &sharing_rows, &control_rows };

#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

static bool
shares_commit(const struct row *row)
{
	return row->use == STORE_WRITE || row->use == STORE_CHECKED;
}

/* What fails half-way leaves nothing behind. Rows that write are run together, in lane BATCH. */
static enum rc
dispatch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	const struct row *row = row_of(s, req);
	enum rc rc;

	if (row->use == STORE_NONE)
		return row->handler(app, cx, req, res);
	if (shares_commit(row)) {
		TRY(store_part_enter(s, cx, row->use));
		return store_part_leave(s, cx, row->use, row->handler(app, cx, req, res));
	}
	TRY(store_enter(s, cx, row->use));
	rc = row->handler(app, cx, req, res);
	return store_leave(s, cx, row->use, rc);
}

/* One transaction for all of them. */
static enum rc
share(void *app, struct ctx *cx)
{
	return store_share(app, cx);
}

static enum rc
settle(void *app, struct ctx *cx)
{
	return store_settle(app, cx);
}

/* A path with a slash at its end is nobody's; this one stands in too many places. */
#define CONTROL_PAGE S("/_sandbox/")

/* A fault has written its reply already. */
static void
fail_request(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	struct str url;

	if (reach_elsewhere(req, cx->arena, &url))
		http_res_redirect(res, 301, url);
	else if (req->route == NULL && str_eq(req->path, CONTROL_PAGE))
		http_res_redirect(res, 308, S("/_sandbox"));
	else if (!faults_answered(cx))
		sandbox_fail(app, cx, req, res, rc);
}

static enum http_lane
lane_of(const struct row *row)
{
	bool open = row->access == ACCESS_PUBLIC || row->access == ACCESS_PAGE;

	if (shares_commit(row))
		return LANE_BATCH;
	return row->use == STORE_NONE && open ? LANE_LOOP : LANE_WORKER;
}

static struct http_route
route_of(const struct row *row)
{
	return (struct http_route){
		.method = row->method,
		.path = row->path,
		.lane = lane_of(row),
		.body_max = row->body_max,
		.handler = dispatch,
		.body = row->body_to_file ? BODY_TO_FILE : BODY_TO_MEMORY,
	};
}

static bool
has_row(const struct row *const *rows, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i]->path, path) == 0)
			return true;
	return false;
}

/* The rows of all rooms, then one for each function of the specification that no room answers; there is
 * space for as many again. */
static const struct row **
all_rows(struct arena *a, size_t *count)
{
	size_t max = function_count, n = 0, answered;
	const struct row **rows;

	for (size_t g = 0; g < GROUP_COUNT; g++)
		max += groups[g]->count;
	rows = ARENA_ARRAY(a, const struct row *, 2 * max);
	for (size_t g = 0; g < GROUP_COUNT; g++)
		for (size_t i = 0; i < groups[g]->count; i++)
			rows[n++] = &groups[g]->rows[i];
	answered = n;
	for (size_t f = 0; f < function_count; f++) {
		struct row *row = ARENA_NEW(a, struct row);

		*row = function_absent_row(a, &functions[f]);
		if (!has_row(rows, answered, row->path))
			rows[n++] = row;
	}
	*count = n;
	return rows;
}

/* And one for each path that pages of other origins may call, where their browsers ask first. */
static void
add_preflights(struct arena *a, const struct row **rows, size_t *count)
{
	size_t n = *count;

	for (size_t i = 0; i < *count; i++) {
		bool again = i > 0 && strcmp(rows[i]->path, rows[i - 1]->path) == 0;
		struct row *row;

		if (again || !cors_concerns(rows[i]->access))
			continue;
		row = ARENA_NEW(a, struct row);
		*row = (struct row){ .method = HTTP_M_OPTIONS,
			.path = rows[i]->path,
			.access = ACCESS_PREFLIGHT,
			.use = STORE_READ,
			.handler = cors_preflight };
		rows[n++] = row;
	}
	*count = n;
}

void
sandbox_routes_each(void (*visit)(void *arg, const struct sandbox_route *r), void *arg)
{
	struct arena *a = arena_new();
	size_t count;
	const struct row **rows = all_rows(a, &count);

	for (size_t i = 0; i < count; i++)
		visit(arg,
		    &(struct sandbox_route){
			.method = rows[i]->method,
			.path = rows[i]->path,
			.access = row_access_word(rows[i]->access),
			.scope = rows[i]->scope == SCOPE_NONE ? "-" : scope_name(rows[i]->scope),
			.tunnel = reach_word(rows[i]->path),
			.absent = function_is_absent(rows[i]),
		    });
	arena_free(a);
}

void
routes_prepare(struct sandbox *s)
{
	size_t count;

	s->rows = all_rows(s->arena, &count);
	add_preflights(s->arena, s->rows, &count);
	s->routes = ARENA_ARRAY(s->arena, struct http_route, count);
	for (size_t i = 0; i < count; i++)
		s->routes[i] = route_of(s->rows[i]);
	s->site = (struct http_site){
		.app = s,
		.routes = s->routes,
		.route_count = count,
		.assets = web_sandbox_assets,
		.asset_count = web_sandbox_asset_count,
		.gate = sandbox_gate,
		.begin = share,
		.settle = settle,
		.fail = fail_request,
		.done = reqlog_note,
	};
}
