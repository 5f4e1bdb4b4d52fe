/* Bringing a snapshot back. A copy of its database is checked and prepared beside the live one, the
 * contents are linked in, and then one rename makes it the live one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/control/control.h"
#include "sandbox/control/snapshots_int.h"
#include "sandbox/core/schema.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/sweep.h"
#include "sandbox/tree/contents.h"

#define LIVE_DB "sandbox.db"
#define PIECE 65536

/* --- the database --- */

static bool
copy_bytes(int from, int to)
{
	char piece[PIECE];
	ssize_t n;

	while ((n = read(from, piece, sizeof(piece))) > 0) {
		if (write(to, piece, (size_t)n) != n)
			return false;
	}
	return n == 0;
}

static enum rc
copy_database(struct sandbox *s, struct ctx *cx, int dir)
{
	const char *path = snapshot_path(s, cx, RESTORED_DB);
	int from = openat(dir, SNAPSHOT_DB, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), to;
	struct stat st;
	bool ok;

	if (from < 0 || fstat(from, &st) != 0 || !S_ISREG(st.st_mode)) {
		if (from >= 0)
			close(from);
		return snapshot_broken(cx, "its database is missing");
	}
	unlink(path);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = to >= 0 && copy_bytes(from, to);
	close(from);
	if (to >= 0 && close(to) != 0)
		ok = false;
	return ok
	    ? OK
	    : fail(cx, E_STORE, "The file %s could not be written: %s.", path, strerror(errno));
}

/* The first column of the only row; empty without one. */
static enum rc
text_of(struct ctx *cx, struct db *db, const char *sql, struct str *out)
{
	struct db_stmt *st;
	bool row;

	*out = (struct str){ 0 };
	TRY(sql_bind(cx, db, sql, SQL_ARGS(), &st));
	TRY(db_step(cx, st, &row));
	if (row)
		*out = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

#define SCHEMA                                                                 \
	"SELECT group_concat(type || ' ' || name || ' ' || tbl_name || ' ' ||" \
	" coalesce(sql, ''), char(10))"                                        \
	" FROM (SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name)"

/* What the schema of a version is, by making it anew. */
static enum rc
schema_of(struct ctx *cx, int64_t version, struct str *out)
{
	struct db *scratch;
	enum rc rc;

	TRY(db_open_scratch(cx, &scratch));
	rc = db_migrate(cx, scratch, schema_steps, (size_t)version);
	if (rc == OK)
		rc = text_of(cx, scratch, SCHEMA, out);
	db_close(scratch);
	return rc;
}

/* One of an earlier version is brought up to date, once it is seen to have that version's schema and
 * nothing else: a trigger of a stranger's would run meanwhile. */
static enum rc
check_schema(struct ctx *cx, struct db *copy)
{
	struct str want, has;
	int64_t version;

	TRY(db_schema_version(cx, copy, &version));
	if (version < 1 || version > (int64_t)schema_step_count)
		return snapshot_broken(cx, "its database is not one of this program");
	TRY(schema_of(cx, version, &want));
	TRY(text_of(cx, copy, SCHEMA, &has));
	if (!str_eq(want, has))
		return snapshot_broken(cx, "its database is not one of this program");
	return db_migrate(cx, copy, schema_steps, schema_step_count);
}

/* A database that was made elsewhere, or by hand, has another key or another schema: no trigger or
 * view of a stranger gets into ours. */
static enum rc
check_database(struct sandbox *s, struct ctx *cx, struct db *copy)
{
	static const char key[] = "SELECT value FROM settings WHERE name = 'key_check'";
	struct str word, ours, its;

	TRY(text_of(cx, copy, "PRAGMA integrity_check(1)", &word));
	if (!str_eq(word, S("ok")))
		return snapshot_broken(cx, "its database is damaged");
	TRY(check_schema(cx, copy));
	TRY(text_of(cx, copy, "PRAGMA foreign_key_check", &word));
	if (word.len > 0)
		return snapshot_broken(cx, "its database contradicts itself");
	TRY(text_of(cx, s->db, key, &ours));
	TRY(text_of(cx, copy, key, &its));
	return str_eq(ours, its) ? OK : snapshot_broken(cx, "it is another sandbox's");
}

static enum rc
carry_session(struct ctx *cx, struct db_stmt *st, struct db *copy)
{
	return sql_exec(cx, copy, NULL,
	    "INSERT INTO sessions (digest, account_id, created_ms)"
	    " SELECT $1, id, $2 FROM accounts WHERE id = $3",
	    SQL_ARGS(B(db_col_blob(st, 0, cx->arena)), I(db_col_int(st, 2)),
		T(db_col_text(st, 1, cx->arena))));
}

static enum rc
carry_sessions(struct sandbox *s, struct ctx *cx, struct db *copy)
{
	struct db_stmt *st;
	bool row = true;

	TRY(sql_bind(
	    cx, s->db, "SELECT digest, account_id, created_ms FROM sessions", SQL_ARGS(), &st));
	while (row) {
		enum rc rc;

		TRY(db_step(cx, st, &row));
		rc = row ? carry_session(cx, st, copy) : OK;
		if (rc != OK) {
			db_done(st);
			return rc;
		}
	}
	return OK;
}

/* What belongs to this moment and not to that one. */
static enum rc
prepare_database(struct sandbox *s, struct ctx *cx, struct db *copy)
{
	static const char *const forget[] = { "DELETE FROM sessions", "DELETE FROM upload_sessions",
		"DELETE FROM upload_links", "DELETE FROM jobs",
		"DELETE FROM contents WHERE refs <= 0" };
	enum rc rc = OK;

	TRY(db_begin(cx, copy));
	for (size_t i = 0; rc == OK && i < sizeof(forget) / sizeof(forget[0]); i++)
		rc = sql_exec(cx, copy, NULL, forget[i], SQL_ARGS());
	if (rc == OK)
		rc = carry_sessions(s, cx, copy);
	if (rc == OK)
		rc = db_commit(cx, copy);
	db_rollback(copy);
	return rc;
}

/* --- contents --- */

static enum rc
check_content(struct ctx *cx, int fd, const struct content *want)
{
	struct content got;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != want->size)
		return snapshot_broken(cx, "a content is missing or cut");
	TRY(content_measure(cx, fd, &got));
	return str_eq(got.hash, want->hash) ? OK : snapshot_broken(cx, "a content is damaged");
}

