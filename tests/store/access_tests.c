/* People, their sessions, and API keys. */
#include "suite.h"

static void
test_keys_with_their_tokens(void **state)
{
	struct fixture *f = *state;
	struct str some[] = { S("t1"), S("t2") };
	struct api_key one = { .id = S("k1"),
		.label = S("One"),
		.hint = S("vk_...1"),
		.digest = S("digest-1"),
		.token_ids = some,
		.token_count = 2,
		.created_ms = NOW };
	struct api_key all = { .id = S("k2"),
		.label = S("All"),
		.hint = S("vk_...2"),
		.digest = S("digest-2"),
		.all_tokens = true,
		.created_ms = NOW + 1 };
	struct api_key *list;
	size_t n;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	assert_ok(store_key_create(store(f), &f->cx, &one));
	assert_ok(store_key_create(store(f), &f->cx, &all));
	assert_ok(store_keys_used(
	    store(f), &f->cx, (struct key_use[]){ { S("k1"), NOW + 5 }, { S("gone"), NOW } }, 2));
	assert_ok(store_token_delete(store(f), &f->cx, S("t2"), NOW));
	assert_ok(store_token_purge(store(f), &f->cx, NOW + 1));
	assert_ok(store_key_list(store(f), &f->cx, &list, &n));
	assert_int_equal(n, 2);
	assert_str_equal(list[0].id, S("k2"));
	assert_true(list[0].all_tokens);
	assert_false(list[1].all_tokens);
	assert_int_equal(list[1].used_ms, NOW + 5);
	assert_str_equal(list[1].digest, S("digest-1"));
	assert_int_equal(list[1].token_count, 1);
	assert_str_equal(list[1].token_ids[0], S("t1"));
	assert_ok(store_key_delete(store(f), &f->cx, S("k1")));
	assert_rc(store_key_delete(store(f), &f->cx, S("k1")), E_NOTFOUND);
}

/* The order of the keys is not that of their ids, nor of what they may read. */
static void
test_each_key_of_a_list_has_its_own_tokens(void **state)
{
	struct fixture *f = *state;
	struct str ids[] = { S("t1"), S("t2"), S("t3"), S("t4"), S("t5"), S("t6") };
	struct api_key *list;
	size_t n;

	for (size_t i = 0; i < 6; i++)
		create(f, ids[i].p, ids[i].p);
	for (size_t i = 0; i < 6; i++) {
		struct api_key k = { .id = str_printf(f->arena, "k%zu", (i * 5) % 6),
			.label = ids[i],
			.hint = S(""),
			.digest = ids[i],
			.token_ids = &ids[6 - i],
			.token_count = i,
			.created_ms = NOW + (int64_t)i / 2 };

		assert_ok(store_key_create(store(f), &f->cx, &k));
	}
	assert_ok(store_key_list(store(f), &f->cx, &list, &n));
	assert_int_equal(n, 6);
	for (size_t i = 0; i < 6; i++) {
		size_t count = (size_t)(list[i].label.p[1] - '1');

		if (i > 0 && list[i - 1].created_ms == list[i].created_ms)
			assert_true(str_cmp(list[i - 1].id, list[i].id) < 0);
		else
			assert_true(i == 0 || list[i - 1].created_ms > list[i].created_ms);
		assert_int_equal(list[i].token_count, count);
		for (size_t j = 0; j < count; j++)
			assert_str_equal(list[i].token_ids[j], ids[6 - count + j]);
	}
}

static struct api_key
key_of(struct fixture *f, const char *id)
{
	struct api_key k;

	assert_ok(store_key_get(store(f), &f->cx, str_of(id), &k));
	return k;
}

