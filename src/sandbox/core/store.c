#include "sandbox/core/store.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "sandbox/core/schema.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define PARTS_LOST "The database lost what requests had written together with this one."

static enum rc
check_key(struct sandbox *s, struct ctx *cx)
{
	struct str here = keyring_check_value(s->keys, cx->arena);
	struct str stored;

	TRY(store_setting_get(s, cx, S("key_check"), &stored));
	if (stored.len == 0)
		return store_setting_put(s, cx, S("key_check"), here);
	if (str_eq(stored, here))
		return OK;
	fail_at(cx, E_INPUT, "wrong-key", NULL,
	    "The file sandbox.key is not the key of the database sandbox.db beside it.");
	return fail_todo(cx, "Put the right key back, or start with an empty data directory.");
}

enum rc
sandbox_store_open(struct sandbox *s, struct ctx *cx, const char *dir)
{
	struct str db_path = str_printf(cx->arena, "%s/sandbox.db", dir);
	struct str key_path = str_printf(cx->arena, "%s/sandbox.key", dir);
	struct stat st;
	bool data_exists = stat(db_path.p, &st) == 0 && st.st_size > 0;
	enum rc rc;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return fail(cx, E_INPUT, "The data directory %s could not be made: %s.", dir,
		    strerror(errno));
	TRY(keyring_open(cx, key_path.p, KEY_MAKE_LATER, data_exists, &s->keys));
	TRY(db_open_with(cx, db_path.p, DB_SYNC_LATER, &s->db));
	TRY(db_migrate_whole(cx, s->db, &schema_whole, schema_steps, schema_step_count));
	TRY(store_enter(s, cx, STORE_WRITE));
	rc = check_key(s, cx);
	return store_leave(s, cx, STORE_WRITE, rc);
}

/* The key first: data without it could not be opened. */
enum rc
sandbox_store_settle(struct sandbox *s, struct ctx *cx)
{
	enum rc rc;

	file_sync(str_printf(cx->arena, "%.*s/sandbox.key", STR_ARG(s->data_dir)).p);
	TRY(store_enter(s, cx, STORE_READ));
	rc = db_settle(cx, s->db);
	return store_leave(s, cx, STORE_READ, rc);
}

void
sandbox_store_close(struct sandbox *s)
{
	db_close(s->db);
	keyring_free(s->keys);
}

/* Of the thread that runs requests together: whose lock it has. */
static _Thread_local const struct sandbox *sharing;

static void
tell_end(struct sandbox *s, bool kept)
{
	if (s->ended != NULL)
		s->ended(s, kept);
}

/* What is not committed. */
static void
take_back(struct sandbox *s)
{
	db_rollback(s->db);
	s->stamp++;
}

enum rc
store_enter(struct sandbox *s, struct ctx *cx, enum store_use use)
{
	enum rc rc = OK;

	if (sharing == s && use == STORE_READ)
		return OK;
	pthread_mutex_lock(&s->lock);
	s->keep = false;
	s->tidied = false;
	if (s->db == NULL)
		rc = fail(cx, E_STORE, "The database was lost when a snapshot was restored.");
	else if (use == STORE_WRITE)
		rc = db_begin(cx, s->db);
	s->writing = use == STORE_WRITE;
	if (rc != OK)
		pthread_mutex_unlock(&s->lock);
	return rc;
}

enum rc
store_leave(struct sandbox *s, struct ctx *cx, enum store_use use, enum rc rc)
{
	bool written = false;

	if (sharing == s && use == STORE_READ)
		return rc;
	if (use == STORE_WRITE && (rc == OK || s->keep)) {
		enum rc committed = db_commit(cx, s->db);

		written = committed == OK;
		if (!written)
			rc = committed;
	}
	if (use == STORE_WRITE) {
		take_back(s);
		tell_end(s, written);
	}
	pthread_mutex_unlock(&s->lock);
	if (written && s->committed != NULL)
		s->committed(s);
	return rc;
}

enum rc
store_share(struct sandbox *s, struct ctx *cx)
{
	TRY(store_enter(s, cx, STORE_WRITE));
	sharing = s;
	s->parts = 0;
	s->parts_lost = s->writing = false;
	return OK;
}

