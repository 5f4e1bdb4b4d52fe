/* When what is committed is on the disk. The test stands between SQLite and the system's calls. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "db/db.h"

static _Atomic int syncs;
static bool disk_fails;
static _Atomic int failures; /* so many more syncs fail, whoever asks for them */

int
fdatasync(int fd)
{
	syncs++;
	if (disk_fails || (failures > 0 && failures-- > 0)) {
		errno = EIO;
		return -1;
	}
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

static enum rc
insert(struct fixture *f, struct db *db, int64_t id)
{
	struct db_stmt *st;

	TRY(db_stmt(&f->cx, db, "INSERT INTO thing (id) VALUES ($1)", &st));
	db_bind_int(st, 1, id);
	return db_run(&f->cx, st, NULL);
}

static int
syncs_of_a_commit(struct fixture *f, struct db *db, int64_t id)
{
	syncs = 0;
	assert_ok(db_begin(&f->cx, db));
	assert_ok(insert(f, db, id));
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

struct settling {
	struct fixture *f;
	struct db *db;
	struct ctx cx;
	enum rc rc;
};

static void *
settle(void *arg)
{
	struct settling *s = arg;

	ctx_init(&s->cx, s->f->arena, s->f->clock);
	s->rc = db_settle(&s->cx, s->db);
	return NULL;
}

static enum rc
settle_elsewhere(struct fixture *f, struct db *db)
{
	struct settling s = { .f = f, .db = db };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, settle, &s), 0);
	pthread_join(thread, NULL);
	if (s.rc != OK)
		f->cx = s.cx;
	return s.rc;
}

static void
test_one_commit_leaves_the_disk_to_somebody_else(void **state)
{
	struct fixture *f = *state;
	struct db *db = make(f, "unsettled.db", DB_SYNC_COMMIT);

	for (int i = 1; i <= 3; i++) {
		syncs = 0;
		assert_ok(db_begin_unsettled(&f->cx, db));
		assert_ok(insert(f, db, i));
		assert_ok(db_commit(&f->cx, db));
		assert_int_equal(syncs, 0);
		assert_int_equal(mode(f, db), 2);
		assert_ok(settle_elsewhere(f, db));
		assert_int_equal(syncs, 1);
	}
	assert_ok(db_begin_unsettled(&f->cx, db));
	assert_ok(insert(f, db, 4));
	db_rollback(db);
	assert_int_equal(mode(f, db), 2);
	assert_int_equal(syncs_of_a_commit(f, db, 4), 1);
	db_close(db);
}

static int64_t
things(struct fixture *f, struct db *db)
{
	struct db_stmt *st;
	int64_t count;
	bool row;

	assert_ok(db_stmt(&f->cx, db, "SELECT count(*) FROM thing", &st));
	assert_ok(db_step(&f->cx, st, &row));
	count = db_col_int(st, 0);
	db_done(st);
	return count;
}

static void
commit_unsettled(struct fixture *f, struct db *db, int64_t id)
{
	assert_ok(db_begin_unsettled(&f->cx, db));
	assert_ok(insert(f, db, id));
	assert_ok(db_commit(&f->cx, db));
}

static void
assert_not_settled(struct fixture *f, enum rc rc)
{
	assert_rc(rc, E_STORE);
	assert_string_equal(f->cx.code, "not-settled");
	ctx_clear(&f->cx);
}

/* The system says of a page that it could not write that it is clean: another sync alone would lie. */
static void
test_after_a_sync_that_failed_the_log_is_written_anew(void **state)
{
	struct fixture *f = *state;
	struct db *db = make(f, "anew.db", DB_SYNC_COMMIT);

	commit_unsettled(f, db, 1);
	disk_fails = true;
	assert_not_settled(f, settle_elsewhere(f, db));
	assert_not_settled(f, db_begin(&f->cx, db));
	assert_not_settled(f, insert(f, db, 2));
	disk_fails = false;
	assert_not_settled(f, settle_elsewhere(f, db));
	assert_int_equal(things(f, db), 1);
	assert_ok(insert(f, db, 2));
	assert_ok(settle_elsewhere(f, db));
	assert_int_equal(syncs_of_a_commit(f, db, 3), 1);
	db_close(db);
	assert_ok(db_open(&f->cx, fixture_path(f, "anew.db"), &db));
	assert_int_equal(things(f, db), 3);
	db_close(db);
}

