/* Several writes, one commit. */
#include "suite.h"

#include "fault.h"
#include "store/batch.h"
#include "store/store_int.h"

struct work {
	struct fixture *f;
	struct refresh_claim claim;
	struct ctx cx;
};

static enum rc
commit(struct store *s, struct ctx *cx, void *arg)
{
	struct work *w = arg;

	return store_refresh_commit(s, cx, &w->claim, &fresh);
}

static enum rc
put_meta(struct store *s, struct ctx *cx, void *arg)
{
	(void)arg;
	return store_meta_put(s, cx, S("a"), S("1"));
}

/* A job of two verbs, of which the second fails. */
static enum rc
put_and_fail(struct store *s, struct ctx *cx, void *arg)
{
	struct str back;

	(void)arg;
	TRY(store_meta_put(s, cx, S("b"), S("2")));
	TRY(store_meta_get(s, cx, S("b"), &back)); /* it sees what it wrote */
	return store_token_delete(s, cx, S("none"), NOW);
}

#define JOBS 5

static void
make_work(struct fixture *f, struct work *work, struct store_job *jobs)
{
	for (int i = 0; i < JOBS; i++) {
		const char *name = str_printf(f->arena, "t%d", i).p;

		create(f, name, name);
		work[i].f = f;
		work[i].claim = claim(f, name, NOW);
		ctx_init(&work[i].cx, f->arena, f->clock);
		work[i].cx.may_block = true;
		jobs[i] = (struct store_job){ .run = commit, .arg = &work[i], .cx = &work[i].cx };
	}
}

static bool
is_fresh(struct fixture *f, int i)
{
	struct str id = str_printf(f->arena, "t%d", i);
	struct token_secrets s;

	assert_ok(store_token_secrets(store(f), &f->cx, id, &s));
	return crypto_equal(s.refresh, fresh.refresh);
}

static void
test_a_batch_writes_all(void **state)
{
	struct fixture *f = *state;
	struct store_job jobs[JOBS];
	struct work work[JOBS];
	struct str out;

	make_work(f, work, jobs);
	jobs[3].run = put_meta;
	store_batch(store(f), jobs, JOBS);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(jobs[i].rc, OK);
		assert_int_equal(is_fresh(f, i), i != 3);
	}
	assert_ok(store_meta_get(store(f), &f->cx, S("a"), &out));
	store_batch(store(f), jobs, 0);
}

static void
test_a_job_that_fails_takes_nothing_else_with_it(void **state)
{
	struct fixture *f = *state;
	struct store_job jobs[JOBS];
	struct work work[JOBS];
	struct str out;

	make_work(f, work, jobs);
	jobs[1].run = put_and_fail;
	work[2].claim.fence--; /* somebody newer */
	store_batch(store(f), jobs, JOBS);
	assert_int_equal(jobs[0].rc, OK);
	assert_int_equal(jobs[1].rc, E_NOTFOUND);
	assert_string_equal(work[1].cx.why, "There is no such access token.");
	assert_int_equal(jobs[2].rc, E_CONFLICT);
	assert_int_equal(jobs[4].rc, OK);
	assert_true(is_fresh(f, 0) && is_fresh(f, 3) && is_fresh(f, 4));
	assert_false(is_fresh(f, 1) || is_fresh(f, 2));
	assert_rc(store_meta_get(store(f), &f->cx, S("b"), &out), E_NOTFOUND);
	/* and the store is as good as before */
	assert_ok(store_token_delete(store(f), &f->cx, S("t0"), NOW));
}

/* Whichever call fails: who was told OK is written, who was not is not. */
static void
test_a_batch_that_breaks_tells_each_job_the_truth(void **state)
{
	struct fixture *f = *state;
	bool fired = true;

	open_faulty(f);
	for (int at = 1; fired; at++) {
		struct store_job jobs[JOBS];
		struct work work[JOBS];

		make_work(f, work, jobs);
		fault_arm(FAULT_BEFORE, at);
		store_batch(store(f), jobs, JOBS);
		fired = fault_disarm();
		for (int i = 0; i < JOBS; i++)
			assert_int_equal(is_fresh(f, i), jobs[i].rc == OK);
		by_hand(f, "DELETE FROM token");
		assert_true(at < 200);
	}
}

const struct CMUnitTest batch_tests[] = {
	STORE_TEST(test_a_batch_writes_all),
	STORE_TEST(test_a_job_that_fails_takes_nothing_else_with_it),
	STORE_TEST(test_a_batch_that_breaks_tells_each_job_the_truth),
};
const size_t batch_test_count = sizeof(batch_tests) / sizeof(batch_tests[0]);
