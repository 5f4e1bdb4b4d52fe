/* The rows that spoil replies, limit calls and tell what happened. */
#include "sandbox/control/faults.h"
#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/control/rates.h"
#include "sandbox/control/reqlog.h"
#include "sandbox/core/state.h"

#define LOG_WAIT_MAX_MS 25000
#define LOG_LOOK_MS 200

static enum rc
tell(struct ctx *cx, struct http_res *res, int status, json_t *o)
{
	http_res_json(res, status, json_write(cx->arena, o));
	return OK;
}

static enum rc
tell_one(struct ctx *cx, struct http_res *res, int status, const char *name, json_t *value)
{
	json_t *o = json_object();

	json_put(o, name, value);
	return tell(cx, res, status, o);
}

enum rc
control_fault_add(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct input in;
	struct str id;

	TRY(input_body(cx, req, fault_members, &in));
	TRY(faults_add(s->faults, cx, &in, &id));
	return tell_one(cx, res, 201, "id", json_str(id));
}

enum rc
control_fault_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;

	(void)req;
	return tell_one(cx, res, 200, "faults", faults_json(s->faults));
}

enum rc
control_fault_clear(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;

	(void)req;
	return tell_one(cx, res, 200, "forgotten", json_integer(faults_forget(s->faults, S(""))));
}

enum rc
control_fault_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;

	if (faults_forget(s->faults, req->args[0]) == 0)
		return fail(cx, E_NOTFOUND, "There is no fault with this id (any more).");
	return tell_one(cx, res, 200, "forgotten", json_integer(1));
}

enum rc
control_limits(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;

	(void)req;
	return tell(cx, res, 200, rates_json(s->rates));
}

enum rc
control_limits_put(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct input in;

	TRY(input_body(cx, req, rate_members, &in));
	TRY(rates_put(s, cx, &in));
	return tell(cx, res, 200, rates_json(s->rates));
}

static enum rc
query_number(struct ctx *cx, const struct http_req *req, const char *name, struct input_range range,
    int64_t *out)
{
	struct str text;

	*out = range.absent;
	TRY(http_req_param(cx, req, name, &text));
	if (text.p == NULL || str_int(text, range.min, range.max, out))
		return OK;
	return fail_at(cx, E_INPUT, "bad-field", name,
	    "%s must be a whole number from %lld to %lld.", name, (long long)range.min,
	    (long long)range.max);
}

/* With wait_ms the reply waits for the next request that is noted. */
enum rc
control_log(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	int64_t after, limit, wait_ms, last = reqlog_last(s->reqlog);
	json_t *o;

	TRY(query_number(cx, req, "after", (struct input_range){ 0, INT64_MAX, 0 }, &after));
	TRY(query_number(
	    cx, req, "limit", (struct input_range){ 1, REQLOG_MAX, REQLOG_MAX }, &limit));
	TRY(query_number(
	    cx, req, "wait_ms", (struct input_range){ 0, LOG_WAIT_MAX_MS, 0 }, &wait_ms));
	if (after > last)
		after = 0; /* of a sandbox before this one */
	if (after == last && req->waited_ms < wait_ms) {
		res->again_ms = LOG_LOOK_MS;
		return E_AGAIN;
	}
	o = json_object();
	json_put(o, "entries", reqlog_json(s->reqlog, cx, after, (int)limit));
	json_put(o, "last", json_integer(last));
	return tell(cx, res, 200, o);
}
