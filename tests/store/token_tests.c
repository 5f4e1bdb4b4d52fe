/* Saved tokens: what goes in comes back, under one name, and nothing of it in the clear. */
#include "suite.h"

static void
test_token_comes_back_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "My Token");
	assert_ok(store_token_open(store(f), &f->cx, S("My Token"), &t, &s));
	assert_str_equal(t.id, S("t1"));
	assert_str_equal(t.description, S("what for"));
	assert_str_equal(t.scope_granted, S("account_info.read files.content.read"));
	assert_str_equal(t.account_email, S("ann@example.com"));
	assert_int_equal(t.status, TOKEN_ACTIVE);
	assert_int_equal(t.expires_ms, NOW + 14400000);
	assert_true(t.has_refresh);
	assert_true(crypto_equal(s.app_secret, plain.app_secret));
	assert_true(crypto_equal(s.access, plain.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
	assert_rc(store_token_get(store(f), &f->cx, S("t2"), &t), E_NOTFOUND);
	assert_rc(store_token_by_name(store(f), &f->cx, S("my token"), &t), E_NOTFOUND);
}

static void
test_token_outlives_the_process(void **state)
{
	struct fixture *f = *state;
	struct token_secrets s;

	create(f, "t1", "One");
	store_close(store(f));
	open_store(f);
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &s));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

static bool
file_holds(struct fixture *f, const char *name, const char *text)
{
	int fd = open(fixture_path(f, name), O_RDONLY);
	struct stat st;
	struct str all;
	char *p;

	if (fd < 0)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	p = arena_alloc(f->arena, (size_t)st.st_size);
	all = (struct str){ p, (size_t)st.st_size };
	assert_int_equal(read(fd, p, all.len), all.len);
	close(fd);
	return str_contains(all, str_of(text));
}

/* The rows on every database; of SQLite the file as well, with what its log still holds. */
static void
test_no_secret_stands_in_the_database(void **state)
{
	static const char *const secrets[] = { "the-app-secret", "the-access-token",
		"the-refresh-token", "the-seed-text" };
	struct fixture *f = *state;
	struct str rows;

	create(f, "t1", "A Name To Find");
	assert_ok(
	    store_meta_put_sealed(store(f), &f->cx, S("seed"), secret_of(S("the-seed-text"))));
	rows = dump(f, true);
	assert_true(str_contains(rows, S("A Name To Find"))); /* the search works */
	if (backend == ON_SQLITE)
		assert_true(file_holds(f, "valetkey.db", "A Name To Find") ||
		    file_holds(f, "valetkey.db-wal", "A Name To Find"));
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		assert_false(str_contains(rows, str_of(secrets[i])));
		assert_false(file_holds(f, "valetkey.db", secrets[i]));
		assert_false(file_holds(f, "valetkey.db-wal", secrets[i]));
	}
}

static void
test_token_name_is_taken_in_any_case(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t2", "MY token");
	struct token_edit edit = { .set_name = true, .name = S("my TOKEN"), .now_ms = NOW };

	create(f, "t1", "My Token");
	assert_rc(store_token_create(store(f), &f->cx, &t, &plain, S("")), E_CONFLICT);
	assert_string_equal(f->cx.code, "name-taken");
	assert_string_equal(f->cx.field, "name");
	create(f, "t2", "Other");
	assert_rc(store_token_edit(store(f), &f->cx, S("t2"), &edit), E_CONFLICT);
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
}

