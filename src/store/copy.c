#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/reply.h"
#include "store/store_int.h"
#include "store/table.h"

#define ALONE_WAIT_MS 2000
#define ALONE_AGAIN_MS 20

/* One copying. */
struct copying {
	const struct store_copy *copy;
	struct db *from, *to;
	int64_t version; /* of the source's schema */
	struct table *tables;
	size_t count;
	bool backup; /* the target gets the digests as well */
};

static bool
has_table(const struct db_column *columns, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(columns[i].table, name))
			return true;
	return false;
}

static enum rc
nothing_there(struct ctx *cx, const char *where)
{
	struct str name = db_describe(cx->arena, where);

	fail(cx, E_INPUT, "There is no manager's data in %.*s.", STR_ARG(name));
	return fail_todo(cx, "Name what valetkey serve uses, or a backup of it.");
}

/* Without db_schema_version, which makes the table. */
static enum rc
read_version(struct ctx *cx, struct copying *c)
{
	struct db_column *columns;
	struct db_stmt *st;
	size_t count;
	bool row;

	TRY(db_columns(cx, c->from, &columns, &count));
	if (!has_table(columns, count, S("schema_version")) ||
	    !has_table(columns, count, S("meta")))
		return nothing_there(cx, c->copy->from);
	TRY(db_stmt(cx, c->from, "SELECT coalesce(max(version), 0) FROM schema_version", &st));
	TRY(db_step(cx, st, &row));
	c->version = db_col_int(st, 0);
	db_done(st);
	if (c->version <= (int64_t)store_schema_count)
		return OK;
	fail_at(cx, E_INPUT, "schema-too-new", NULL, "The data was written by a newer valetkey.");
	return fail_todo(cx, "Use the newer program for it. Nothing was changed.");
}

/* The server of a database knows for a moment of one that has ended. */
static enum rc
want_alone(struct ctx *cx, struct db *db, const char *where)
{
	struct str name = db_describe(cx->arena, where);
	int64_t until = clock_mono_ms() + ALONE_WAIT_MS;
	bool alone;

	TRY(db_claim_alone(cx, db, &alone));
	while (!alone && clock_mono_ms() < until) {
		clock_pause_ms(ALONE_AGAIN_MS);
		TRY(db_claim_alone(cx, db, &alone));
	}
	if (alone)
		return OK;
	fail(cx, E_CONFLICT, "A valetkey serves from %.*s.", STR_ARG(name));
	return fail_todo(cx, "Stop it first: what it writes meanwhile would be lost.");
}

static enum rc
open_from(struct ctx *cx, struct copying *c)
{
	const char *where = c->copy->from;

	if (!db_is_url(str_of(where)) && access(where, R_OK) != 0)
		return errno == ENOENT
		    ? nothing_there(cx, where)
		    : fail(cx, E_INPUT, "%s cannot be read: %s.", where, strerror(errno));
	TRY(db_open_reading(cx, where, &c->from));
	if (c->copy->moving)
		TRY(want_alone(cx, c->from, where));
	TRY(db_begin_snapshot(cx, c->from));
	TRY(read_version(cx, c));
	return table_list(cx, c->from, &c->tables, &c->count);
}

static enum rc
not_empty(struct ctx *cx, const char *where)
{
	struct str name = db_describe(cx->arena, where);

	fail(cx, E_CONFLICT, "There is data in %.*s already.", STR_ARG(name));
	return fail_todo(cx, "Name an empty place. Nothing was changed.");
}

