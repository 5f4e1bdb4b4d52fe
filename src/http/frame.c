#include "http/frame.h"

#include "base/buf.h"
#include "base/log.h"
#include "http/reply.h"
#include "http/spool.h"
#include "http/target.h"

#define SLOW_MS 1000
#define AGAIN_MS_MAX 300000
#define BATCH_MS 5 /* then those that are done get their answers, and the rest goes on */

static enum rc
rc_for(int status)
{
	switch (status) {
	case 403:
		return E_DENIED;
	case 404:
		return E_NOTFOUND;
	case 500:
		return E_BUG;
	default:
		return E_INPUT;
	}
}

void
frame_refuse(struct exchange *x, int status, const char *code, const char *why)
{
	enum rc rc = fail_at(&x->cx, rc_for(status), code, NULL, "%s", why);

	http_res_problem(&x->res, &x->cx, rc);
	x->res.status = status;
	x->res.close = true;
}

/* Refusing a complete request, one without a body, need not cost the connection. */
static bool
refuse_whole(struct exchange *x, int status, const char *code, const char *why)
{
	frame_refuse(x, status, code, why);
	x->res.close = x->head.chunked || x->head.content_length > 0;
	return false;
}

void
frame_too_big(const struct frame *f, struct exchange *x, const char *why)
{
	enum rc rc = fail_at(&x->cx, E_TOOBIG, "too-large", NULL, "%s", why);

	if (f->site->fail != NULL)
		f->site->fail(f->site->app, &x->cx, &x->req, &x->res, rc);
	else
		http_res_problem(&x->res, &x->cx, rc);
	x->res.close = true;
}

static bool
check_host(const struct frame *f, struct exchange *x, struct str authority)
{
	struct str host = x->head.host;
	const struct origin *origin = x->req.tunnel.len > 0 ? &f->tunnel : &f->origin;
	struct str found = origin_find(origin, host);

	if (host.p != NULL && found.p == NULL && !origin_plausible(host)) {
		frame_refuse(x, 400, "bad-request", "The Host header is not a host and a port.");
		return false;
	}
	if (authority.len > 0 &&
	    (!origin_has(origin, authority) || (host.p != NULL && !str_eq(authority, host)))) {
		frame_refuse(x, 400, "bad-request", "This server is no proxy.");
		return false;
	}
	x->req.host = origin_host(found);
	/* HTTP/1.0 without Host is taken as meant for us, where we have one name only. */
	if (found.p != NULL || (host.p == NULL && x->req.tunnel.len == 0))
		return true;
	frame_refuse(x, 421, "misdirected", "This server does not answer under that name.");
	return false;
}

static bool
no_route(const struct frame *f, struct exchange *x)
{
	enum rc rc = fail_at(&x->cx, E_NOTFOUND, "not-found", NULL, "There is nothing here.");

	if (f->site->fail != NULL)
		f->site->fail(f->site->app, &x->cx, &x->req, &x->res, rc);
	else
		http_res_problem(&x->res, &x->cx, rc);
	x->res.close |= x->head.chunked || x->head.content_length > 0;
	return false;
}

static bool
no_method(struct exchange *x, struct str allow)
{
	refuse_whole(x, 405, "method-not-allowed", "This address does not take that method.");
	http_res_header(&x->res, S("Allow"), allow);
	return false;
}

static bool
find_asset(const struct frame *f, struct exchange *x, bool *refused)
{
	const struct http_asset *asset = router_asset(f->router, x->req.path);

	if (asset == NULL)
		return false;
	x->asset = asset;
	if (!x->head.method_known ||
	    (x->req.method != HTTP_M_GET && x->req.method != HTTP_M_HEAD)) {
		no_method(x, S("GET, HEAD"));
		*refused = true;
	}
	return true;
}

static bool
find_route(const struct frame *f, struct exchange *x)
{
	struct str allow;
	enum target_fault fault = target_segments(x->cx.arena, x->req.path, &x->req);

	if (fault == TARGET_BAD)
		return refuse_whole(x, 400, "bad-request",
		    "The address holds something that no name here may hold.");
	if (fault == TARGET_NOTHING)
		return no_route(f, x);
	switch (router_find(f->router, &x->req, x->head.method_known, x->cx.arena, &allow)) {
	case ROUTE_FOUND:
		return true;
	case ROUTE_NO_METHOD:
		return no_method(x, allow);
	default:
		return no_route(f, x);
	}
}

static bool
check_size(const struct frame *f, struct exchange *x, uint64_t *body_max)
{
	*body_max = x->req.route != NULL ? x->req.route->body_max : 0;
	if (x->head.content_length <= *body_max && (*body_max > 0 || !x->head.chunked))
		return true;
	frame_too_big(f, x,
	    *body_max == 0 ? "This address takes no body."
			   : "The body is larger than allowed here.");
	return false;
}