static bool
has_savepoint(const struct sandbox *s, enum store_use use)
{
	return use == STORE_WRITE || s->careful;
}

/* Of those that share a transaction, the first that loses it: they run again. */
static enum rc
lose_parts(struct sandbox *s, struct ctx *cx)
{
	if (s->careful)
		return cx->rc;
	log_event(LOG_WARN, "sandbox.again", KV_STR("why", str_of(cx->why)));
	return E_AGAIN;
}

enum rc
store_part_enter(struct sandbox *s, struct ctx *cx, enum store_use use)
{
	s->keep = false;
	s->tidied = s->parts > 0; /* what earlier parts gave up is not committed yet */
	s->parts++;
	if (s->parts_lost)
		return fail(cx, E_STORE, PARTS_LOST);
	s->writing = true;
	s->part_from = db_runs(s->db);
	if (has_savepoint(s, use))
		s->parts_lost = db_savepoint(cx, s->db) != OK;
	return s->parts_lost ? lose_parts(s, cx) : OK;
}

enum rc
store_part_leave(struct sandbox *s, struct ctx *cx, enum store_use use, enum rc rc)
{
	bool stays = rc == OK || s->keep;

	s->writing = false;
	/* A database that ran out of room may have ended the transaction by itself. */
	if (has_savepoint(s, use))
		s->parts_lost = db_savepoint_end(cx, s->db, stays) != OK;
	else
		s->parts_lost = !stays && db_runs(s->db) != s->part_from;
	if (!stays && db_runs(s->db) != s->part_from) {
		s->stamp++;
		tell_end(s, false);
	}
	return s->parts_lost ? lose_parts(s, cx) : rc;
}

static enum rc
commit_parts(struct sandbox *s, struct ctx *cx)
{
	if (!s->parts_lost)
		return db_commit(cx, s->db);
	return s->careful ? fail(cx, E_STORE, PARTS_LOST) : E_AGAIN;
}

enum rc
store_settle(struct sandbox *s, struct ctx *cx)
{
	enum rc rc = commit_parts(s, cx);
	bool written = rc == OK && s->parts > 0;

	if (rc != OK)
		take_back(s);
	tell_end(s, rc == OK);
	if (rc != OK && s->undone != NULL)
		s->undone(s);
	s->keep = false;
	s->careful = rc == E_AGAIN;
	sharing = NULL;
	pthread_mutex_unlock(&s->lock);
	if (written && s->committed != NULL)
		s->committed(s);
	return rc;
}

enum rc
store_note_begin(struct sandbox *s, struct ctx *cx)
{
	if (s->writing)
		return OK;
	if (sharing != s)
		return db_begin(cx, s->db);
	s->parts_lost = s->parts_lost || db_savepoint(cx, s->db) != OK;
	return s->parts_lost ? fail(cx, E_STORE, PARTS_LOST) : OK;
}

enum rc
store_note_end(struct sandbox *s, struct ctx *cx, enum rc rc)
{
	if (s->writing)
		return rc;
	if (sharing == s) {
		s->parts_lost = db_savepoint_end(cx, s->db, rc == OK) != OK;
		s->stamp++;
		rc = s->parts_lost ? cx->rc : rc;
		if (rc != OK)
			tell_end(s, false);
		return rc;
	}
	if (rc == OK)
		rc = db_commit(cx, s->db);
	take_back(s);
	tell_end(s, rc == OK);
	return rc;
}

uint64_t
store_stamp(const struct sandbox *s)
{
	return db_runs(s->db) + s->stamp;
}

void
store_stamp_keep(struct sandbox *s)
{
	s->stamp--;
}

void
store_keep(struct sandbox *s)
{
	s->keep = true;
}

enum rc
store_setting_get(struct sandbox *s, struct ctx *cx, struct str name, struct str *out)
{
	struct db_stmt *st;
	bool row;

	*out = (struct str){ 0 };
	TRY(sql_bind(
	    cx, s->db, "SELECT value FROM settings WHERE name = $1", SQL_ARGS(T(name)), &st));
	TRY(db_step(cx, st, &row));
	if (row)
		*out = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

enum rc
store_setting_put(struct sandbox *s, struct ctx *cx, struct str name, struct str value)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO settings (name, value) VALUES ($1, $2)"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	    SQL_ARGS(T(name), T(value)));
}
