/* When what is committed is on the disk. The test stands between SQLite and the system's calls. */
#include "suite.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "db/db.h"

static int syncs;

int
fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

static const char *const schema[] = { "CREATE TABLE thing (id BIGINT PRIMARY KEY)" };

static struct db *
make(struct fixture *f, const char *name, enum db_sync sync)
{
	struct db *db;

	syncs = 0;
	assert_ok(db_open_with(&f->cx, fixture_path(f, name), sync, &db));
	assert_ok(db_migrate(&f->cx, db, schema, 1));
	return db;
}

static int
syncs_of_a_commit(struct fixture *f, struct db *db, int64_t id)
{
	struct db_stmt *st;

	syncs = 0;
	assert_ok(db_begin(&f->cx, db));
	assert_ok(db_stmt(&f->cx, db, "INSERT INTO thing (id) VALUES ($1)", &st));
	db_bind_int(st, 1, id);
	assert_ok(db_run(&f->cx, st, NULL));
	assert_int_equal(syncs, 0);
	assert_ok(db_commit(&f->cx, db));
	return syncs;
}

static int64_t
mode(struct fixture *f, struct db *db)
{
	struct db_stmt *st;
	int64_t v;
	bool row;

	assert_ok(db_stmt(&f->cx, db, "PRAGMA synchronous", &st));
	assert_ok(db_step(&f->cx, st, &row));
	v = db_col_int(st, 0);
	db_done(st);
	return v;
}

static void
test_each_commit_is_on_the_disk(void **state)
{
	struct fixture *f = *state;
	struct db *db = make(f, "commit.db", DB_SYNC_COMMIT);

	/* the file, its log, the directory: once each, however many steps made it */
	assert_int_equal(syncs, 3);
	for (int i = 1; i <= 5; i++)
		assert_int_equal(syncs_of_a_commit(f, db, i), 1);
	assert_int_equal(mode(f, db), 2); /* FULL */
	db_close(db);
	assert_ok(db_open(&f->cx, fixture_path(f, "commit.db"), &db));
	assert_ok(db_migrate(&f->cx, db, schema, 1));
	assert_int_equal(mode(f, db), 2);
	assert_true(syncs_of_a_commit(f, db, 6) >= 1);
	db_close(db);
}

static void
test_or_some_time_later(void **state)
{
	struct fixture *f = *state;
	struct db *db = make(f, "later.db", DB_SYNC_LATER);

	for (int i = 1; i <= 5; i++)
		assert_int_equal(syncs_of_a_commit(f, db, i), 0);
	assert_int_equal(
	    mode(f, db), 1); /* NORMAL: what is copied out of the log is synced first */
	syncs = 0;
	assert_ok(db_settle(&f->cx, db));
	assert_int_equal(syncs, 3);
	assert_int_equal(syncs_of_a_commit(f, db, 6), 0);
	assert_ok(db_settle(&f->cx, db));
	assert_int_equal(syncs, 1);
	db_close(db);
}

/* A start that was killed left an empty file: it is no new one, and every step is synced. */
static void
test_an_empty_file_that_was_there_is_made_with_care(void **state)
{
	struct fixture *f = *state;
	FILE *empty = fopen(fixture_path(f, "empty.db"), "w");
	struct db *db;

	assert_non_null(empty);
	fclose(empty);
	db = make(f, "empty.db", DB_SYNC_COMMIT);
	assert_true(syncs > 3);
	assert_int_equal(syncs_of_a_commit(f, db, 1), 1);
	db_close(db);
}

const struct CMUnitTest sync_tests[] = {
	STORE_TEST(test_each_commit_is_on_the_disk),
	STORE_TEST(test_or_some_time_later),
	STORE_TEST(test_an_empty_file_that_was_there_is_made_with_care),
};
const size_t sync_test_count = sizeof(sync_tests) / sizeof(sync_tests[0]);
