/* The rows that answer functions of Dropbox's specification ask for what it says. */
#include "sandbox/api/functions.h"
#include "sandbox/core/scopes.h"
#include "sandbox/sandbox.h"

/* After ours: cmocka has a macro with the name of our fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t seen;

static void
check_row(void *arg, const struct sandbox_route *r)
{
	const struct function *f;

	(void)arg;
	if (strncmp(r->path, "/2/", 3) != 0)
		return;
	f = function_find(r->path + 3);
	if (f == NULL)
		fail_msg("%s is no function of the specification", r->path);
	/* Functions that an app may call for a shared link as well may be a user's only here. */
	if (strcmp(r->access, row_access_word(f->access)) != 0 &&
	    !(f->access == ACCESS_API_USER_APP && strcmp(r->access, "api-user") == 0))
		fail_msg(
		    "%s is for %s, not for %s", r->path, row_access_word(f->access), r->access);
	if (strcmp(r->scope, f->scope == SCOPE_NONE ? "-" : scope_name(f->scope)) != 0)
		fail_msg("%s does not need %s", r->path, r->scope);
	seen++;
}

static void
test_rows(void **state)
{
	(void)state;
	sandbox_routes_each(check_row, NULL);
	assert_true(seen >= function_count);
}

static void
test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < function_count; i++) {
		assert_ptr_equal(function_find(functions[i].name), &functions[i]);
		if (i > 0)
			assert_true(strcmp(functions[i - 1].name, functions[i].name) < 0);
	}
	assert_null(function_find("files/nonsense"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
