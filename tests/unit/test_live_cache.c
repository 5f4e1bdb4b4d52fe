/* The cache of live access tokens: what it keeps, what makes room, and what a late put may not bring back. */
#include "fixture.h"

#include "vault/live_cache.h"

#define ENTRY_MAX 1024 /* one of ours needs less */

static struct live_view
token_number(struct fixture *f, int i)
{
	return (struct live_view){
		.id = str_printf(f->arena, "id-%d", i),
		.name = str_printf(f->arena, "Token %d", i),
		.scope = S("files.read"),
		.sealed = str_printf(f->arena, "sealed-%d", i),
		.status = TOKEN_ACTIVE,
		.has_refresh = true,
		.expires_ms = 1000 + i,
	};
}

static void
put(struct fixture *f, struct live_cache *c, int i)
{
	struct live_view v = token_number(f, i);

	live_cache_put(c, &v, live_cache_generation(c));
}

static bool
has(struct fixture *f, struct live_cache *c, int i)
{
	struct live_view want = token_number(f, i), got;

	if (!live_cache_get(c, &f->cx, want.name, &got))
		return false;
	assert_str_equal(got.id, want.id);
	assert_str_equal(got.name, want.name);
	assert_str_equal(got.scope, want.scope);
	assert_str_equal(got.sealed, want.sealed);
	assert_int_equal(got.expires_ms, want.expires_ms);
	assert_true(got.has_refresh && !got.refused);
	return true;
}

static void
test_what_was_put_is_there_until_it_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct live_cache *c = live_cache_new(1 << 20);

	for (int i = 0; i < 100; i++)
		put(f, c, i);
	assert_int_equal(live_cache_count(c), 100);
	live_cache_forget(c, S("id-7"));
	live_cache_forget(c, S("id-unknown"));
	assert_false(has(f, c, 7));
	assert_true(has(f, c, 8));
	live_cache_forget_all(c);
	assert_int_equal(live_cache_count(c), 0);
	assert_int_equal(live_cache_bytes(c), 0);
	put(f, c, 7);
	assert_true(has(f, c, 7));
	live_cache_free(c);
}

static void
test_what_was_read_before_a_forget_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct live_cache *c = live_cache_new(1 << 20);
	struct live_view v = token_number(f, 1);
	uint64_t generation = live_cache_generation(c);

	live_cache_forget(c, S("id-2")); /* whichever it is: the store may have changed */
	live_cache_put(c, &v, generation);
	assert_false(has(f, c, 1));
	generation = live_cache_generation(c);
	live_cache_forget_all(c);
	live_cache_put(c, &v, generation);
	assert_false(has(f, c, 1));
	live_cache_free(c);
}

static void
test_a_newer_one_takes_the_place_of_its_id_and_of_its_name(void **state)
{
	struct fixture *f = *state;
	struct live_cache *c = live_cache_new(1 << 20);
	struct live_view v = token_number(f, 1), got;
	size_t bytes;

	put(f, c, 1);
	bytes = live_cache_bytes(c);
	v.expires_ms = 5000;
	live_cache_put(c, &v, live_cache_generation(c));
	assert_true(live_cache_get(c, &f->cx, v.name, &got));
	assert_int_equal(got.expires_ms, 5000);
	assert_int_equal(live_cache_bytes(c), bytes);
	/* The name was given to another token. */
	v.id = S("id-9");
	live_cache_put(c, &v, live_cache_generation(c));
	assert_int_equal(live_cache_count(c), 1);
	live_cache_forget(c, S("id-1"));
	assert_true(live_cache_get(c, &f->cx, v.name, &got));
	assert_str_equal(got.id, S("id-9"));
	live_cache_free(c);
}

static void
test_what_is_read_stays_and_the_rest_makes_room(void **state)
{
	struct fixture *f = *state;
	const size_t max = 64 * ENTRY_MAX;
	struct live_cache *c = live_cache_new(max);

	for (int i = 0; i < 10000; i++) {
		put(f, c, i);
		assert_true(live_cache_bytes(c) <= max);
		assert_true(has(f, c, 0)); /* read all the time: never gone */
		arena_reset(f->arena);
	}
	assert_true(live_cache_count(c) >= 64);
	assert_true(has(f, c, 9999));
	assert_false(has(f, c, 100));
	live_cache_free(c);
}

/* All were read: somebody must go all the same. */
static void
test_a_full_cache_of_tokens_that_are_all_read_takes_new_ones(void **state)
{
	struct fixture *f = *state;
	struct live_cache *c = live_cache_new(256 * ENTRY_MAX);
	int i = 0;

	for (size_t before = 0; live_cache_count(c) > before || i == 0; i++) {
		before = live_cache_count(c);
		put(f, c, i);
		assert_true(has(f, c, i));
	}
	for (int end = i + 1000; i < end; i++) {
		put(f, c, i);
		assert_true(has(f, c, i));
	}
	live_cache_free(c);
}

static void
test_what_is_larger_than_all_of_it_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct live_cache *c = live_cache_new(ENTRY_MAX), *none = live_cache_new(0);
	struct live_view v = token_number(f, 2);

	put(f, c, 1);
	v.sealed = (struct str){ arena_alloc(f->arena, ENTRY_MAX), ENTRY_MAX };
	live_cache_put(c, &v, live_cache_generation(c));
	assert_false(live_cache_get(c, &f->cx, v.name, &v));
	assert_true(has(f, c, 1));
	put(f, none, 1);
	assert_false(has(f, none, 1));
	live_cache_free(c);
	live_cache_free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_put_is_there_until_it_is_forgotten),
		TEST(test_what_was_read_before_a_forget_is_not_kept),
		TEST(test_a_newer_one_takes_the_place_of_its_id_and_of_its_name),
		TEST(test_what_is_read_stays_and_the_rest_makes_room),
		TEST(test_a_full_cache_of_tokens_that_are_all_read_takes_new_ones),
		TEST(test_what_is_larger_than_all_of_it_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
