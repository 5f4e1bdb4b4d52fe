#include "sandbox/routes.h"

#include "sandbox/api/handlers.h"
#include "sandbox/console/handlers.h"
#include "sandbox/control/handlers.h"
#include "sandbox/core/errors.h"
#include "sandbox/core/pages.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"
#include "sandbox/files/handlers.h"
#include "sandbox/gate.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/people/handlers.h"
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
	&api_rows, &files_rows, &control_rows };

#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

/* One request is one transaction: what fails half-way leaves nothing behind. */
static enum rc
dispatch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	const struct row *row = row_of(s, req);
	enum rc rc;

	if (row->use == STORE_NONE)
		return row->handler(app, cx, req, res);
	TRY(store_enter(s, cx, row->use));
	rc = row->handler(app, cx, req, res);
	return store_leave(s, cx, row->use, rc);
}

static bool
blocks(const struct row *row)
{
	return row->access != ACCESS_PUBLIC &&
	    (row->access != ACCESS_PAGE || row->use != STORE_NONE);
}

static struct http_route
route_of(const struct row *row)
{
	return (struct http_route){
		.method = row->method,
		.path = row->path,
		.lane = blocks(row) ? LANE_WORKER : LANE_LOOP,
		.body_max = row->body_max,
		.handler = dispatch,
	};
}

static size_t
row_count(void)
{
	size_t count = 0;

	for (size_t g = 0; g < GROUP_COUNT; g++)
		count += groups[g]->count;
	return count;
}

bool
sandbox_route_at(size_t i, struct sandbox_route *out)
{
	size_t g = 0;
	const struct row *row;

	while (g < GROUP_COUNT && i >= groups[g]->count)
		i -= groups[g++]->count;
	if (g == GROUP_COUNT)
		return false;
	row = &groups[g]->rows[i];
	*out = (struct sandbox_route){
		.method = row->method,
		.path = row->path,
		.access = row_access_word(row->access),
		.scope = row->scope == SCOPE_NONE ? "-" : scope_name(row->scope),
		.tunnel = reach_word(row->path),
	};
	return true;
}

void
routes_prepare(struct sandbox *s)
{
	size_t count = row_count();

	s->routes = ARENA_ARRAY(s->arena, struct http_route, count);
	s->rows = ARENA_ARRAY(s->arena, const struct row *, count);
	count = 0;
	for (size_t g = 0; g < GROUP_COUNT; g++) {
		for (size_t i = 0; i < groups[g]->count; i++) {
			s->rows[count] = &groups[g]->rows[i];
			s->routes[count] = route_of(s->rows[count]);
			count++;
		}
	}
	s->site = (struct http_site){
		.app = s,
		.routes = s->routes,
		.route_count = count,
		.assets = web_sandbox_assets,
		.asset_count = web_sandbox_asset_count,
		.gate = sandbox_gate,
		.fail = sandbox_fail,
	};
}
