/* A provider's lane: how many calls at once, when the circuit breaker opens, and how long a pause is. */
#include "fixture.h"

#include "vault/lane.h"

static struct lane
a_lane(enum rotation rotation)
{
	static struct provider p;
	struct lane l;

	p.confidential.rotation = p.public_client.rotation = rotation;
	lane_init(&l, &p);
	return l;
}

static void
fail_calls(struct lane *l, int count, int64_t now)
{
	for (int i = 0; i < count; i++) {
		lane_begin(l, now);
		lane_end(l, LANE_FAILED, now, 0);
	}
}

static void
test_a_lane_takes_so_many_calls_at_once(void **state)
{
	struct lane l = a_lane(ROTATION_NONE);

	(void)state;
	for (int i = 0; i < LANE_CALLS_MIN; i++) {
		assert_int_equal(lane_room(&l, 0), LANE_CALLS_MIN - i);
		lane_begin(&l, 0);
	}
	assert_int_equal(lane_room(&l, 0), 0);
	assert_false(lane_closed(&l, 0));
	lane_end(&l, LANE_ANSWERED, 0, 0);
	assert_int_equal(lane_room(&l, 0), 1);
}

/* As many calls as there is room for, all answered after took_ms. */
static int64_t
a_window(struct lane *l, int64_t now, int64_t took_ms)
{
	int n = lane_room(l, now);

	for (int i = 0; i < n; i++)
		lane_begin(l, now);
	for (int i = 0; i < n; i++)
		lane_end(l, LANE_ANSWERED, now + took_ms, 0);
	return now + took_ms;
}

static void
test_a_429_makes_a_lane_slower_and_pauses_what_is_merely_due(void **state)
{
	struct lane l = a_lane(ROTATION_NONE);
	int64_t now = 1000;

	(void)state;
	for (int i = 0; i < 2; i++) {
		lane_begin(&l, now);
		lane_end(&l, LANE_THROTTLED, now, 0);
	}
	assert_int_equal(lane_room(&l, now), LANE_CALLS_MIN / 4);
	assert_false(lane_pauses(&l, now));
	lane_pause(&l, now, 30000);
	lane_pause(&l, now, 1000);
	assert_true(lane_pauses(&l, now + 29999) && !lane_pauses(&l, now + 30000));
	assert_false(lane_closed(&l, now));
	/* A week is for the token that was refused, not for its neighbours. */
	lane_pause(&l, now, 7LL * 86400000);
	assert_false(lane_pauses(&l, now + 60000));
	for (int i = 0; i < 20; i++) {
		lane_begin(&l, now);
		lane_end(&l, LANE_THROTTLED, now, 0);
	}
	assert_int_equal(lane_room(&l, now), 1);
	/* As much as before again after a few answers, however long each takes. */
	for (int i = 0; i < 4; i++)
		now = a_window(&l, now, 20000);
	assert_int_equal(lane_room(&l, now), LANE_CALLS_MIN);
}

static void
test_no_pause_outlasts_a_grace(void **state)
{
	static struct provider p = { .confidential = {
					 .rotation = ROTATION_GRACE, .grace_max_s = 60 } };
	struct lane l;

	(void)state;
	lane_init(&l, &p);
	fail_calls(&l, 50, 0);
	assert_true(lane_closed(&l, 14999));
	assert_false(lane_closed(&l, 15000));
	lane_pause(&l, 0, 60000);
	assert_false(lane_pauses(&l, 15000));
}

static void
test_a_window_follows_the_pace_of_the_provider(void **state)
{
	struct lane l = a_lane(ROTATION_NONE);
	int64_t now = 1000;

	(void)state;
	now = a_window(&l, now, 99);
	assert_int_equal(lane_room(&l, now), 2 * LANE_CALLS_MIN);
	now = a_window(&l, now, 200); /* neither fast nor slow */
	assert_int_equal(lane_room(&l, now), 2 * LANE_CALLS_MIN);
	for (int i = 0; i < 10; i++)
		now = a_window(&l, now, 10);
	assert_int_equal(lane_room(&l, now), LANE_AHEAD_MAX);
	now = a_window(&l, now, 401);
	assert_int_equal(lane_room(&l, now), LANE_AHEAD_MAX / 2);
	for (int i = 0; i < 10; i++)
		now = a_window(&l, now, 20000);
	assert_int_equal(lane_room(&l, now), LANE_CALLS_MIN);
	for (int i = 0; i < 3; i++)
		now = a_window(&l, now, 10);
	fail_calls(&l, 1, now);
	assert_int_equal(lane_room(&l, now), LANE_CALLS_MIN);
	/* A window that began after a pause is measured from its own beginning. */
	now = a_window(&l, now + 60000, 50);
	assert_int_equal(lane_room(&l, now), 2 * LANE_CALLS_MIN);
}

/* Where an attempt in doubt may cost the grant, nothing is recorded that has no connection to leave by. */
static void
test_nothing_is_recorded_ahead_where_doubt_costs_something(void **state)
{
	static const enum rotation rotations[] = { ROTATION_GRACE, ROTATION_SINGLE,
		ROTATION_STRICT };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct lane l = a_lane(rotations[i]);
		int64_t now = 1000;

		for (int k = 0; k < 10; k++)
			now = a_window(&l, now, 10);
		assert_int_equal(lane_room(&l, now), LANE_CALLS_MAX);
	}
}

static void
test_the_breaker_opens_after_five_failures_and_lets_one_try(void **state)
{
	struct lane l = a_lane(ROTATION_NONE);

	(void)state;
	fail_calls(&l, 4, 1000);
	assert_false(lane_closed(&l, 1000));
	fail_calls(&l, 1, 1000);
	assert_true(lane_closed(&l, 1000));
	assert_int_equal(lane_room(&l, 1000), 0);
	assert_true(l.closed_until > 1000);
	/* After the pause one call, and while it is out nobody else. */
	assert_int_equal(lane_room(&l, l.closed_until), 1);
	lane_begin(&l, 0);
	assert_true(lane_closed(&l, l.closed_until));
	lane_end(&l, LANE_ANSWERED, l.closed_until, 0);
	assert_int_equal(lane_room(&l, l.closed_until), LANE_CALLS_MIN);
}

static void
test_pauses_of_the_breaker_grow_to_five_minutes(void **state)
{
	struct lane l = a_lane(ROTATION_NONE);
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
	struct lane l = a_lane(ROTATION_NONE);

	(void)state;
	fail_calls(&l, 4, 0);
	lane_begin(&l, 0);
	lane_end(&l, LANE_UNUSED, 0, 0);
	assert_int_equal(l.failures, 4);
	assert_int_equal(l.in_flight, 0);
	lane_begin(&l, 0);
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
		TEST(test_a_429_makes_a_lane_slower_and_pauses_what_is_merely_due),
		TEST(test_no_pause_outlasts_a_grace),
		TEST(test_a_window_follows_the_pace_of_the_provider),
		TEST(test_nothing_is_recorded_ahead_where_doubt_costs_something),
		TEST(test_the_breaker_opens_after_five_failures_and_lets_one_try),
		TEST(test_pauses_of_the_breaker_grow_to_five_minutes),
		TEST(test_unused_room_is_given_back_and_counts_for_nothing),
		TEST(test_backoff_is_exponential_with_jitter_and_heeds_the_provider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
