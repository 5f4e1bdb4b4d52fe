/* The driver for SQLite: one file, one process. */
#include "db/driver.h"
#include "db/sqlite_log.h"
#include "db/sqlite_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"

#define BUSY_MS 5000

struct sqlite_db {
	struct db db;
	sqlite3 *handle;
	struct map *statements; /* text -> struct sqlite_stmt */
	enum db_sync sync;
	bool made;              /* by this connection, and not yet on the disk */
	bool unsettled;         /* the transaction under way leaves it to db_settle */
	bool stuck;             /* what follows would not be synced: nothing is written any more */
	struct sqlite_log *log; /* NULL until it is written to */
};

struct sqlite_stmt {
	struct db_stmt st;
	sqlite3_stmt *handle;
	bool used;                              /* since it was done */
	unsigned char place[DB_PARAMS_MAX + 1]; /* of $1, $2 …; 0: not in the text */
};

static sqlite3 *
handle_of(struct db *db)
{
	return ((struct sqlite_db *)db)->handle;
}

static sqlite3_stmt *
stmt_of(struct db_stmt *st)
{
	return ((struct sqlite_stmt *)st)->handle;
}

static enum rc
classify(struct ctx *cx, struct db *db)
{
	int code = sqlite3_extended_errcode(handle_of(db)), primary = code & 0xff;

	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
		return fail(cx, E_CONFLICT, "It exists already.");
	if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
		return fail(cx, E_BUSY, "The database is busy.");
	if (primary == SQLITE_FULL)
		return fail_at(cx, E_STORE, "insufficient-storage", NULL,
		    "There is no room on the disk for the database.");
	return fail(
	    cx, E_STORE, "The database failed: %s (%d).", sqlite3_errmsg(handle_of(db)), code);
}

static void
free_statement(void *value)
{
	struct sqlite_stmt *st = value;

	sqlite3_finalize(st->handle);
	free(st);
}

static void
sqlite_close(struct db *db)
{
	struct sqlite_db *d = (struct sqlite_db *)db;

	map_free(d->statements, free_statement);
	sqlite3_close(d->handle);
	sqlite_log_free(d->log);
	free(d);
}

/* A write transaction has the file for itself. */
static enum rc
sqlite_lock_schema(struct ctx *cx, struct db *db)
{
	(void)cx, (void)db;
	return OK;
}

static void
sqlite_done(struct db_stmt *st)
{
	struct sqlite_stmt *s = (struct sqlite_stmt *)st;

	if (!s->used)
		return;
	sqlite3_reset(s->handle);
	sqlite3_clear_bindings(s->handle);
	s->used = false;
}

/* To SQLite "$2" is a name, and a name's place is where the text has it first. */
static void
find_places(struct sqlite_stmt *st)
{
	int count = sqlite3_bind_parameter_count(st->handle);
	int64_t number;

	for (int i = 1; i <= count; i++) {
		struct str name = str_of(sqlite3_bind_parameter_name(st->handle, i));

		if (str_int(str_sub(name, 1, name.len), 1, DB_PARAMS_MAX, &number))
			st->place[number] = (unsigned char)i;
	}
}

static enum rc
sqlite_stmt(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out)
{
	struct sqlite_db *d = (struct sqlite_db *)db;
	struct sqlite_stmt *st = map_get(d->statements, str_of(sql));

	if (st == NULL) {
		char *own = db_own_words(db->driver, sql);
		sqlite3_stmt *handle;
		int code = sqlite3_prepare_v3(
		    d->handle, own, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);

		free(own);
		if (code != SQLITE_OK)
			return classify(cx, db);
		st = mem_alloc(sizeof(*st));
		st->st.db = db;
		st->handle = handle;
		find_places(st);
		map_put(d->statements, str_of(sql), st);
	}
	sqlite_done(&st->st);
	*out = &st->st;
	return OK;
}

