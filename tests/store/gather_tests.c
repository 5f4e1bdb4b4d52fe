/* The pages of a commit are written to SQLite's log together: they are all there when it is told, and nobody reads what
 * is not. The test stands between SQLite and the system's call, and keeps a list of its own of what must be there. */
#include "suite.h"

#include "../lib/is_log.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "db/db.h"

#define THINGS 300
#define THING_BYTES 900

static int log_writes, writes_left = -1; /* until one fails; -1: none does */

ssize_t
pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);

	if (next == NULL)
		next = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
	if (is_log(fd)) {
		log_writes++;
		if (writes_left == 0) {
			errno = ENOSPC;
			return -1;
		}
		writes_left -= writes_left > 0;
	}
	return next(fd, bytes, n, at);
}

static const char *const schema[] = {
	"CREATE TABLE thing (id BIGINT PRIMARY KEY, version BIGINT NOT NULL, bytes BLOB NOT NULL)"
};

struct world {
	struct db *db;
	int64_t there[THINGS],
	    now[THINGS]; /* versions: as committed, and in the transaction; 0: none */
	uint64_t random;
};

static unsigned
any(struct world *w, unsigned below)
{
	w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(w->random >> 33) % below;
}

static void
run(struct fixture *f, struct db *db, const char *sql)
{
	struct db_stmt *st;

	assert_ok(db_stmt(&f->cx, db, sql, &st));
	assert_ok(db_run(&f->cx, st, NULL));
}

static void
open_world(struct fixture *f, const char *name, struct world *w)
{
	*w = (struct world){ .random = 7 };
	assert_ok(db_open(&f->cx, fixture_path(f, name), &w->db));
	assert_ok(db_migrate(&f->cx, w->db, schema, 1));
	run(f, w->db, "PRAGMA cache_size = 20"); /* so that pages leave it before the commit */
}

static enum rc
write_some(struct fixture *f, struct world *w, int count)
{
	static const char bytes[THING_BYTES] = "as long as a token's row";

	for (int n = 0; n < count; n++) {
		unsigned id = any(w, THINGS);
		struct db_stmt *st;

		TRY(db_stmt(&f->cx, w->db,
		    "INSERT INTO thing (id, version, bytes) VALUES ($1, $2, $3)"
		    " ON CONFLICT (id) DO UPDATE SET version = $2, bytes = $3",
		    &st));
		db_bind_int(st, 1, id);
		db_bind_int(st, 2, ++w->now[id]);
		db_bind_blob(st, 3, (struct str){ bytes, 1 + any(w, THING_BYTES - 1) });
		TRY(db_run(&f->cx, st, NULL));
	}
	return OK;
}

static void
keep(struct world *w, bool committed)
{
	if (committed)
		memcpy(w->there, w->now, sizeof(w->there));
	else
		memcpy(w->now, w->there, sizeof(w->now));
}

static void
assert_all_there(struct fixture *f, const struct world *w, const char *path)
{
	int64_t found = 0, wanted = 0;
	struct db_stmt *st;
	struct db *db;
	bool row;

	assert_ok(db_open_reading(&f->cx, path, &db));
	assert_ok(db_stmt(&f->cx, db, "PRAGMA integrity_check", &st));
	assert_ok(db_step(&f->cx, st, &row));
	assert_true(str_eq(db_col_text(st, 0, f->arena), S("ok")));
	db_done(st);
	assert_ok(db_stmt(&f->cx, db, "SELECT id, version FROM thing", &st));
	for (assert_ok(db_step(&f->cx, st, &row)); row; assert_ok(db_step(&f->cx, st, &row))) {
		assert_int_equal(db_col_int(st, 1), w->there[db_col_int(st, 0)]);
		found++;
	}
	db_close(db);
	for (int i = 0; i < THINGS; i++)
		wanted += w->there[i] > 0;
	assert_int_equal(found, wanted);
}

static void
copy(struct fixture *f, const char *from, const char *to)
{
	FILE *in = fopen(fixture_path(f, from), "rb"), *out = fopen(fixture_path(f, to), "wb");
	char bytes[4096];
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* What somebody else reads beside it, and what would be found after the end of the process. */
static void
check(struct fixture *f, const struct world *w)
{
	assert_all_there(f, w, fixture_path(f, "gather.db"));
	copy(f, "gather.db", "found.db");
	copy(f, "gather.db-wal", "found.db-wal");
	(void)unlink(fixture_path(f, "found.db-shm"));
	assert_all_there(f, w, fixture_path(f, "found.db"));
}

static void
test_a_commit_is_there_when_it_is_told(void **state)
{
	struct fixture *f = *state;
	struct world w;

	open_world(f, "gather.db", &w);
	for (int round = 0; round < 60; round++) {
		bool commits = any(&w, 4) > 0;

		assert_ok(any(&w, 2) ? db_begin(&f->cx, w.db) : db_begin_unsettled(&f->cx, w.db));
		assert_ok(write_some(f, &w, 1 + (int)any(&w, any(&w, 3) == 0 ? 600 : 20)));
		if (commits)
			assert_ok(db_commit(&f->cx, w.db));
		else
			db_rollback(w.db);
		keep(&w, commits);
		check(f, &w);
	}
	db_close(w.db);
}

static void
test_its_pages_are_written_together(void **state)
{
	struct fixture *f = *state;
	struct world w;

	open_world(f, "together.db", &w);
	run(f, w.db, "PRAGMA cache_size = -8192");
	assert_ok(db_begin(&f->cx, w.db));
	assert_ok(write_some(f, &w, 300));
	log_writes = 0;
	assert_ok(db_commit(&f->cx, w.db));
	assert_in_range(log_writes, 1, 8); /* of some fifty pages and as many headers */
	db_close(w.db);
}

/* At each of its writes the disk may be full. */
static void
test_a_commit_without_room_is_none(void **state)
{
	struct fixture *f = *state;
	int failed = 0;
	struct world w;

	open_world(f, "gather.db", &w);
	for (int round = 0; round < 40; round++) {
		enum rc rc;

		assert_ok(db_begin(&f->cx, w.db));
		writes_left = round % 8;
		rc = write_some(f, &w, round % 3 == 0 ? 500 : 30);
		if (rc == OK)
			rc = db_commit(&f->cx, w.db);
		writes_left = -1;
		if (rc != OK) {
			assert_int_equal(rc, E_STORE);
			assert_string_equal(f->cx.code, "insufficient-storage");
			ctx_clear(&f->cx);
			db_rollback(w.db);
			failed++;
		}
		keep(&w, rc == OK);
		check(f, &w);
	}
	assert_in_range(failed, 10, 39);
	assert_ok(db_begin(&f->cx, w.db));
	assert_ok(write_some(f, &w, 30));
	assert_ok(db_commit(&f->cx, w.db));
	keep(&w, true);
	check(f, &w);
	db_close(w.db);
}

const struct CMUnitTest gather_tests[] = {
	STORE_TEST(test_a_commit_is_there_when_it_is_told),
	STORE_TEST(test_its_pages_are_written_together),
	STORE_TEST(test_a_commit_without_room_is_none),
};
const size_t gather_test_count = sizeof(gather_tests) / sizeof(gather_tests[0]);
