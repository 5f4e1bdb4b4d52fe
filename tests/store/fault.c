#include "fault.h"

#include <stdlib.h>

#include "base/map.h"
#include "db/driver.h"

struct fault_db {
	struct db db;
	struct db *inner;
	struct map *statements; /* text -> struct fault_stmt */
};

struct fault_stmt {
	struct db_stmt st;
	struct db_stmt *inner;
};

static struct {
	enum fault_kind kind;
	int left; /* 0: none will fail */
	bool fired;
	bool stays, at_commit;
} fault;

void
fault_arm(enum fault_kind kind, int at)
{
	fault.kind = kind;
	fault.left = at;
	fault.fired = fault.stays = fault.at_commit = false;
}

void
fault_arm_away(enum fault_kind kind, int at)
{
	fault_arm(kind, at);
	fault.stays = true;
}

void
fault_arm_commit(enum fault_kind kind)
{
	fault_arm_away(kind, 0);
	fault.at_commit = true;
}

bool
fault_disarm(void)
{
	fault.left = 0;
	fault.stays = fault.at_commit = false;
	return fault.fired;
}

static struct db *
inner_db(struct db *db)
{
	return ((struct fault_db *)db)->inner;
}

static struct db_stmt *
inner_stmt(struct db_stmt *st)
{
	return ((struct fault_stmt *)st)->inner;
}

static bool
is_this_one(void)
{
	if (fault.fired && fault.stays) {
		fault.kind = FAULT_BEFORE;
		return true;
	}
	if (fault.left == 0 || --fault.left > 0)
		return false;
	fault.fired = true;
	return true;
}

/* One call that can fail, `call` being what the real driver does. */
#define FAULTY(cx, call)                                                            \
	do {                                                                        \
		bool now = is_this_one();                                           \
		if (now && fault.kind == FAULT_BEFORE)                              \
			return fail(cx, E_STORE, "A call failed on purpose.");      \
		TRY(call);                                                          \
		if (now)                                                            \
			return fail(cx, E_STORE, "An answer was lost on purpose."); \
		return OK;                                                          \
	} while (0)

static enum rc
fault_exec(struct ctx *cx, struct db *db, const char *script)
{
	FAULTY(cx, inner_db(db)->driver->exec(cx, inner_db(db), script));
}

static enum rc
fault_savepoint(struct ctx *cx, struct db *db, enum db_savepoint_step step)
{
	FAULTY(cx, inner_db(db)->driver->savepoint(cx, inner_db(db), step));
}

static enum rc
fault_begin(struct ctx *cx, struct db *db)
{
	FAULTY(cx, db_begin(cx, inner_db(db)));
}

static enum rc
fault_begin_unsettled(struct ctx *cx, struct db *db)
{
	FAULTY(cx, db_begin_unsettled(cx, inner_db(db)));
}

/* What becomes of a disk that fails is another test's (sync_tests.c). */
static enum rc
fault_settle(struct ctx *cx, struct db *db)
{
	return db_settle(cx, inner_db(db));
}

static enum rc
fault_commit(struct ctx *cx, struct db *db)
{
	if (fault.at_commit && !fault.fired)
		fault.left = 1;
	FAULTY(cx, db_commit(cx, inner_db(db)));
}

static void
fault_rollback(struct db *db)
{
	db_rollback(inner_db(db));
}

static enum rc
fault_lock_schema(struct ctx *cx, struct db *db)
{
	FAULTY(cx, inner_db(db)->driver->lock_schema(cx, inner_db(db)));
}

static enum rc
fault_claim_shared(struct ctx *cx, struct db *db)
{
	FAULTY(cx, db_claim_shared(cx, inner_db(db)));
}

static enum rc
fault_listen(struct ctx *cx, struct db *db)
{
	FAULTY(cx, db_listen(cx, inner_db(db)));
}

static void
fault_doubt(struct db *db)
{
	db_doubt(inner_db(db));
}

static enum rc
fault_stmt(struct ctx *cx, struct db *db, const char *sql, struct db_stmt **out)
{
	struct fault_db *d = (struct fault_db *)db;
	struct fault_stmt *st = map_get(d->statements, str_of(sql));

	if (st == NULL) {
		st = mem_alloc(sizeof(*st));
		st->st.db = db;
		map_put(d->statements, str_of(sql), st);
	}
	*out = &st->st;
	FAULTY(cx, db_stmt(cx, d->inner, sql, &st->inner));
}

static void
fault_bind(struct db_stmt *st, int i, struct db_value v)
{
	inner_db(st->db)->driver->bind(inner_stmt(st), i, v);
}

static enum rc
fault_step(struct ctx *cx, struct db_stmt *st, bool *row)
{
	*row = false;
	FAULTY(cx, db_step(cx, inner_stmt(st), row));
}

static void
fault_done(struct db_stmt *st)
{
	db_done(inner_stmt(st));
}

static int64_t
fault_changed(struct db_stmt *st)
{
	return inner_db(st->db)->driver->changed(inner_stmt(st));
}

static int64_t
fault_col_int(struct db_stmt *st, int i)
{
	return db_col_int(inner_stmt(st), i);
}

static struct str
fault_col_bytes(struct db_stmt *st, int i)
{
	return inner_db(st->db)->driver->col_bytes(inner_stmt(st), i);
}

static bool
fault_col_null(struct db_stmt *st, int i)
{
	return db_col_null(inner_stmt(st), i);
}

static void
fault_rest(struct db *db)
{
	db_rest(inner_db(db));
}

static void
fault_close(struct db *db)
{
	struct fault_db *d = (struct fault_db *)db;

	db_close(d->inner);
	map_free(d->statements, free);
	free(d);
}

/* The types of a schema are the inner database's. */
static struct db_driver driver = {
	.close = fault_close,
	.exec = fault_exec,
	.savepoint = fault_savepoint,
	.begin = fault_begin,
	.commit = fault_commit,
	.rollback = fault_rollback,
	.rest = fault_rest,
	.lock_schema = fault_lock_schema,
	.stmt = fault_stmt,
	.bind = fault_bind,
	.step = fault_step,
	.done = fault_done,
	.changed = fault_changed,
	.col_int = fault_col_int,
	.col_bytes = fault_col_bytes,
	.col_null = fault_col_null,
};

enum rc
fault_open(struct ctx *cx, const char *where, struct db **out)
{
	struct fault_db *d = mem_alloc(sizeof(*d));
	enum rc rc = db_open(cx, where, &d->inner);

	if (rc != OK) {
		free(d);
		return rc;
	}
	d->statements = map_new();
	driver.doubt = fault_doubt;
	driver.claim_shared = fault_claim_shared;
	driver.clock = d->inner->driver->clock;
	driver.begin_unsettled = db_settles(d->inner) ? fault_begin_unsettled : NULL;
	driver.settle = fault_settle;
	driver.listen = db_is_shared(d->inner) ? fault_listen : NULL;
	driver.text_type = d->inner->driver->text_type;
	driver.blob_type = d->inner->driver->blob_type;
	d->db.driver = &driver;
	*out = &d->db;
	return OK;
}
