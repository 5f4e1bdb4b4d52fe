/* The driver for PostgreSQL: statements, parameters and results in binary, over db/postgres_link. */
#include <endian.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "db/driver.h"
#include "db/postgres_link.h"
#include "db/postgres_sets.h"

#define VALUES_MAX (64 << 20)
#define TID_LEN 6
/* A step over a very large table takes as long as it takes; that the server is gone the kernel notices. */
#define MIGRATION_MS (12 * 3600 * 1000)
#define MIGRATION_LOCK 0x76616c65 /* any number that is ours */

struct pg_db {
	struct db db;
	struct pg_link link;
	struct map *statements; /* text -> struct pg_stmt */
	unsigned count;
	int64_t patience_ms; /* what the link had before a migration */
};

struct pg_stmt {
	struct db_stmt st;
	char *sql;
	char name[16];
	uint64_t prepared_in; /* the link's generation; 0: never */
	int params;
	enum db_type types[DB_PARAMS_MAX];
	size_t offsets[DB_PARAMS_MAX]; /* in bytes */
	int lengths[DB_PARAMS_MAX];
	struct buf bytes;
	PGresult *result; /* NULL: not run yet */
	int row, rows;
	int64_t changed;
	struct pg_sets *sets; /* for many at once; NULL: not needed yet */
};

static struct pg_db *
db_of(struct db *db)
{
	return (struct pg_db *)db;
}

static struct pg_stmt *
stmt_of(struct db_stmt *st)
{
	return (struct pg_stmt *)st;
}

static void
pg_done(struct db_stmt *st)
{
	struct pg_stmt *s = stmt_of(st);

	PQclear(s->result);
	s->result = NULL;
	s->params = 0;
	if (s->bytes.len > 0)
		mem_wipe(s->bytes.p, s->bytes.len);
	s->bytes.len = 0;
}

static void
free_statement(void *value)
{
	struct pg_stmt *s = value;

	pg_done(&s->st);
	pg_sets_free(s->sets);
	buf_free(&s->bytes);
	free(s->sql);
	free(s);
}

static void
pg_close(struct db *db)
{
	struct pg_db *d = db_of(db);

	map_free(d->statements, free_statement);
	pg_link_close(&d->link);
	free(d);
}

static enum rc
pg_exec(struct ctx *cx, struct db *db, const char *script)
{
	struct pg_db *d = db_of(db);

	TRY(pg_link_ready(cx, &d->link, db->in_transaction));
	return pg_link_exec(cx, &d->link, script);
}

/* Nothing has happened yet: a connection that breaks here is made anew without anybody noticing. */
static enum rc
pg_begin(struct ctx *cx, struct db *db)
{
	enum rc rc = pg_exec(cx, db, "BEGIN");

	if (rc == OK || !pg_link_broke(&db_of(db)->link))
		return rc;
	ctx_clear(cx);
	return pg_exec(cx, db, "BEGIN");
}

static enum rc
pg_begin_snapshot(struct ctx *cx, struct db *db)
{
	return pg_exec(cx, db,
	    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
	    "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0;"
	    "SELECT count(*) FROM pg_class");
}

static void
end_of_migration(struct pg_db *d)
{
	if (d->patience_ms > 0)
		d->link.patience_ms = d->patience_ms;
	d->patience_ms = 0;
}

static enum rc
pg_commit(struct ctx *cx, struct db *db)
{
	struct pg_db *d = db_of(db);
	PGresult *res;
	bool done;

	TRY(pg_link_ready(cx, &d->link, true));
	TRY(pg_link_answer(cx, &d->link, PQsendQuery(d->link.conn, "COMMIT"), &res));
	/* A transaction in which something failed answers COMMIT with a ROLLBACK. */
	done = strcmp(PQcmdStatus(res), "COMMIT") == 0;
	PQclear(res);
	end_of_migration(d);
	return done ? OK : fail(cx, E_STORE, "The database rolled the transaction back.");
}

static enum rc
pg_savepoint(struct ctx *cx, struct db *db, enum db_savepoint_step step)
{
	static const char *const scripts[] = {
		[DB_SAVEPOINT_BEGIN] = "SAVEPOINT part",
		[DB_SAVEPOINT_KEEP] = "RELEASE part",
		[DB_SAVEPOINT_UNDO] = "ROLLBACK TO part; RELEASE part",
	};

	return pg_exec(cx, db, scripts[step]);
}

