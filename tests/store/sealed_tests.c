/* What is sealed does not open once somebody moved it by hand, past every verb. */
#include "suite.h"

static void
assert_integrity(struct fixture *f, const char *id)
{
	struct token_secrets s;

	ctx_clear(&f->cx);
	assert_rc(store_token_secrets(store(f), &f->cx, str_of(id), &s), E_STORE);
	assert_string_equal(f->cx.code, "integrity");
}

/* S-166: a sealed value opens in its own column of its own row, of its own version, only. */
static void
test_s166_values_moved_by_hand_do_not_open(void **state)
{
	static const char *const moves[] = {
		"UPDATE token SET access = (SELECT access FROM token WHERE id = 't2') WHERE id = "
		"'t1'",
		"UPDATE token SET refresh = (SELECT refresh FROM token WHERE id = 't2') WHERE id = "
		"'t1'",
		"UPDATE token SET app_secret = access WHERE id = 't1'",
		"UPDATE token SET access = refresh, refresh = access WHERE id = 't1'",
		"UPDATE token SET access_version = access_version + 1 WHERE id = 't1'",
		"UPDATE token SET name = 'Renamed' WHERE id = 't1'",
		"UPDATE token SET access = (SELECT digest FROM session) WHERE id = 't1'",
		"UPDATE token SET access = substr(access, 1, length(access) - 1) WHERE id = 't1'",
	};
	struct fixture *f = *state;
	struct token_secrets s;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("") };

	/* Bytes in the clear that can be put where sealed ones belong. */
	assert_ok(store_user_put(store(f), &f->cx, &u));
	assert_ok(store_session_create(store(f), &f->cx, S("the-access-token"), &u, NOW));
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		create(f, "t1", "One");
		create(f, "t2", "Two");
		by_hand(f, moves[i]);
		assert_integrity(f, "t1");
		assert_ok(store_token_secrets(store(f), &f->cx, S("t2"), &s));
		by_hand(f, "DELETE FROM token");
	}
}

/* An old value put back into its own place is noticed as well: the version moved on. */
static void
test_s166_an_old_value_put_back_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = {
		.set_app_secret = true, .app_secret = secret_of(S("x")), .now_ms = NOW
	};

	create(f, "t1", "One");
	by_hand(f, "INSERT INTO meta (name, value, sealed) SELECT 'kept', '', access FROM token");
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
	by_hand(f, "UPDATE token SET access = (SELECT sealed FROM meta WHERE name = 'kept')");
	assert_integrity(f, "t1");
}

/* One damaged part is not the end of the others: deleting keeps the row for as long as any other's. */
static void
test_what_does_not_open_is_deleted_and_kept(void **state)
{
	const struct deleted_page deleted = { .until_ms = INT64_MAX, .max = 8 };
	struct token_page page = { .max = 8 };
	struct fixture *f = *state;
	struct token *list;
	size_t n;

	create(f, "t1", "One");
	by_hand(f, "UPDATE token SET access = substr(access, 1, length(access) - 1)");
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	assert_ok(store_token_page(store(f), &f->cx, &page, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(store_token_page_deleted(store(f), &f->cx, &deleted, &list, &n));
	assert_int_equal(n, 1);
	assert_int_equal(run_sql(f, "UPDATE token SET id = id WHERE length(refresh) > 0"), 1);
	create(f, "t2", "One"); /* its name is free */
	assert_ok(store_token_purge(store(f), &f->cx, NOW + 1));
	assert_ok(store_token_page_deleted(store(f), &f->cx, &deleted, &list, &n));
	assert_int_equal(n, 0);
}

static void
test_connection_secrets_moved_by_hand_do_not_open(void **state)
{
	struct fixture *f = *state;
	struct connection_secrets s;

	start(f, "c1", NOW);
	start(f, "c2", NOW);
	by_hand(f,
	    "UPDATE connection SET verifier = (SELECT verifier FROM connection WHERE id = 'c2')"
	    " WHERE id = 'c1'");
	assert_rc(store_connection_secrets(store(f), &f->cx, S("c1"), &s), E_STORE);
	assert_ok(store_connection_secrets(store(f), &f->cx, S("c2"), &s));
}

static void
test_meta_is_bound_to_its_name(void **state)
{
	struct fixture *f = *state;
	struct secret out;
	struct str text;

	assert_ok(store_meta_put(store(f), &f->cx, S("a"), S("1")));
	assert_ok(store_meta_put(store(f), &f->cx, S("a"), S("2")));
	assert_ok(store_meta_get(store(f), &f->cx, S("a"), &text));
	assert_str_equal(text, S("2"));
	assert_rc(store_meta_get(store(f), &f->cx, S("b"), &text), E_NOTFOUND);
	assert_ok(store_meta_put_sealed(store(f), &f->cx, S("s1"), secret_of(S("one"))));
	assert_ok(store_meta_put_sealed(store(f), &f->cx, S("s2"), secret_of(S("two"))));
	assert_ok(store_meta_get_sealed(store(f), &f->cx, S("s1"), &out));
	assert_true(crypto_equal(out, secret_of(S("one"))));
	by_hand(f,
	    "UPDATE meta SET sealed = (SELECT sealed FROM meta WHERE name = 's2')"
	    " WHERE name = 's1'");
	assert_rc(store_meta_get_sealed(store(f), &f->cx, S("s1"), &out), E_STORE);
}

/* S-169: the key of another installation. */
static void
test_s169_another_key_is_noticed_at_the_door(void **state)
{
	struct fixture *f = *state;
	struct keyring *other;
	struct store *s = NULL;

	create(f, "t1", "One");
	assert_ok(keyring_open(&f->cx, fixture_path(f, "other"), KEY_MAKE, false, &other));
	assert_rc(store_open(&f->cx, opened(f)->where, other, &s), E_INPUT);
	assert_string_equal(f->cx.code, "master-key");
	assert_null(s);
	keyring_free(other);
}

const struct CMUnitTest sealed_tests[] = {
	STORE_TEST(test_s166_values_moved_by_hand_do_not_open),
	STORE_TEST(test_s166_an_old_value_put_back_does_not_open),
	STORE_TEST(test_what_does_not_open_is_deleted_and_kept),
	STORE_TEST(test_connection_secrets_moved_by_hand_do_not_open),
	STORE_TEST(test_meta_is_bound_to_its_name),
	STORE_TEST(test_s169_another_key_is_noticed_at_the_door),
};
const size_t sealed_test_count = sizeof(sealed_tests) / sizeof(sealed_tests[0]);