bool
frame_open(const struct frame *f, struct exchange *x, struct str raw_head, uint64_t *body_max)
{
	struct str authority;
	bool refused = false;

	if (!head_parse(raw_head, &x->req, &x->head)) {
		frame_refuse(x, x->head.status, x->head.code, x->head.why);
		return false;
	}
	if (f->forwarded.count > 0)
		x->req.peer = forwarded_client(&f->forwarded, x->cx.arena, &x->req);
	if (!target_split(x->head.target, &authority, &x->req.path, &x->req.query)) {
		frame_refuse(x, 400, "bad-request", "The address does not begin with a slash.");
		return false;
	}
	if (!check_host(f, x, authority))
		return false;
	if (!find_asset(f, x, &refused) && !find_route(f, x))
		return false;
	return !refused && check_size(f, x, body_max);
}

static void
serve_asset(struct exchange *x)
{
	struct str etag = str_of(x->asset->etag);
	struct str seen = http_req_header(&x->req, S("if-none-match"));

	x->res.cacheable = true;
	http_res_header(&x->res, S("Cache-Control"), S("no-cache"));
	http_res_header(&x->res, S("ETag"), etag);
	if (etag.len > 0 && (str_eq(seen, S("*")) || str_contains(seen, etag))) {
		x->res.status = 304;
		return;
	}
	x->res.status = 200;
	x->res.content_type = str_of(x->asset->content_type);
	x->res.body = (struct str){ (const char *)x->asset->bytes, x->asset->len };
}

static void
write_failure(const struct frame *f, struct exchange *x, enum rc rc)
{
	/* A handler may fail without a sentence; what is logged and shown still needs its rc. */
	if (x->cx.rc == OK)
		x->cx.rc = rc;
	if (f->site->fail != NULL)
		f->site->fail(f->site->app, &x->cx, &x->req, &x->res, rc);
	else
		http_res_problem(&x->res, &x->cx, rc);
}

bool
frame_body_to_file(const struct exchange *x)
{
	return x->req.route != NULL && x->req.route->body == BODY_TO_FILE;
}

void
frame_body_failed(const struct frame *f, struct exchange *x, int error)
{
	write_failure(f, x, spool_failed(&x->cx, error));
	x->res.close = true;
}

void
frame_release(const struct frame *f, struct exchange *x)
{
	http_res_drop_file(&x->res);
	spool_drop(f->site->body_dir, &x->req);
	if (x->res.more.over != NULL)
		x->res.more.over(x->res.more.state);
	x->res.more.over = NULL;
	arena_free(x->pieces);
	x->pieces = NULL;
}

static enum rc
run_gate(const struct frame *f, struct exchange *x)
{
	if (f->site->gate == NULL || x->gate_passed)
		return OK;
	TRY(f->site->gate(f->site->app, &x->cx, &x->req, &x->res));
	x->gate_passed = true;
	x->gate_res = x->res;
	x->gate_head_len = x->res.head_ != NULL ? x->res.head_->len : 0;
	return OK;
}

/* Undoes what the first run wrote, back to where the gate left the reply. */
static void
rewind_reply(struct exchange *x)
{
	http_res_drop_file(&x->res);
	ctx_clear(&x->cx);
	if (x->gate_passed) {
		x->res = x->gate_res;
		if (x->res.head_ != NULL)
			x->res.head_->len = x->gate_head_len;
		return;
	}
	x->res = (struct http_res){ .arena = x->cx.arena };
}

bool
frame_admit(const struct frame *f, struct exchange *x)
{
	enum rc rc;

	x->cx.may_block = true;
	rc = run_gate(f, x);
	if (rc == OK)
		rc = spool_open(&x->cx, f->site->body_dir, &x->req);
	if (rc == OK)
		return true;
	write_failure(f, x, rc == E_AGAIN ? E_BUG : rc);
	x->res.close = true;
	return false;
}

/* A handler on a worker says so with a time; the gate may not. */
static bool
asks_again(const struct frame *f, const struct exchange *x)
{
	return x->res.again_ms > 0 && (x->gate_passed || f->site->gate == NULL);
}

static enum frame_next
run_again(struct exchange *x)
{
	int ms = x->res.again_ms;

	rewind_reply(x);
	x->again_ms = ms < AGAIN_MS_MAX ? ms : AGAIN_MS_MAX;
	return FRAME_AGAIN;
}

static enum rc
gate(const struct frame *f, struct exchange *x, bool may_block)
{
	x->cx.may_block = may_block;
	x->again_ms = 0;
	return run_gate(f, x);
}

static enum rc
handle(const struct frame *f, struct exchange *x)
{
	return x->req.route->handler(f->site->app, &x->cx, &x->req, &x->res);
}

/* What follows from the verdict of gate and handler. */
static enum frame_next
conclude(const struct frame *f, struct exchange *x, bool may_block, enum rc rc)
{
	if (rc == E_AGAIN && !may_block) {
		rewind_reply(x);
		return FRAME_TO_WORKER;
	}
	if (rc == E_AGAIN && asks_again(f, x))
		return run_again(x);
	if (rc != OK)
		write_failure(f, x, rc == E_AGAIN ? E_BUG : rc);
	if (x->res.status == 0)
		x->res.status = 200;
	return FRAME_REPLY;
}