/* The key stays the one that programs have. */
static void
test_key_gets_another_label_and_other_tokens(void **state)
{
	struct fixture *f = *state;
	struct str first[] = { S("t1"), S("t3") }, then[] = { S("t2"), S("t2") };
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = first,
		.token_count = 2,
		.created_ms = NOW };
	struct api_key_edit label = { .set_label = true, .label = S("Uno") };
	struct api_key_edit some = { .set_tokens = true, .token_ids = then, .token_count = 2 };
	struct api_key_edit all = { .set_tokens = true, .all_tokens = true };

	create(f, "t1", "One");
	create(f, "t2", "Two");
	create(f, "t3", "Three");
	assert_ok(store_key_create(store(f), &f->cx, &k));
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &label));
	assert_str_equal(key_of(f, "k1").label, S("Uno"));
	assert_int_equal(key_of(f, "k1").token_count, 2);
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &some));
	assert_str_equal(key_of(f, "k1").digest, S("d"));
	assert_int_equal(key_of(f, "k1").token_count, 1);
	assert_str_equal(key_of(f, "k1").token_ids[0], S("t2"));
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &all));
	assert_true(key_of(f, "k1").all_tokens);
	assert_int_equal(key_of(f, "k1").token_count, 0);
	assert_rc(store_key_edit(store(f), &f->cx, S("k9"), &all), E_NOTFOUND);
}

static void
create_key(struct fixture *f, struct str *ids, size_t count)
{
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = ids,
		.token_count = count,
		.created_ms = NOW };

	create(f, "t1", "One");
	create(f, "t2", "Two");
	create(f, "t3", "Three");
	assert_ok(store_key_create(store(f), &f->cx, &k));
}

/* A token that is put aside comes back to its keys, but not to one that was cut down meanwhile. */
static void
test_key_that_is_cut_down_loses_what_is_put_aside(void **state)
{
	struct fixture *f = *state;
	struct str first[] = { S("t1"), S("t3") }, more[] = { S("t1"), S("t2") },
		   less[] = { S("t2") };
	struct api_key_edit add = { .set_tokens = true, .token_ids = more, .token_count = 2 };
	struct api_key_edit cut = { .set_tokens = true, .token_ids = less, .token_count = 1 };
	struct token back;

	create_key(f, first, 2);
	assert_ok(store_token_delete(store(f), &f->cx, S("t3"), NOW));
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &add));
	assert_int_equal(key_of(f, "k1").token_count, 3);
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &cut));
	assert_ok(store_token_restore(store(f), &f->cx, S("t3"), S(""), &back));
	assert_int_equal(key_of(f, "k1").token_count, 1);
	assert_str_equal(key_of(f, "k1").token_ids[0], S("t2"));
}

/* What the editor saw and left out is taken away, though it was put aside before the edit came. */
static void
test_s132_key_loses_a_token_that_was_put_aside_while_it_was_taken_away(void **state)
{
	struct fixture *f = *state;
	struct str first[] = { S("t1"), S("t3") }, then[] = { S("t1"), S("t2") };
	struct api_key_edit edit = { .set_tokens = true, .token_ids = then, .token_count = 2 };
	struct token back;

	create_key(f, first, 2);
	assert_ok(store_token_delete(store(f), &f->cx, S("t3"), NOW));
	edit.was.has_tokens = true;
	edit.was.token_ids = first;
	edit.was.token_count = 2;
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &edit));
	assert_ok(store_token_restore(store(f), &f->cx, S("t3"), S(""), &back));
	assert_int_equal(key_of(f, "k1").token_count, 2);
	assert_str_equal(key_of(f, "k1").token_ids[0], S("t1"));
	assert_str_equal(key_of(f, "k1").token_ids[1], S("t2"));
}

static void
refuses_edit(struct fixture *f, const struct api_key_edit *edit, const char *field)
{
	assert_rc(store_key_edit(store(f), &f->cx, S("k1"), edit), E_CONFLICT);
	assert_string_equal(f->cx.code, "changed-meanwhile");
	assert_string_equal(f->cx.field, field);
	ctx_clear(&f->cx);
}

