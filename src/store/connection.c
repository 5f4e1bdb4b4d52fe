#include "store/connection.h"

#include "store/store_int.h"

#define COLUMNS                                                                                  \
	"id, session_digest, state_digest, provider, token_id, app_key, scopes, redirect_uri, "  \
	"status,"                                                                                \
	" error_code, error_field, error_why, error_todo, created_ms, expires_ms, "              \
	"token_expires_ms, life_source, refresh_expires_ms,"                                     \
	" scope_granted, account_id, account_name, account_email, app_secret, verifier, access," \
	" refresh"

enum { COL_APP_SECRET = 22, COL_VERIFIER, COL_ACCESS, COL_REFRESH };

static void
read_row(struct ctx *cx, struct db_stmt *st, struct connection *c)
{
	struct arena *a = cx->arena;

	*c = (struct connection){
		.id = db_col_text(st, 0, a),
		.session_digest = db_col_blob(st, 1, a),
		.state_digest = db_col_blob(st, 2, a),
		.provider = db_col_text(st, 3, a),
		.token_id = db_col_text(st, 4, a),
		.app_key = db_col_text(st, 5, a),
		.scopes = db_col_text(st, 6, a),
		.redirect_uri = db_col_text(st, 7, a),
		.status = (enum connection_status)db_col_int(st, 8),
		.error_code = db_col_text(st, 9, a),
		.error_field = db_col_text(st, 10, a),
		.error_why = db_col_text(st, 11, a),
		.error_todo = db_col_text(st, 12, a),
		.created_ms = db_col_int(st, 13),
		.expires_ms = db_col_int(st, 14),
		.token_expires_ms = db_col_int(st, 15),
		.life_source = db_col_int(st, 16),
		.refresh_expires_ms = db_col_int(st, 17),
		.scope_granted = db_col_text(st, 18, a),
		.account_id = db_col_text(st, 19, a),
		.account_name = db_col_text(st, 20, a),
		.account_email = db_col_text(st, 21, a),
		.has_refresh = db_col_blob(st, COL_REFRESH, a).len > 0,
	};
}

static struct seal_place
place(struct str id, struct str purpose)
{
	return (struct seal_place){ .purpose = purpose, .row = id };
}

static void
bind_secrets(struct store *s, struct ctx *cx, struct db_stmt *st, int i, struct str id,
    const struct connection_secrets *secrets)
{
	store_bind_sealed(s, cx, st, i, place(id, S("connection.app_secret")), secrets->app_secret);
	store_bind_sealed(s, cx, st, i + 1, place(id, S("connection.verifier")), secrets->verifier);
	store_bind_sealed(s, cx, st, i + 2, place(id, S("connection.access")), secrets->access);
	store_bind_sealed(s, cx, st, i + 3, place(id, S("connection.refresh")), secrets->refresh);
}

enum rc
store_connection_create(struct store *s, struct ctx *cx, const struct connection *c,
    const struct connection_secrets *secrets)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "INSERT INTO connection (" COLUMNS
	    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '',"
	    " '', '', $10, $11, 0, 0, 0, '', '', '', '', $12, $13, $14, $15)",
	    &st));
	db_bind_text(st, 1, c->id);
	db_bind_blob(st, 2, c->session_digest);
	db_bind_blob(st, 3, c->state_digest);
	db_bind_text(st, 4, c->provider);
	db_bind_text(st, 5, c->token_id);
	db_bind_text(st, 6, c->app_key);
	db_bind_text(st, 7, c->scopes);
	db_bind_text(st, 8, c->redirect_uri);
	db_bind_int(st, 9, c->status);
	db_bind_int(st, 10, c->created_ms);
	db_bind_int(st, 11, c->expires_ms);
	bind_secrets(s, cx, st, 12, c->id, secrets);
	return db_run(cx, st, NULL);
}

static enum rc
get_one(struct ctx *cx, struct db_stmt *st, struct connection *out)
{
	TRY(store_want_row(cx, st, "connection"));
	read_row(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
store_connection_get(struct store *s, struct ctx *cx, struct str id, struct connection *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT " COLUMNS " FROM connection WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return get_one(cx, st, out);
}

enum rc
store_connection_by_state(
    struct store *s, struct ctx *cx, struct str state_digest, struct connection *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT " COLUMNS " FROM connection WHERE state_digest = $1", &st));
	db_bind_blob(st, 1, state_digest);
	return get_one(cx, st, out);
}

enum rc
store_connection_secrets(
    struct store *s, struct ctx *cx, struct str id, struct connection_secrets *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct str app_secret, verifier, access, refresh;
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT app_secret, verifier, access, refresh FROM connection WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "connection"));
	app_secret = db_col_blob(st, 0, cx->arena);
	verifier = db_col_blob(st, 1, cx->arena);
	access = db_col_blob(st, 2, cx->arena);
	refresh = db_col_blob(st, 3, cx->arena);
	db_done(st);
	TRY(store_open_sealed(
	    s, cx, place(id, S("connection.app_secret")), app_secret, &out->app_secret));
	TRY(store_open_sealed(
	    s, cx, place(id, S("connection.verifier")), verifier, &out->verifier));
	TRY(store_open_sealed(s, cx, place(id, S("connection.access")), access, &out->access));
	return store_open_sealed(s, cx, place(id, S("connection.refresh")), refresh, &out->refresh);
}

