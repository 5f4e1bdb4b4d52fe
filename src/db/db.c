#include "db/db.h"

#include <poll.h>

#include "base/buf.h"
#include "base/clock.h"
#include "db/driver.h"

#define SCRIPT_MAX (1 << 20)
#define COLUMNS_MAX 1000

bool
db_is_url(struct str where)
{
	return str_starts(where, S("postgres://")) || str_starts(where, S("postgresql://"));
}

struct str
db_describe(struct arena *a, const char *where)
{
	return db_is_url(str_of(where)) ? postgres_describe(a, where) : str_dup(a, str_of(where));
}

enum rc
db_open_with(struct ctx *cx, const char *where, enum db_sync sync, struct db **out)
{
	return db_is_url(str_of(where)) ? postgres_open(cx, where, out)
					: sqlite_open(cx, where, sync, out);
}

enum rc
db_open(struct ctx *cx, const char *where, struct db **out)
{
	return db_open_with(cx, where, DB_SYNC_COMMIT, out);
}

enum rc
db_open_scratch(struct ctx *cx, struct db **out)
{
	return sqlite_open_scratch(cx, out);
}

enum rc
db_open_reading(struct ctx *cx, const char *where, struct db **out)
{
	return db_is_url(str_of(where)) ? postgres_open(cx, where, out)
					: sqlite_open_reading(cx, where, out);
}

void
db_close(struct db *db)
{
	if (db != NULL)
		db->driver->close(db);
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_';
}

/* What differs between the databases: how a schema calls text and bytes, and what is for one of them alone. */
static const char *
own_types(struct ctx *cx, const struct db_driver *driver, const char *script)
{
	struct buf out = buf_in(cx->arena, SCRIPT_MAX);
	struct str left = str_of(script);

	while (left.len > 0) {
		size_t n = 0;
		struct str word;

		while (n < left.len && is_word(left.p[n]))
			n++;
		word = str_sub(left, 0, n > 0 ? n : 1);
		if (str_eq(word, S("BLOB")))
			buf_add(&out, str_of(driver->blob_type));
		else if (str_eq(word, S("TEXT")))
			buf_add(&out, str_of(driver->text_type));
		else if (str_eq(word, S("ON_POSTGRES")))
			buf_add(&out, driver->listen != NULL ? S("") : S("--"));
		else
			buf_add(&out, word);
		left = str_sub(left, word.len, left.len);
	}
	return str_cstr(cx->arena, buf_str(&out));
}

char *
db_own_words(const struct db_driver *driver, const char *sql)
{
	static const char word[] = "ROW_PLACE";
	struct buf out = buf_heap(SCRIPT_MAX);
	const char *at;

	for (; (at = strstr(sql, word)) != NULL; sql = at + sizeof(word) - 1) {
		buf_add(&out, (struct str){ sql, (size_t)(at - sql) });
		buf_add(&out, str_of(driver->place));
	}
	buf_add(&out, str_of(sql));
	buf_addc(&out, '\0');
	return out.p;
}

enum rc
db_schema_version(struct ctx *cx, struct db *db, int64_t *version)
{
	struct db_stmt *st;
	bool row;

	TRY(db->driver->exec(
	    cx, db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"));
	TRY(db_stmt(cx, db, "SELECT coalesce(max(version), 0) FROM schema_version", &st));
	TRY(db_step(cx, st, &row));
	*version = db_col_int(st, 0);
	db_done(st);
	return OK;
}

static enum rc
locked_version(struct ctx *cx, struct db *db, int64_t *version)
{
	TRY(db->driver->lock_schema(cx, db));
	return db_schema_version(cx, db, version);
}

enum rc
db_schema_look(struct ctx *cx, struct db *db, int64_t *version)
{
	enum rc rc;

	TRY(db_begin(cx, db));
	rc = locked_version(cx, db, version);
	db_rollback(db);
	return rc;
}

static enum rc
apply(struct ctx *cx, struct db *db, const char *script)
{
	return db->driver->exec(cx, db, own_types(cx, db->driver, script));
}

static enum rc
record(struct ctx *cx, struct db *db, int64_t version)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, db, "INSERT INTO schema_version (version) VALUES ($1)", &st));
	db_bind_int(st, 1, version);
	return db_run(cx, st, NULL);
}

