#include "http/router.h"

#include <stdlib.h>

#include "base/buf.h"

struct row {
	const struct http_route *route;
	struct str segs[HTTP_MAX_SEGMENTS]; /* {} has p == NULL */
	size_t seg_count;
	unsigned wild; /* bit per {}, the leftmost segment highest: small is specific */
};

struct router {
	/* By the number of segments, then wild, then path: rows of one pattern stand together. */
	struct row *rows;
	size_t row_count;
	size_t first[HTTP_MAX_SEGMENTS + 2]; /* the rows of n segments begin at first[n] */
	const struct http_asset *assets;
	struct str *asset_paths;
	size_t asset_count;
};

struct str
http_method_text(enum http_method m)
{
	static const struct str names[] = {
		[HTTP_M_GET] = S("GET"),
		[HTTP_M_HEAD] = S("HEAD"),
		[HTTP_M_POST] = S("POST"),
		[HTTP_M_PUT] = S("PUT"),
		[HTTP_M_PATCH] = S("PATCH"),
		[HTTP_M_DELETE] = S("DELETE"),
		[HTTP_M_OPTIONS] = S("OPTIONS"),
	};

	return names[m];
}

static void
row_fill(struct row *row, const struct http_route *route)
{
	struct str rest = str_of(route->path + 1);
	struct str seg;

	*row = (struct row){ .route = route };
	while (rest.len > 0 && str_split(&rest, '/', &seg)) {
		bool wild = str_eq(seg, S("{}"));

		if (row->seg_count == HTTP_MAX_SEGMENTS)
			abort(); /* a table in this binary is wrong */
		row->wild |= wild ? 1u << (HTTP_MAX_SEGMENTS - 1 - row->seg_count) : 0;
		row->segs[row->seg_count++] = wild ? (struct str){ 0 } : seg;
	}
}

static int
by_specificity(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->seg_count != y->seg_count)
		return x->seg_count < y->seg_count ? -1 : 1;
	if (x->wild != y->wild)
		return x->wild < y->wild ? -1 : 1;
	return strcmp(x->route->path, y->route->path);
}

struct router *
router_new(const struct http_site *site)
{
	struct router *r = mem_alloc(sizeof(*r));

	r->row_count = site->route_count;
	r->rows = mem_alloc(sizeof(*r->rows) * (site->route_count + 1));
	for (size_t i = 0; i < site->route_count; i++)
		row_fill(&r->rows[i], &site->routes[i]);
	qsort(r->rows, r->row_count, sizeof(*r->rows), by_specificity);
	for (size_t i = 0; i < r->row_count; i++)
		r->first[r->rows[i].seg_count + 1] = i + 1;
	for (size_t n = 1; n <= HTTP_MAX_SEGMENTS + 1; n++) {
		if (r->first[n] < r->first[n - 1])
			r->first[n] = r->first[n - 1];
	}
	r->assets = site->assets;
	r->asset_count = site->asset_count;
	r->asset_paths = mem_alloc(sizeof(*r->asset_paths) * (site->asset_count + 1));
	for (size_t i = 0; i < site->asset_count; i++)
		r->asset_paths[i] = str_of(site->assets[i].path);
	return r;
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	free(r->rows);
	free(r->asset_paths);
	free(r);
}

/* From the end: the first segments are the same in most rows. */
static bool
row_matches(const struct row *row, const struct http_req *req)
{
	for (size_t i = row->seg_count; i-- > 0;) {
		if (row->segs[i].p != NULL && !str_eq(row->segs[i], req->segs[i]))
			return false;
	}
	return true;
}

static void
take_args(const struct row *row, struct http_req *req)
{
	size_t n = 0;

	for (size_t i = 0; i < row->seg_count; i++) {
		if (row->segs[i].p == NULL)
			req->args[n++] = req->segs[i];
	}
}

static bool
answers(const struct http_route *route, enum http_method m)
{
	return route->method == m || (route->method == HTTP_M_GET && m == HTTP_M_HEAD);
}

static void
allow_add(struct buf *b, enum http_method m)
{
	buf_add(b, b->len > 0 ? S(", ") : S(""));
	buf_add(b, http_method_text(m));
	if (m == HTTP_M_GET)
		buf_add(b, S(", HEAD"));
}

enum route_found
router_find(const struct router *r, struct http_req *req, bool method_known, struct arena *a,
    struct str *allow)
{
	struct buf methods = buf_in(a, 256);
	size_t i = r->first[req->seg_count], end = r->first[req->seg_count + 1];
	const char *pattern;

	while (i < end && !row_matches(&r->rows[i], req))
		i++;
	if (i == end)
		return ROUTE_NO_PATH;
	pattern = r->rows[i].route->path;
	for (; i < end && strcmp(r->rows[i].route->path, pattern) == 0; i++) {
		if (method_known && answers(r->rows[i].route, req->method)) {
			req->route = r->rows[i].route;
			take_args(&r->rows[i], req);
			return ROUTE_FOUND;
		}
		allow_add(&methods, r->rows[i].route->method);
	}
	*allow = buf_str(&methods);
	return ROUTE_NO_METHOD;
}

const struct http_asset *
router_asset(const struct router *r, struct str raw_path)
{
	for (size_t i = 0; i < r->asset_count; i++) {
		if (str_eq(r->asset_paths[i], raw_path))
			return &r->assets[i];
	}
	return NULL;
}