/* The system tells one of those who sync: each of the others would be told that all is well. */
static void
test_one_sync_that_failed_is_everybodys(void **state)
{
	struct fixture *f = *state;
	struct db *db = make(f, "everybody.db", DB_SYNC_COMMIT);

	commit_unsettled(f, db, 1);
	assert_ok(settle_elsewhere(f, db));
	commit_unsettled(f, db, 2);
	failures = 1;
	assert_ok(db_begin(&f->cx, db));
	assert_ok(insert(f, db, 3));
	assert_int_equal(db_commit(&f->cx, db), E_STORE);
	db_rollback(db);
	assert_int_equal(failures, 0);
	ctx_clear(&f->cx);
	assert_not_settled(f, settle_elsewhere(f, db));

	assert_ok(db_begin(&f->cx, db)); /* written anew */
	assert_ok(insert(f, db, 4));
	failures = 1;
	assert_not_settled(f, settle_elsewhere(f, db));
	assert_int_equal(db_commit(&f->cx, db), E_STORE);
	db_rollback(db);
	ctx_clear(&f->cx);
	assert_int_equal(things(f, db), 2);
	db_close(db);
}

/* It is in the midst of a commit, which is over when SQLite comes to it. */
static void
test_a_sync_that_failed_at_a_checkpoint_is_heard_of(void **state)
{
	struct fixture *f = *state;
	struct db *db = make(f, "checkpoint.db", DB_SYNC_COMMIT);
	int64_t id = 1;

	commit_unsettled(f, db, id);
	assert_ok(settle_elsewhere(f, db));
	for (failures = 1; failures == 1 && id < 5000;)
		commit_unsettled(f, db, ++id * 1000);
	assert_int_equal(failures, 0);
	assert_not_settled(f, settle_elsewhere(f, db));
	commit_unsettled(f, db, ++id * 1000);
	assert_ok(settle_elsewhere(f, db));
	assert_int_equal(things(f, db), id);
	db_close(db);
}

/* A claim that may not be found after a power cut: its request must not leave before it is known. */
static void
test_a_claim_that_was_not_settled_is_not_made(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim got;
	bool recorded;

	create(f, "t1", "one");
	disk_fails = true;
	assert_not_settled(f, store_refresh_claim(store(f), &f->cx, S("t1"), NOW, LEASE, &got));
	assert_not_settled(f, store_refresh_find(store(f), &f->cx, &got, &recorded));
	disk_fails = false;
	assert_ok(store_refresh_find(store(f), &f->cx, &got, &recorded));
	assert_ok(store_refresh_sent(store(f), &f->cx, &got, NOW, false));
}

const struct CMUnitTest sync_tests[] = {
	STORE_TEST(test_each_commit_is_on_the_disk),
	STORE_TEST(test_or_some_time_later),
	STORE_TEST(test_an_empty_file_that_was_there_is_made_with_care),
	STORE_TEST(test_one_commit_leaves_the_disk_to_somebody_else),
	STORE_TEST(test_after_a_sync_that_failed_the_log_is_written_anew),
	STORE_TEST(test_one_sync_that_failed_is_everybodys),
	STORE_TEST(test_a_sync_that_failed_at_a_checkpoint_is_heard_of),
	STORE_TEST(test_a_claim_that_was_not_settled_is_not_made),
};
const size_t sync_test_count = sizeof(sync_tests) / sizeof(sync_tests[0]);
