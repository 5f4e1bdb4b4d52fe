/* What the engine does after an attempt whose end is not known, and when a token is due: by table. */
#include "fixture.h"

#include "oauth/plan.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SENT 1000000
#define END (SENT + 4 * 3600 * 1000)

#define NONE                              \
	{                                 \
		.rotation = ROTATION_NONE \
	}
#define GRACE                                                 \
	{                                                     \
		.rotation = ROTATION_GRACE, .grace_max_s = 60 \
	}
#define GRACE_EVENT                                                      \
	{                                                                \
		.rotation = ROTATION_GRACE, .grace_until = GRACE_R2_USED \
	}
#define SINGLE                              \
	{                                   \
		.rotation = ROTATION_SINGLE \
	}
#define STRICT                              \
	{                                   \
		.rotation = ROTATION_STRICT \
	}
#define STRICT_KILLS                                                      \
	{                                                                 \
		.rotation = ROTATION_STRICT, .refresh_kills_access = true \
	}
#define SINGLE_KILLS                                                      \
	{                                                                 \
		.rotation = ROTATION_SINGLE, .refresh_kills_access = true \
	}

#define GRACE_KILLS                                                                         \
	{                                                                                   \
		.rotation = ROTATION_GRACE, .grace_max_s = 60, .refresh_kills_access = true \
	}

struct row {
	const char *what;
	struct contract c;
	enum attempt_stage stage;
	int64_t after_ms; /* since the attempt */
	enum witness witness;
	bool risked, rejected, unreadable, no_life, no_witness;
	int64_t refused_ms;
	int64_t over_for_ms; /* by a clock that nobody sets; 0: not known */
	enum plan_step want;
	int64_t want_at;
};

