/* What a call has SQLite walk through from end to end: nothing that grows with the store. */
#include "suite.h"

#include <sqlite3.h>

#define MANY_TOKENS 70

static int64_t walked; /* rows, so far, on the connections that are counted */

static int
count_walked(unsigned what, void *arg, void *st, void *ns)
{
	(void)what;
	(void)arg;
	(void)ns;
	walked += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
	return 0;
}

static int
count_on(sqlite3 *db, const char **why, const struct sqlite3_api_routines *api)
{
	(void)why;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, count_walked, NULL);
}

/* The store again, counted. */
static void
open_counted(struct fixture *f)
{
	void (*entry)(void) = (void (*)(void))count_on;

	store_close(opened(f)->store);
	assert_int_equal(sqlite3_auto_extension(entry), SQLITE_OK);
	open_store(f);
	sqlite3_cancel_auto_extension(entry);
}

static int64_t
walked_by_edit(struct fixture *f, struct str *ids, size_t count)
{
	struct api_key_edit edit = { .set_tokens = true, .token_ids = ids, .token_count = count };
	int64_t before = walked;

	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &edit));
	return walked - before;
}

static void
test_to_add_a_token_to_a_key_walks_no_other_tokens(void **state)
{
	struct fixture *f = *state;
	struct str ids[] = { S("t1"), S("t2"), S("t3") };
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = ids,
		.token_count = 1,
		.created_ms = NOW };
	int64_t few;

	for (size_t i = 0; i < 3; i++)
		create(f, ids[i].p, ids[i].p);
	assert_ok(store_key_create(store(f), &f->cx, &k));
	open_counted(f);
	few = walked_by_edit(f, ids, 2);
	for (size_t i = 0; i < 40; i++) {
		const char *id = str_printf(f->arena, "other%zu", i).p;

		create(f, id, id);
	}
	assert_int_equal(walked_by_edit(f, ids, 3), few);
}

static void
create_key(struct fixture *f, const char *id, struct str *ids, size_t count)
{
	struct api_key k = { .id = str_of(id),
		.label = S("One"),
		.hint = S("vk_...1"),
		.token_ids = ids,
		.token_count = count,
		.created_ms = NOW,
		.digest = str_of(id) };

	assert_ok(store_key_create(store(f), &f->cx, &k));
}

/* A key of many tokens among forty others. */
static void
test_to_read_a_key_walks_no_other_keys(void **state)
{
	struct fixture *f = *state;
	struct str *ids = ARENA_ARRAY(f->arena, struct str, MANY_TOKENS);
	struct api_key got;
	int64_t before;

	for (size_t i = 0; i < MANY_TOKENS; i++) {
		ids[i] = str_printf(f->arena, "t%04zu", i);
		create(f, ids[i].p, ids[i].p);
	}
	for (size_t i = 0; i < 40; i++)
		create_key(f, str_printf(f->arena, "other%zu", i).p, ids, 5);
	create_key(f, "k1", ids, MANY_TOKENS);
	assert_ok(store_token_delete(store(f), &f->cx, S("t0003"), NOW));
	open_counted(f);
	before = walked;
	assert_ok(store_key_get(store(f), &f->cx, S("k1"), &got));
	assert_int_equal(walked, before);
	assert_str_equal(got.label, S("One"));
	assert_str_equal(got.digest, S("k1"));
	assert_int_equal(got.created_ms, NOW);
	assert_int_equal(got.token_count, MANY_TOKENS);
	for (size_t i = 0; i < MANY_TOKENS; i++)
		assert_str_equal(got.token_ids[i], ids[i]);
	assert_rc(store_key_get(store(f), &f->cx, S("k2"), &got), E_NOTFOUND);
	assert_string_equal(f->cx.code, "not-found");
}

const struct CMUnitTest walk_tests[] = {
	STORE_TEST(test_to_add_a_token_to_a_key_walks_no_other_tokens),
	STORE_TEST(test_to_read_a_key_walks_no_other_keys),
};
const size_t walk_test_count = sizeof(walk_tests) / sizeof(walk_tests[0]);
