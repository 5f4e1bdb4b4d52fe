/* Until when a token works without a person: by table. */
#include "fixture.h"

#include "oauth/forecast.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define NOW 1000000000
#define H 3600000LL
#define D (24 * H)

#define BY(...)             \
	(struct contract)   \
	{                   \
		__VA_ARGS__ \
	}
#define NONE BY(.rotation = ROTATION_NONE)
#define STRICT BY(.rotation = ROTATION_STRICT)
#define AGE_90 BY(.refresh_token_max_age_s = 90 * 86400)
#define IDLE_30 BY(.refresh_token_idle_s = 30 * 86400)
#define GRACE_60 BY(.rotation = ROTATION_GRACE, .grace_max_s = 60)

static const struct row {
	const char *what;
	struct contract c;
	struct forecast_in in; /* times from NOW */
	enum forecast_state state;
	enum forecast_cause cause;
	int64_t until; /* from NOW; 0: none */
} rows[] = {
	{ "renews itself", NONE, { .has_refresh = true, .expires_ms = 4 * H }, FORECAST_LASTS,
	    CAUSE_RENEWED, 0 },
	{ "no refresh token", NONE, { .expires_ms = 4 * H }, FORECAST_ENDS, CAUSE_NO_REFRESH_TOKEN,
	    4 * H },
	{ "no refresh token, over", NONE, { .expires_ms = -H }, FORECAST_STOPPED,
	    CAUSE_NO_REFRESH_TOKEN, -H },
	{ "nothing is known", NONE, { .expires_ms = 0 }, FORECAST_UNKNOWN, CAUSE_NO_REFRESH_TOKEN,
	    0 },
	{ "refused", NONE,
	    { .has_refresh = true,
		.expires_ms = 2 * H,
		.needs_reauthorization = true,
		.status_ms = -H },
	    FORECAST_ENDS, CAUSE_REAUTHORIZE, 2 * H },
	{ "refused, and the access token has run out since", NONE,
	    { .has_refresh = true,
		.expires_ms = -H,
		.needs_reauthorization = true,
		.status_ms = -2 * H },
	    FORECAST_STOPPED, CAUSE_REAUTHORIZE, -H },
	{ "refused when it had run out already", NONE,
	    { .has_refresh = true,
		.expires_ms = -2 * H,
		.needs_reauthorization = true,
		.status_ms = -H },
	    FORECAST_STOPPED, CAUSE_REAUTHORIZE, -H },
	{ "refused, and the access token too", NONE,
	    { .has_refresh = true,
		.expires_ms = 2 * H,
		.needs_reauthorization = true,
		.status_ms = -2 * H,
		.refused_ms = -H },
	    FORECAST_STOPPED, CAUSE_REAUTHORIZE, -H },
	{ "wrong secret", NONE, { .has_refresh = true, .expires_ms = 2 * H, .misconfigured = true },
	    FORECAST_ENDS, CAUSE_MISCONFIGURED, 2 * H },
	{ "wrong secret, over", NONE,
	    { .has_refresh = true, .expires_ms = -H, .misconfigured = true }, FORECAST_STOPPED,
	    CAUSE_MISCONFIGURED, -H },
	{ "a life that nobody said", NONE, { .has_refresh = true }, FORECAST_UNKNOWN,
	    CAUSE_LIFE_UNKNOWN, 0 },
	{ "the reply said when its refresh token ends", NONE,
	    { .has_refresh = true, .expires_ms = H, .refresh_expires_ms = 5 * D }, FORECAST_ENDS,
	    CAUSE_REFRESH_TOKEN_ENDS, 5 * D },
	{ "which use moves", IDLE_30,
	    { .has_refresh = true, .expires_ms = H, .refresh_expires_ms = 5 * D }, FORECAST_LASTS,
	    CAUSE_RENEWED, 0 },
	{ "the access token outlives it", NONE,
	    { .has_refresh = true, .expires_ms = 6 * D, .refresh_expires_ms = 5 * D },
	    FORECAST_ENDS, CAUSE_REFRESH_TOKEN_ENDS, 6 * D },
	{ "a consent gets 90 days old", AGE_90,
	    { .has_refresh = true, .expires_ms = H, .consented_ms = -80 * D }, FORECAST_ENDS,
	    CAUSE_MAX_AGE, 10 * D },
	{ "the sooner of two ends", AGE_90,
	    { .has_refresh = true,
		.expires_ms = H,
		.consented_ms = -80 * D,
		.refresh_expires_ms = 20 * D },
	    FORECAST_ENDS, CAUSE_MAX_AGE, 10 * D },
	{ "idle, but used", IDLE_30, { .has_refresh = true, .expires_ms = H, .used_ms = -D },
	    FORECAST_LASTS, CAUSE_RENEWED, 0 },
	{ "refreshes fail", NONE, { .has_refresh = true, .expires_ms = 2 * H, .failing = true },
	    FORECAST_FAILING, CAUSE_REFRESH_FAILS, 2 * H },
	{ "and have for long", IDLE_30,
	    { .has_refresh = true, .expires_ms = -29 * D, .failing = true, .used_ms = -29 * D },
	    FORECAST_FAILING, CAUSE_REFRESH_FAILS, -29 * D },
	{ "until the refresh token is dead of it", IDLE_30,
	    { .has_refresh = true, .expires_ms = 2 * D, .failing = true, .used_ms = -29 * D },
	    FORECAST_ENDS, CAUSE_IDLE, 2 * D },
	{ "a refresh is under way", STRICT,
	    { .has_refresh = true, .expires_ms = 2 * H, .stage = ATTEMPT_SENT }, FORECAST_LASTS,
	    CAUSE_RENEWED, 0 },
	{ "its reply never came, strict", STRICT,
	    { .has_refresh = true, .expires_ms = 2 * H, .stage = ATTEMPT_LOST, .failing = true },
	    FORECAST_ENDS, CAUSE_IN_DOUBT, 2 * H },
	{ "its reply never came, none", NONE,
	    { .has_refresh = true, .expires_ms = 2 * H, .stage = ATTEMPT_LOST, .failing = true },
	    FORECAST_FAILING, CAUSE_REFRESH_FAILS, 2 * H },
	{ "its reply never came, grace", GRACE_60,
	    { .has_refresh = true,
		.expires_ms = 2 * H,
		.stage = ATTEMPT_LOST,
		.failing = true,
		.sent_ms = -30000 },
	    FORECAST_FAILING, CAUSE_REFRESH_FAILS, 2 * H },
	{ "past the grace", GRACE_60,
	    { .has_refresh = true,
		.expires_ms = 2 * H,
		.stage = ATTEMPT_LOST,
		.failing = true,
		.sent_ms = -61000 },
	    FORECAST_ENDS, CAUSE_IN_DOUBT, 2 * H },
};

static void
test_the_forecast(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct forecast_in in = rows[i].in;
		int64_t *const times[] = { &in.expires_ms, &in.consented_ms, &in.used_ms,
			&in.refresh_expires_ms, &in.status_ms, &in.sent_ms, &in.refused_ms };
		struct forecast got;

		in.contract = rows[i].c;
		in.now_ms = NOW * 1000LL;
		for (size_t n = 0; n < COUNT(times); n++)
			if (*times[n] != 0)
				*times[n] += in.now_ms;
		got = oauth_forecast(&in);
		if (got.state != rows[i].state || got.cause != rows[i].cause)
			print_error("%s:\n", rows[i].what);
		assert_int_equal(got.state, rows[i].state);
		assert_int_equal(got.cause, rows[i].cause);
		assert_int_equal(got.until_ms, rows[i].until == 0 ? 0 : in.now_ms + rows[i].until);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_the_forecast) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