enum frame_next
frame_run(const struct frame *f, struct exchange *x, bool may_block)
{
	enum rc rc;

	if (x->asset != NULL) {
		serve_asset(x);
		return FRAME_REPLY;
	}
	if (!may_block && (x->req.route->lane != LANE_LOOP || frame_body_to_file(x)))
		return FRAME_TO_WORKER;
	rc = gate(f, x, may_block);
	if (rc == OK)
		rc = handle(f, x);
	return conclude(f, x, may_block, rc);
}

void
frame_go_on(const struct frame *f, struct exchange *x)
{
	struct arena *own = x->cx.arena;
	struct http_more more = x->res.more;

	if (x->pieces == NULL)
		x->pieces = arena_new();
	arena_reset(x->pieces);
	ctx_clear(&x->cx);
	x->cx.arena = x->pieces;
	x->cx.may_block = true;
	more.after_ms = 0;
	x->res = (struct http_res){
		.arena = x->pieces, .status = 200, .close = x->res.close, .more = more
	};
	if (handle(f, x) != OK) {
		x->res.body = S("");
		x->res.more.after_ms = 0;
	}
	x->cx.arena = own;
}

struct str
frame_piece(const struct exchange *x)
{
	size_t len = x->res.body.len;
	struct buf b = buf_in(x->res.arena, len + 40);

	if (len > 0) {
		buf_addf(&b, "%zx\r\n", len);
		buf_add(&b, x->res.body);
		buf_add(&b, S("\r\n"));
	}
	if (x->res.more.after_ms == 0)
		buf_add(&b, S("0\r\n\r\n"));
	return buf_str(&b);
}

static size_t
handle_some(const struct frame *f, struct exchange *const *xs, size_t count)
{
	int64_t until_ms = clock_mono_ms() + BATCH_MS;
	size_t n = 0;

	while (n < count && (n == 0 || clock_mono_ms() <= until_ms)) {
		struct exchange *x = xs[n++];

		x->verdict = gate(f, x, true);
		if (x->verdict == OK)
			x->verdict = handle(f, x);
		if (x->verdict == E_AGAIN)
			break;
	}
	return n;
}

/* What the gates said stands: they may have counted the calls. */
static enum rc
handle_again(const struct frame *f, struct ctx *cx, struct exchange *const *xs, size_t count)
{
	ctx_clear(cx);
	TRY(f->site->begin(f->site->app, cx));
	for (size_t i = 0; i < count; i++) {
		if (!xs[i]->gate_passed)
			continue;
		rewind_reply(xs[i]);
		xs[i]->verdict = handle(f, xs[i]);
	}
	return f->site->settle(f->site->app, cx);
}

/* What it did, or what it was refused for, is lost. */
static void
unsettled(struct exchange *x, const struct ctx *why)
{
	rewind_reply(x);
	x->verdict = fail_at(&x->cx, why->rc, why->code, NULL, "%s", why->why);
}

size_t
frame_batch_run(const struct frame *f, struct exchange *const *xs, size_t count)
{
	size_t ran = count;
	struct ctx cx;
	enum rc rc;

	ctx_init(&cx, xs[0]->cx.arena, xs[0]->cx.clock);
	cx.may_block = true;
	rc = f->site->begin(f->site->app, &cx);
	if (rc == OK) {
		ran = handle_some(f, xs, count);
		rc = f->site->settle(f->site->app, &cx);
	}
	if (rc == E_AGAIN)
		rc = handle_again(f, &cx, xs, ran);
	for (size_t i = 0; i < ran; i++) {
		if (rc != OK)
			unsettled(xs[i], &cx);
		conclude(f, xs[i], true, xs[i]->verdict);
	}
	return ran;
}

void
frame_busy(const struct frame *f, struct exchange *x)
{
	write_failure(f, x,
	    fail_at(
		&x->cx, E_BUSY, "busy", NULL, "Too much is waiting here. Try again in a moment."));
}

static struct str
pattern_of(const struct exchange *x)
{
	if (x->asset != NULL)
		return str_of(x->asset->path);
	if (str_eq(x->head.method, S("CONNECT")))
		return S("CONNECT");
	return x->req.route != NULL ? str_of(x->req.route->path) : S("-");
}

void
frame_log(const struct frame *f, const struct exchange *x, int64_t now_ms)
{
	int64_t ms = now_ms - x->start_ms;
	struct str method = x->head.method_known ? http_method_text(x->req.method) : S("-");
	enum log_level level = x->res.status >= 400 || ms >= SLOW_MS ? LOG_INFO : LOG_DEBUG;

	log_event(level, "http.request", KV_STR("site", str_of(f->name)), KV_STR("method", method),
	    KV_STR("route", pattern_of(x)), KV_INT("status", x->res.status), KV_INT("ms", ms),
	    KV_STR("req", str_of(x->cx.request_id)), KV_STR("peer", x->req.peer));
	if (f->site->done != NULL)
		f->site->done(f->site->app, &x->cx, &x->req, &x->res, method, ms);
}
