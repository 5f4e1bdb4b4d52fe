/* The links of grants.h: which apps are connected to an account. */
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/oauth/issue.h"
#include "sandbox/core/scopes.h"
#include "sandbox/people/session.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

enum rc
link_find(
    struct sandbox *s, struct ctx *cx, struct str app_key, struct str account_id, struct link *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT id, scopes, redirect_uri, approved FROM links"
	    " WHERE app_key = $1 AND account_id = $2",
	    SQL_ARGS(T(app_key), T(account_id)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail(cx, E_NOTFOUND, "The app is not connected.");
	out->id = db_col_text(st, 0, cx->arena);
	scopes_parse(db_col_text(st, 1, cx->arena), &out->scopes);
	out->redirect_uri = db_col_text(st, 2, cx->arena);
	scopes_parse(db_col_text(st, 3, cx->arena), &out->approved);
	db_done(st);
	return OK;
}

enum rc
link_put(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask)
{
	scope_set scopes = ask->scopes, approved = ask->scopes;
	struct link before;
	enum rc rc = link_find(s, cx, ask->app_key, ask->account_id, &before);

	if (rc != OK && rc != E_NOTFOUND)
		return rc;
	if (rc == OK)
		scopes |= before.scopes;
	if (rc == OK && str_eq(before.redirect_uri, ask->redirect_uri))
		approved |= before.approved;
	ctx_clear(cx);
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO links (id, app_key, account_id, scopes, redirect_uri, connected_ms,"
	    " approved) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	    " ON CONFLICT (app_key, account_id) DO UPDATE SET"
	    " scopes = excluded.scopes, redirect_uri = excluded.redirect_uri,"
	    " connected_ms = excluded.connected_ms, approved = excluded.approved",
	    SQL_ARGS(T(random_id(cx)), T(ask->app_key), T(ask->account_id),
		T(scopes_text(cx->arena, scopes)), T(ask->redirect_uri), I(clock_now_ms(s->clock)),
		T(scopes_text(cx->arena, approved))));
}

static json_t *
link_json(struct ctx *cx, struct db_stmt *st)
{
	json_t *o = json_object();
	scope_set scopes;

	scopes_parse(db_col_text(st, 4, cx->arena), &scopes);
	json_put(o, "grant_id", json_str(db_col_text(st, 0, cx->arena)));
	json_put(o, "app_key", json_str(db_col_text(st, 1, cx->arena)));
	json_put(o, "name", json_str(db_col_text(st, 2, cx->arena)));
	json_put(o, "access", json_str(db_col_text(st, 3, cx->arena)));
	json_put(o, "scopes", scopes_json(scopes));
	json_put(o, "connected_ms", json_integer(db_col_int(st, 5)));
	json_put(o, "icon_id", json_opt_str(db_col_text(st, 6, cx->arena)));
	json_put(o, "publisher", json_opt_str(db_col_text(st, 7, cx->arena)));
	json_put(o, "website", json_opt_str(db_col_text(st, 8, cx->arena)));
	json_put(o, "folder_name", json_opt_str(db_col_text(st, 9, cx->arena)));
	json_put(o, "token_ms", json_integer(db_col_int(st, 10)));
	return o;
}

enum rc
links_json(struct sandbox *s, struct ctx *cx, struct str account_id, json_t **out)
{
	struct db_stmt *st;
	bool row;

	TRY(counts_settle(s, cx));
	TRY(sql_bind(cx, s->db,
	    "SELECT l.id, a.app_key, a.name, a.access, l.scopes, l.connected_ms, a.icon_id,"
	    " a.publisher, a.website, a.folder_name,"
	    " (SELECT max(CASE WHEN g.refreshed_ms > g.created_ms THEN g.refreshed_ms"
	    " ELSE g.created_ms END) FROM grants g WHERE g.app_key = l.app_key"
	    " AND g.account_id = l.account_id AND g.ended_ms = 0)"
	    " FROM links l"
	    " JOIN apps a ON a.app_key = l.app_key WHERE l.account_id = $1 ORDER BY a.name_folded",
	    SQL_ARGS(T(account_id)), &st));
	*out = json_array();
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		json_array_append_new(*out, link_json(cx, st));
	}
}

/* As grant_revoke, of all at once: a pair may have thousands, and the link goes anyway. */
static enum rc
end_grants(struct sandbox *s, struct ctx *cx, struct str app_key, struct str account_id)
{
	TRY(counts_settle(s, cx));
	TRY(sql_exec(cx, s->db, NULL,
	    "DELETE FROM refresh_tokens WHERE grant_id IN (SELECT id FROM grants"
	    " WHERE app_key = $1 AND account_id = $2 AND ended_ms = 0)",
	    SQL_ARGS(T(app_key), T(account_id))));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE grants SET ended_ms = $1, revocations = revocations + 1"
	    " WHERE app_key = $2 AND account_id = $3 AND ended_ms = 0",
	    SQL_ARGS(I(clock_now_ms(s->clock)), T(app_key), T(account_id)));
}

enum rc
link_end(struct sandbox *s, struct ctx *cx, struct str id, struct str account_id)
{
	struct db_stmt *st;
	struct str app_key;
	bool row;

	TRY(sql_bind(cx, s->db, "SELECT app_key FROM links WHERE id = $1 AND account_id = $2",
	    SQL_ARGS(T(id), T(account_id)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail_at(cx, E_NOTFOUND, "no-link", NULL,
		    "There is no such app among your connected apps.");
	app_key = db_col_text(st, 0, cx->arena);
	db_done(st);
	TRY(end_grants(s, cx, app_key, account_id));
	return sql_exec(cx, s->db, NULL, "DELETE FROM links WHERE id = $1", SQL_ARGS(T(id)));
}

enum rc
web_links_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;
	json_t *list, *o;

	TRY(links_json(app, cx, sess->account.id, &list));
	o = json_object();
	json_put(o, "apps", list);
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
web_link_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct session *sess = req->session;

	TRY(link_end(app, cx, req->args[0], sess->account.id));
	res->status = 204;
	return OK;
}