static const struct row rows[] = {
	{ "no doubt", STRICT, ATTEMPT_NONE, .want = PLAN_SEND },
	{ "reply kept", STRICT, ATTEMPT_KEPT, .want = PLAN_READ },
	{ "unreadable, none", NONE, ATTEMPT_KEPT, .unreadable = true, .want = PLAN_SEND },
	{ "unreadable, strict", STRICT, ATTEMPT_KEPT, .unreadable = true, .want = PLAN_HOLD },
	{ "unreadable, strict, at the end", STRICT, ATTEMPT_KEPT, .after_ms = END,
	    .unreadable = true, .want = PLAN_HOLD },
	{ "unreadable, grace", GRACE, ATTEMPT_KEPT, .unreadable = true, .want = PLAN_HOLD },
	{ "none", NONE, ATTEMPT_LOST, .want = PLAN_SEND },
	{ "none after a crash", NONE, ATTEMPT_SENT, .want = PLAN_SEND },
	{ "grace within", GRACE, ATTEMPT_LOST, .after_ms = 49000, .want = PLAN_SEND },
	{ "grace, its last ten seconds", GRACE, ATTEMPT_LOST, .after_ms = 51000, .want = PLAN_HOLD,
	    .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "grace past", GRACE, ATTEMPT_LOST, .after_ms = 61000, .want = PLAN_HOLD,
	    .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "grace, the clock corrected", GRACE, ATTEMPT_LOST, .after_ms = -1000, .want = PLAN_SEND },
	{ "grace, the clock set back", GRACE, ATTEMPT_LOST, .after_ms = -3600000, .want = PLAN_HOLD,
	    .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "grace by event", GRACE_EVENT, ATTEMPT_LOST, .after_ms = 86400000, .want = PLAN_SEND },
	{ "strict", STRICT, ATTEMPT_LOST, .want = PLAN_HOLD, .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "strict after a crash", STRICT, ATTEMPT_SENT, .want = PLAN_HOLD,
	    .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "strict, last moment", STRICT, ATTEMPT_LOST, .after_ms = END - SENT - PLAN_LAST_MOMENT_MS,
	    .want = PLAN_RISK },
	{ "strict, past the end", STRICT, ATTEMPT_LOST, .after_ms = END, .want = PLAN_RISK },
	{ "strict, risked", STRICT, ATTEMPT_LOST, .risked = true, .want = PLAN_GIVE_UP },
	{ "strict, crash in the risky try", STRICT, ATTEMPT_SENT, .risked = true,
	    .want = PLAN_GIVE_UP },
	{ "strict, old one refused", STRICT, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .rejected = true, .want = PLAN_RISK },
	{ "strict, old one refused at once", STRICT, ATTEMPT_LOST, .after_ms = 1000,
	    .rejected = true, .want = PLAN_HOLD, .want_at = SENT + PLAN_SETTLE_MS },
	{ "strict, life unknown", STRICT, ATTEMPT_LOST, .no_life = true, .want = PLAN_HOLD },
	{ "single", SINGLE, ATTEMPT_LOST, .want = PLAN_HOLD, .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "kills, too early to ask", STRICT_KILLS, ATTEMPT_LOST, .after_ms = 1000,
	    .want = PLAN_HOLD, .want_at = SENT + PLAN_SETTLE_MS },
	{ "kills, to be asked", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .want = PLAN_ASK_WITNESS },
	{ "kills, clock set back", STRICT_KILLS, ATTEMPT_LOST, .after_ms = -3600000,
	    .want = PLAN_ASK_WITNESS },
	/* How long it was really, whatever the clock on the wall was set to meanwhile. */
	{ "kills, clock set ahead", STRICT_KILLS, ATTEMPT_LOST, .after_ms = 60000,
	    .over_for_ms = 1000, .want = PLAN_HOLD, .want_at = SENT + 59000 + PLAN_SETTLE_MS },
	{ "kills, clock put right by a little since", STRICT_KILLS, ATTEMPT_SENT, .after_ms = -1000,
	    .want = PLAN_HOLD, .want_at = SENT + PLAN_SETTLE_MS },
	{ "kills, clock set back at once", STRICT_KILLS, ATTEMPT_LOST, .after_ms = -3600000,
	    .over_for_ms = 1000, .want = PLAN_HOLD, .want_at = SENT - 3601000 + PLAN_SETTLE_MS },
	{ "kills, clock set back, settled", STRICT_KILLS, ATTEMPT_LOST, .after_ms = 1000,
	    .over_for_ms = PLAN_SETTLE_MS, .want = PLAN_ASK_WITNESS },
	{ "strict, refused, clock set ahead", STRICT, ATTEMPT_LOST, .after_ms = 60000,
	    .over_for_ms = 1000, .rejected = true, .want = PLAN_HOLD,
	    .want_at = SENT + 59000 + PLAN_SETTLE_MS },
	{ "kills, alive", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_ALIVE, .want = PLAN_SEND },
	{ "kills, dead", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_DEAD, .want = PLAN_GIVE_UP },
	/* R1 may live by the provider's clock, and nobody has R2: once */
	{ "kills, dead past a grace", GRACE_KILLS, ATTEMPT_LOST, .after_ms = 61000,
	    .witness = WITNESS_DEAD, .want = PLAN_RISK },
	{ "kills, dead past a grace, risked", GRACE_KILLS, ATTEMPT_LOST, .after_ms = 61000,
	    .witness = WITNESS_DEAD, .risked = true, .want = PLAN_GIVE_UP },
	/* It was dead before: its death says nothing, and one more try loses nothing. */
	{ "kills, dead before", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_DEAD, .refused_ms = SENT - 1000, .want = PLAN_RISK },
	{ "kills, dead before, risked", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_DEAD, .refused_ms = SENT - 1000, .risked = true,
	    .want = PLAN_GIVE_UP },
	{ "kills, seen dead since", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_DEAD, .refused_ms = SENT + 1000, .want = PLAN_GIVE_UP },
	{ "kills, dead, life unknown", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_DEAD, .no_life = true, .want = PLAN_RISK },
	{ "kills, alive, life unknown", STRICT_KILLS, ATTEMPT_LOST, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_ALIVE, .no_life = true, .want = PLAN_SEND },
	{ "grace, clock set back", GRACE, ATTEMPT_LOST, .after_ms = -60000, .want = PLAN_HOLD,
	    .want_at = END - PLAN_LAST_MOMENT_MS },
	{ "kills, silent", SINGLE_KILLS, ATTEMPT_SENT, .after_ms = PLAN_SETTLE_MS,
	    .witness = WITNESS_SILENT, .want = PLAN_HOLD, .want_at = SENT + 2 * PLAN_SETTLE_MS },
	{ "kills, witness ran out", STRICT_KILLS, ATTEMPT_LOST, .after_ms = END,
	    .want = PLAN_RISK },
	{ "kills, no cheap call", STRICT_KILLS, ATTEMPT_LOST, .no_witness = true, .want = PLAN_HOLD,
	    .want_at = END - PLAN_LAST_MOMENT_MS },
};

