#include "sandbox/tree/sessions.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "sandbox/core/errors.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/tree/quota.h"

#define CHUNK (64u << 10)
#define TIDY_AT_ONCE 32

static enum rc
refuse(struct ctx *cx, const char *tag)
{
	return fail_at(cx, E_CONFLICT, tag, NULL, "The upload session does not allow this.");
}

static int64_t
oldest_ms(const struct sandbox *s)
{
	return clock_now_ms(s->clock) - SESSION_LIFE_DAYS * DAY_MS;
}

enum rc
sessions_room(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes)
{
	int64_t open;
	struct quota max;
	struct tree t;

	TRY(quota_of(s, cx, account_id, &max));
	TRY(tree_of(s, cx, account_id, &t));
	TRY(sql_count(cx, s->db,
	    "SELECT coalesce(sum(size), 0) FROM upload_sessions WHERE account_id = $1",
	    SQL_ARGS(T(account_id)), &open));
	*bytes = max.bytes - t.used - open;
	return OK;
}

static enum rc
check_count(struct sandbox *s, struct ctx *cx, struct str account_id)
{
	struct quota max;
	int64_t n;

	TRY(quota_of(s, cx, account_id, &max));
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM upload_sessions WHERE account_id = $1",
	    SQL_ARGS(T(account_id)), &n));
	if (n < max.sessions)
		return OK;
	cx->retry_after_s = 60;
	return fail_at(cx, E_BUSY, "too-many-requests", NULL,
	    "The account has too many open upload sessions.");
}

enum rc
session_start(struct sandbox *s, struct ctx *cx, struct upload_session *u, struct str body_id)
{
	int64_t room;

	u->id = body_id.len > 0 ? body_id : content_new_id(cx->arena);
	u->fd = -1;
	TRY(check_count(s, cx, u->owner.account_id));
	TRY(sessions_room(s, cx, u->owner.account_id, &room));
	if (u->size > 0 && u->size > room)
		return refuse(cx, "payload_too_large");
	TRY(body_id.len > 0 ? session_file_take(s, cx, u->id) : session_file_make(s, cx, u->id));
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO upload_sessions (id, account_id, app_key, concurrent, closed, size,"
	    " created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
	    SQL_ARGS(T(u->id), T(u->owner.account_id), T(u->owner.app_key), I(u->concurrent),
		I(u->closed), I(u->size), I(clock_now_ms(s->clock))));
}

/* The file before the row: a row that is left is found again, a file is only at the next start. */
enum rc
sessions_tidy(struct sandbox *s, struct ctx *cx)
{
	struct str ids[TIDY_AT_ONCE];
	size_t count = 0;
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT id FROM upload_sessions WHERE created_ms < $1 ORDER BY created_ms LIMIT $2",
	    SQL_ARGS(I(oldest_ms(s)), I(TIDY_AT_ONCE)), &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		ids[count++] = db_col_text(st, 0, cx->arena);
	}
	for (size_t i = 0; i < count; i++) {
		session_file_remove(s, ids[i]);
		TRY(sql_exec(cx, s->db, NULL, "DELETE FROM upload_sessions WHERE id = $1",
		    SQL_ARGS(T(ids[i]))));
	}
	return OK;
}

static enum rc
find(struct sandbox *s, struct ctx *cx, struct upload_session *u)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT concurrent, closed, size FROM upload_sessions WHERE id = $1 AND"
	    " account_id = $2 AND app_key = $3 AND created_ms >= $4",
	    SQL_ARGS(T(u->id), T(u->owner.account_id), T(u->owner.app_key), I(oldest_ms(s))), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return refuse(cx, "not_found");
	u->concurrent = db_col_int(st, 0) != 0;
	u->closed = db_col_int(st, 1) != 0;
	u->size = db_col_int(st, 2);
	db_done(st);
	return OK;
}

static enum rc
look(struct sandbox *s, struct ctx *cx, struct upload_session *u)
{
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = find(s, cx, u);
	return store_leave(s, cx, STORE_READ, rc);
}

/* After a power cut the file may be shorter than what the database knows: what is not there any more must
 * not become zeros of a file that looks whole. */
static enum rc
check_there(struct ctx *cx, const struct upload_session *u)
{
	struct stat st;

	if (fstat(u->fd, &st) != 0)
		return content_broken(cx, errno, "looked at");
	return st.st_size >= u->size ? OK : refuse(cx, "not_found");
}

enum rc
session_take(struct sandbox *s, struct ctx *cx, const struct session_owner *owner, struct str id,
    struct upload_session *out)
{
	enum rc rc;

