#include "store/access.h"

#include "store/store_int.h"

#define SEEN_STEP_MS 60000

enum rc
store_user_count(struct store *s, struct ctx *cx, int64_t *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return store_number(s, cx, "SELECT count(*) FROM user_", out);
}

static void
read_user(struct ctx *cx, struct db_stmt *st, struct user *out)
{
	*out = (struct user){
		.id = db_col_text(st, 0, cx->arena),
		.username = db_col_text(st, 1, cx->arena),
		.password_hash = db_col_text(st, 2, cx->arena),
	};
}

enum rc
store_user_by_name(struct store *s, struct ctx *cx, struct str username, struct user *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(
	    cx, s->db, "SELECT id, username, password_hash FROM user_ WHERE username = $1", &st));
	db_bind_text(st, 1, username);
	TRY(store_want_row(cx, st, "user"));
	read_user(cx, st, out);
	db_done(st);
	return OK;
}

static enum rc
tell_user(struct store *s, struct ctx *cx, const char *type, const struct user *u, json_t *details)
{
	return store_event(s, cx,
	    &(struct event_note){ .type = type,
		.about_kind = "user",
		.about_id = u->id,
		.about_name = u->username,
		.details = details != NULL ? json_write(cx->arena, details) : S("") });
}

/* The id that a username has already; empty: none. */
static enum rc
find_user(struct store *s, struct ctx *cx, struct str username, struct str *id)
{
	struct db_stmt *st;
	bool row;

	*id = S("");
	TRY(db_stmt(cx, s->db, "SELECT id FROM user_ WHERE username = $1", &st));
	db_bind_text(st, 1, username);
	TRY(db_step(cx, st, &row));
	if (row)
		*id = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

static enum rc
end_sessions(struct store *s, struct ctx *cx, const struct user *u, struct str keep_digest)
{
	struct db_stmt *st;
	int64_t ended;

	TRY(db_stmt(cx, s->db, "DELETE FROM session WHERE user_id = $1 AND digest <> $2", &st));
	db_bind_text(st, 1, u->id);
	db_bind_blob(st, 2, keep_digest);
	TRY(db_run(cx, st, &ended));
	return ended == 0 ? OK
			  : tell_user(s, cx, "user.sessions_ended", u,
				json_pack("{s:I}", "sessions", (json_int_t)ended));
}

/* Of nodes that start at once on an empty database, one says who signs in first. */
enum rc
store_user_first(struct store *s, struct ctx *cx, const struct user *u)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(db_stmt(cx, s->db,
	    "INSERT INTO user_ (id, username, password_hash) SELECT $1, $2, $3"
	    " WHERE NOT EXISTS (SELECT 1 FROM user_) ON CONFLICT (username) DO NOTHING",
	    &st));
	db_bind_text(st, 1, u->id);
	db_bind_text(st, 2, u->username);
	db_bind_text(st, 3, u->password_hash);
	TRY(store_write_one(cx, st, E_CONFLICT, "Somebody can sign in already."));
	TRY(tell_user(s, cx, "user.created", u, NULL));
	return db_commit(cx, s->db);
}

enum rc
store_user_put(struct store *s, struct ctx *cx, const struct user *u)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct user now = *u;
	struct db_stmt *st;
	struct str id;

	TRY(db_begin(cx, s->db));
	TRY(find_user(s, cx, u->username, &id));
	if (id.len > 0)
		now.id = id;
	TRY(db_stmt(cx, s->db,
	    "INSERT INTO user_ (id, username, password_hash) VALUES ($1, $2, $3)"
	    " ON CONFLICT (username) DO UPDATE SET password_hash = excluded.password_hash",
	    &st));
	db_bind_text(st, 1, now.id);
	db_bind_text(st, 2, u->username);
	db_bind_text(st, 3, u->password_hash);
	TRY(db_run(cx, st, NULL));
	TRY(tell_user(s, cx, id.len > 0 ? "user.password_changed" : "user.created", &now, NULL));
	TRY(end_sessions(s, cx, &now, S("")));
	return db_commit(cx, s->db);
}

static enum rc
write_password(struct store *s, struct ctx *cx, const struct user *was, struct str password_hash)
{
	struct db_stmt *st;
	int64_t changed;

	TRY(db_stmt(cx, s->db,
	    "UPDATE user_ SET password_hash = $1 WHERE id = $2 AND password_hash = $3", &st));
	db_bind_text(st, 1, password_hash);
	db_bind_text(st, 2, was->id);
	db_bind_text(st, 3, was->password_hash);
	TRY(db_run(cx, st, &changed));
	if (changed == 1)
		return OK;
	fail_at(cx, E_CONFLICT, "changed-meanwhile", "current",
	    "The password was changed meanwhile, by somebody else or in another window.");
	return fail_todo(cx, "Sign in with the new one.");
}

enum rc
store_user_change(struct store *s, struct ctx *cx, const struct user *was, struct str password_hash,
    struct str keep_digest)
{
	STORE_HOLD hold = store_hold(s, cx);

	TRY(db_begin(cx, s->db));
	TRY(write_password(s, cx, was, password_hash));
	TRY(tell_user(s, cx, "user.password_changed", was, NULL));
	TRY(end_sessions(s, cx, was, keep_digest));
	return db_commit(cx, s->db);
}