static void
test_what_to_do_in_doubt(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct plan_state s = { .contract = r->c,
			.stage = r->stage,
			.risked = r->risked,
			.first_ms = SENT,
			.sent_ms = SENT,
			.expires_ms = r->no_life ? 0 : END,
			.rejected = r->rejected,
			.refused_ms = r->refused_ms,
			.has_witness = !r->no_witness,
			.witness = r->witness,
			.unreadable = r->unreadable,
			.now_ms = SENT + r->after_ms,
			.over_ms = r->over_for_ms > 0 ? 5000 : 0,
			.steady_ms = 5000 + r->over_for_ms };
		struct plan got = plan_next(&s);

		if (got.step != r->want || got.at_ms != r->want_at)
			print_error(
			    "%s: step %d at %lld\n", r->what, got.step, (long long)got.at_ms);
		assert_int_equal(got.step, r->want);
		assert_int_equal(got.at_ms, r->want_at);
	}
}

/* Whatever else is so: in doubt, a strict or single provider is sent nothing but by the witness's
 * word or as the one risky try. */
static void
test_a_strict_provider_is_never_sent_a_second_time_in_doubt(void **state)
{
	static const struct contract contracts[] = { STRICT, SINGLE, STRICT_KILLS, SINGLE_KILLS };

	(void)state;
	for (unsigned n = 0; n < 4u * 3 * 4 * 64; n++) {
		struct plan_state s = { .contract = contracts[n % 4],
			.stage = ATTEMPT_SENT + n / 4 % 3,
			.witness = n / 12 % 4,
			.risked = n / 48 & 1,
			.rejected = n / 96 & 1,
			.has_witness = n / 192 & 1,
			.unreadable = n / 384 & 1,
			.first_ms = SENT,
			.sent_ms = SENT,
			.expires_ms = n / 768 & 1 ? END : 0,
			.now_ms = n / 1536 & 1 ? END + 1 : SENT + PLAN_SETTLE_MS };
		struct plan got = plan_next(&s);

		if (got.step == PLAN_SEND) {
			assert_int_equal(s.witness, WITNESS_ALIVE);
			assert_true(s.contract.refresh_kills_access && s.has_witness);
		}
		if (got.step == PLAN_RISK)
			assert_false(s.risked);
		if (s.stage == ATTEMPT_KEPT)
			assert_true(got.step == PLAN_READ || got.step == PLAN_HOLD);
	}
}

