/* What a refresh leaves behind: the pair before, what was learned of the provider, and what it refused. */
#include "suite.h"

/* The pair that was replaced stays sealed until the next one has been used with success. */
static void
test_previous_pair_stays_until_the_next_success(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_int_equal(run_sql(f, "UPDATE token SET lazy = 0 WHERE previous_refresh <> ''"), 0);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	assert_int_equal(run_sql(f, "UPDATE token SET lazy = 0 WHERE previous_refresh <> ''"), 1);
	assert_false(str_contains(dump(f, true), S("the-refresh-token")));
	c = claim(f, "t1", NOW + 1);
	assert_int_equal(c.token.learned.refreshes, 1);
	assert_int_equal(c.token.learned.rotations, 1);
	assert_int_equal(c.token.learned.since_ms, fresh.now_ms);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	c = claim(f, "t1", NOW + 2);
	assert_int_equal(c.token.learned.refreshes, 2);
	assert_int_equal(c.token.learned.rotations, 1); /* the same refresh token came */
	assert_int_equal(c.token.learned.returned, 2);
}

static void
assert_previous(struct fixture *f, struct secret access, struct secret refresh)
{
	struct token_previous previous;

	assert_ok(store_token_previous(store(f), &f->cx, S("t1"), &previous));
	assert_true(crypto_equal(previous.access, access));
	assert_true(crypto_equal(previous.refresh, refresh));
}

static void
commit(struct fixture *f, struct secret access, struct secret refresh)
{
	struct token_grant grant = fresh;
	struct refresh_claim c = claim(f, "t1", NOW);

	grant.access = access;
	grant.refresh = refresh;
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &grant));
}

/* Each secret has a seal of its own, which stays as long as it does: whatever is edited or replaced beside it, all
 * of them open. */
static void
test_what_a_refresh_leaves_as_it_is_opens_afterwards(void **state)
{
	const struct secret a1 = secret_of(S("access one")), a2 = secret_of(S("access two")),
			    a3 = secret_of(S("access three")), r2 = secret_of(S("refresh two")),
			    none = secret_of(S(""));
	const struct token_edit name = { .set_name = true, .name = S("Other"), .now_ms = NOW };
	struct fixture *f = *state;
	struct token_secrets now;

	create(f, "t1", "One");
	commit(f, a1, none);
	assert_previous(f, plain.access, plain.refresh);
	commit(f, a2, r2);
	assert_previous(f, a1, plain.refresh);
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &name));
	assert_previous(f, a1, plain.refresh);
	commit(f, a3, r2); /* the same again */
	assert_previous(f, a2, r2);
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &now));
	assert_true(crypto_equal(now.app_secret, plain.app_secret));
	assert_true(crypto_equal(now.access, a3));
	assert_true(crypto_equal(now.refresh, r2));
	commit(f, a1, none);
	assert_previous(f, a3, r2);
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S(""), &(struct token){ 0 }));
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &now));
	assert_true(crypto_equal(now.refresh, r2));
	assert_previous(f, a3, r2);
}

/* What is seen outside a refresh: each thing with its time, the worse news last, and of this consent. */
static void
test_what_is_learned_stays_until_the_next_consent(void **state)
{
	struct fixture *f = *state;
	struct token_reconnect r = {
		.app_key = S("k"), .app_secret = secret_of(S("s")), .grant = fresh
	};
	struct token t, seen, old;

	create(f, "t1", "One");
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &old));
	seen = old;
	seen.learned.kills = OLD_ACCESS_DIES;
	seen.learned.kills_ms = NOW;
	assert_ok(store_token_learn(store(f), &f->cx, &seen));
	seen.learned = (struct token_learned){ .kills = OLD_ACCESS_LIVES, .kills_ms = NOW + 1 };
	assert_ok(store_token_learn(store(f), &f->cx, &seen));
	seen.learned = (struct token_learned){ .life_s = 60, .life_ms = NOW + 2 };
	assert_ok(store_token_learn(store(f), &f->cx, &seen));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.learned.kills, OLD_ACCESS_DIES);
	assert_int_equal(t.learned.kills_ms, NOW);
	assert_int_equal(t.learned.life_s, 60);
	assert_int_equal(t.learned.life_ms, NOW + 2);
	r.grant.now_ms = NOW + 3;
	assert_ok(store_token_reconnect(store(f), &f->cx, S("t1"), &r));
	assert_ok(store_token_learn(store(f), &f->cx, &seen)); /* of the one before: too late */
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.learned.kills, OLD_ACCESS_UNKNOWN);
	assert_int_equal(t.learned.life_s, 0);
}

static void
test_a_refused_access_token_is_so_until_there_is_another(void **state)
{
	struct fixture *f = *state;
	struct token_previous previous;
	struct refresh_claim c;
	struct token t, before;

	create(f, "t1", "One");
	assert_ok(store_token_previous(store(f), &f->cx, S("t1"), &previous));
	assert_true(secret_empty(previous.access));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &before));
	assert_ok(store_token_refused(store(f), &f->cx, &before, NOW));
	assert_ok(store_token_refused(store(f), &f->cx, &before, NOW + 1));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.refused_ms, NOW); /* since when */
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	assert_ok(store_token_refused(store(f), &f->cx, &before, NOW + 2)); /* the old one */
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.refused_ms, 0);
	assert_ok(store_token_previous(store(f), &f->cx, S("t1"), &previous));
	assert_true(crypto_equal(previous.access, plain.access));
	assert_true(crypto_equal(previous.refresh, plain.refresh));
	assert_int_equal(previous.expires_ms, before.expires_ms);
}

/* Dead before the first attempt, or only since: what its death says of that attempt depends on it. A clock
 * that is set back in between does not turn the two around. */
static void
test_a_refusal_keeps_its_place_before_or_after_an_attempt(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	struct token t;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_ok(store_token_refused(store(f), &f->cx, &t, NOW + 9000));
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.refused_ms, NOW);
	assert_int_equal(t.attempt.first_ms, NOW);

	c = claim(f, "t2", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 9000, false));
	assert_ok(store_token_get(store(f), &f->cx, S("t2"), &t));
	assert_ok(store_token_refused(store(f), &f->cx, &t, NOW));
	c = claim(f, "t2", NOW + LEASE + 1);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false)); /* again, in doubt */
	assert_ok(store_token_get(store(f), &f->cx, S("t2"), &t));
	assert_int_equal(t.attempt.first_ms, NOW + 9000);
	assert_true(t.refused_ms > t.attempt.first_ms);
}

const struct CMUnitTest pair_tests[] = {
	STORE_TEST(test_previous_pair_stays_until_the_next_success),
	STORE_TEST(test_what_a_refresh_leaves_as_it_is_opens_afterwards),
	STORE_TEST(test_what_is_learned_stays_until_the_next_consent),
	STORE_TEST(test_a_refused_access_token_is_so_until_there_is_another),
	STORE_TEST(test_a_refusal_keeps_its_place_before_or_after_an_attempt),
};
const size_t pair_test_count = sizeof(pair_tests) / sizeof(pair_tests[0]);
