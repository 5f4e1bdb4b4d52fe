/* All rows from one place to another: whole, proven, and never over anything. */
#include "suite.h"

#include "store/copy.h"
#include "store/store_int.h"
#include "store/table.h"

#define MANY 1201 /* more than two batches */

static void
fill(struct fixture *f)
{
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") };
	struct str some[] = { S("t1") };
	struct api_key k = { .id = S("k1"),
		.label = S("Ünï"),
		.hint = S(""),
		.digest = { "\0\xff\x7f", 3 },
		.token_ids = some,
		.token_count = 1,
		.created_ms = NOW };

	create(f, "t1", "One");
	create(f, "t2", "Two");
	start(f, "c1", NOW);
	assert_ok(store_user_put(store(f), &f->cx, &u));
	assert_ok(store_session_create(store(f), &f->cx, S("s1"), &u, NOW));
	assert_ok(store_key_create(store(f), &f->cx, &k));
	for (int i = 0; i < MANY; i++)
		assert_ok(store_meta_put(store(f), &f->cx,
		    str_printf(f->arena, "name %d", i * 7919 % MANY), S("value")));
}

/* Rows that a copy has, of what the store has open now. */
static struct str
rows_of(struct fixture *f, const char *where)
{
	struct str all = S(""), rows;
	struct table *tables;
	struct db *db;
	size_t n;

	assert_ok(db_open_reading(&f->cx, where, &db));
	assert_ok(table_list(&f->cx, db, &tables, &n));
	for (size_t i = 0; i < n; i++) {
		assert_ok(table_read(&f->cx, db, &tables[i], NULL));
		rows = crypto_base64url(f->arena, tables[i].digest);
		all = str_printf(f->arena, "%.*s%.*s %lld %.*s\n", STR_ARG(all),
		    STR_ARG(tables[i].name), (long long)tables[i].rows, STR_ARG(rows));
	}
	db_close(db);
	return all;
}

static void
close_store(struct fixture *f)
{
	store_close(opened(f)->store);
	opened(f)->store = NULL;
}

/* From the database of this run to a file, and back to another of its own kind. */
static void
test_a_copy_there_and_back_is_the_same(void **state)
{
	struct fixture *f = *state;
	const char *here = opened(f)->where, *there, *back = new_where(f, "back.db");
	struct store_copy out = { .from = here, .moving = true }, in = { .to = back };
	struct token_secrets s;
	struct str before;

	there = fixture_path(f, "there.db");
	fill(f);
	before = rows_of(f, here);
	close_store(f);
	out.to = there;
	in.from = there;
	assert_ok(store_copy(&f->cx, &out));
	assert_ok(store_copy(&f->cx, &in));
	assert_str_equal(rows_of(f, here), before);
	assert_str_equal(rows_of(f, there), before);
	assert_str_equal(rows_of(f, back), before);
	opened(f)->where = back;
	open_store(f);
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &s));
	assert_true(crypto_equal(s.refresh, plain.refresh));
	create(f, "t3", "Three");
}

static void
test_every_table_is_copied_or_left_out_on_purpose(void **state)
{
	static const char *const known[] = { "user_", "token", "api_key", "api_key_token",
		"connection", "meta", "session", "reply" };
	struct fixture *f = *state;
	struct table *tables;
	struct db *db;
	size_t n;

	assert_ok(db_open_reading(&f->cx, opened(f)->where, &db));
	assert_ok(table_list(&f->cx, db, &tables, &n));
	assert_true(n >= sizeof(known) / sizeof(known[0]));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t k = 0;

		while (k < n && !str_eq(tables[k].name, str_of(known[i])))
			k++;
		assert_true(k < n);
	}
	db_close(db);
}

static void
test_a_target_with_anything_in_it_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_copy copy = { .from = opened(f)->where };
	const char *other = new_where(f, "other.db");
	struct store *s;
	struct str before;

	fill(f);
	assert_ok(store_open(&f->cx, other, opened(f)->keyring, &s));
	store_close(s);
	before = rows_of(f, other);
	copy.to = other;
	assert_rc(store_copy(&f->cx, &copy), E_CONFLICT);
	assert_str_equal(rows_of(f, other), before);
	copy.from = new_where(f, "nothing.db");
	copy.to = new_where(f, "new.db");
	ctx_clear(&f->cx);
	assert_rc(store_copy(&f->cx, &copy), E_INPUT);
	if (backend == ON_SQLITE) {
		assert_int_not_equal(access(copy.from, F_OK), 0); /* nothing was made there */
		assert_int_not_equal(access(copy.to, F_OK), 0);
	}
}

static void
test_a_backup_restores_while_others_write(void **state)
{
	struct fixture *f = *state;
	const char *file = fixture_path(f, "backup"), *target = new_where(f, "restored.db");
	struct store_copy out = { .from = opened(f)->where, .to = file };
	struct store_copy in = { .from = file, .to = target };
	struct store_verdict v;
	struct str before;
	struct stat st;

	fill(f);
	before = rows_of(f, opened(f)->where);
	assert_ok(store_backup(&f->cx, &out)); /* the store is open, as under a server */
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(access(fixture_path(f, "backup-wal"), F_OK), 0);
	assert_int_not_equal(access(fixture_path(f, "backup.part"), F_OK), 0);
	create(f, "t3", "Later");
	assert_ok(store_backup_verify(&f->cx, file, opened(f)->keyring, &v));
	assert_int_equal(v.tokens, 2);
	assert_int_equal(v.connections, 1);
	assert_int_equal(v.broken_count, 0);
	assert_ok(store_copy(&f->cx, &in));
	assert_str_equal(rows_of(f, target), before);
	assert_rc(store_backup(&f->cx, &out), E_CONFLICT); /* never over another */
	assert_str_equal(rows_of(f, file), before);
}

