#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "db/db.h"

#define BUSY_MS 5000

struct db {
	sqlite3 *handle;
	struct map *statements; /* text -> struct db_stmt */
	bool in_transaction;
};

struct db_stmt {
	struct db *db;
	sqlite3_stmt *handle;
};

static enum rc
classify(struct ctx *cx, struct db *db, int code)
{
	int primary = code & 0xff;

	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
		return fail(cx, E_CONFLICT, "It exists already.");
	if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
		return fail(cx, E_BUSY, "The database is busy.");
	return fail(cx, E_STORE, "The database failed: %s (%d).", sqlite3_errmsg(db->handle), code);
}

static enum rc
exec(struct ctx *cx, struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? OK : classify(cx, db, sqlite3_extended_errcode(db->handle));
}

/* SQLite would create the file with the umask's rights; ours is private from its first byte. */
static enum rc
create_private(struct ctx *cx, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(
		    cx, E_STORE, "The database %s could not be opened: %s.", path, strerror(errno));
	close(fd);
	return OK;
}

enum rc
db_open(struct ctx *cx, const char *path, struct db **out)
{
	struct db *db;
	enum rc rc;

	TRY(create_private(cx, path));
	db = mem_alloc(sizeof(*db));
	db->statements = map_new();
	if (sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		rc = fail(cx, E_STORE, "The database %s could not be opened.", path);
		db_close(db);
		return rc;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	rc = exec(cx, db,
	    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
	    "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;");
	if (rc != OK) {
		db_close(db);
		return rc;
	}
	*out = db;
	return OK;
}

static void
free_statement(void *value)
{
	struct db_stmt *st = value;

	sqlite3_finalize(st->handle);
	free(st);
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	map_free(db->statements, free_statement);
	sqlite3_close(db->handle);
	free(db);
}

static enum rc
schema_version(struct ctx *cx, struct db *db, int64_t *version)
{
	struct db_stmt *st;
	bool row;

	TRY(exec(cx, db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"));
	TRY(db_stmt(cx, db, "SELECT coalesce(max(version), 0) FROM schema_version", &st));
	TRY(db_step(cx, st, &row));
	*version = db_col_int(st, 0);
	db_done(st);
	return OK;
}

static enum rc
apply_step(struct ctx *cx, struct db *db, const char *script, int64_t version)
{
	struct db_stmt *st;

	TRY(exec(cx, db, script));
	TRY(db_stmt(cx, db, "INSERT INTO schema_version (version) VALUES ($1)", &st));
	db_bind_int(st, 1, version);
	return db_run(cx, st, NULL);
}

enum rc
db_migrate(struct ctx *cx, struct db *db, const char *const *steps, size_t count)
{
	int64_t version;
	enum rc rc = OK;

	TRY(db_begin(cx, db));
	rc = schema_version(cx, db, &version);
	if (rc == OK && version > (int64_t)count)
		rc = fail(
		    cx, E_STORE, "The data directory was written by a newer version of valetkey.");
	for (size_t i = (size_t)version; rc == OK && i < count; i++)
		rc = apply_step(cx, db, steps[i], (int64_t)i + 1);
	if (rc == OK)
		rc = db_commit(cx, db);
	db_rollback(db);
	return rc;
}

enum rc
db_begin(struct ctx *cx, struct db *db)
{
	TRY(exec(cx, db, "BEGIN IMMEDIATE"));
	db->in_transaction = true;
	return OK;
}

enum rc
db_commit(struct ctx *cx, struct db *db)
{
	TRY(exec(cx, db, "COMMIT"));
	db->in_transaction = false;
	return OK;
}

void
db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->in_transaction = false;
}

enum rc
db_stmt(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out)
{
	struct db_stmt *st = map_get(db->statements, str_of(sql));

	if (st == NULL) {
		sqlite3_stmt *handle;

		if (sqlite3_prepare_v3(
			db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL) != SQLITE_OK)
			return classify(cx, db, sqlite3_extended_errcode(db->handle));
		st = mem_alloc(sizeof(*st));
		st->db = db;
		st->handle = handle;
		map_put(db->statements, str_of(sql), st);
	}
	db_done(st);
	*out = st;
	return OK;
}

void
db_bind_int(struct db_stmt *st, int i, int64_t v)
{
	sqlite3_bind_int64(st->handle, i, v);
}

void
db_bind_text(struct db_stmt *st, int i, struct str v)
{
	sqlite3_bind_text64(
	    st->handle, i, v.p != NULL ? v.p : "", v.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void
db_bind_blob(struct db_stmt *st, int i, struct str v)
{
	sqlite3_bind_blob64(st->handle, i, v.p != NULL ? v.p : "", v.len, SQLITE_TRANSIENT);
}

void
db_bind_null(struct db_stmt *st, int i)
{
	sqlite3_bind_null(st->handle, i);
}

enum rc
db_step(struct ctx *cx, struct db_stmt *st, bool *row)
{
	int code = sqlite3_step(st->handle);
	enum rc rc = OK;

	*row = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = classify(cx, st->db, sqlite3_extended_errcode(st->db->handle));
	if (!*row)
		db_done(st);
	return rc;
}

enum rc
db_run(struct ctx *cx, struct db_stmt *st, int64_t *changed)
{
	bool row = true;

	while (row)
		TRY(db_step(cx, st, &row));
	if (changed != NULL)
		*changed = sqlite3_changes64(st->db->handle);
	return OK;
}

void
db_done(struct db_stmt *st)
{
	sqlite3_reset(st->handle);
	sqlite3_clear_bindings(st->handle);
}

int64_t
db_col_int(struct db_stmt *st, int i)
{
	return sqlite3_column_int64(st->handle, i);
}

static struct str
copy_column(struct db_stmt *st, int i, const void *p, struct arena *a)
{
	return str_dup(a, (struct str){ p, (size_t)sqlite3_column_bytes(st->handle, i) });
}

struct str
db_col_text(struct db_stmt *st, int i, struct arena *a)
{
	return copy_column(st, i, sqlite3_column_text(st->handle, i), a);
}

struct str
db_col_blob(struct db_stmt *st, int i, struct arena *a)
{
	return copy_column(st, i, sqlite3_column_blob(st->handle, i), a);
}

bool
db_col_null(struct db_stmt *st, int i)
{
	return sqlite3_column_type(st->handle, i) == SQLITE_NULL;
}
