/* The driver itself: what goes in comes out alike on every database, and what fails has one meaning. */
#include "suite.h"

#include "db/db.h"

static const char *const schema[] = {
	"CREATE TABLE thing (id TEXT PRIMARY KEY, number BIGINT, bytes BLOB, again TEXT UNIQUE);"
	"CREATE INDEX thing_number ON thing (number) WHERE number > 0;",
	"CREATE TABLE part (id TEXT, thing TEXT NOT NULL REFERENCES thing (id)"
	" ON DELETE CASCADE, PRIMARY KEY (thing, id));",
};

#define INSERT "INSERT INTO thing (id, number, bytes, again) VALUES ($1, $2, $3, $4)"
#define BY_ID "SELECT number, bytes, again FROM thing WHERE id = $1"

static struct db *
open_db(struct fixture *f)
{
	struct db *db;

	opened(f)->where = new_where(f, "driver.db");
	assert_ok(db_open(&f->cx, opened(f)->where, &db));
	assert_ok(db_migrate(&f->cx, db, schema, 2));
	return db;
}

static enum rc
insert(struct fixture *f, struct db *db, struct str id, int64_t number, struct str bytes)
{
	struct db_stmt *st;
	int64_t changed;

	TRY(db_stmt(&f->cx, db, INSERT, &st));
	db_bind_text(st, 1, id);
	db_bind_int(st, 2, number);
	db_bind_blob(st, 3, bytes);
	db_bind_null(st, 4);
	TRY(db_run(&f->cx, st, &changed));
	assert_int_equal(changed, 1);
	return OK;
}

static void
test_values_come_back_as_they_went_in(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 4294967296, NOW };
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_stmt *st;
	char all[256];
	bool row;

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct str id = str_printf(f->arena, "Ж %zu ' \" \\ $1", i);
		struct str bytes = { all, i == 0 ? 0 : sizeof(all) };

		assert_ok(insert(f, db, id, numbers[i], bytes));
		assert_ok(db_stmt(&f->cx, db, BY_ID, &st));
		db_bind_text(st, 1, id);
		assert_ok(db_step(&f->cx, st, &row));
		assert_true(row);
		assert_int_equal(db_col_int(st, 0), numbers[i]);
		assert_str_equal(db_col_blob(st, 1, f->arena), bytes);
		assert_false(db_col_null(st, 1));
		assert_true(db_col_null(st, 2));
		assert_ok(db_step(&f->cx, st, &row));
		assert_false(row);
	}
	db_close(db);
}

static void
test_parameters_are_numbered_not_ordered(void **state)
{
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_stmt *st;
	bool row;

	assert_ok(insert(f, db, S("a"), 7, S("bytes")));
	assert_ok(db_stmt(
	    &f->cx, db, "SELECT number FROM thing WHERE number = $2 AND id = $1 AND $2 > 0", &st));
	db_bind_text(st, 1, S("a"));
	db_bind_int(st, 2, 7);
	assert_ok(db_step(&f->cx, st, &row));
	assert_true(row);
	assert_int_equal(db_col_int(st, 0), 7);
	db_done(st);
	db_close(db);
}

/* Whatever language the database was made for. */
static void
test_text_sorts_by_its_bytes(void **state)
{
	static const char *const sorted[] = { "A", "B", "Z", "_", "a", "a b", "aa", "b", "é" };
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_stmt *st;
	bool row;

	for (size_t i = 9; i > 0; i--)
		assert_ok(insert(f, db, str_of(sorted[i - 1]), 0, S("")));
	assert_ok(db_stmt(&f->cx, db, "SELECT id FROM thing ORDER BY id", &st));
	for (size_t i = 0; i < 9; i++) {
		assert_ok(db_step(&f->cx, st, &row));
		assert_true(row);
		assert_str_equal(db_col_text(st, 0, f->arena), str_of(sorted[i]));
	}
	db_done(st);
	db_close(db);
}

static void
test_a_row_that_is_there_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_stmt *st;

	assert_ok(insert(f, db, S("a"), 1, S("")));
	assert_rc(insert(f, db, S("a"), 2, S("")), E_CONFLICT);
	/* In a transaction as well, after which the connection is as good as before. */
	assert_ok(db_begin(&f->cx, db));
	assert_ok(insert(f, db, S("b"), 1, S("")));
	assert_rc(insert(f, db, S("b"), 2, S("")), E_CONFLICT);
	db_rollback(db);
	assert_ok(insert(f, db, S("b"), 3, S("")));
	assert_ok(db_stmt(&f->cx, db, "INSERT INTO part (id, thing) VALUES ($1, $2)", &st));
	db_bind_text(st, 1, S("p"));
	db_bind_text(st, 2, S("nothing"));
	assert_rc(db_run(&f->cx, st, NULL), E_STORE);
	db_close(db);
}