/* The same tables as the source's, and no row in them. */
static enum rc
check_target(struct ctx *cx, struct copying *c)
{
	struct table *tables;
	size_t count;
	int64_t rows;

	TRY(table_list(cx, c->to, &tables, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(table_count(cx, c->to, &tables[i], &rows));
		if (rows > 0)
			return not_empty(cx, c->copy->to);
	}
	for (size_t i = 0; i < c->count; i++)
		if (count != c->count || !table_same(&tables[i], &c->tables[i]))
			return fail(cx, E_INPUT, "The table %.*s is not the same in both.",
			    STR_ARG(c->tables[i].name));
	return OK;
}

static enum rc
open_to(struct ctx *cx, struct copying *c)
{
	int64_t version;

	TRY(db_open(cx, c->copy->to, &c->to));
	TRY(want_alone(cx, c->to, c->copy->to));
	TRY(db_schema_version(cx, c->to, &version));
	if (version > c->version)
		return not_empty(cx, c->copy->to);
	TRY(db_migrate(cx, c->to, store_schema, (size_t)c->version));
	return check_target(cx, c);
}

/* What is in the target is read back and compared before it is committed. */
static enum rc
copy_table(struct ctx *cx, struct copying *c, struct table *t)
{
	struct table back = *t;

	TRY(table_read(cx, c->from, t, c->to));
	TRY(table_read(cx, c->to, &back, NULL));
	if (back.rows != t->rows || !str_eq(back.digest, t->digest))
		return fail(cx, E_STORE,
		    "The table %.*s did not arrive as it was; nothing was copied.",
		    STR_ARG(t->name));
	if (c->copy->told != NULL)
		c->copy->told(c->copy->arg, t->name, t->rows);
	return OK;
}

static enum rc
write_digests(struct ctx *cx, struct copying *c)
{
	static const char *const steps[] = { "CREATE TABLE backup_digest (name TEXT PRIMARY KEY,"
					     " rows BIGINT NOT NULL, digest BLOB NOT NULL)" };
	struct db_stmt *st;

	TRY(db_stmt(cx, c->to, steps[0], &st));
	TRY(db_run(cx, st, NULL));
	for (size_t i = 0; i < c->count; i++) {
		TRY(db_stmt(cx, c->to,
		    "INSERT INTO backup_digest (name, rows, digest) VALUES ($1, $2, $3)", &st));
		db_bind_text(st, 1, c->tables[i].name);
		db_bind_int(st, 2, c->tables[i].rows);
		db_bind_blob(st, 3, c->tables[i].digest);
		TRY(db_run(cx, st, NULL));
	}
	return OK;
}

/* A file that was cut or that something was put behind is not what was written. */
static enum rc
check_size(struct ctx *cx, struct copying *c)
{
	struct db_stmt *st;
	struct stat file;
	int64_t size;
	bool row;

	TRY(db_stmt(cx, c->from,
	    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &st));
	TRY(db_step(cx, st, &row));
	size = db_col_int(st, 0);
	db_done(st);
	if (stat(c->copy->from, &file) == 0 && file.st_size == size)
		return OK;
	return fail(cx, E_STORE, "The backup is damaged: it is %s than what was written.",
	    file.st_size < size ? "shorter" : "longer");
}

/* A backup says itself what its rows must be. */
static enum rc
check_digests(struct ctx *cx, struct copying *c)
{
	struct db_column *columns;
	struct db_stmt *st;
	size_t count;
	bool row;

	TRY(db_columns(cx, c->from, &columns, &count));
	if (!has_table(columns, count, S("backup_digest")))
		return OK;
	TRY(check_size(cx, c));
	for (size_t i = 0; i < c->count; i++) {
		TRY(db_stmt(
		    cx, c->from, "SELECT rows, digest FROM backup_digest WHERE name = $1", &st));
		db_bind_text(st, 1, c->tables[i].name);
		TRY(db_step(cx, st, &row));
		if (!row || db_col_int(st, 0) != c->tables[i].rows ||
		    !str_eq(db_col_blob(st, 1, cx->arena), c->tables[i].digest))
			return fail(cx, E_STORE,
			    "The backup is damaged: its table %.*s is not what was written.",
			    STR_ARG(c->tables[i].name));
		db_done(st);
	}
	return OK;
}

/* A reply that a process which was ended has left beside its token is looked for there by nobody but the start on
 * a file: reply.h. */
static enum rc
move_replies(struct ctx *cx, struct copying *c)
{
	return db_is_shared(c->to) && c->version >= REPLY_STEP
	    ? reply_recover(cx, c->to, clock_now_ms(cx->clock))
	    : OK;
}

static enum rc
copy_all(struct ctx *cx, struct copying *c)
{
	TRY(open_from(cx, c));
	TRY(open_to(cx, c));
	TRY(db_begin(cx, c->to));
	for (size_t i = 0; i < c->count; i++)
		TRY(copy_table(cx, c, &c->tables[i]));
	TRY(check_digests(cx, c));
	TRY(move_replies(cx, c));
	if (c->backup)
		TRY(write_digests(cx, c));
	return db_commit(cx, c->to);
}

static enum rc
run_copying(struct ctx *cx, struct copying *c)
{
	enum rc rc = copy_all(cx, c);

	if (c->to != NULL)
		db_rollback(c->to);
	if (c->from != NULL)
		db_rollback(c->from);
	db_close(c->to);
	db_close(c->from);
	return rc;
}

/* A file that came to nothing is not left for somebody to trust. */
static void
remove_database(struct ctx *cx, const char *path)
{
	static const char *const parts[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		unlink(str_printf(cx->arena, "%s%s", path, parts[i]).p);
}

enum rc
store_copy(struct ctx *cx, const struct store_copy *copy)
{
	bool is_new = !db_is_url(str_of(copy->to)) && access(copy->to, F_OK) != 0;
	enum rc rc = run_copying(cx, &(struct copying){ .copy = copy });

	if (rc != OK && is_new)
		remove_database(cx, copy->to);
	return rc;
}

/* --- backups --- */

static enum rc
exists_already(struct ctx *cx, const char *file)
{
	fail(cx, E_CONFLICT, "%s exists already.", file);
	return fail_todo(cx, "Name a file that does not exist; a backup is never written over.");
}

/* One file alone, without the log that a serving database has beside it. */
static enum rc
settle(struct ctx *cx, const char *file)
{
	struct db_stmt *st;
	struct db *db;
	enum rc rc;

	TRY(db_open(cx, file, &db));
	rc = db_stmt(cx, db, "PRAGMA journal_mode = DELETE", &st);
	if (rc == OK)
		rc = db_run(cx, st, NULL);
	db_close(db);
	return rc;
}

/* Never in the place of another file. Not every file system has a second name for a file. */
static bool
rename_new(const char *part, const char *file)
{
	return renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE) == 0 ||
	    (errno == EINVAL && link(part, file) == 0);
}

/* Under its name only once it is whole, and on the disk by then. */
static enum rc
give_name(struct ctx *cx, const char *part, const char *file)
{
	bool ok = file_sync(part) && rename_new(part, file) && file_sync_name(file);
	int error = errno;

	if (ok)
		return OK;
	if (error == EEXIST)
		return exists_already(cx, file);
	return fail(cx, E_STORE, "%s could not be written: %s.", file, strerror(error));
}

enum rc
store_backup(struct ctx *cx, const struct store_copy *copy)
{
	const char *part = str_printf(cx->arena, "%s.part", copy->to).p;
	struct store_copy to_part = *copy;
	enum rc rc;

	if (access(copy->to, F_OK) == 0)
		return exists_already(cx, copy->to);
	remove_database(cx, part); /* of one that was cut off */
	to_part.to = part;
	rc = run_copying(cx, &(struct copying){ .copy = &to_part, .backup = true });
	if (rc == OK)
		rc = settle(cx, part);
	if (rc == OK)
		rc = give_name(cx, part, copy->to);
	remove_database(cx, part);
	return rc;
}

enum rc
store_backup_key(struct ctx *cx, const char *file, struct str *mark)
{
	struct db_stmt *st;
	struct db *db;
	bool row;
	enum rc rc;

	TRY(db_open_reading(cx, file, &db));
	rc = db_stmt(cx, db, "SELECT value FROM meta WHERE name = 'key check'", &st);
	if (rc == OK)
		rc = db_step(cx, st, &row);
	if (rc == OK)
		*mark = row ? str_sub(db_col_text(st, 0, cx->arena), 0, STORE_KEY_MARK) : S("");
	db_close(db);
	return rc;
}