static void
test_token_edit_seals_again(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = { .set_name = true,
		.name = S("New"),
		.set_description = true,
		.description = S("changed"),
		.set_app_secret = true,
		.app_secret = secret_of(S("another")),
		.now_ms = NOW + 1 };
	struct token_secrets s;
	struct token t;

	create(f, "t1", "Old");
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
	assert_rc(store_token_by_name(store(f), &f->cx, S("Old"), &t), E_NOTFOUND);
	assert_ok(store_token_open(store(f), &f->cx, S("New"), &t, &s));
	assert_str_equal(t.description, S("changed"));
	assert_true(crypto_equal(s.app_secret, edit.app_secret));
	assert_true(crypto_equal(s.access, plain.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

static void
test_token_list_is_sorted_and_delete_deletes(void **state)
{
	struct fixture *f = *state;
	struct token_page page = { .max = 10 };
	struct token *list;
	size_t n;

	create(f, "t1", "beta");
	create(f, "t2", "Alpha");
	create(f, "t3", "gamma");
	assert_ok(store_token_delete(store(f), &f->cx, S("t3"), NOW));
	assert_rc(store_token_delete(store(f), &f->cx, S("t3"), NOW), E_NOTFOUND);
	assert_ok(store_token_page(store(f), &f->cx, &page, &list, &n));
	assert_int_equal(n, 2);
	assert_str_equal(list[0].name, S("Alpha"));
	assert_str_equal(list[1].name, S("beta"));
}

static size_t
count_found(struct fixture *f, const char *find, const char *after)
{
	struct token_page page = { .find = str_of(find), .after = str_of(after), .max = 10 };
	struct token *list;
	size_t n;

	assert_ok(store_token_page(store(f), &f->cx, &page, &list, &n));
	return n;
}

static void
test_a_page_holds_what_has_a_word_in_its_name(void **state)
{
	struct fixture *f = *state;

	create(f, "t1", "beta");
	create(f, "t2", "Alpha");
	create(f, "t3", "Alphabet");
	assert_int_equal(count_found(f, "BET", ""), 2);
	assert_int_equal(count_found(f, "alpha", ""), 2);
	assert_int_equal(count_found(f, "alpha", "Alpha"), 1);
	assert_int_equal(count_found(f, "alphabets", ""), 0);
	/* None of them means anything else. */
	assert_int_equal(count_found(f, "%", ""), 0);
	assert_int_equal(count_found(f, "a_p", ""), 0);
	assert_int_equal(count_found(f, "!", ""), 0);
	assert_int_equal(count_found(f, "'", ""), 0);
}

/* When a token is due is not told from what was so before a refresh began, or ended. */
static void
test_an_edit_does_not_set_when_it_is_due_from_an_older_reading(void **state)
{
	struct fixture *f = *state;
	struct token_edit lazy = { .set_lazy = true, .lazy = true, .now_ms = NOW, .due_ms = 77 };
	struct refresh_claim c;
	struct token t, now;

	create(f, "t1", "One");
	lazy.due_from = &t;
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	c = claim(f, "t1", NOW);
	assert_rc(store_token_edit(store(f), &f->cx, S("t1"), &lazy), E_AGAIN);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	assert_rc(store_token_edit(store(f), &f->cx, S("t1"), &lazy), E_AGAIN);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &now));
	assert_false(now.lazy);
	assert_true(now.due_ms != 77);
	t = now;
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &lazy));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &now));
	assert_true(now.lazy);
	assert_int_equal(now.due_ms, 77);
}

static const struct deleted_page all_deleted = { .until_ms = INT64_MAX, .max = 9 };

/* In pages of two: each is there once, also of several that were put aside at one moment. */
static void
test_what_was_put_aside_comes_in_pages(void **state)
{
	struct fixture *f = *state;
	struct deleted_page page = { .until_ms = INT64_MAX, .max = 2 };
	const char *const order[] = { "t5", "t1", "t2", "t3", "t4" };
	size_t seen = 0, n;
	struct token *list;

	for (int i = 1; i <= 5; i++) {
		const char *id = str_printf(f->arena, "t%d", i).p;

		create(f, id, str_printf(f->arena, "Token %d", i).p);
		assert_ok(store_token_delete(store(f), &f->cx, str_of(id), i == 5 ? NOW + 1 : NOW));
	}
	do {
		assert_ok(store_token_page_deleted(store(f), &f->cx, &page, &list, &n));
		for (size_t i = 0; i < n; i++)
			assert_str_equal(list[i].id, str_of(order[seen++]));
		if (n > 0)
			page = (struct deleted_page){ list[n - 1].deleted_ms, list[n - 1].id, 2 };
	} while (n == 2);
	assert_int_equal(seen, 5);
}

/* A person's delete can be undone, until it is purged; meanwhile the token is nowhere to be seen. */
static void
test_delete_can_be_undone(void **state)
{
	struct fixture *f = *state;
	struct token_secrets s;
	struct refresh_claim c;
	struct token t, *list;
	struct str *ids;
	int64_t next;
	size_t n;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW + 5));
	assert_rc(store_token_by_name(store(f), &f->cx, S("One"), &t), E_NOTFOUND);
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_NOTFOUND);
	assert_rc(
	    store_refresh_claim(store(f), &f->cx, S("t1"), NOW + LEASE, LEASE, &c), E_NOTFOUND);
	ctx_clear(&f->cx);
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), NOW * 2, NOW * 2, 9, &ids, &n, &next));
	assert_int_equal(n, 0);
	assert_ok(store_token_page_deleted(store(f), &f->cx, &all_deleted, &list, &n));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].deleted_ms, NOW + 5);
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t));
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_true(crypto_equal(s.refresh, plain.refresh));
	assert_true(t.due_ms > 0);
	assert_rc(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t), E_NOTFOUND);
}