/* Of two who saw the same key the second is told, and changes nothing. */
static void
test_key_edit_of_what_is_not_so_any_more_is_refused(void **state)
{
	struct fixture *f = *state;
	struct str first[] = { S("t3"), S("t1") }, theirs[] = { S("t2") }, mine[] = { S("t1") };
	struct str more[] = { S("t2"), S("t3") };
	struct api_key_edit edit = { .set_tokens = true, .token_ids = theirs, .token_count = 1 };

	create_key(f, first, 2);
	edit.was.label = S("Two");
	refuses_edit(f, &edit, "label");
	edit.was.label = S("One");
	edit.was.has_tokens = true;
	refuses_edit(f, &edit, "token_ids");
	edit.was.token_ids = first;
	edit.was.token_count = 2;
	assert_ok(store_key_edit(store(f), &f->cx, S("k1"), &edit));
	edit.token_ids = mine;
	refuses_edit(f, &edit, "token_ids");
	edit.was.token_ids = more;
	refuses_edit(f, &edit, "token_ids");
	edit.was.all_tokens = true;
	edit.was.token_count = 0;
	refuses_edit(f, &edit, "token_ids");
	assert_int_equal(key_of(f, "k1").token_count, 1);
	assert_str_equal(key_of(f, "k1").token_ids[0], S("t2"));
}

/* A key with a token that is not there is not made at all. */
static void
test_key_is_made_whole_or_not(void **state)
{
	struct fixture *f = *state;
	struct str some[] = { S("t1"), S("missing") };
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = some,
		.token_count = 2,
		.created_ms = NOW };
	struct api_key *list;
	size_t n;

	create(f, "t1", "One");
	assert_int_not_equal(store_key_create(store(f), &f->cx, &k), OK);
	assert_ok(store_key_list(store(f), &f->cx, &list, &n));
	assert_int_equal(n, 0);
}

#define IDLE 1000000
#define LIFE 5000000

