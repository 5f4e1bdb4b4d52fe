/* What the App Console's Settings tab does to tokens: Generate, and Unlink all users. The apps are the
 * console room's; these two handlers stand here because grants do. */
#include "base/json.h"
#include "sandbox/console/view.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/people/session.h"

enum rc
web_app_generate(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	struct secret access;
	int64_t expires_in;
	struct app own;
	json_t *o;

	TRY(view_own_app(app, cx, req, &own));
	TRY(grant_generate(app, cx, own.key, sess->account.id, &access, &expires_in));
	o = json_object();
	json_put(o, "access_token", json_str(secret_expose(access)));
	json_put(o, "expires_in", expires_in > 0 ? json_integer(expires_in) : json_null());
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

static enum rc
unlink_all(struct sandbox *s, struct ctx *cx, struct str app_key)
{
	for (;;) {
		struct str id, account_id;
		struct db_stmt *st;
		bool row;

		TRY(sql_bind(cx, s->db,
		    "SELECT id, account_id FROM links WHERE app_key = $1 LIMIT 1",
		    SQL_ARGS(T(app_key)), &st));
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		id = db_col_text(st, 0, cx->arena);
		account_id = db_col_text(st, 1, cx->arena);
		db_done(st);
		TRY(link_end(s, cx, id, account_id));
	}
}

enum rc
web_app_unlink(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(unlink_all(app, cx, own.key));
	return view_emit_app(app, cx, req, res, 200);
}
