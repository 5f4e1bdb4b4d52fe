/* files/list_folder/longpoll: waits without a thread (again_ms), and without a token: the cursor is
 * its own authority, and what it tells is one bit. */
#include "sandbox/api/values.h"
#include "sandbox/files/cursor.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

#define TIMEOUT_MIN_S 30
#define TIMEOUT_MAX_S 480
#define EAGER_MS 10000 /* so long it looks often */
#define OFTEN_MS 200
#define SELDOM_MS 1000

static enum rc
look(struct sandbox *s, struct ctx *cx, const struct http_req *req, int64_t *timeout_s,
    bool *changes)
{
	static const char *const names[] = { "cursor", "timeout", NULL };
	struct file_query q;
	struct str cursor;
	json_t *arg;
	enum rc rc;

	*timeout_s = TIMEOUT_MIN_S;
	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_int(cx, arg, "timeout", TIMEOUT_MIN_S, TIMEOUT_MAX_S, timeout_s));
	TRY(api_arg_str(cx, arg, "cursor", CURSOR_MAX, &cursor));
	if (cursor.len == 0)
		return fail(cx, E_INPUT, "request body: missing required field 'cursor'");
	TRY(store_enter(s, cx, STORE_READ));
	rc = list_cursor_read(s, cx, NULL, cursor, &q);
	if (rc == OK)
		rc = files_changed(s, cx, &q, changes);
	return store_leave(s, cx, STORE_READ, rc);
}

/* Each look has an arena of its own: the request's would grow with the wait. A failure's texts are
 * literals or within the context. */
static enum rc
look_aside(struct sandbox *s, struct ctx *cx, const struct http_req *req, int64_t *timeout_s,
    bool *changes)
{
	struct arena *own = cx->arena;
	enum rc rc;

	cx->arena = arena_new();
	rc = look(s, cx, req, timeout_s, changes);
	arena_free(cx->arena);
	cx->arena = own;
	return rc;
}

enum rc
api_longpoll(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	int64_t timeout_s;
	bool changes;
	json_t *o;

	TRY(look_aside(app, cx, req, &timeout_s, &changes));
	if (!changes && req->waited_ms < timeout_s * SECOND_MS) {
		res->again_ms = req->waited_ms < EAGER_MS ? OFTEN_MS : SELDOM_MS;
		return E_AGAIN;
	}
	o = json_object();
	json_put(o, "changes", json_boolean(changes));
	api_json(cx, res, 200, o);
	return OK;
}