static void
flip_a_byte(const char *file, const char *near)
{
	static char bytes[1 << 20];
	int fd = open(file, O_RDWR);
	ssize_t n = read(fd, bytes, sizeof(bytes));
	char *at = memmem(bytes, (size_t)n, near, strlen(near));

	assert_non_null(at);
	at[0] ^= 1;
	assert_int_equal(pwrite(fd, at, 1, at - bytes), 1);
	close(fd);
}

static void
test_a_damaged_backup_is_found_out(void **state)
{
	struct fixture *f = *state;
	const char *file = fixture_path(f, "backup");
	struct store_copy out = { .from = opened(f)->where, .to = file };
	struct store_copy in = { .from = file, .to = new_where(f, "restored.db") };
	struct store_verdict v;

	fill(f);
	assert_ok(store_backup(&f->cx, &out));
	flip_a_byte(file, "ann@example.com");
	assert_rc(store_backup_verify(&f->cx, file, opened(f)->keyring, &v), E_STORE);
	assert_non_null(strstr(f->cx.why, "token"));
	ctx_clear(&f->cx);
	assert_rc(store_copy(&f->cx, &in), E_STORE);
	ctx_clear(&f->cx);
	/* and nothing of it stayed in the target */
	out.to = in.to;
	assert_ok(store_copy(&f->cx, &out));
}

static void
test_verify_says_what_does_not_open(void **state)
{
	struct fixture *f = *state;
	const char *file = fixture_path(f, "backup");
	struct store_copy out = { .from = opened(f)->where, .to = file };
	struct store_verdict v;
	struct keyring *other;

	fill(f);
	create(f, "t3", "Deleted");
	assert_ok(store_token_delete(store(f), &f->cx, S("t3"), NOW));
	by_hand(f, "UPDATE token SET access = refresh WHERE id = 't2'");
	assert_ok(store_backup(&f->cx, &out));
	assert_ok(store_backup_verify(&f->cx, file, opened(f)->keyring, &v));
	assert_int_equal(v.tokens, 3);
	assert_int_equal(v.broken_count, 1);
	assert_true(str_contains(v.broken[0], S("\"Two\"")));
	assert_ok(keyring_open(&f->cx, fixture_path(f, "other"), KEY_MAKE, false, &other));
	assert_rc(store_backup_verify(&f->cx, file, other, &v), E_INPUT);
	assert_string_equal(f->cx.code, "master-key");
	keyring_free(other);
}

/* Whatever may be needed to bring a grant back, each bound to its own place. */
static void
test_verify_opens_the_previous_pair_the_kept_reply_and_sealed_texts(void **state)
{
	static const struct {
		const char *damage, *finding;
	} rows[] = {
		{ "UPDATE token SET previous_access = previous_refresh WHERE id = 't1'",
		    "Previous pair of access token \"One\": " },
		{ "UPDATE token SET attempt_fence = 99 WHERE id = 't2'",
		    "Kept reply for access token \"Two\": " },
		{ "UPDATE meta SET name = 'other' WHERE name = 'demo seed'",
		    "Sealed text \"other\": " },
	};
	const struct refresh_failure unread = {
		.reason = S("not understood"), .now_ms = NOW, .attempt = { .stage = STAGE_KEPT }
	};
	struct store_copy out = { .from = opened(*state)->where };
	struct fixture *f = *state;
	struct store_verdict v;
	struct refresh_claim c;

	fill(f);
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	c = claim(f, "t2", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &c, NOW, 200, 0, secret_of(S("a reply"))));
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &unread));
	assert_ok(
	    store_meta_put_sealed(store(f), &f->cx, S("demo seed"), secret_of(S("some text"))));
	for (size_t i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
		out.to = fixture_path(f, str_printf(f->arena, "backup%zu", i).p);
		assert_ok(store_backup(&f->cx, &out));
		assert_ok(store_backup_verify(&f->cx, out.to, opened(f)->keyring, &v));
		assert_int_equal(v.broken_count, i);
		for (size_t k = 0; k < i; k++)
			assert_true(str_starts(v.broken[k], str_of(rows[k].finding)));
		if (i < sizeof(rows) / sizeof(rows[0]))
			by_hand(f, rows[i].damage);
	}
}

static void
test_newer_data_is_not_copied(void **state)
{
	struct fixture *f = *state;
	struct store_copy copy = { .from = opened(f)->where, .to = new_where(f, "copy.db") };

	fill(f);
	by_hand(f, "INSERT INTO schema_version (version) VALUES (1000)");
	assert_rc(store_copy(&f->cx, &copy), E_INPUT);
	assert_string_equal(f->cx.code, "schema-too-new");
	if (backend == ON_SQLITE)
		assert_int_not_equal(access(copy.to, F_OK), 0);
}

const struct CMUnitTest copy_tests[] = {
	STORE_TEST(test_newer_data_is_not_copied),
	STORE_TEST(test_a_copy_there_and_back_is_the_same),
	STORE_TEST(test_every_table_is_copied_or_left_out_on_purpose),
	STORE_TEST(test_a_target_with_anything_in_it_is_refused),
	STORE_TEST(test_a_backup_restores_while_others_write),
	STORE_TEST(test_a_damaged_backup_is_found_out),
	STORE_TEST(test_verify_says_what_does_not_open),
	STORE_TEST(test_verify_opens_the_previous_pair_the_kept_reply_and_sealed_texts),
};
const size_t copy_test_count = sizeof(copy_tests) / sizeof(copy_tests[0]);
