/* Attempts to connect: spent once, finished once, one token each. */
#include "suite.h"

static void
test_connection_is_spent_once(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	start(f, "c1", NOW);
	assert_ok(store_connection_by_state(store(f), &f->cx, S("c1"), &c));
	assert_int_equal(c.status, CONN_WAITING);
	assert_rc(store_connection_by_state(store(f), &f->cx, S("c2"), &c), E_NOTFOUND);
	assert_ok(store_connection_spend(store(f), &f->cx, S("c1")));
	assert_rc(store_connection_spend(store(f), &f->cx, S("c1")), E_CONFLICT);
	assert_rc(store_connection_spend(store(f), &f->cx, S("c2")), E_CONFLICT);
}

static void
test_connection_finishes_with_its_secrets(void **state)
{
	struct fixture *f = *state;
	struct connection_secrets s = { .app_secret = secret_of(S("app")),
		.access = secret_of(S("access")),
		.refresh = secret_of(S("refresh")) };
	struct connection c;

	start(f, "c1", NOW);
	assert_ok(store_connection_get(store(f), &f->cx, S("c1"), &c));
	assert_false(c.has_refresh);
	c.status = CONN_CONNECTED;
	c.account_name = S("Ann Lee");
	assert_ok(store_connection_spend(store(f), &f->cx, S("c1")));
	assert_ok(store_connection_finish(store(f), &f->cx, &c, &s));
	/* What it came to is not written over: the answer to its commit may have been lost. */
	c.status = CONN_FAILED;
	assert_rc(store_connection_finish(store(f), &f->cx, &c, &s), E_NOTFOUND);
	assert_ok(store_connection_get(store(f), &f->cx, S("c1"), &c));
	assert_int_equal(c.status, CONN_CONNECTED);
	assert_str_equal(c.account_name, S("Ann Lee"));
	assert_true(c.has_refresh);
	assert_rc(store_connection_spend(store(f), &f->cx, S("c1")), E_CONFLICT);
	s = (struct connection_secrets){ 0 };
	assert_ok(store_connection_secrets(store(f), &f->cx, S("c1"), &s));
	assert_true(crypto_equal(s.access, secret_of(S("access"))));
	assert_true(secret_empty(s.verifier));
	assert_ok(store_connection_delete(store(f), &f->cx, S("c1")));
	assert_rc(store_connection_finish(store(f), &f->cx, &c, &s), E_NOTFOUND);
}

static struct token_secrets
reconnected(struct fixture *f, const char *account)
{
	struct token_reconnect r = { .app_key = S("key"),
		.account_id = str_of(account),
		.kept_due_ms = NOW + 7,
		.grant = { .access = secret_of(S("access2")), .now_ms = NOW } };
	struct token_secrets secrets;

	assert_ok(store_token_reconnect(store(f), &f->cx, S("t1"), &r));
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &secrets));
	return secrets;
}

/* Some providers give one at the first consent only. Of another account it would be somebody else's. */
static void
test_a_consent_without_a_refresh_token_leaves_the_one_that_is_there(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t1", "First");
	struct token_previous previous;

	t.app_key = S("key");
	t.account_id = S("ann");
	assert_ok(store_token_create(store(f), &f->cx, &t, &plain, S("")));
	assert_true(crypto_equal(reconnected(f, "ann").refresh, plain.refresh));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.due_ms, NOW + 7);
	assert_ok(store_token_previous(store(f), &f->cx, S("t1"), &previous));
	assert_true(crypto_equal(previous.access, plain.access));
	assert_true(secret_empty(reconnected(f, "bob").refresh));
}

/* A refresh whose reply is under way goes on: it may hold the only copy of the next refresh token. */
static void
test_a_consent_that_leaves_the_refresh_token_leaves_its_doubt(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t1", "First");
	struct refresh_claim c;

	t.app_key = S("key");
	t.account_id = S("ann");
	assert_ok(store_token_create(store(f), &f->cx, &t, &plain, S("")));
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_true(crypto_equal(reconnected(f, "ann").refresh, plain.refresh));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.attempt.stage, STAGE_SENT);
	assert_ok(store_refresh_answered(
	    store(f), &f->cx, &c, NOW + 1, 200, 0, secret_of(S("the reply"))));
	assert_true(secret_empty(reconnected(f, "bob").refresh));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.attempt.stage, STAGE_SETTLED);
}

