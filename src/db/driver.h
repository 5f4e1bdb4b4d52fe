/* db/driver.h - what a driver fills in; for this room, and for the tests' driver that fails.
 *
 * A driver's own connection and statement begin with struct db and struct db_stmt. The functions
 * mean what those of db/db.h mean; what is the same for every database (migrations, copying
 * columns) is in db.c. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db/db.h"

/* Of one statement: $1 to $64, in any order. */
#define DB_PARAMS_MAX 64

struct db_value {
	enum db_type type;
	int64_t number;
	struct str bytes; /* the driver copies, unless they are lasting */
};

enum db_savepoint_step { DB_SAVEPOINT_BEGIN, DB_SAVEPOINT_KEEP, DB_SAVEPOINT_UNDO };

struct db_driver {
	const char *text_type, *blob_type; /* in a schema, for TEXT and BLOB */
	const char *place;                 /* the column that ROW_PLACE means */
	const char *catalog; /* a query: table, column, type, place in the key of all there is */

	const char *clock; /* a query: ms since 1970 on the server's clock. NULL: this machine's */

	void (*close)(struct db *db);
	enum rc (*exec)(struct ctx *cx, struct db *db, const char *script);
	enum rc (*begin)(struct ctx *cx, struct db *db);
	/* NULL, like settle, when a commit brings everything to the disk. */
	enum rc (*begin_unsettled)(struct ctx *cx, struct db *db);
	enum rc (*begin_snapshot)(struct ctx *cx, struct db *db);
	enum rc (*commit)(struct ctx *cx, struct db *db);
	void (*rollback)(struct db *db);
	/* NULL where a statement is over once it has answered. */
	void (*rest)(struct db *db);
	enum rc (*settle)(struct ctx *cx, struct db *db);
	/* Around all of a migration. NULL when there is nothing to gain. */
	enum rc (*making)(struct ctx *cx, struct db *db, bool begins);
	enum rc (*savepoint)(struct ctx *cx, struct db *db, enum db_savepoint_step step);
	/* Inside a transaction: until its end, nobody else migrates. */
	enum rc (*lock_schema)(struct ctx *cx, struct db *db);

	/* NULL unless other processes may use the database. */
	enum rc (*listen)(struct ctx *cx, struct db *db);
	enum rc (*claim_shared)(struct ctx *cx, struct db *db);
	enum rc (*claim_alone)(struct ctx *cx, struct db *db, bool *alone);
	enum rc (*unclaim_alone)(struct ctx *cx, struct db *db);
	enum rc (*announce)(struct ctx *cx, struct db *db);
	void (*wait)(struct db *db, int wake_fd, int64_t ms);
	void (*hurry)(struct db *db, int64_t patience_ms, int64_t pause_ms);
	void (*doubt)(struct db *db);

	enum rc (*stmt)(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out);
	void (*bind)(struct db_stmt *st, int i, struct db_value v);
	enum rc (*step)(struct ctx *cx, struct db_stmt *st, bool *row);
	void (*done)(struct db_stmt *st);
	int64_t (*changed)(struct db_stmt *st);
	/* NULL: one after the other is as good. */
	enum rc (*run_many)(struct ctx *cx, struct db *db, const struct db_many *many);
	int64_t (*col_int)(struct db_stmt *st, int i);
	struct str (*col_bytes)(struct db_stmt *st, int i); /* until the next step */
	bool (*col_null)(struct db_stmt *st, int i);
};

struct db {
	const struct db_driver *driver;
	bool in_transaction; /* kept by db.c, like the next */
	bool in_savepoint;
	bool lasting;  /* what is bound just now stays where it is until its statement is done */
	uint64_t runs; /* of db_run */
	uint64_t commits;
};

struct db_stmt {
	struct db *db;
};

MUST enum rc sqlite_open(struct ctx *cx, const char *path, enum db_sync sync, struct db **out);
MUST enum rc sqlite_open_scratch(struct ctx *cx, struct db **out);
MUST enum rc sqlite_open_reading(struct ctx *cx, const char *path, struct db **out);
MUST enum rc postgres_open(struct ctx *cx, const char *url, struct db **out);
/* A statement as the driver's database wants it, on the heap. */
char *db_own_words(const struct db_driver *driver, const char *sql);
/* "host:port/database" of a connection string, without user and password. */
struct str postgres_describe(struct arena *a, const char *url);

#endif