/* A content that the live store still has is the same one: ids are random and never used again. */
static enum rc
link_back(struct ctx *cx, int from, int shelf, const struct content *want)
{
	struct stat st;
	int fd;
	enum rc rc;

	if (fstatat(shelf, want->id.p, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == want->size)
		return OK;
	fd = openat(from, want->id.p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	rc = check_content(cx, fd, want);
	if (fd >= 0)
		close(fd);
	TRY(rc);
	unlinkat(shelf, want->id.p, 0);
	if (linkat(from, want->id.p, shelf, want->id.p, 0) == 0 && fsync(shelf) == 0)
		return OK;
	return fail(cx, E_STORE, "A content could not be brought back: %s.", strerror(errno));
}

static enum rc
bring_content(struct sandbox *s, struct ctx *cx, int files, const struct content *want)
{
	int shelf = content_shelf(s, want->id, true), from = -1;
	char name[3] = { 0 };
	enum rc rc;

	if (shelf < 0)
		return snapshot_broken(cx, "a content has no proper name");
	memcpy(name, want->id.p, 2);
	from = snapshot_subdir(files, name, false);
	rc = link_back(cx, from, shelf, want);
	if (from >= 0)
		close(from);
	close(shelf);
	return rc;
}

static enum rc
bring_contents(struct sandbox *s, struct ctx *cx, int dir, struct db *copy)
{
	int files = snapshot_subdir(dir, "files", false);
	struct db_stmt *st;
	bool row = true;
	enum rc rc;

	if (files < 0)
		return snapshot_broken(cx, "its contents are missing");
	rc = sql_bind(cx, copy, "SELECT id, size, hash FROM contents", SQL_ARGS(), &st);
	while (rc == OK && row) {
		rc = db_step(cx, st, &row);
		if (rc == OK && row)
			rc = bring_content(s, cx, files,
			    &(struct content){ db_col_text(st, 0, cx->arena), db_col_int(st, 1),
				db_col_text(st, 2, cx->arena) });
	}
	close(files);
	return rc;
}

/* --- the change --- */

/* Until contents_weed has looked, contents may lie about that no database knows. */
static enum rc
set_mark(struct sandbox *s, struct ctx *cx)
{
	const char *path = snapshot_path(s, cx, WEED_MARK);
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok
	    ? OK
	    : fail(cx, E_STORE, "The file %s could not be written: %s.", path, strerror(errno));
}

static enum rc
prepare(struct sandbox *s, struct ctx *cx, int dir)
{
	struct db *copy = NULL;
	enum rc rc;

	TRY(copy_database(s, cx, dir));
	rc = db_open(cx, snapshot_path(s, cx, RESTORED_DB), &copy);
	if (rc == OK)
		rc = check_database(s, cx, copy);
	if (rc == OK)
		rc = prepare_database(s, cx, copy);
	if (rc == OK)
		rc = set_mark(s, cx);
	if (rc == OK)
		rc = bring_contents(s, cx, dir, copy);
	db_close(copy); /* writes its log back into the file */
	if (rc == OK || rc == E_CONFLICT)
		return rc;
	return snapshot_broken(cx, "%s", str_dup(cx->arena, str_of(cx->why)).p);
}

/* A log that somebody else keeps open would be read into the wrong database. */
static enum rc
rename_over(struct sandbox *s, struct ctx *cx)
{
	int data = open(str_cstr(cx->arena, s->data_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	enum rc rc = OK;

	if (data < 0)
		return fail(cx, E_STORE, "The data directory cannot be opened.");
	if (fstatat(data, LIVE_DB "-wal", &st, 0) == 0 ||
	    fstatat(data, RESTORED_DB "-wal", &st, 0) == 0)
		rc = fail(cx, E_BUSY, "Another program has the database open.");
	else if (renameat(data, RESTORED_DB, data, LIVE_DB) != 0 || fsync(data) != 0)
		rc = fail(
		    cx, E_STORE, "The database could not be put in place: %s.", strerror(errno));
	close(data);
	return rc;
}

static enum rc
take_over(struct sandbox *s, struct ctx *cx)
{
	const char *path = snapshot_path(s, cx, LIVE_DB);
	enum rc renamed, opened;

	s->stamp += db_runs(s->db) + 1; /* the new one begins to count */
	db_close(s->db);
	s->db = NULL;
	renamed = rename_over(s, cx);
	opened = db_open_with(cx, path, DB_SYNC_LATER, &s->db);
	if (opened != OK)
		s->db = NULL;
	return renamed != OK ? renamed : opened;
}

/* When this fails the mark stays, and the next start does it. */
static enum rc
weed(struct sandbox *s, struct ctx *cx)
{
	const char *mark = snapshot_path(s, cx, WEED_MARK);

	if (access(mark, F_OK) != 0)
		return OK;
	TRY(contents_weed(s, cx));
	unlink(mark);
	return OK;
}

static enum rc
settle(struct sandbox *s, struct ctx *cx)
{
	sweep_anew(s->sweep);
	TRY(counts_restore(s, cx));
	TRY(control_restore(s, cx));
	return weed(s, cx);
}

enum rc
snapshot_restore(struct sandbox *s, struct ctx *cx, struct str name)
{
	int all, dir;
	enum rc rc;

	TRY(snapshot_name_check(cx, name));
	all = snapshots_dir(s, cx);
	dir = all >= 0 ? snapshot_subdir(all, str_cstr(cx->arena, name), false) : -1;
	if (all >= 0)
		close(all);
	if (dir < 0)
		return fail_at(
		    cx, E_NOTFOUND, "no-snapshot", NULL, "There is no snapshot of this name.");
	rc = prepare(s, cx, dir);
	close(dir);
	if (rc == OK)
		rc = take_over(s, cx);
	if (rc == OK)
		return settle(s, cx);
	unlink(snapshot_path(s, cx, RESTORED_DB));
	if (s->db != NULL && weed(s, cx) != OK)
		return E_STORE;
	return rc;
}