static enum rc
too_new(struct ctx *cx, int64_t version, size_t count)
{
	fail_at(cx, E_INPUT, "schema-too-new", NULL,
	    "The data was written by a newer valetkey: its schema is %lld, and this program knows "
	    "%lld.",
	    (long long)version, (long long)count);
	return fail_todo(cx,
	    "Start the newer program, or restore a backup made before the upgrade. Nothing was "
	    "changed.");
}

static enum rc
migrate(struct ctx *cx, struct db *db, const struct db_whole *whole, const char *const *steps,
    size_t count)
{
	size_t made = 0;
	int64_t version;

	TRY(locked_version(cx, db, &version));
	if (version > (int64_t)count)
		return too_new(cx, version, count);
	if (version == 0 && whole != NULL && whole->steps <= count) {
		TRY(apply(cx, db, whole->script));
		made = whole->steps;
	}
	for (size_t i = (size_t)version; i < count; i++) {
		if (i >= made)
			TRY(apply(cx, db, steps[i]));
		TRY(record(cx, db, (int64_t)i + 1));
	}
	return db_commit(cx, db);
}

static enum rc
making(struct ctx *cx, struct db *db, bool begins)
{
	return db->driver->making != NULL ? db->driver->making(cx, db, begins) : OK;
}

enum rc
db_migrate_whole(struct ctx *cx, struct db *db, const struct db_whole *whole,
    const char *const *steps, size_t count)
{
	enum rc rc;

	TRY(making(cx, db, true));
	rc = db_begin(cx, db);
	if (rc == OK)
		rc = migrate(cx, db, whole, steps, count);
	db_rollback(db);
	return rc == OK ? making(cx, db, false) : rc;
}

enum rc
db_migrate(struct ctx *cx, struct db *db, const char *const *steps, size_t count)
{
	return db_migrate_whole(cx, db, NULL, steps, count);
}

static enum rc
type_of(struct ctx *cx, struct str column, struct str type, enum db_type *out)
{
	if (str_eq_nocase(type, S("TEXT")))
		*out = DB_TEXT;
	else if (str_eq_nocase(type, S("BIGINT")) || str_eq_nocase(type, S("INTEGER")))
		*out = DB_INT;
	else if (str_eq_nocase(type, S("BLOB")) || str_eq_nocase(type, S("bytea")))
		*out = DB_BLOB;
	else
		return fail(cx, E_BUG, "The column %.*s has the type %.*s.", STR_ARG(column),
		    STR_ARG(type));
	return OK;
}

enum rc
db_columns(struct ctx *cx, struct db *db, struct db_column **out, size_t *count)
{
	struct db_column *all = ARENA_ARRAY(cx->arena, struct db_column, COLUMNS_MAX);
	struct db_stmt *st;
	bool row;

	*count = 0;
	*out = all;
	TRY(db_stmt(cx, db, db->driver->catalog, &st));
	for (;;) {
		struct db_column *c = &all[*count];

		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		if (++*count == COLUMNS_MAX)
			return fail(cx, E_BUG, "The database has too many columns.");
		c->table = db_col_text(st, 0, cx->arena);
		c->name = db_col_text(st, 1, cx->arena);
		TRY(type_of(cx, c->name, db_col_text(st, 2, cx->arena), &c->type));
		c->key = (int)db_col_int(st, 3);
	}
}

static enum rc
begin(struct ctx *cx, struct db *db, enum rc (*how)(struct ctx *cx, struct db *db))
{
	enum rc rc;

	if (db->in_savepoint)
		return OK;
	rc = how(cx, db);
	if (rc == OK)
		db->in_transaction = true;
	else
		db->driver->rollback(db); /* it may have begun, and only the answer was lost */
	return rc;
}

