/* db/db.h - the database driver: a dozen functions under the verbs of a store, for SQLite and
 * PostgreSQL alike.
 *
 * One struct db is one connection, used by one thread at a time (the store above it locks).
 * Statements are prepared once and cached by their text, which must be a literal. SQL is portable:
 * $1 parameters in order of first appearance, BIGINT/TEXT/BLOB only, no SQL time functions, no
 * reliance on an isolation level. Writes of more than one statement happen between db_begin and
 * db_commit. Errors land in the context as E_STORE, E_CONFLICT (a unique constraint) or E_BUSY (try
 * again). A database that cannot be reached is E_STORE with the code "store-unavailable"; the
 * connection is made again at the next call, at most every half second. No call takes longer than
 * some seconds, whatever became of the server. */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/ctx.h"
#include "base/str.h"

struct db;
struct db_stmt;

/* Whether `where` is a PostgreSQL connection string rather than a file. */
bool db_is_url(struct str where);
/* For people: the file, or host and database without user and password. */
struct str db_describe(struct arena *a, const char *where);

/* When what was committed is on the disk. The end of the process alone takes nothing back either way,
 * not even a kill -9. */
enum db_sync {
	DB_SYNC_COMMIT, /* before db_commit returns: a power cut takes nothing */
	DB_SYNC_LATER /* some time later: a power cut takes the newest commits, the last one first,
			 * and leaves those before them whole. Files only. */
};

/* A file: opens or creates it (0600), WAL, foreign keys on. postgres://… or postgresql://…: connects,
 * with every option that libpq knows (several hosts, target_session_attrs=read-write, sslmode, …).
 * A file that is new is brought to the disk once, by db_migrate, and not step by step. */
MUST enum rc db_open(struct ctx *cx, const char *where, struct db **out); /* DB_SYNC_COMMIT */
MUST enum rc db_open_with(struct ctx *cx, const char *where, enum db_sync sync, struct db **out);
/* An empty database in memory, of nobody else's; gone with db_close. */
MUST enum rc db_open_scratch(struct ctx *cx, struct db **out);
/* What is there, for reading only: a file is neither made nor changed. */
MUST enum rc db_open_reading(struct ctx *cx, const char *where, struct db **out);
void db_close(struct db *db); /* takes NULL */

/* Which of the numbered schema steps were applied; 0: none. */
MUST enum rc db_schema_version(struct ctx *cx, struct db *db, int64_t *version);
/* The same, once nobody migrates it just now; nothing is made, as asking for the version would. */
MUST enum rc db_schema_look(struct ctx *cx, struct db *db, int64_t *version);
/* Applies what is missing of the numbered schema steps, all in one transaction; of several that try
 * at once one does it. Each step is one script, in which BLOB and TEXT stand for the database's own
 * types, and a line that begins with ON_POSTGRES is left out by SQLite. Only a key of the type INTEGER is the
 * place of the row itself there. E_INPUT when the schema is newer
 * than the steps. */
MUST enum rc db_migrate(struct ctx *cx, struct db *db, const char *const *steps, size_t count);

/* A short cut for a database in which nothing is yet: what the first `steps` steps make together, in
 * one script. SQLite reads the whole schema again for every ALTER TABLE. */
struct db_whole {
	size_t steps;
	const char *script;
};

/* The same, and all of the steps give the same as the short cut with those that come after it. */
MUST enum rc db_migrate_whole(struct ctx *cx, struct db *db, const struct db_whole *whole,
    const char *const *steps, size_t count);

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB, DB_PLACE };

struct db_column {
	struct str table, name;
	enum db_type type;
	int key; /* its place in the primary key, from 1; 0: none */
};

/* All columns of all tables, in the order of the tables' names and of their own. */
MUST enum rc db_columns(struct ctx *cx, struct db *db, struct db_column **out, size_t *count);

MUST enum rc db_begin(struct ctx *cx, struct db *db);
/* The same; db_commit returns once all connections see what was written, and db_settle brings it to the disk.
 * True of files only: elsewhere it is durable when db_commit returns. */
MUST enum rc db_begin_unsettled(struct ctx *cx, struct db *db);
/* For reading: everything as of one moment, whatever is committed meanwhile. */
MUST enum rc db_begin_snapshot(struct ctx *cx, struct db *db);
MUST enum rc db_commit(struct ctx *cx, struct db *db);
void db_rollback(struct db *db); /* harmless when no transaction is open */
/* Ends what was left half read, unless a transaction is open: as long as one statement still reads, the
 * others see what was committed before it began. */
void db_rest(struct db *db);
uint64_t db_commits(const struct db *db); /* how many so far were acknowledged */
/* All that was committed before is on the disk when it returns, however it was. Another thread may call it than
 * the one that uses the connection, once that has begun something with db_begin_unsettled. E_STORE code
 * "not-settled": a power cut may take some of it. Whoever writes next brings all of that to the disk first, or gets
 * the same error. */