static void
test_session_ends_by_idleness_and_by_age(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") }, got;
	struct store *s = store(f);
	int64_t t = NOW;

	assert_ok(store_user_put(s, &f->cx, &u));
	assert_ok(store_session_create(s, &f->cx, S("s1"), &u, NOW));
	assert_rc(store_session_check(s, &f->cx, S("s2"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
	for (; t < NOW + LIFE; t += IDLE - 1) {
		assert_ok(store_session_check(s, &f->cx, S("s1"), t, IDLE, LIFE, &got));
		assert_str_equal(got.username, S("admin"));
	}
	assert_rc(
	    store_session_check(s, &f->cx, S("s1"), NOW + LIFE, IDLE, LIFE, &got), E_NOTFOUND);
	assert_ok(store_session_create(s, &f->cx, S("s3"), &u, NOW));
	assert_rc(
	    store_session_check(s, &f->cx, S("s3"), NOW + IDLE, IDLE, LIFE, &got), E_NOTFOUND);
}

static void
test_a_new_password_ends_all_sessions_but_one(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") }, got;
	struct store *s = store(f);

	assert_ok(store_user_put(s, &f->cx, &u));
	assert_ok(store_session_create(s, &f->cx, S("s1"), &u, NOW));
	assert_ok(store_session_create(s, &f->cx, S("s2"), &u, NOW));
	assert_ok(store_user_change(s, &f->cx, &u, S("new"), S("s2")));
	assert_rc(store_session_check(s, &f->cx, S("s1"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
	assert_ok(store_session_check(s, &f->cx, S("s2"), NOW, IDLE, LIFE, &got));
	assert_ok(store_session_delete(s, &f->cx, S("s2")));
	assert_rc(store_session_check(s, &f->cx, S("s2"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
}

static void
test_s119_a_session_keeps_when_the_password_was_given(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") };
	struct store *s = store(f);
	int64_t at_ms;

	assert_ok(store_user_put(s, &f->cx, &u));
	assert_ok(store_session_create(s, &f->cx, S("s1"), &u, NOW));
	assert_ok(store_session_create(s, &f->cx, S("s2"), &u, NOW + 1));
	assert_ok(store_session_confirm(s, &f->cx, S("s1"), NOW + 7));
	assert_ok(store_session_confirmed(s, &f->cx, S("s1"), &at_ms));
	assert_int_equal(at_ms, NOW + 7);
	assert_ok(store_session_confirmed(s, &f->cx, S("s2"), &at_ms));
	assert_int_equal(at_ms, NOW + 1);
	assert_ok(store_session_delete(s, &f->cx, S("s1")));
	assert_rc(store_session_confirm(s, &f->cx, S("s1"), NOW + 8), E_NOTFOUND);
	assert_rc(store_session_confirmed(s, &f->cx, S("s1"), &at_ms), E_NOTFOUND);
}

/* Whoever knew the old password a moment ago. */
static void
test_s120_no_session_is_made_with_a_password_that_was_changed(void **state)
{
	struct fixture *f = *state;
	struct user was = { .id = S("u1"), .username = S("admin"), .password_hash = S("old") };
	struct user now = was, got;
	struct store *s = store(f);

	now.password_hash = S("new");
	assert_ok(store_user_put(s, &f->cx, &was));
	assert_ok(store_user_put(s, &f->cx, &now));
	assert_rc(store_session_create(s, &f->cx, S("s1"), &was, NOW), E_NOTFOUND);
	assert_rc(store_session_check(s, &f->cx, S("s1"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
	assert_ok(store_session_create(s, &f->cx, S("s1"), &now, NOW));
	assert_ok(store_session_check(s, &f->cx, S("s1"), NOW, IDLE, LIFE, &got));
}

/* Whoever sets a password anew is not overtaken by one who knew the old one a moment ago. */
static void
test_s120_a_password_is_changed_by_whoever_knows_the_present_one(void **state)
{
	struct fixture *f = *state;
	struct user was = { .id = S("u1"), .username = S("admin"), .password_hash = S("old") };
	struct user now = was, got;
	struct store *s = store(f);

	now.password_hash = S("set anew");
	assert_ok(store_user_put(s, &f->cx, &was));
	assert_ok(store_user_put(s, &f->cx, &now));
	assert_ok(store_session_create(s, &f->cx, S("s1"), &now, NOW));
	assert_rc(store_user_change(s, &f->cx, &was, S("late"), S("s0")), E_CONFLICT);
	assert_ok(store_user_by_name(s, &f->cx, S("admin"), &got));
	assert_str_equal(got.password_hash, S("set anew"));
	assert_ok(store_session_check(s, &f->cx, S("s1"), NOW, IDLE, LIFE, &got));
}

static void
test_user_put_replaces_by_name(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("one") }, got;
	int64_t n;

	assert_ok(store_user_put(store(f), &f->cx, &u));
	u.id = S("u2");
	u.password_hash = S("two");
	assert_ok(store_user_put(store(f), &f->cx, &u));
	assert_ok(store_user_count(store(f), &f->cx, &n));
	assert_int_equal(n, 1);
	assert_ok(store_user_by_name(store(f), &f->cx, S("admin"), &got));
	assert_str_equal(got.id, S("u1"));
	assert_str_equal(got.password_hash, S("two"));
}

const struct CMUnitTest access_tests[] = {
	STORE_TEST(test_keys_with_their_tokens),
	STORE_TEST(test_each_key_of_a_list_has_its_own_tokens),
	STORE_TEST(test_key_gets_another_label_and_other_tokens),
	STORE_TEST(test_key_that_is_cut_down_loses_what_is_put_aside),
	STORE_TEST(test_s132_key_loses_a_token_that_was_put_aside_while_it_was_taken_away),
	STORE_TEST(test_key_edit_of_what_is_not_so_any_more_is_refused),
	STORE_TEST(test_key_is_made_whole_or_not),
	STORE_TEST(test_session_ends_by_idleness_and_by_age),
	STORE_TEST(test_a_new_password_ends_all_sessions_but_one),
	STORE_TEST(test_s119_a_session_keeps_when_the_password_was_given),
	STORE_TEST(test_s120_no_session_is_made_with_a_password_that_was_changed),
	STORE_TEST(test_s120_a_password_is_changed_by_whoever_knows_the_present_one),
	STORE_TEST(test_user_put_replaces_by_name),
};
const size_t access_test_count = sizeof(access_tests) / sizeof(access_tests[0]);
