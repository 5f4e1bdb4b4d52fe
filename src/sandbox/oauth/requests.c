#include "sandbox/oauth/requests.h"

#include "sandbox/core/scopes.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define REQUEST_LIFE_MS HOUR_MS
#define REQUESTS_MAX 1000

static struct str
digest_of(struct sandbox *s, struct ctx *cx, struct str id)
{
	return crypto_digest(s->keys, cx->arena, S("sandbox.request"), secret_of(id));
}

static enum rc
gone(struct ctx *cx)
{
	fail_at(cx, E_NOTFOUND, "request-gone", NULL,
	    "This request to connect an app is over: it was answered already, is too old, or "
	    "belongs to "
	    "another sign-in.");
	return fail_todo(cx, "Start again in the program that sent you here.");
}

/* Old ones go, and the oldest when there are too many: anybody can start requests. */
static enum rc
make_room(struct sandbox *s, struct ctx *cx)
{
	TRY(sql_exec(cx, s->db, NULL, "DELETE FROM requests WHERE created_ms < $1",
	    SQL_ARGS(I(clock_wall_ms() - REQUEST_LIFE_MS))));
	return sql_exec(cx, s->db, NULL,
	    "DELETE FROM requests WHERE digest IN (SELECT digest FROM requests"
	    " ORDER BY created_ms DESC LIMIT 1000000 OFFSET $1)",
	    SQL_ARGS(I(REQUESTS_MAX - 1)));
}

enum rc
request_put(struct sandbox *s, struct ctx *cx, const struct auth_request *r, struct secret *id)
{
	*id = crypto_random_token(cx->arena);
	TRY(make_room(s, cx));
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO requests (digest, app_key, redirect_uri, scopes, state, challenge, method,"
	    " offline, reapprove, reauthenticate, role, created_ms, implicit, long_lived, include,"
	    " nonce, done) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
	    " $15, $16, 0)",
	    SQL_ARGS(B(digest_of(s, cx, secret_expose(*id))), T(r->app_key), T(r->redirect_uri),
		T(scopes_text(cx->arena, r->scopes)), B(r->state), T(r->challenge), T(r->method),
		I(r->offline), I(r->reapprove), I(r->reauthenticate), T(r->role),
		I(clock_wall_ms()), I(r->implicit), I(r->long_lived),
		T(r->include.p != NULL ? r->include : S("")), T(r->nonce)));
}

static void
read_request(struct ctx *cx, struct db_stmt *st, struct auth_request *out)
{
	struct arena *a = cx->arena;

	out->app_key = db_col_text(st, 0, a);
	out->redirect_uri = db_col_text(st, 1, a);
	scopes_parse(db_col_text(st, 2, a), &out->scopes);
	if (!db_col_null(st, 3))
		out->state = db_col_blob(st, 3, a);
	out->challenge = db_col_text(st, 4, a);
	out->method = db_col_text(st, 5, a);
	out->offline = db_col_int(st, 6) != 0;
	out->reapprove = db_col_int(st, 7) != 0;
	out->reauthenticate = db_col_int(st, 8) != 0;
	out->role = db_col_text(st, 9, a);
	out->created_ms = db_col_int(st, 10);
	out->implicit = db_col_int(st, 11) != 0;
	out->long_lived = db_col_int(st, 12) != 0;
	out->include = db_col_text(st, 13, a);
	out->nonce = db_col_text(st, 14, a);
}

enum rc
request_get(struct sandbox *s, struct ctx *cx, struct str id, struct auth_request *out)
{
	struct db_stmt *st;
	bool row;

	*out = (struct auth_request){ .digest = digest_of(s, cx, id) };
	TRY(sql_bind(cx, s->db,
	    "SELECT app_key, redirect_uri, scopes, state, challenge, method, offline, reapprove,"
	    " reauthenticate, role, created_ms, implicit, long_lived, include, nonce FROM requests"
	    " WHERE digest = $1 AND done = 0 AND created_ms > $2",
	    SQL_ARGS(B(out->digest), I(clock_wall_ms() - REQUEST_LIFE_MS)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return gone(cx);
	read_request(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
request_claim(
    struct sandbox *s, struct ctx *cx, const struct auth_request *r, struct str session_digest)
{
	int64_t changed;

	TRY(sql_exec(cx, s->db, &changed,
	    "UPDATE requests SET session_digest = $1 WHERE digest = $2"
	    " AND (session_digest IS NULL OR session_digest = $1)",
	    SQL_ARGS(B(session_digest), B(r->digest))));
	return changed == 1 ? OK : gone(cx);
}

enum rc
request_decide(
    struct sandbox *s, struct ctx *cx, const struct auth_request *r, struct str session_digest)
{
	int64_t changed;

	TRY(sql_exec(cx, s->db, &changed,
	    "UPDATE requests SET done = 1 WHERE digest = $1 AND done = 0 AND session_digest = $2",
	    SQL_ARGS(B(r->digest), B(session_digest))));
	return changed == 1 ? OK : gone(cx);
}