static void
sqlite_bind(struct db_stmt *st, int i, struct db_value v)
{
	sqlite3_destructor_type copied = st->db->lasting ? SQLITE_STATIC : SQLITE_TRANSIENT;
	sqlite3_stmt *h = stmt_of(st);

	if (i < 1 || i > DB_PARAMS_MAX)
		abort(); /* a statement of ours with too many parameters */
	((struct sqlite_stmt *)st)->used = true;
	i = ((struct sqlite_stmt *)st)->place[i];
	if (v.type == DB_INT || v.type == DB_PLACE)
		sqlite3_bind_int64(h, i, v.number);
	else if (v.type == DB_TEXT)
		sqlite3_bind_text64(h, i, v.bytes.p, v.bytes.len, copied, SQLITE_UTF8);
	else if (v.type == DB_BLOB)
		sqlite3_bind_blob64(h, i, v.bytes.p, v.bytes.len, copied);
	else
		sqlite3_bind_null(h, i);
}

static enum rc
not_settled(struct ctx *cx, int error)
{
	fail_at(cx, E_STORE, "not-settled", NULL,
	    "The database could not be brought to the disk: %s.", strerror(error));
	return fail_todo(cx, "See to the disk; it is tried again by itself.");
}

/* After a sync of the log that failed, by whoever writes next: what nobody knows to be on the disk is brought
 * there before anything else. Nobody writes to the log meanwhile, other processes included. */
static enum rc
mend_log(struct ctx *cx, struct sqlite_db *d)
{
	int error;

	if (d->stuck) {
		fail_at(cx, E_STORE, "not-settled", NULL,
		    "The database cannot be brought to the disk at each commit any more.");
		return fail_todo(cx, "Start valetkey again.");
	}
	if (sqlite3_exec(d->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return classify(cx, &d->db);
	error = sqlite_log_mend(d->log);
	sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
	return error == 0 ? OK : not_settled(cx, error);
}

static bool
may_write(const struct sqlite_db *d, sqlite3_stmt *st)
{
	if (!d->stuck && (d->log == NULL || sqlite_log_lost(d->log) == 0))
		return true;
	/* What has begun already is told at its commit. */
	return sqlite3_stmt_readonly(st) || !sqlite3_get_autocommit(d->handle);
}

static enum rc
sqlite_step(struct ctx *cx, struct db_stmt *st, bool *row)
{
	struct sqlite_stmt *s = (struct sqlite_stmt *)st;
	struct sqlite_db *d = (struct sqlite_db *)st->db;
	enum rc rc = OK;
	int code;

	*row = false;
	if (!may_write(d, s->handle))
		TRY(mend_log(cx, d));
	code = sqlite3_step(s->handle);
	s->used = true;
	*row = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = classify(cx, st->db);
	if (!*row)
		sqlite_done(st);
	return rc;
}

/* Prepared once, for what begins and ends transactions all the time; not for a PRAGMA, which does its
 * work while it is prepared. */
static enum rc
run_once(struct ctx *cx, struct db *db, const char *sql)
{
	struct db_stmt *st;
	bool row;

	TRY(sqlite_stmt(cx, db, sql, &st));
	return sqlite_step(cx, st, &row);
}

static enum rc
sqlite_exec(struct ctx *cx, struct db *db, const char *script)
{
	return sqlite3_exec(handle_of(db), script, NULL, NULL, NULL) == SQLITE_OK
	    ? OK
	    : classify(cx, db);
}

/* On the connection's own thread. */
static void
watch_log(struct sqlite_db *d)
{
	if (d->log == NULL)
		d->log = sqlite_log_watch(d->handle);
}

static enum rc
sqlite_begin(struct ctx *cx, struct db *db)
{
	TRY(run_once(cx, db, "BEGIN IMMEDIATE"));
	watch_log((struct sqlite_db *)db);
	return OK;
}

/* Only from outside a transaction can it be set. */
static enum rc
sqlite_begin_unsettled(struct ctx *cx, struct db *db)
{
	struct sqlite_db *d = (struct sqlite_db *)db;

	if (d->sync == DB_SYNC_COMMIT) {
		d->unsettled = true;
		TRY(sqlite_exec(cx, db, "PRAGMA synchronous=NORMAL"));
	}
	return sqlite_begin(cx, db);
}

/* What follows is on the disk at its commit again, or nothing follows. */
static void
end_unsettled(struct sqlite_db *d)
{
	if (d->unsettled &&
	    sqlite3_exec(d->handle, "PRAGMA synchronous=FULL", NULL, NULL, NULL) != SQLITE_OK)
		d->stuck = true;
	d->unsettled = false;
}

static enum rc
sqlite_begin_snapshot(struct ctx *cx, struct db *db)
{
	return sqlite_exec(cx, db, "BEGIN; SELECT count(*) FROM sqlite_schema");
}

static enum rc
sqlite_commit(struct ctx *cx, struct db *db)
{
	TRY(run_once(cx, db, "COMMIT"));
	end_unsettled((struct sqlite_db *)db);
	return OK;
}

static enum rc
sqlite_savepoint(struct ctx *cx, struct db *db, enum db_savepoint_step step)
{
	if (step == DB_SAVEPOINT_BEGIN)
		return run_once(cx, db, "SAVEPOINT part");
	if (step == DB_SAVEPOINT_UNDO)
		TRY(run_once(cx, db, "ROLLBACK TO part"));
	return run_once(cx, db, "RELEASE part");
}

static void
sqlite_rollback(struct db *db)
{
	sqlite3_exec(handle_of(db), "ROLLBACK", NULL, NULL, NULL);
	end_unsettled((struct sqlite_db *)db);
}

static void
sqlite_rest(struct db *db)
{
	sqlite3 *handle = handle_of(db);

	if (sqlite3_txn_state(handle, NULL) == SQLITE_TXN_NONE)
		return;
	for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(handle, st)) != NULL;)
		if (sqlite3_stmt_busy(st))
			sqlite3_reset(st);
}