	*out = (struct upload_session){ .id = str_dup(cx->arena, id), .owner = *owner, .fd = -1 };
	TRY(look(s, cx, out));
	TRY(session_file_open(s, cx, out->id, &out->fd));
	if (flock(out->fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK
		    ? E_AGAIN
		    : fail(cx, E_STORE, "A session could not be locked: %s.", strerror(errno));
	else
		rc = look(s, cx, out); /* who had it before may have changed it */
	if (rc == OK)
		rc = check_there(cx, out);
	if (rc != OK)
		session_let_go(out);
	return rc;
}

void
session_let_go(struct upload_session *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

static enum rc
incorrect_offset(struct ctx *cx, const struct upload_session *u)
{
	json_t *o = json_object();

	json_put(o, "correct_offset", json_integer(u->size));
	refuse(cx, "incorrect_offset");
	return api_detail(cx, o);
}

static enum rc
check_piece(struct ctx *cx, const struct upload_session *u, const struct session_piece *p)
{
	if (u->closed)
		return refuse(cx, "closed");
	if (!u->concurrent)
		return p->offset == u->size ? OK : incorrect_offset(cx, u);
	if (p->offset % SESSION_BLOCK != 0)
		return refuse(cx, "concurrent_session_invalid_offset");
	if (p->len % SESSION_BLOCK != 0 && !p->close)
		return refuse(cx, "concurrent_session_invalid_data_size");
	return OK;
}

static enum rc
copy(struct ctx *cx, const struct upload_session *u, const struct session_piece *p)
{
	char chunk[CHUNK]; /* not of the arena: a batch has up to a thousand pieces */

	for (int64_t done = 0; done < p->len;) {
		size_t want = p->len - done < CHUNK ? (size_t)(p->len - done) : CHUNK;
		ssize_t n = pread(p->fd, chunk, want, p->from + done);

		for (ssize_t at = 0; n > 0 && at < n;) {
			ssize_t w =
			    pwrite(u->fd, chunk + at, (size_t)(n - at), p->offset + done + at);

			if (w < 0)
				return content_broken(cx, errno, "written");
			at += w;
		}
		if (n <= 0)
			return content_broken(cx, n < 0 ? errno : EIO, "read");
		done += n;
	}
	return OK;
}

static enum rc
note_piece(struct sandbox *s, struct ctx *cx, const struct upload_session *u,
    const struct session_piece *p)
{
	if (u->concurrent && p->len > 0)
		TRY(sql_exec(cx, s->db, NULL,
		    "INSERT INTO upload_parts (session_id, start, size) VALUES ($1, $2, $3)"
		    " ON CONFLICT (session_id, start) DO UPDATE SET size = excluded.size",
		    SQL_ARGS(T(u->id), I(p->offset), I(p->len))));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE upload_sessions SET size = $1, closed = $2 WHERE id = $3",
	    SQL_ARGS(I(u->size), I(u->closed), T(u->id)));
}

static enum rc
want_room(struct sandbox *s, struct ctx *cx, const struct upload_session *u, int64_t bytes)
{
	int64_t room = 0;
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = sessions_room(s, cx, u->owner.account_id, &room);
	TRY(store_leave(s, cx, STORE_READ, rc));
	return bytes <= room ? OK : refuse(cx, "too_large");
}

enum rc
session_append(
    struct sandbox *s, struct ctx *cx, struct upload_session *u, const struct session_piece *p)
{
	int64_t end;
	enum rc rc;

	TRY(check_piece(cx, u, p));
	if (p->offset > INT64_MAX - p->len)
		return refuse(cx, "too_large");
	end = p->offset + p->len;
	if (end > u->size)
		TRY(want_room(s, cx, u, end - u->size));
	rc = copy(cx, u, p);
	if (rc != OK) {
		/* What is beyond the size does not count, but it takes room. */
		if (!u->concurrent && ftruncate(u->fd, u->size) != 0)
			log_event(LOG_WARN, "sandbox.session_not_cut", KV_INT("errno", errno));
		return rc;
	}
	u->size = end > u->size ? end : u->size;
	u->closed = p->close;
	TRY(store_enter(s, cx, STORE_WRITE));
	rc = note_piece(s, cx, u, p);
	return store_leave(s, cx, STORE_WRITE, rc);
}

/* The pieces follow each other without a hole, from the start to the end. */
static enum rc
check_pieces(struct sandbox *s, struct ctx *cx, const struct upload_session *u)
{
	struct db_stmt *st;
	int64_t at = 0;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT start, size FROM upload_parts WHERE session_id = $1 ORDER BY start",
	    SQL_ARGS(T(u->id)), &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		if (db_col_int(st, 0) <= at && db_col_int(st, 0) + db_col_int(st, 1) > at)
			at = db_col_int(st, 0) + db_col_int(st, 1);
	}
	return at == u->size ? OK : refuse(cx, "concurrent_session_missing_data");
}

static enum rc
check_whole(struct sandbox *s, struct ctx *cx, const struct upload_session *u)
{
	enum rc rc;

	if (!u->concurrent)
		return OK;
	TRY(store_enter(s, cx, STORE_READ));
	rc = check_pieces(s, cx, u);
	return store_leave(s, cx, STORE_READ, rc);
}

enum rc
session_seal(
    struct sandbox *s, struct ctx *cx, struct upload_session *u, int64_t size, struct content *out)
{
	if (size != u->size)
		return incorrect_offset(cx, u);
	TRY(check_whole(s, cx, u));
	/* A piece that was cut off by a kill may have left more than was acknowledged. */
	if (ftruncate(u->fd, u->size) != 0)
		return content_broken(cx, errno, "cut");
	out->id = u->id;
	TRY(content_measure(cx, u->fd, out));
	return content_place_session(s, cx, u->fd, u->id);
}

enum rc
session_end(struct sandbox *s, struct ctx *cx, const struct upload_session *u)
{
	return sql_exec(
	    cx, s->db, NULL, "DELETE FROM upload_sessions WHERE id = $1", SQL_ARGS(T(u->id)));
}