/* Its attempt ends in the same transaction, without a copy of the grant (S-177), and works once. */
static void
test_a_reconnect_ends_its_attempt(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t1", "First");
	struct connection c, other;
	struct token_reconnect r = { .attempt = &c,
		.app_key = S("k"),
		.app_secret = secret_of(S("app2")),
		.account_email = S("bob@example.com"),
		.grant = { .access = secret_of(S("access2")), .now_ms = NOW } };
	struct connection_secrets s;
	struct token_secrets grant;

	start(f, "c1", NOW);
	assert_ok(store_token_create(store(f), &f->cx, &t, &plain, S("")));
	assert_ok(store_connection_spend(store(f), &f->cx, S("c1")));
	assert_ok(store_connection_get(store(f), &f->cx, S("c1"), &c));
	other = c;
	other.provider = S("another");
	r.attempt = &other;
	assert_rc(store_token_reconnect(store(f), &f->cx, S("t1"), &r), E_INPUT);
	r.attempt = &c;
	assert_ok(store_token_reconnect(store(f), &f->cx, S("t1"), &r));
	assert_ok(store_connection_secrets(store(f), &f->cx, S("c1"), &s));
	assert_true(secret_empty(s.app_secret) && secret_empty(s.verifier));
	assert_true(secret_empty(s.access) && secret_empty(s.refresh));
	r.grant.access = secret_of(S("access3"));
	assert_rc(store_token_reconnect(store(f), &f->cx, S("t1"), &r), E_CONFLICT);
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &grant));
	assert_true(crypto_equal(grant.access, secret_of(S("access2"))));
	assert_ok(store_connection_end_session(store(f), &f->cx, c.session_digest));
	assert_rc(store_connection_get(store(f), &f->cx, S("c1"), &c), E_NOTFOUND);
}

/* Done twice at once, with two names, once made two tokens of one grant. */
static void
test_connection_becomes_one_token(void **state)
{
	struct fixture *f = *state;
	struct token first = a_token("t1", "First"), second = a_token("t2", "Second"), t;
	struct token taken = a_token("t3", "FIRST");
	struct connection c;

	start(f, "c1", NOW);
	assert_ok(store_token_create(store(f), &f->cx, &first, &plain, S("c1")));
	assert_rc(store_connection_get(store(f), &f->cx, S("c1"), &c), E_NOTFOUND);
	assert_rc(store_token_create(store(f), &f->cx, &second, &plain, S("c1")), E_NOTFOUND);
	assert_rc(store_token_get(store(f), &f->cx, S("t2"), &t), E_NOTFOUND);
	/* A name that is taken leaves the connection for another try. */
	start(f, "c2", NOW);
	assert_rc(store_token_create(store(f), &f->cx, &taken, &plain, S("c2")), E_CONFLICT);
	assert_ok(store_connection_get(store(f), &f->cx, S("c2"), &c));
}

static void
test_connection_prune_keeps_the_newest(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	start(f, "c1", NOW);
	start(f, "c2", NOW + 10);
	start(f, "c3", NOW + 20);
	start(f, "c4", NOW + 30);
	assert_ok(store_connection_prune(store(f), &f->cx, NOW + 5, S("session"), 2));
	assert_rc(store_connection_get(store(f), &f->cx, S("c1"), &c), E_NOTFOUND);
	assert_rc(store_connection_get(store(f), &f->cx, S("c2"), &c), E_NOTFOUND);
	assert_ok(store_connection_get(store(f), &f->cx, S("c3"), &c));
	assert_ok(store_connection_get(store(f), &f->cx, S("c4"), &c));
}

const struct CMUnitTest connection_tests[] = {
	STORE_TEST(test_connection_is_spent_once),
	STORE_TEST(test_connection_finishes_with_its_secrets),
	STORE_TEST(test_a_consent_without_a_refresh_token_leaves_the_one_that_is_there),
	STORE_TEST(test_a_consent_that_leaves_the_refresh_token_leaves_its_doubt),
	STORE_TEST(test_a_reconnect_ends_its_attempt),
	STORE_TEST(test_connection_becomes_one_token),
	STORE_TEST(test_connection_prune_keeps_the_newest),
};
const size_t connection_test_count = sizeof(connection_tests) / sizeof(connection_tests[0]);
