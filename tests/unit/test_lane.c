/* A provider's lane: how many calls at once, when the circuit breaker opens, and how long a pause is. */
#include "fixture.h"

#include "vault/lane.h"

static void
fail_calls(struct lane *l, int count, int64_t now)
{
	for (int i = 0; i < count; i++) {
		lane_begin(l);
		lane_end(l, LANE_FAILED, now, 0);
	}
}

static void
test_a_lane_takes_so_many_calls_at_once(void **state)
{
	struct lane l = { 0 };

	(void)state;
	for (int i = 0; i < LANE_CALLS_MAX; i++) {
		assert_int_equal(lane_room(&l, 0), LANE_CALLS_MAX - i);
		lane_begin(&l);
	}
	assert_int_equal(lane_room(&l, 0), 0);
	assert_false(lane_closed(&l, 0));
	lane_end(&l, LANE_ANSWERED, 0, 0);
	assert_int_equal(lane_room(&l, 0), 1);
}

static void
test_the_breaker_opens_after_five_failures_and_lets_one_try(void **state)
{
	struct lane l = { 0 };

	(void)state;
	fail_calls(&l, 4, 1000);
	assert_false(lane_closed(&l, 1000));
	fail_calls(&l, 1, 1000);
	assert_true(lane_closed(&l, 1000));
	assert_int_equal(lane_room(&l, 1000), 0);
	assert_true(l.closed_until > 1000);
	/* After the pause one call, and while it is out nobody else. */
	assert_int_equal(lane_room(&l, l.closed_until), 1);
	lane_begin(&l);
	assert_true(lane_closed(&l, l.closed_until));
	lane_end(&l, LANE_ANSWERED, l.closed_until, 0);
	assert_int_equal(lane_room(&l, l.closed_until), LANE_CALLS_MAX);
}

static void
test_pauses_of_the_breaker_grow_to_five_minutes(void **state)
{
	struct lane l = { 0 };
	int64_t now = 0, last = 0;

	(void)state;
	fail_calls(&l, 5, now);
	for (int i = 0; i < 20; i++) {
		int64_t pause = l.closed_until - now;

		assert_true(pause >= last && pause <= 300000);
		last = pause;
		now = l.closed_until;
		fail_calls(&l, 1, now);
	}
	assert_int_equal(last, 300000);
}

/* A call that was given up before it was sent says nothing about the provider. */
static void
test_unused_room_is_given_back_and_counts_for_nothing(void **state)
{
	struct lane l = { 0 };

	(void)state;
	fail_calls(&l, 4, 0);
	lane_begin(&l);
	lane_end(&l, LANE_UNUSED, 0, 0);
	assert_int_equal(l.failures, 4);
	assert_int_equal(l.in_flight, 0);
	lane_begin(&l);
	lane_end(&l, LANE_ANSWERED, 0, 0);
	assert_int_equal(l.failures, 0);
}

static void
test_backoff_is_exponential_with_jitter_and_heeds_the_provider(void **state)
{
	static const uint32_t randoms[] = { 0, 1, 2499, 2500, 1234567, UINT32_MAX };
	int64_t ceiling = BACKOFF_FIRST_MS;

	(void)state;
	for (int failures = 0; failures < 12; failures++) {
		for (size_t i = 0; i < sizeof(randoms) / sizeof(randoms[0]); i++) {
			int64_t wait = backoff_ms(failures, 0, randoms[i]);

			assert_in_range(wait, ceiling / 2, ceiling);
			assert_int_equal(backoff_ms(failures, 3600, randoms[i]), 3600000);
		}
		if (ceiling < BACKOFF_MAX_MS)
			ceiling *= 2;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_lane_takes_so_many_calls_at_once),
		TEST(test_the_breaker_opens_after_five_failures_and_lets_one_try),
		TEST(test_pauses_of_the_breaker_grow_to_five_minutes),
		TEST(test_unused_room_is_given_back_and_counts_for_nothing),
		TEST(test_backoff_is_exponential_with_jitter_and_heeds_the_provider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