static void
test_name_of_a_deleted_token_is_free(void **state)
{
	struct fixture *f = *state;
	struct token t;

	create(f, "t1", "One");
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	create(f, "t2", "One");
	assert_rc(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t), E_CONFLICT);
	assert_string_equal(f->cx.code, "name-taken");
	ctx_clear(&f->cx);
	assert_ok(store_token_delete(store(f), &f->cx, S("t2"), NOW));
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t));
}

/* What is sealed is bound to the name: it opens under the new one. */
static void
test_deleted_token_comes_back_under_another_name(void **state)
{
	struct fixture *f = *state;
	struct token_secrets secrets;
	struct token t;

	create(f, "t1", "One");
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	create(f, "t2", "One");
	assert_rc(store_token_restore(store(f), &f->cx, S("t1"), S("one"), &t), E_CONFLICT);
	ctx_clear(&f->cx);
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S("One again"), &t));
	assert_ok(store_token_open(store(f), &f->cx, S("One again"), &t, &secrets));
	assert_str_equal(t.id, S("t1"));
	assert_str_equal(t.name, S("One again"));
}

static void
test_purge_ends_what_was_deleted_long_ago(void **state)
{
	struct fixture *f = *state;
	struct token t;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	assert_ok(store_token_purge(store(f), &f->cx, NOW));
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t));
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	assert_ok(store_token_purge(store(f), &f->cx, NOW + 1));
	assert_rc(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t), E_NOTFOUND);
	ctx_clear(&f->cx);
	assert_ok(store_token_get(store(f), &f->cx, S("t2"), &t));
}

static void
assert_page(struct fixture *f, struct token_page page, const char *names)
{
	struct str got = S("");
	struct token *list;
	size_t n;

	assert_ok(store_token_page(store(f), &f->cx, &page, &list, &n));
	for (size_t i = 0; i < n; i++)
		got = str_printf(f->arena, "%.*s%.*s,", STR_ARG(got), STR_ARG(list[i].name));
	assert_str_equal(got, str_of(names));
}

static void
test_pages_go_through_all_names_once(void **state)
{
	struct fixture *f = *state;

	create(f, "t1", "bravo");
	create(f, "t2", "Alpha");
	create(f, "t3", "Delta");
	create(f, "t4", "charlie");
	create(f, "t5", "Gone");
	assert_ok(store_token_delete(store(f), &f->cx, S("t5"), NOW));
	assert_page(f, (struct token_page){ .max = 3 }, "Alpha,bravo,charlie,");
	assert_page(f, (struct token_page){ .max = 3, .after = S("charlie") }, "Delta,");
	assert_page(f, (struct token_page){ .max = 3, .after = S("BRAVO") }, "charlie,Delta,");
	assert_page(f, (struct token_page){ .max = 3, .after = S("Delta") }, "");
}

static void
test_pages_of_a_key_have_its_tokens_only(void **state)
{
	struct fixture *f = *state;
	struct str some[] = { S("t3"), S("t1") };
	struct api_key key = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = some,
		.token_count = 2,
		.created_ms = NOW };

	create(f, "t1", "bravo");
	create(f, "t2", "Alpha");
	create(f, "t3", "Delta");
	assert_ok(store_key_create(store(f), &f->cx, &key));
	assert_page(f, (struct token_page){ .key = S("k1"), .max = 1 }, "bravo,");
	assert_page(
	    f, (struct token_page){ .key = S("k1"), .max = 9, .after = S("bravo") }, "Delta,");
	assert_page(f, (struct token_page){ .key = S("other"), .max = 9 }, "");
}

const struct CMUnitTest token_tests[] = {
	STORE_TEST(test_token_comes_back_as_it_went_in),
	STORE_TEST(test_token_outlives_the_process),
	STORE_TEST(test_no_secret_stands_in_the_database),
	STORE_TEST(test_token_name_is_taken_in_any_case),
	STORE_TEST(test_token_edit_seals_again),
	STORE_TEST(test_token_list_is_sorted_and_delete_deletes),
	STORE_TEST(test_a_page_holds_what_has_a_word_in_its_name),
	STORE_TEST(test_pages_go_through_all_names_once),
	STORE_TEST(test_pages_of_a_key_have_its_tokens_only),
	STORE_TEST(test_an_edit_does_not_set_when_it_is_due_from_an_older_reading),
	STORE_TEST(test_what_was_put_aside_comes_in_pages),
	STORE_TEST(test_delete_can_be_undone),
	STORE_TEST(test_name_of_a_deleted_token_is_free),
	STORE_TEST(test_deleted_token_comes_back_under_another_name),
	STORE_TEST(test_purge_ends_what_was_deleted_long_ago),
};
const size_t token_test_count = sizeof(token_tests) / sizeof(token_tests[0]);