static void
test_when_a_token_is_due(void **state)
{
	static const struct {
		struct contract c;
		int64_t life_s;
		int64_t refresh_life_s, used_s; /* used_s: so long ago */
		bool no_refresh, lazy, unmoved;
		int64_t from_s, to_s; /* since now; 0: never */
	} due[] = {
		{ NONE, 14400, .from_s = 14400 - 660, .to_s = 14400 - 600 },
		{ GRACE, 14400, .from_s = 14400 - 660, .to_s = 14400 - 600 },
		{ STRICT_KILLS, 14400, .from_s = 14400 - 660, .to_s = 14400 - 600 },
		{ STRICT, 14400, .from_s = 7200, .to_s = 7920 },
		{ SINGLE, 14400, .from_s = 7200, .to_s = 7920 },
		{ NONE, 100, .from_s = 50, .to_s = 50 },
		{ NONE, 0 },
		{ NONE, 14400, .no_refresh = true },
		{ STRICT, 14400, .lazy = true },
		{ { .rotation = ROTATION_NONE, .refresh_token_idle_s = 1000 }, 0, .from_s = 700,
		    .to_s = 750 },
		{ { .rotation = ROTATION_NONE, .refresh_token_idle_s = 1000 }, 14400, .lazy = true,
		    .from_s = 700, .to_s = 750 },
		{ { .rotation = ROTATION_NONE, .refresh_token_idle_s = 864000 }, 14400,
		    .from_s = 14400 - 660, .to_s = 14400 - 600 },
		{ { .rotation = ROTATION_NONE,
		      .refresh_token_max_age_s = 1000,
		      .max_age_from = AGE_FROM_LAST_USE },
		    14400, .lazy = true, .from_s = 700, .to_s = 750 },
		{ { .rotation = ROTATION_NONE, .refresh_token_max_age_s = 1000 }, 0 },
		/* counted from its last use, not from when somebody made it lazy */
		{ { .rotation = ROTATION_NONE, .refresh_token_idle_s = 1000 }, 14400, .lazy = true,
		    .used_s = 600, .from_s = 100, .to_s = 150 },
		/* the end that a reply told, unless use does not move it */
		{ STRICT, 14400, .lazy = true, .refresh_life_s = 86400, .from_s = 60480,
		    .to_s = 64800 },
		{ STRICT, 14400, .lazy = true, .refresh_life_s = 1700, .unmoved = true },
		{ STRICT, 14400, .lazy = true, .refresh_life_s = 1700, .from_s = 1190,
		    .to_s = 1275 },
		{ NONE, 0, .refresh_life_s = 86400, .from_s = 60480, .to_s = 64800 },
		{ NONE, 14400, .refresh_life_s = 86400, .from_s = 14400 - 660,
		    .to_s = 14400 - 600 },
		{ { .rotation = ROTATION_NONE, .refresh_token_idle_s = 1000000 }, 14400,
		    .lazy = true, .refresh_life_s = 86400, .from_s = 60480, .to_s = 64800 },
	};
	static const uint32_t randoms[] = { 0, 1, 59999, 60000, 123456789, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(due) * COUNT(randoms); i++) {
		size_t row = i / COUNT(randoms);
		struct due_state s = { .contract = due[row].c,
			.now_ms = SENT,
			.expires_ms = due[row].life_s == 0 ? 0 : SENT + due[row].life_s * 1000,
			.used_ms = due[row].used_s == 0 ? 0 : SENT - due[row].used_s * 1000,
			.refresh_expires_ms = due[row].refresh_life_s == 0
			    ? 0
			    : SENT + due[row].refresh_life_s * 1000,
			.has_refresh = !due[row].no_refresh,
			.lazy = due[row].lazy,
			.unmoved = due[row].unmoved,
			.random = randoms[i % COUNT(randoms)] };
		int64_t got = plan_due_ms(&s);

		if (due[row].to_s == 0)
			assert_int_equal(got, 0);
		else
			assert_in_range(
			    got, SENT + due[row].from_s * 1000, SENT + due[row].to_s * 1000);
	}
}

/* A reply that is silent about it says nothing: a lazy token is kept alive then. */
static void
test_an_end_that_is_not_told_again_may_have_moved(void **state)
{
	(void)state;
	assert_true(plan_end_stays(SENT, SENT));
	assert_true(plan_end_stays(SENT, SENT + 2000));
	assert_false(plan_end_stays(SENT, SENT + 60000));
	assert_false(plan_end_stays(SENT, 0));
	assert_false(plan_end_stays(0, SENT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_to_do_in_doubt),
		TEST(test_a_strict_provider_is_never_sent_a_second_time_in_doubt),
		TEST(test_when_a_token_is_due),
		TEST(test_an_end_that_is_not_told_again_may_have_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
