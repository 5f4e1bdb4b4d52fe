/* fixture.h - what every C test stands on: cmocka, a context of its own, a directory of its own.
 *
 * Use TEST(fn) in the table of tests; the test's `void **state` holds a struct fixture. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* base/ctx.h has its own */

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ctx.h"

struct fixture {
	struct arena *arena;
	struct clock *clock;
	struct ctx cx;
	char dir[40]; /* empty and writable; removed at the end */
	void *more;   /* the file's own */
};

static inline int
fixture_setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	f->arena = arena_new();
	f->clock = clock_new();
	ctx_init(&f->cx, f->arena, f->clock);
	f->cx.may_block = true;
	snprintf(f->dir, sizeof(f->dir), "/tmp/valetkey-unit-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	*state = f;
	return 0;
}

static inline int
fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	arena_free(f->arena);
	clock_free(f->clock);
	free(f);
	return 0;
}

/* A path in the test's directory. */
static inline const char *
fixture_path(struct fixture *f, const char *name)
{
	return str_printf(f->arena, "%s/%s", f->dir, name).p;
}

static inline void
assert_str_equal(struct str got, struct str want)
{
	assert_int_equal(got.len, want.len);
	if (want.len > 0)
		assert_memory_equal(got.p, want.p, want.len);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

#endif
