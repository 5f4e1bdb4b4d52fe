#include "sandbox/files/upload_link.h"

#include "crypto/crypto.h"
#include "sandbox/api/values.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/files/commit.h"
#include "sandbox/files/handlers.h"

#define LIFE_MIN_S 60
#define LIFE_MAX_S 14400
#define ID_LEN 32
#define INFO_DEPTH 8
#define PURPOSE "upload-link"

/* Sealed for nobody in particular: the address is all there is. */
static const struct caller anybody = { 0 };

/* --- asked for --- */

static enum rc
read_life(struct ctx *cx, const json_t *arg, int64_t *life_s)
{
	const json_t *duration = json_object_get(arg, "duration");
	double s = duration == NULL ? LIFE_MAX_S : json_number_value(duration);

	if ((duration != NULL && !json_is_number(duration)) ||
	    !(s >= LIFE_MIN_S && s <= LIFE_MAX_S))
		return fail(cx, E_INPUT, "request body: duration: expected %d to %d seconds",
		    LIFE_MIN_S, LIFE_MAX_S);
	*life_s = (int64_t)s;
	return OK;
}

/* The route has no errors of its own: what could never be committed is a bad request. */
static enum rc
check_info(struct ctx *cx, const struct caller *who, const json_t *info)
{
	static const char *const names[] = { COMMIT_NAMES, NULL };
	struct commit ignored;
	enum rc rc;

	if (!json_is_object(info))
		return fail(cx, E_INPUT, "request body: missing required field 'commit_info'");
	TRY(api_check_members(cx, info, names));
	rc = commit_read(cx, who, info, &ignored);
	if (rc != E_CONFLICT)
		return rc;
	ctx_clear(cx);
	return fail(cx, E_INPUT, "request body: commit_info: path: malformed");
}

static enum rc
upload_link_put(struct sandbox *s, struct ctx *cx, const struct caller *who, json_t *info,
    int64_t life_s, struct str *id)
{
	int64_t now = clock_now_ms(s->clock);

	*id = secret_expose(
	    crypto_random_text(cx->arena, ID_LEN, S("abcdefghijklmnopqrstuvwxyz0123456789")));
	TRY(sql_exec(
	    cx, s->db, NULL, "DELETE FROM upload_links WHERE until_ms < $1", SQL_ARGS(I(now))));
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO upload_links (id, grant_id, app_key, account_id, root, commit_info,"
	    " until_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
	    SQL_ARGS(T(*id), T(who->grant_id), T(who->app_key), T(who->account.id),
		T(who->root.len > 0 ? who->root : S("")),
		T(json_write(cx->arena, json_incref(info))), I(now + life_s * 1000)));
}

enum rc
api_temporary_upload_link(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "commit_info", "duration", NULL };
	struct sandbox *s = app;
	struct str id,
	    base = req->tunnel.len > 0 ? S("https://content.dropboxapi.com") : s->public_url;
	json_t *info;
	json_t *arg, *o;
	int64_t life_s = 0;

	TRY(api_rpc_arg(cx, req, names, &arg));
	info = json_object_get(arg, "commit_info");
	TRY(check_info(cx, req->session, info));
	TRY(read_life(cx, arg, &life_s));
	TRY(upload_link_put(s, cx, req->session, info, life_s, &id));
	o = json_object();
	json_put(o, "i", json_str(id));
	id = cursor_seal(s, cx, PURPOSE, &anybody, o);
	o = json_object();
	json_put(o, "link",
	    json_str(str_printf(cx->arena, "%.*s/apitul/1/%.*s", STR_ARG(base), STR_ARG(id))));
	api_json(cx, res, 200, o);
	return OK;
}

/* --- used --- */

static enum rc
used_up(struct ctx *cx)
{
	return fail(
	    cx, E_NOTFOUND, "This temporary upload link has been consumed, or has expired.");
}

struct upload_link {
	struct caller who;
	struct str id, commit_info;
};

static enum rc
link_row(struct sandbox *s, struct ctx *cx, struct str id, struct upload_link *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT grant_id, app_key, account_id, root, commit_info FROM upload_links"
	    " WHERE id = $1 AND until_ms > $2",
	    SQL_ARGS(T(id), I(clock_now_ms(s->clock))), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return used_up(cx);
	*out = (struct upload_link){
		.id = id,
		.who.grant_id = db_col_text(st, 0, cx->arena),
		.who.app_key = db_col_text(st, 1, cx->arena),
		.who.account.id = db_col_text(st, 2, cx->arena),
		.who.root = db_col_text(st, 3, cx->arena),
		.commit_info = db_col_text(st, 4, cx->arena),
	};
	db_done(st);
	return OK;
}

/* Inside the store. */
static enum rc
link_open(struct sandbox *s, struct ctx *cx, struct str text, struct upload_link *out)
{
	json_t *o;
	struct str id;
	bool lives;
	enum rc rc = cursor_open(s, cx, PURPOSE, &anybody, text, &o);

	if (rc == E_NOTFOUND)
		return used_up(cx);
	TRY(rc);
	TRY(json_take_str(cx, o, "i", ID_LEN, &id));
	TRY(link_row(s, cx, id, out));
	TRY(account_get(s, cx, out->who.account.id, &out->who.account));
	TRY(grant_lives(s, cx, out->who.grant_id, &lives));
	return lives && !out->who.account.suspended ? OK : used_up(cx);
}

enum rc
upload_link_admit(struct sandbox *s, struct ctx *cx, struct http_req *req)
{
	struct upload_link *link = ARENA_NEW(cx->arena, struct upload_link);
	enum rc rc;

	TRY(upload_type_check(cx, req));
	TRY(store_enter(s, cx, STORE_READ));
	rc = link_open(s, cx, req->args[0], link);
	TRY(store_leave(s, cx, STORE_READ, rc));
	req->session = &link->who;
	return OK;
}

/* The link goes in the transaction that writes the file: of two that come together one finds it. */
static enum rc
consume(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct content *c,
    bool *used)
{
	struct upload_link link;
	struct commit commit;
	struct file made;
	json_t *info;

	TRY(link_open(s, cx, req->args[0], &link));
	TRY(sql_exec(
	    cx, s->db, NULL, "DELETE FROM upload_links WHERE id = $1", SQL_ARGS(T(link.id))));
	TRY(json_read(cx, link.commit_info, INFO_DEPTH, &info));
	TRY(commit_read(cx, &link.who, info, &commit));
	return commit_write(s, cx, &link.who, &commit, c, &made, used);
}

enum rc
upload_by_link(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct content content = { .id = req->body_path };
	bool used = false;
	json_t *o;
	enum rc rc;

	TRY(content_measure(cx, req->body_fd, &content));
	TRY(content_place(s, cx, req->body_fd, content.id));
	rc = store_enter(s, cx, STORE_WRITE);
	if (rc == OK) {
		rc = consume(s, cx, req, &content, &used);
		rc = store_leave(s, cx, STORE_WRITE, rc);
	}
	if (rc != OK || !used)
		content_unplace(s, cx, content.id);
	TRY(rc);
	o = json_object();
	json_put(o, "content-hash", json_str(content.hash));
	api_json(cx, res, 200, o);
	return OK;
}