/* --- when it is on the disk --- */

static bool
sync_main(struct sqlite_db *d)
{
	sqlite3_file *file = NULL;

	(void)sqlite3_file_control(d->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	return file == NULL || file->pMethods == NULL ||
	    file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

/* What was committed since the last checkpoint is in the log, all else in the file: a checkpoint syncs
 * both. A new log also syncs the directory. */
static enum rc
sqlite_settle(struct ctx *cx, struct db *db)
{
	struct sqlite_db *d = (struct sqlite_db *)db;
	int error = 0;

	if (d->made && !sync_main(d))
		return not_settled(cx, errno);
	watch_log(d);
	if (d->log != NULL)
		error = sqlite_log_sync(d->log);
	if (error != 0)
		return not_settled(cx, error);
	d->made = false;
	return OK;
}

static enum rc
set_sync(struct ctx *cx, struct db *db, bool off)
{
	struct sqlite_db *d = (struct sqlite_db *)db;

	if (off)
		return sqlite_exec(cx, db, "PRAGMA synchronous=OFF");
	return sqlite_exec(cx, db,
	    d->sync == DB_SYNC_COMMIT ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

/* Nobody relies on a database that is being made, so it is synced once, at the end. Power that fails
 * before leaves an empty file or a log whose checksums end early: both begin anew. */
static enum rc
sqlite_making(struct ctx *cx, struct db *db, bool begins)
{
	struct sqlite_db *d = (struct sqlite_db *)db;

	if (!d->made)
		return OK;
	TRY(set_sync(cx, db, begins));
	return !begins && d->sync == DB_SYNC_COMMIT ? sqlite_settle(cx, db) : OK;
}

/* The handle counts for the newest statement that wrote, which need not be this one. */
static int64_t
sqlite_changed(struct db_stmt *st)
{
	return sqlite3_stmt_readonly(stmt_of(st)) ? 0 : sqlite3_changes64(handle_of(st->db));
}

static int64_t
sqlite_col_int(struct db_stmt *st, int i)
{
	return sqlite3_column_int64(stmt_of(st), i);
}

static struct str
sqlite_col_bytes(struct db_stmt *st, int i)
{
	const void *p = sqlite3_column_blob(stmt_of(st), i); /* before its length is asked for */

	return (struct str){ p, (size_t)sqlite3_column_bytes(stmt_of(st), i) };
}

static bool
sqlite_col_null(struct db_stmt *st, int i)
{
	return sqlite3_column_type(stmt_of(st), i) == SQLITE_NULL;
}

static const struct db_driver driver = {
	.text_type = "TEXT",
	.place = "rowid",
	.blob_type = "BLOB",
	.catalog =
	    "SELECT m.name, p.name, p.type, p.pk FROM sqlite_schema m, pragma_table_info(m.name) p"
	    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid",
	.close = sqlite_close,
	.exec = sqlite_exec,
	.savepoint = sqlite_savepoint,
	.begin = sqlite_begin,
	.begin_unsettled = sqlite_begin_unsettled,
	.begin_snapshot = sqlite_begin_snapshot,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.rest = sqlite_rest,
	.settle = sqlite_settle,
	.making = sqlite_making,
	.lock_schema = sqlite_lock_schema,
	.stmt = sqlite_stmt,
	.bind = sqlite_bind,
	.step = sqlite_step,
	.done = sqlite_done,
	.changed = sqlite_changed,
	.col_int = sqlite_col_int,
	.col_bytes = sqlite_col_bytes,
	.col_null = sqlite_col_null,
};

/* SQLite would create the file with the umask's rights; ours is private from its first byte. */
static enum rc
create_private(struct ctx *cx, const char *path, bool *made)
{
	/* Only when it is new: closing any descriptor of a file ends all locks that this process has on it
	 * (fcntl(2)), and with them what another connection of ours relies on. */
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*made = fd >= 0;
	if (fd < 0 && errno != EEXIST)
		return fail(
		    cx, E_STORE, "The database %s could not be opened: %s.", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return OK;
}

/* Counting its memory would cost SQLite a lock at each allocation; nobody asks for the count. */
static void
configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* Where memory is watched over, each piece is the watcher's. */
#ifndef __SANITIZE_ADDRESS__
	sqlite3_config(SQLITE_CONFIG_MALLOC, &sqlite_memory);
#endif
}

static enum rc
open_handle(struct ctx *cx, const char *path, int flags, struct sqlite_db **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sqlite_db *d = mem_alloc(sizeof(*d));

	pthread_once(&once, configure);
	*out = d;
	d->db.driver = &driver;
	d->statements = map_new();
	if (sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return fail(cx, E_STORE, "The database %s could not be opened.", path);
	sqlite3_extended_result_codes(d->handle, 1);
	sqlite3_busy_timeout(d->handle, BUSY_MS);
	return OK;
}

static enum rc
opened(struct sqlite_db *d, enum rc rc, struct db **out)
{
	if (rc == OK)
		*out = &d->db;
	else
		sqlite_close(&d->db);
	return rc;
}

/* A checkpoint waits for the disk in the midst of a commit, so it is made every 16 MiB of the log, a
 * quarter as often as SQLite would. */
static enum rc
set_up(struct ctx *cx, struct sqlite_db *d)
{
	TRY(set_sync(cx, &d->db, d->made));
	TRY(sqlite_exec(cx, &d->db,
	    "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
	    "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
	    "PRAGMA wal_autocheckpoint=4000;"));
	return set_sync(cx, &d->db, false);
}

enum rc
sqlite_open(struct ctx *cx, const char *path, enum db_sync sync, struct db **out)
{
	struct sqlite_db *d;
	bool made;
	enum rc rc;

	TRY(create_private(cx, path, &made));
	rc = open_handle(cx, path, SQLITE_OPEN_READWRITE, &d);
	d->sync = sync;
	d->made = made;
	return opened(d, rc == OK ? set_up(cx, d) : rc, out);
}

enum rc
sqlite_open_scratch(struct ctx *cx, struct db **out)
{
	struct sqlite_db *d;
	enum rc rc = open_handle(cx, ":memory:", SQLITE_OPEN_READWRITE, &d);

	return opened(d, rc, out);
}

enum rc
sqlite_open_reading(struct ctx *cx, const char *path, struct db **out)
{
	struct sqlite_db *d;
	enum rc rc = open_handle(cx, path, SQLITE_OPEN_READONLY, &d);

	if (rc == OK)
		rc = sqlite_exec(cx, &d->db,
		    "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA query_only=ON;"
		    "SELECT count(*) FROM sqlite_schema");
	return opened(d, rc, out);
}