/* Whom a session is of; no row for one that is not known. */
static enum rc
find_session(struct store *s, struct ctx *cx, struct str digest, struct user *out, bool *there)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT u.id, u.username, u.password_hash FROM session s"
	    " JOIN user_ u ON u.id = s.user_id WHERE s.digest = $1",
	    &st));
	db_bind_blob(st, 1, digest);
	TRY(db_step(cx, st, there));
	if (*there)
		read_user(cx, st, out);
	db_done(st);
	return OK;
}

static enum rc
tell_session(struct store *s, struct ctx *cx, const char *type, struct str digest)
{
	struct user u;
	bool there;

	TRY(find_session(s, cx, digest, &u, &there));
	return there ? tell_user(s, cx, type, &u, NULL) : OK;
}

/* A write that changes nothing: whoever gives a new password meanwhile waits, and then finds the session
 * that is made here; or was first, and there is no such row. */
static enum rc
hold_user(struct store *s, struct ctx *cx, const struct user *u)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE user_ SET password_hash = password_hash WHERE id = $1 AND password_hash = $2",
	    &st));
	db_bind_text(st, 1, u->id);
	db_bind_text(st, 2, u->password_hash);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such user with this password.");
}

enum rc
store_session_create(
    struct store *s, struct ctx *cx, struct str digest, const struct user *u, int64_t wall_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(hold_user(s, cx, u));
	TRY(db_stmt(cx, s->db,
	    "INSERT INTO session (digest, user_id, created_ms, seen_ms, confirmed_ms)"
	    " VALUES ($1, $2, $3, $3, $3)",
	    &st));
	db_bind_blob(st, 1, digest);
	db_bind_text(st, 2, u->id);
	db_bind_int(st, 3, wall_ms);
	TRY(db_run(cx, st, NULL));
	TRY(tell_session(s, cx, "user.signed_in", digest));
	return db_commit(cx, s->db);
}

static enum rc
note_seen(struct store *s, struct ctx *cx, struct str digest, int64_t wall_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE session SET seen_ms = $1 WHERE digest = $2", &st));
	db_bind_int(st, 1, wall_ms);
	db_bind_blob(st, 2, digest);
	return db_run(cx, st, NULL);
}

static enum rc
read_session(struct store *s, struct ctx *cx, struct str digest, int64_t seen_after_ms,
    int64_t made_after_ms, struct user *out, int64_t *seen_ms)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT u.id, u.username, u.password_hash, s.seen_ms FROM session s"
	    " JOIN user_ u ON u.id = s.user_id"
	    " WHERE s.digest = $1 AND s.seen_ms > $2 AND s.created_ms > $3",
	    &st));
	db_bind_blob(st, 1, digest);
	db_bind_int(st, 2, seen_after_ms);
	db_bind_int(st, 3, made_after_ms);
	TRY(store_want_row(cx, st, "session"));
	read_user(cx, st, out);
	*seen_ms = db_col_int(st, 3);
	db_done(st);
	return OK;
}

enum rc
store_session_lives(struct store *s, struct ctx *cx, struct str digest, int64_t wall_ms,
    int64_t idle_ms, int64_t life_ms)
{
	struct user ignored;
	int64_t seen_ms;

	return read_session(
	    s, cx, digest, wall_ms - idle_ms, wall_ms - life_ms, &ignored, &seen_ms);
}

enum rc
store_session_check(struct store *s, struct ctx *cx, struct str digest, int64_t wall_ms,
    int64_t idle_ms, int64_t life_ms, struct user *out)
{
	int64_t seen_ms;

	TRY(read_session(s, cx, digest, wall_ms - idle_ms, wall_ms - life_ms, out, &seen_ms));
	return wall_ms - seen_ms < SEEN_STEP_MS ? OK : note_seen(s, cx, digest, wall_ms);
}

enum rc
store_session_confirm(struct store *s, struct ctx *cx, struct str digest, int64_t wall_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(db_stmt(cx, s->db, "UPDATE session SET confirmed_ms = $1 WHERE digest = $2", &st));
	db_bind_int(st, 1, wall_ms);
	db_bind_blob(st, 2, digest);
	TRY(store_write_one(cx, st, E_NOTFOUND, "There is no such session."));
	TRY(tell_session(s, cx, "user.confirmed", digest));
	return db_commit(cx, s->db);
}

enum rc
store_session_confirmed(struct store *s, struct ctx *cx, struct str digest, int64_t *wall_ms)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT confirmed_ms FROM session WHERE digest = $1", &st));
	db_bind_blob(st, 1, digest);
	TRY(store_want_row(cx, st, "session"));
	*wall_ms = db_col_int(st, 0);
	db_done(st);
	return OK;
}

enum rc
store_session_delete(struct store *s, struct ctx *cx, struct str digest)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(tell_session(s, cx, "user.signed_out", digest));
	TRY(db_stmt(cx, s->db, "DELETE FROM session WHERE digest = $1", &st));
	db_bind_blob(st, 1, digest);
	TRY(db_run(cx, st, NULL));
	return db_commit(cx, s->db);
}

enum rc
store_session_prune(struct store *s, struct ctx *cx, int64_t before_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM session WHERE seen_ms < $1", &st));
	db_bind_int(st, 1, before_ms);
	return db_run(cx, st, NULL);
}