MUST enum rc db_settle(struct ctx *cx, struct db *db);
/* Whether db_settle has something to do after db_begin_unsettled. */
bool db_settles(const struct db *db);

/* Inside a transaction: until its end, db_begin, db_commit and db_rollback do nothing, and what is
 * written can be taken back alone. */
MUST enum rc db_savepoint(struct ctx *cx, struct db *db);
/* Keeps what was written since, or takes it back. A failure leaves nothing of the transaction. */
MUST enum rc db_savepoint_end(struct ctx *cx, struct db *db, bool keep);

/* The wall clock that all who use the database have in common: its server's; of a file, this machine's. */
MUST enum rc db_clock_ms(struct ctx *cx, struct db *db, int64_t *wall_ms);

/* Whether other processes may use the database as well. Of the rest each does nothing otherwise. */
bool db_is_shared(const struct db *db);
/* From now on, on this connection and those made after it, db_wait wakes for announcements. */
MUST enum rc db_listen(struct ctx *cx, struct db *db);
/* This connection, and those made after it, are of somebody who writes here. E_STORE while somebody else
 * has claimed it for himself. */
MUST enum rc db_claim_shared(struct ctx *cx, struct db *db);
/* Whether nobody else has claimed it; from now on nobody can until this closes. */
MUST enum rc db_claim_alone(struct ctx *cx, struct db *db, bool *alone);
/* Or until this; what it has claimed with others besides stays. */
MUST enum rc db_unclaim_alone(struct ctx *cx, struct db *db);
/* Wakes whoever listens. May get lost. */
MUST enum rc db_announce(struct ctx *cx, struct db *db);
/* Returns after ms, when an announcement came, or when wake_fd can be read. Takes NULL for db. */
void db_wait(struct db *db, int wake_fd, int64_t ms);
/* For a connection that must rather be made anew than waited for: how long to wait for an answer,
 * and how long to pause after a failure. */
void db_hurry(struct db *db, int64_t patience_ms, int64_t pause_ms);
/* The server may have gone without a word, or come back: connects anew before the next call, at
 * once. Outside a transaction only. */
void db_doubt(struct db *db);

/* A statement ready for binding; valid until the next db_stmt call with the same text. */
MUST enum rc db_stmt(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out);
void db_bind_int(struct db_stmt *st, int i, int64_t v); /* i from 1 */
void db_bind_text(struct db_stmt *st, int i, struct str v);
void db_bind_blob(struct db_stmt *st, int i, struct str v);
void db_bind_null(struct db_stmt *st, int i);
/* Where a row is, as the column ROW_PLACE of its table said: read with db_col_int, 0 is none. What is there now
 * may be another row, or another version of it, so a statement that looks there also names the row. */
void db_bind_place(struct db_stmt *st, int i, int64_t place);

/* Runs to the end; *changed (may be NULL) is the number of rows written. */
MUST enum rc db_run(struct ctx *cx, struct db_stmt *st, int64_t *changed);
/* How many statements db_run and db_run_many have run: unchanged means that nothing was written in between. */
uint64_t db_runs(const struct db *db);
/* Next row: *row false at the end. Finish early with db_done. */
MUST enum rc db_step(struct ctx *cx, struct db_stmt *st, bool *row);
void db_done(struct db_stmt *st);

/* One statement with many sets of values, inside a transaction: in one round trip where there are any.
 * bind(i) binds those of the i-th, all of them and never null, and they stay where they are until the end;
 * row(i), which may be NULL, reads the one row that it may answer with, and runs no statement; changed[i] is how many rows it wrote or answered with. No
 * two sets write the same row, and they are taken in any order. PostgreSQL takes all of them in one statement,
 * made from this one (db/postgres_sets.h), so it is of one of these forms, with each word in capitals once:
 * UPDATE table SET … WHERE … [RETURNING …], SELECT … FROM table WHERE …, INSERT INTO table (…) VALUES (…). */
struct db_many {
	const char *sql;
	size_t count;
	void (*bind)(void *arg, size_t i, struct db_stmt *st);
	void (*row)(void *arg, size_t i, struct db_stmt *st);
	void *arg;
	int64_t *changed;
};
MUST enum rc db_run_many(struct ctx *cx, struct db *db, const struct db_many *many);

int64_t db_col_int(struct db_stmt *st, int i);                      /* i from 0; NULL is 0 */
struct str db_col_text(struct db_stmt *st, int i, struct arena *a); /* copied */
struct str db_col_blob(struct db_stmt *st, int i, struct arena *a); /* copied */
bool db_col_null(struct db_stmt *st, int i);

#endif