static int64_t
count(struct fixture *f, struct db *db)
{
	struct db_stmt *st;
	int64_t n;
	bool row;

	assert_ok(db_stmt(&f->cx, db, "SELECT count(*) FROM thing", &st));
	assert_ok(db_step(&f->cx, st, &row));
	n = db_col_int(st, 0);
	db_done(st);
	return n;
}

static void
test_a_transaction_is_whole_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_stmt *st;
	int64_t changed;

	assert_ok(db_begin(&f->cx, db));
	assert_ok(insert(f, db, S("a"), 1, S("")));
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(count(f, db), 0);
	assert_ok(db_begin(&f->cx, db));
	assert_ok(insert(f, db, S("a"), 1, S("")));
	assert_ok(insert(f, db, S("b"), 2, S("")));
	assert_ok(db_commit(&f->cx, db));
	assert_int_equal(count(f, db), 2);
	assert_ok(db_stmt(&f->cx, db, "UPDATE thing SET number = $1 WHERE number >= $1", &st));
	db_bind_int(st, 1, 2);
	assert_ok(db_run(&f->cx, st, &changed));
	assert_int_equal(changed, 1);
	db_close(db);
}

static void
test_the_catalog_tells_tables_and_columns(void **state)
{
	static const struct {
		const char *table, *name;
		enum db_type type;
		int key;
	} want[] = {
		{ "part", "id", DB_TEXT, 2 },
		{ "part", "thing", DB_TEXT, 1 },
		{ "schema_version", "version", DB_INT },
		{ "thing", "id", DB_TEXT, 1 },
		{ "thing", "number", DB_INT },
		{ "thing", "bytes", DB_BLOB },
		{ "thing", "again", DB_TEXT },
	};
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_column *columns;
	size_t n;

	assert_ok(db_columns(&f->cx, db, &columns, &n));
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < n; i++) {
		assert_str_equal(columns[i].table, str_of(want[i].table));
		assert_str_equal(columns[i].name, str_of(want[i].name));
		assert_int_equal(columns[i].type, want[i].type);
		assert_int_equal(columns[i].key, want[i].key);
	}
	db_close(db);
}

static void
test_a_newer_schema_is_refused_and_untouched(void **state)
{
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct str before = dump(f, true);

	assert_rc(db_migrate(&f->cx, db, schema, 1), E_INPUT);
	assert_string_equal(f->cx.code, "schema-too-new");
	assert_true(f->cx.todo[0] != '\0');
	assert_str_equal(dump(f, true), before);
	db_close(db);
}

static void
test_a_full_disk_is_told_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct db *db = open_db(f);
	struct db_stmt *st;
	char big[100000] = { 0 };

	assert_ok(db_stmt(&f->cx, db, "PRAGMA max_page_count = 30", &st));
	assert_ok(db_run(&f->cx, st, NULL));
	assert_ok(db_begin(&f->cx, db));
	assert_ok(insert(f, db, S("a"), 1, S("small")));
	assert_rc(insert(f, db, S("b"), 2, (struct str){ big, sizeof(big) }), E_STORE);
	assert_string_equal(f->cx.code, "insufficient-storage");
	db_rollback(db);
	assert_int_equal(count(f, db), 0);
	assert_ok(insert(f, db, S("c"), 3, S("small")));
	db_close(db);
}

/* What cannot be done to a server from here. */
const struct CMUnitTest sqlite_tests[] = {
	STORE_TEST(test_a_full_disk_is_told_and_leaves_nothing),
};
const size_t sqlite_test_count = sizeof(sqlite_tests) / sizeof(sqlite_tests[0]);

const struct CMUnitTest driver_tests[] = {
	STORE_TEST(test_values_come_back_as_they_went_in),
	STORE_TEST(test_parameters_are_numbered_not_ordered),
	STORE_TEST(test_text_sorts_by_its_bytes),
	STORE_TEST(test_a_row_that_is_there_is_a_conflict),
	STORE_TEST(test_a_transaction_is_whole_or_nothing),
	STORE_TEST(test_the_catalog_tells_tables_and_columns),
	STORE_TEST(test_a_newer_schema_is_refused_and_untouched),
};
const size_t driver_test_count = sizeof(driver_tests) / sizeof(driver_tests[0]);
