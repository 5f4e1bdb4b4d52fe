/* The rows of snapshots. */
#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/control/snapshots.h"
#include "sandbox/core/state.h"

#define NAME_MAX_LEN 256

static enum rc
tell_name(struct ctx *cx, struct http_res *res, int status, struct str name)
{
	json_t *o = json_object();

	json_put(o, "name", json_str(name));
	http_res_json(res, status, json_write(cx->arena, o));
	return OK;
}

enum rc
control_snapshot_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *list, *o;

	(void)req;
	TRY(snapshots_json(app, cx, &list));
	o = json_object();
	json_put(o, "snapshots", list);
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
control_snapshot_add(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const members[] = { "name", NULL };
	struct input in;
	struct str name;

	TRY(input_body(cx, req, members, &in));
	TRY(input_need(cx, &in, "name", NAME_MAX_LEN, &name));
	TRY(snapshot_make(app, cx, name));
	return tell_name(cx, res, 201, name);
}

enum rc
control_snapshot_restore(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = snapshot_restore(s, cx, req->args[0]);
	TRY(store_leave(s, cx, STORE_READ, rc));
	if (s->committed != NULL)
		s->committed(s);
	return tell_name(cx, res, 200, req->args[0]);
}

enum rc
control_snapshot_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	TRY(snapshot_delete(app, cx, req->args[0]));
	return tell_name(cx, res, 200, req->args[0]);
}
