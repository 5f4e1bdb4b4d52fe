/* The suite of the store on every database it knows; `test_store WORD` runs one of them. */
#include "suite.h"

#include "cluster.h"

#define TESTS_MAX 200

#define SUBJECTS(_)   \
	_(token)      \
	_(sealed)     \
	_(refresh)    \
	_(reply)      \
	_(pair)       \
	_(connection) \
	_(access)     \
	_(batch) _(round) _(event) _(webhook) _(key_index) _(schema) _(half) _(driver) _(copy)

#define DECLARE(name)                                  \
	extern const struct CMUnitTest name##_tests[]; \
	extern const size_t name##_test_count;
SUBJECTS(DECLARE)

#define ROW(name) { name##_tests, &name##_test_count },
static const struct {
	const struct CMUnitTest *tests;
	const size_t *count;
} subjects[] = { SUBJECTS(ROW) };

DECLARE(postgres)
DECLARE(node)
DECLARE(sqlite)
DECLARE(sync)
DECLARE(log)
DECLARE(gather)
DECLARE(walk)

/* The same tests under the backend's name. */
static size_t
add(const char *name, const struct CMUnitTest *tests, size_t count, struct CMUnitTest *out,
    size_t n)
{
	for (size_t i = 0; i < count; i++) {
		char *text;

		if (n == TESTS_MAX || asprintf(&text, "%s: %s", name, tests[i].name) < 0)
			abort();
		out[n] = tests[i];
		out[n++].name = text;
	}
	return n;
}

static int
run_on(enum backend which, const char *name)
{
	struct CMUnitTest tests[TESTS_MAX];
	size_t n = 0;
	int failed;

	backend = which;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		n = add(name, subjects[i].tests, *subjects[i].count, tests, n);
	if (which == ON_SQLITE) {
		n = add(name, sqlite_tests, sqlite_test_count, tests, n);
		n = add(name, sync_tests, sync_test_count, tests, n);
		n = add(name, log_tests, log_test_count, tests, n);
		n = add(name, gather_tests, gather_test_count, tests, n);
		n = add(name, walk_tests, walk_test_count, tests, n);
	}
	if (which == ON_POSTGRES) {
		n = add(name, postgres_tests, postgres_test_count, tests, n);
		n = add(name, node_tests, node_test_count, tests, n);
	}
	failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	while (n > 0)
		free((char *)tests[--n].name);
	return failed;
}

/* test_store [sqlite|postgres ['*part of a name*']] */
int
main(int argc, char **argv)
{
	int failed = 0;

	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	crypto_setup();
	if (argc < 2 || strcmp(argv[1], "sqlite") == 0)
		failed += run_on(ON_SQLITE, "sqlite");
	if (argc < 2 || strcmp(argv[1], "postgres") == 0) {
		cluster_start();
		failed += run_on(ON_POSTGRES, "postgres");
		cluster_stop();
	}
	return failed;
}