enum rc
store_connection_spend(struct store *s, struct ctx *cx, struct str id)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(
	    cx, s->db, "UPDATE connection SET status = $1 WHERE id = $2 AND status = $3", &st));
	db_bind_int(st, 1, CONN_EXCHANGING);
	db_bind_text(st, 2, id);
	db_bind_int(st, 3, CONN_WAITING);
	return store_write_one(cx, st, E_CONFLICT, "This sign-in link has already been used.");
}

/* A person's consent came, or did not. */
static enum rc
tell_finished(struct store *s, struct ctx *cx, const struct connection *c)
{
	bool failed = c->status == CONN_FAILED;
	json_t *o = json_object();

	json_put(o, "app_key", json_str(c->app_key));
	if (c->token_id.len > 0)
		json_put(o, "token_id", json_str(c->token_id));
	if (failed) {
		json_put(o, "code", json_str(c->error_code));
		json_put(o, "why", json_str(c->error_why));
	} else {
		json_put(o, "account", json_str(c->account_email));
	}
	return store_event(s, cx,
	    &(struct event_note){ .type = failed ? "connection.failed" : "connection.connected",
		.about_kind = "connection",
		.about_id = c->id,
		.about_name = c->provider,
		.refused = failed,
		.details = json_write(cx->arena, o) });
}

static enum rc
write_finished(struct store *s, struct ctx *cx, const struct connection *c,
    const struct connection_secrets *secrets, enum connection_status was)
{
	const struct str texts[] = { c->error_code, c->error_field, c->error_why, c->error_todo,
		c->scope_granted, c->account_id, c->account_name, c->account_email };
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE connection SET error_code = $1, error_field = $2, error_why = $3, error_todo = "
	    "$4,"
	    " scope_granted = $5, account_id = $6, account_name = $7, account_email = $8, status = "
	    "$9,"
	    " token_expires_ms = $10, life_source = $11, refresh_expires_ms = $12,"
	    " app_secret = $13, verifier = $14, access = $15, refresh = $16"
	    " WHERE id = $17 AND status = $18",
	    &st));
	for (int i = 0; i < 8; i++)
		db_bind_text(st, i + 1, texts[i]);
	db_bind_int(st, 9, c->status);
	db_bind_int(st, 10, c->token_expires_ms);
	db_bind_int(st, 11, c->life_source);
	db_bind_int(st, 12, c->refresh_expires_ms);
	bind_secrets(s, cx, st, 13, c->id, secrets);
	db_bind_text(st, 17, c->id);
	db_bind_int(st, 18, was);
	return store_write_one(cx, st, E_NOTFOUND, "The connection was cancelled meanwhile.");
}

enum rc
store_connection_finish(struct store *s, struct ctx *cx, const struct connection *c,
    const struct connection_secrets *secrets)
{
	STORE_HOLD hold = store_hold(s, cx);

	TRY(db_begin(cx, s->db));
	TRY(write_finished(s, cx, c, secrets, CONN_EXCHANGING));
	TRY(tell_finished(s, cx, c));
	return db_commit(cx, s->db);
}

enum rc
connection_row_apply(struct store *s, struct ctx *cx, const struct connection *c)
{
	bool told = c->status == CONN_HELD; /* when it was held */
	struct connection done = *c;
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE connection SET status = $1 WHERE id = $2 AND status IN ($3, $4)", &st));
	db_bind_int(st, 1, CONN_CONNECTED);
	db_bind_text(st, 2, c->id);
	db_bind_int(st, 3, CONN_EXCHANGING);
	db_bind_int(st, 4, CONN_HELD);
	TRY(store_write_one(cx, st, E_CONFLICT, "This consent was used or cancelled meanwhile."));
	done.status = CONN_CONNECTED;
	done.error_code = done.error_field = done.error_why = done.error_todo = S("");
	TRY(write_finished(s, cx, &done, &(struct connection_secrets){ 0 }, CONN_CONNECTED));
	return told ? OK : tell_finished(s, cx, &done);
}

enum rc
store_connection_delete(struct store *s, struct ctx *cx, struct str id)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM connection WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such connection.");
}

enum rc
store_connection_end_session(struct store *s, struct ctx *cx, struct str session_digest)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM connection WHERE session_digest = $1", &st));
	db_bind_blob(st, 1, session_digest);
	return db_run(cx, st, NULL);
}

static enum rc
sweep(struct store *s, struct ctx *cx, int64_t before_ms)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM connection WHERE created_ms < $1", &st));
	db_bind_int(st, 1, before_ms);
	return db_run(cx, st, NULL);
}

enum rc
store_connection_sweep(struct store *s, struct ctx *cx, int64_t before_ms)
{
	STORE_HOLD hold = store_hold(s, cx);

	return sweep(s, cx, before_ms);
}

enum rc
store_connection_prune(
    struct store *s, struct ctx *cx, int64_t before_ms, struct str session_digest, int64_t keep)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(sweep(s, cx, before_ms));
	TRY(db_stmt(cx, s->db,
	    "DELETE FROM connection WHERE session_digest = $1 AND id NOT IN (SELECT id FROM "
	    "connection"
	    " WHERE session_digest = $1 ORDER BY created_ms DESC LIMIT $2)",
	    &st));
	db_bind_blob(st, 1, session_digest);
	db_bind_int(st, 2, keep);
	TRY(db_run(cx, st, NULL));
	return db_commit(cx, s->db);
}