enum rc
db_begin(struct ctx *cx, struct db *db)
{
	return begin(cx, db, db->driver->begin);
}

enum rc
db_begin_unsettled(struct ctx *cx, struct db *db)
{
	return begin(cx, db, db_settles(db) ? db->driver->begin_unsettled : db->driver->begin);
}

bool
db_settles(const struct db *db)
{
	return db->driver->begin_unsettled != NULL;
}

enum rc
db_begin_snapshot(struct ctx *cx, struct db *db)
{
	TRY(db->driver->begin_snapshot(cx, db));
	db->in_transaction = true;
	return OK;
}

enum rc
db_commit(struct ctx *cx, struct db *db)
{
	if (db->in_savepoint)
		return OK;
	TRY(db->driver->commit(cx, db));
	db->in_transaction = false;
	db->commits++;
	return OK;
}

uint64_t
db_commits(const struct db *db)
{
	return db->commits;
}

void
db_rollback(struct db *db)
{
	if (!db->in_transaction || db->in_savepoint)
		return;
	db->driver->rollback(db);
	db->in_transaction = false;
}

void
db_rest(struct db *db)
{
	if (db != NULL && !db->in_transaction && db->driver->rest != NULL)
		db->driver->rest(db);
}

enum rc
db_settle(struct ctx *cx, struct db *db)
{
	return db->driver->settle != NULL ? db->driver->settle(cx, db) : OK;
}

enum rc
db_savepoint(struct ctx *cx, struct db *db)
{
	TRY(db->driver->savepoint(cx, db, DB_SAVEPOINT_BEGIN));
	db->in_savepoint = true;
	return OK;
}

enum rc
db_savepoint_end(struct ctx *cx, struct db *db, bool keep)
{
	enum rc rc = db->driver->savepoint(cx, db, keep ? DB_SAVEPOINT_KEEP : DB_SAVEPOINT_UNDO);

	db->in_savepoint = false;
	if (rc != OK)
		db_rollback(db);
	return rc;
}