static void
pg_rollback(struct db *db)
{
	struct pg_db *d = db_of(db);
	struct arena *a;
	struct ctx cx;

	end_of_migration(d);
	if (d->link.conn == NULL)
		return;
	a = arena_new();
	ctx_init(&cx, a, NULL);
	/* One that cannot be rolled back is of no use: the next caller gets a new connection. */
	if (pg_link_exec(&cx, &d->link, "ROLLBACK") != OK)
		pg_link_drop(&d->link, "a transaction could not be rolled back.");
	arena_free(a);
}

static enum rc
pg_lock_schema(struct ctx *cx, struct db *db)
{
	struct pg_db *d = db_of(db);

	d->patience_ms = d->link.patience_ms;
	d->link.patience_ms = MIGRATION_MS;
	TRY(pg_exec(cx, db, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '120s'"));
	return pg_exec(
	    cx, db, str_printf(cx->arena, "SELECT pg_advisory_xact_lock(%d)", MIGRATION_LOCK).p);
}

static enum rc
pg_stmt(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out)
{
	struct pg_db *d = db_of(db);
	struct pg_stmt *s = map_get(d->statements, str_of(sql));

	(void)cx;
	if (s == NULL) {
		s = mem_alloc(sizeof(*s));
		s->st.db = db;
		s->sql = db_own_words(db->driver, sql);
		snprintf(s->name, sizeof(s->name), "s%u", ++d->count);
		s->bytes = buf_heap(VALUES_MAX);
		map_put(d->statements, str_of(sql), s);
	}
	pg_done(&s->st);
	*out = &s->st;
	return OK;
}

static void
pg_bind(struct db_stmt *st, int i, struct db_value v)
{
	/* Of a place, block and line, the six bytes at the end of the number. */
	uint64_t wire = htobe64((uint64_t)v.number << (v.type == DB_PLACE ? 16 : 0));
	struct pg_stmt *s = stmt_of(st);

	if (i < 1 || i > DB_PARAMS_MAX)
		abort(); /* a statement of ours with too many parameters */
	if (v.type == DB_INT)
		v.bytes = (struct str){ (const char *)&wire, sizeof(wire) };
	else if (v.type == DB_PLACE)
		v.bytes = (struct str){ (const char *)&wire, TID_LEN };
	s->types[i - 1] = v.type;
	s->offsets[i - 1] = s->bytes.len;
	s->lengths[i - 1] = (int)v.bytes.len;
	buf_add(&s->bytes, v.bytes);
	if (i > s->params)
		s->params = i;
}

static Oid
oid_of(enum db_type type)
{
	static const Oid oids[] = { [DB_NULL] = 0,
		[DB_INT] = OID_INT8,
		[DB_TEXT] = OID_TEXT,
		[DB_BLOB] = OID_BYTEA,
		[DB_PLACE] = OID_TID };

	return oids[type];
}

static enum rc
prepare(struct ctx *cx, struct pg_db *d, struct pg_stmt *s)
{
	Oid types[DB_PARAMS_MAX];
	PGresult *res;

	if (s->prepared_in == d->link.generation)
		return OK;
	for (int i = 0; i < s->params; i++)
		types[i] = oid_of(s->types[i]);
	TRY(pg_link_answer(
	    cx, &d->link, PQsendPrepare(d->link.conn, s->name, s->sql, s->params, types), &res));
	PQclear(res);
	s->prepared_in = d->link.generation;
	return OK;
}

/* Columns are of these types only; the sum of numbers, say, would silently be another. */
static enum rc
check_types(struct ctx *cx, const PGresult *res)
{
	for (int i = 0; i < PQnfields(res); i++) {
		Oid type = PQftype(res, i);

		if (type != OID_INT8 && type != OID_INT4 && type != OID_INT2 && type != OID_BOOL &&
		    type != OID_TEXT && type != OID_BYTEA && type != OID_TID)
			return fail(cx, E_BUG, "Column %d has the type %u.", i, type);
	}
	return OK;
}

/* Hands the statement with its values over to the connection; 0: it is gone. */
static int
send(struct pg_db *d, struct pg_stmt *s)
{
	const char *values[DB_PARAMS_MAX];
	int formats[DB_PARAMS_MAX];

	for (int i = 0; i < s->params; i++) {
		values[i] = s->types[i] == DB_NULL ? NULL : s->bytes.p + s->offsets[i];
		formats[i] = 1;
	}
	return PQsendQueryPrepared(
	    d->link.conn, s->name, s->params, values, s->lengths, formats, 1);
}

static enum rc
check_size(struct ctx *cx, const struct pg_stmt *s)
{
	return s->bytes.overflow
	    ? fail(cx, E_TOOBIG, "The values of one row are too big for the database.")
	    : OK;
}

static void
take_result(struct pg_stmt *s, PGresult *res)
{
	s->result = res;
	s->row = -1;
	s->rows = PQntuples(res);
	s->changed = atoll(PQcmdTuples(res));
}

static enum rc
execute(struct ctx *cx, struct pg_db *d, struct pg_stmt *s)
{
	PGresult *res;

	TRY(check_size(cx, s));
	TRY(prepare(cx, d, s));
	TRY(pg_link_answer(cx, &d->link, send(d, s), &res));
	take_result(s, res);
	return check_types(cx, res);
}

/* A read that lost its connection on the way is asked again; a write may have happened. */
static enum rc
start(struct ctx *cx, struct pg_stmt *s)
{
	struct pg_db *d = db_of(s->st.db);
	bool in_transaction = s->st.db->in_transaction;
	enum rc rc;

	TRY(pg_link_ready(cx, &d->link, in_transaction));
	rc = execute(cx, d, s);
	if (rc == OK || in_transaction || !str_starts(str_of(s->sql), S("SELECT")) ||
	    !pg_link_broke(&d->link))
		return rc;
	ctx_clear(cx);
	TRY(pg_link_ready(cx, &d->link, false));
	return execute(cx, d, s);
}

static enum rc
pg_step(struct ctx *cx, struct db_stmt *st, bool *row)
{
	struct pg_stmt *s = stmt_of(st);
	enum rc rc = OK;

	*row = false;
	if (s->result == NULL)
		rc = start(cx, s);
	*row = rc == OK && ++s->row < s->rows;
	if (!*row)
		pg_done(st);
	return rc;
}

static int64_t
pg_changed(struct db_stmt *st)
{
	return stmt_of(st)->changed;
}

static struct str
pg_col_bytes(struct db_stmt *st, int i)
{
	const struct pg_stmt *s = stmt_of(st);

	return (struct str){ PQgetvalue(s->result, s->row, i),
		(size_t)PQgetlength(s->result, s->row, i) };
}

static int64_t
pg_col_int(struct db_stmt *st, int i)
{
	struct str bytes = pg_col_bytes(st, i);
	uint64_t n = bytes.len > 0 && (bytes.p[0] & 0x80) != 0 ? UINT64_MAX : 0;

	for (size_t k = 0; k < bytes.len; k++)
		n = n << 8 | (unsigned char)bytes.p[k];
	return (int64_t)n;
}

/* --- many at once: each parameter becomes an array, and the server goes through them --- */

/* Runs it; its rows say in their last column whose they are. */
static enum rc
run_sets(struct ctx *cx, struct pg_db *d, struct pg_sets *sets, PGresult **out)
{
	if (sets->prepared_in != d->link.generation) {
		PGresult *res;

		TRY(pg_link_answer(cx, &d->link, pg_sets_prepare(sets, d->link.conn), &res));
		PQclear(res);
		sets->prepared_in = d->link.generation;
	}
	return pg_link_answer(cx, &d->link, pg_sets_send(sets, d->link.conn), out);
}

static enum rc
take_rows(struct ctx *cx, struct pg_stmt *s, const struct db_many *many, PGresult *res)
{
	int whose = PQnfields(res) - 1;

	take_result(s, res);
	TRY(check_types(cx, res));
	for (s->row = 0; s->row < s->rows; s->row++) {
		size_t i = (size_t)pg_col_int(&s->st, whose) - 1;

		if (i >= many->count)
			return fail(cx, E_BUG, "The database answered for nobody.");
		if (many->row != NULL && many->changed[i] == 0)
			many->row(many->arg, i, &s->st);
		many->changed[i]++;
	}
	return OK;
}

static struct pg_sets *
sets_of(struct pg_db *d, struct pg_stmt *s)
{
	if (s->sets == NULL)
		s->sets = pg_sets_new(s->sql, ++d->count);
	return s->sets;
}

static enum rc
bind_sets(struct ctx *cx, struct pg_db *d, struct pg_stmt *s, const struct db_many *many)
{
	struct pg_sets *sets = sets_of(d, s);

	for (size_t i = 0; i < many->count; i++) {
		pg_done(&s->st);
		many->bind(many->arg, i, &s->st);
		for (int k = 0; k < s->params; k++)
			pg_sets_add(sets, k, s->types[k],
			    (struct str){ s->bytes.p + s->offsets[k], (size_t)s->lengths[k] });
		many->changed[i] = 0;
	}
	pg_done(&s->st);
	return pg_sets_fit(sets) ? OK
				 : fail(cx, E_TOOBIG, "The values are too big for the database.");
}

static enum rc
pg_run_many(struct ctx *cx, struct db *db, const struct db_many *many)
{
	struct pg_db *d = db_of(db);
	struct db_stmt *st;
	struct pg_stmt *s;
	PGresult *res;
	enum rc rc;

	TRY(pg_link_ready(cx, &d->link, true));
	TRY(pg_stmt(cx, db, many->sql, &st));
	s = stmt_of(st);
	rc = bind_sets(cx, d, s, many);
	if (rc == OK)
		rc = run_sets(cx, d, s->sets, &res);
	pg_sets_clear(s->sets);
	if (rc == OK)
		rc = take_rows(cx, s, many, res);
	pg_done(st);
	for (size_t i = 0; rc == OK && !pg_sets_tells(s->sets) && i < many->count; i++)
		many->changed[i] = 1;
	return rc;
}

static bool
pg_col_null(struct db_stmt *st, int i)
{
	const struct pg_stmt *s = stmt_of(st);

	return PQgetisnull(s->result, s->row, i) != 0;
}

static enum rc
pg_listen(struct ctx *cx, struct db *db)
{
	struct pg_link *l = &db_of(db)->link;

	TRY(pg_link_ready(cx, l, db->in_transaction));
	return pg_link_listen(cx, l);
}

static enum rc
pg_claim_shared(struct ctx *cx, struct db *db)
{
	struct pg_link *l = &db_of(db)->link;

	TRY(pg_link_ready(cx, l, db->in_transaction));
	return pg_link_share(cx, l);
}

static enum rc
pg_claim_alone(struct ctx *cx, struct db *db, bool *alone)
{
	struct db_stmt *st;
	bool row;

	TRY(db_stmt(cx, db, "SELECT pg_try_advisory_lock(" PG_SERVING ")", &st));
	TRY(db_step(cx, st, &row));
	*alone = db_col_int(st, 0) != 0;
	db_done(st);
	return OK;
}

static enum rc
pg_unclaim_alone(struct ctx *cx, struct db *db)
{
	return pg_exec(cx, db, "SELECT pg_advisory_unlock(" PG_SERVING ")");
}

static enum rc
pg_announce(struct ctx *cx, struct db *db)
{
	return pg_exec(cx, db, PG_ANNOUNCE);
}

static void
pg_wait(struct db *db, int wake_fd, int64_t ms)
{
	pg_link_wait(&db_of(db)->link, wake_fd, ms);
}

static void
pg_hurry(struct db *db, int64_t patience_ms, int64_t pause_ms)
{
	db_of(db)->link.patience_ms = patience_ms;
	db_of(db)->link.pause_ms = pause_ms;
}

static void
pg_doubt(struct db *db)
{
	struct pg_link *l = &db_of(db)->link;

	pg_link_drop(l, "it was silent.");
	l->try_at_ms = 0;
}

/* Text compares byte by byte, as in SQLite, whatever the database's language. */
static const struct db_driver driver = {
	.clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
	.text_type = "TEXT COLLATE \"C\"",
	.blob_type = "BYTEA",
	.place = "ctid",
	.catalog =
	    "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)::text,"
	    " coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint"
	    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
	    " AND NOT a.attisdropped LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
	    " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
	    " ORDER BY c.relname::text COLLATE \"C\", a.attnum",
	.close = pg_close,
	.exec = pg_exec,
	.savepoint = pg_savepoint,
	.begin = pg_begin,
	.begin_snapshot = pg_begin_snapshot,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.lock_schema = pg_lock_schema,
	.listen = pg_listen,
	.claim_shared = pg_claim_shared,
	.claim_alone = pg_claim_alone,
	.unclaim_alone = pg_unclaim_alone,
	.announce = pg_announce,
	.wait = pg_wait,
	.hurry = pg_hurry,
	.doubt = pg_doubt,
	.stmt = pg_stmt,
	.bind = pg_bind,
	.step = pg_step,
	.done = pg_done,
	.changed = pg_changed,
	.run_many = pg_run_many,
	.col_int = pg_col_int,
	.col_bytes = pg_col_bytes,
	.col_null = pg_col_null,
};

enum rc
postgres_open(struct ctx *cx, const char *url, struct db **out)
{
	struct pg_db *d = mem_alloc(sizeof(*d));
	enum rc rc;

	d->db.driver = &driver;
	d->statements = map_new();
	rc = pg_link_open(cx, &d->link, url);
	if (rc != OK) {
		pg_close(&d->db);
		return rc;
	}
	*out = &d->db;
	return OK;
}

struct str
postgres_describe(struct arena *a, const char *url)
{
	return pg_link_describe(a, url);
}
