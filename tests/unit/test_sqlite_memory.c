/* What SQLite takes its memory from: sizes, contents, pieces that another thread frees. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "db/sqlite_memory.h"
#include "fixture.h"

#define MANY 300

static void *
take_filled(int size, unsigned char with)
{
	void *p = sqlite_memory.xMalloc(size);

	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_true(sqlite_memory.xSize(p) >= size);
	assert_int_equal(sqlite_memory.xSize(p), sqlite_memory.xRoundup(size));
	memset(p, with, (size_t)size);
	return p;
}

static void
assert_filled(const unsigned char *p, int size, unsigned char with)
{
	for (int i = 0; i < size; i++)
		assert_int_equal(p[i], with);
}

static void
test_pieces_of_every_size_are_apart(void **state)
{
	static const int sizes[] = { 1, 63, 64, 65, 1000, 1024, 1025, 4096, 100000 };
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
	void *p[SIZES];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIZES; i++)
			p[i] = take_filled(sizes[i], (unsigned char)(i + 1));
		for (int i = 0; i < SIZES; i++) {
			assert_filled(p[i], sizes[i], (unsigned char)(i + 1));
			sqlite_memory.xFree(p[i]);
		}
	}
}

static void
test_one_that_grows_or_shrinks_keeps_its_contents(void **state)
{
	unsigned char *p = take_filled(40, 7);

	(void)state;
	assert_ptr_equal(sqlite_memory.xRealloc(p, 64), p);
	p = sqlite_memory.xRealloc(p, 5000);
	assert_filled(p, 40, 7);
	memset(p, 8, 5000);
	p = sqlite_memory.xRealloc(p, 100);
	assert_filled(p, 100, 8);
	sqlite_memory.xFree(p);
}

static void *
free_all(void *arg)
{
	void **p = arg;

	for (int i = 0; i < MANY; i++)
		sqlite_memory.xFree(p[i]);
	sqlite_memory.xFree(take_filled(64, 1));
	return NULL;
}

/* More than a thread keeps; and what it keeps ends with it (the sanitizer says so). */
static void
test_another_thread_frees_them(void **state)
{
	void *p[MANY];
	pthread_t t;

	(void)state;
	for (int i = 0; i < MANY; i++)
		p[i] = take_filled(64 + i % 3 * 64, 9);
	assert_int_equal(pthread_create(&t, NULL, free_all, p), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_of_every_size_are_apart),
		cmocka_unit_test(test_one_that_grows_or_shrinks_keeps_its_contents),
		cmocka_unit_test(test_another_thread_frees_them),
	};

	if (sqlite_memory.xInit(NULL) != SQLITE_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