enum rc
db_clock_ms(struct ctx *cx, struct db *db, int64_t *wall_ms)
{
	struct db_stmt *st;
	bool row;

	if (db->driver->clock == NULL) {
		*wall_ms = clock_wall_ms();
		return OK;
	}
	TRY(db_stmt(cx, db, db->driver->clock, &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail(cx, E_STORE, "The database does not tell the time.");
	*wall_ms = db_col_int(st, 0);
	db_done(st);
	return OK;
}

bool
db_is_shared(const struct db *db)
{
	return db->driver->listen != NULL;
}

enum rc
db_listen(struct ctx *cx, struct db *db)
{
	return db_is_shared(db) ? db->driver->listen(cx, db) : OK;
}

enum rc
db_claim_shared(struct ctx *cx, struct db *db)
{
	return db_is_shared(db) ? db->driver->claim_shared(cx, db) : OK;
}

enum rc
db_claim_alone(struct ctx *cx, struct db *db, bool *alone)
{
	*alone = true;
	return db_is_shared(db) ? db->driver->claim_alone(cx, db, alone) : OK;
}

enum rc
db_unclaim_alone(struct ctx *cx, struct db *db)
{
	return db_is_shared(db) ? db->driver->unclaim_alone(cx, db) : OK;
}

enum rc
db_announce(struct ctx *cx, struct db *db)
{
	return db_is_shared(db) ? db->driver->announce(cx, db) : OK;
}

void
db_wait(struct db *db, int wake_fd, int64_t ms)
{
	struct pollfd p = { .fd = wake_fd, .events = POLLIN };

	if (db != NULL && db_is_shared(db))
		db->driver->wait(db, wake_fd, ms);
	else
		poll(&p, 1, (int)ms);
}

void
db_hurry(struct db *db, int64_t patience_ms, int64_t pause_ms)
{
	if (db_is_shared(db))
		db->driver->hurry(db, patience_ms, pause_ms);
}

void
db_doubt(struct db *db)
{
	if (db_is_shared(db))
		db->driver->doubt(db);
}

enum rc
db_stmt(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out)
{
	return db->driver->stmt(cx, db, sql, out);
}

void
db_bind_int(struct db_stmt *st, int i, int64_t v)
{
	st->db->driver->bind(st, i, (struct db_value){ .type = DB_INT, .number = v });
}

static struct str
not_null(struct str s)
{
	return s.p != NULL ? s : S("");
}

void
db_bind_text(struct db_stmt *st, int i, struct str v)
{
	st->db->driver->bind(st, i, (struct db_value){ .type = DB_TEXT, .bytes = not_null(v) });
}

void
db_bind_blob(struct db_stmt *st, int i, struct str v)
{
	st->db->driver->bind(st, i, (struct db_value){ .type = DB_BLOB, .bytes = not_null(v) });
}

void
db_bind_null(struct db_stmt *st, int i)
{
	st->db->driver->bind(st, i, (struct db_value){ .type = DB_NULL });
}

void
db_bind_place(struct db_stmt *st, int i, int64_t place)
{
	st->db->driver->bind(st, i, (struct db_value){ .type = DB_PLACE, .number = place });
}

enum rc
db_step(struct ctx *cx, struct db_stmt *st, bool *row)
{
	return st->db->driver->step(cx, st, row);
}

enum rc
db_run(struct ctx *cx, struct db_stmt *st, int64_t *changed)
{
	bool row = true;

	st->db->runs++;
	while (row)
		TRY(db_step(cx, st, &row));
	if (changed != NULL)
		*changed = st->db->driver->changed(st);
	return OK;
}

static enum rc
step_one_of_many(struct ctx *cx, const struct db_many *many, size_t i, struct db_stmt *st)
{
	int64_t rows = 0;
	bool row;

	TRY(db_step(cx, st, &row));
	for (; row; rows++) {
		if (rows == 0 && many->row != NULL)
			many->row(many->arg, i, st);
		TRY(db_step(cx, st, &row));
	}
	many->changed[i] = rows > 0 ? rows : st->db->driver->changed(st);
	return OK;
}

static enum rc
run_one_after_the_other(struct ctx *cx, struct db *db, const struct db_many *many)
{
	struct db_stmt *st;
	enum rc rc = OK;

	TRY(db_stmt(cx, db, many->sql, &st));
	for (size_t i = 0; i < many->count && rc == OK; i++) {
		db->lasting = true;
		many->bind(many->arg, i, st);
		db->lasting = false;
		db->runs++;
		rc = step_one_of_many(cx, many, i, st);
		db_done(st); /* also one that is in the midst of its rows */
	}
	return rc;
}

enum rc
db_run_many(struct ctx *cx, struct db *db, const struct db_many *many)
{
	if (!db->in_transaction)
		return fail(cx, E_BUG, "Many at once are for inside a transaction.");
	if (db->driver->run_many != NULL && many->count > 1)
		return db->driver->run_many(cx, db, many);
	return many->count == 0 ? OK : run_one_after_the_other(cx, db, many);
}

uint64_t
db_runs(const struct db *db)
{
	return db->runs;
}

void
db_done(struct db_stmt *st)
{
	st->db->driver->done(st);
}

int64_t
db_col_int(struct db_stmt *st, int i)
{
	return st->db->driver->col_int(st, i);
}

struct str
db_col_text(struct db_stmt *st, int i, struct arena *a)
{
	return str_dup(a, st->db->driver->col_bytes(st, i));
}

struct str
db_col_blob(struct db_stmt *st, int i, struct arena *a)
{
	return str_dup(a, st->db->driver->col_bytes(st, i));
}

bool
db_col_null(struct db_stmt *st, int i)
{
	return st->db->driver->col_null(st, i);
}
