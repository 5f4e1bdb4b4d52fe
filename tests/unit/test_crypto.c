/* The crypto room: sealing opens in its own place only, the master key's ways to go wrong, digests,
 * passwords, encodings. */
#include "fixture.h"

#include <sodium.h>

#include "crypto/crypto.h"
#include "crypto/safe.h"

static struct keyring *
make_keyring(struct fixture *f, const char *name)
{
	struct keyring *k;

	assert_int_equal(keyring_open(&f->cx, fixture_path(f, name), KEY_MAKE, false, &k), OK);
	return k;
}

static void
write_file(const char *path, size_t len, mode_t mode)
{
	static const char bytes[64] =
	    "the bytes of a key that nobody uses, long enough for all tests";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const struct seal_place here = {
	.purpose = { "token.refresh", 13 }, .row = { "row1 My Token", 13 }, .version = 7
};
#define SECRET secret_of(S("the refresh token"))

static void
assert_does_not_open(
    struct fixture *f, const struct keyring *k, struct seal_place at, struct str sealed)
{
	struct secret out = secret_of(S("untouched"));

	ctx_clear(&f->cx);
	assert_int_equal(crypto_open(k, &f->cx, at, sealed, &out), E_STORE);
	assert_string_equal(f->cx.code, "integrity");
	assert_true(f->cx.why[0] != '\0' && f->cx.todo[0] != '\0');
	assert_str_equal(secret_expose(out), S("untouched"));
}

static void
test_seal_opens_in_its_own_place(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct str sealed = crypto_seal(k, f->arena, here, SECRET);
	struct secret out;

	assert_false(str_contains(sealed, S("refresh token")));
	assert_int_equal(crypto_open(k, &f->cx, here, sealed, &out), OK);
	assert_true(crypto_equal(out, SECRET));
	keyring_free(k);
}

static void
test_seal_never_gives_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct str one = crypto_seal(k, f->arena, here, SECRET);
	struct str two = crypto_seal(k, f->arena, here, SECRET);

	assert_int_equal(one.len, two.len);
	assert_memory_not_equal(one.p, two.p, one.len);
	keyring_free(k);
}

static void
test_seal_does_not_open_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct str sealed = crypto_seal(k, f->arena, here, SECRET);
	struct seal_place at = here;

	at.purpose = S("token.access");
	assert_does_not_open(f, k, at, sealed);
	at = here;
	at.row = S("row2 My Token");
	assert_does_not_open(f, k, at, sealed);
	at = here;
	at.version = 6;
	assert_does_not_open(f, k, at, sealed);
	at = here;
	at.version = -7;
	assert_does_not_open(f, k, at, sealed);
	keyring_free(k);
}

/* The same letters cut at another point are another place. */
static void
test_seal_place_has_no_ambiguous_border(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct seal_place ab_c = { .purpose = S("ab"), .row = S("c") };
	struct seal_place a_bc = { .purpose = S("a"), .row = S("bc") };
	struct seal_place digits = { .purpose = S("a"), .row = S("1"), .version = 11 };
	struct seal_place moved = { .purpose = S("a"), .row = S("11"), .version = 1 };

	assert_does_not_open(f, k, a_bc, crypto_seal(k, f->arena, ab_c, SECRET));
	assert_does_not_open(f, k, moved, crypto_seal(k, f->arena, digits, SECRET));
	keyring_free(k);
}

static void
test_seal_notices_every_flipped_byte(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct str sealed = crypto_seal(k, f->arena, here, SECRET);

	for (size_t i = 0; i < sealed.len; i++) {
		char *bad = str_cstr(f->arena, sealed);

		memcpy(bad, sealed.p, sealed.len);
		bad[i] = (char)(bad[i] ^ 1);
		assert_does_not_open(f, k, here, (struct str){ bad, sealed.len });
	}
	keyring_free(k);
}

static void
test_seal_notices_every_cut(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct str sealed = crypto_seal(k, f->arena, here, SECRET);
	struct str longer = str_printf(f->arena, "%*s", (int)sealed.len + 1, "");

	for (size_t len = 0; len < sealed.len; len++)
		assert_does_not_open(f, k, here, str_sub(sealed, 0, len));
	memcpy((char *)longer.p, sealed.p, sealed.len);
	assert_does_not_open(f, k, here, longer);
	keyring_free(k);
}

static void
test_seal_does_not_open_with_another_key(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key"), *other = make_keyring(f, "other");
	struct str sealed = crypto_seal(k, f->arena, here, SECRET);

	assert_does_not_open(f, other, here, sealed);
	assert_non_null(strstr(f->cx.why, "another master key"));
	keyring_free(k);
	keyring_free(other);
}

static void
test_seal_takes_an_empty_secret(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct str sealed = crypto_seal(k, f->arena, here, secret_of(S("")));
	struct secret out;

	assert_int_equal(crypto_open(k, &f->cx, here, sealed, &out), OK);
	assert_true(secret_empty(out));
	keyring_free(k);
}

static void
test_keyring_is_made_once_with_0600(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key"), *again;
	struct str sealed = crypto_seal(k, f->arena, here, SECRET);
	struct secret out;
	struct stat st;

	assert_int_equal(stat(fixture_path(f, "key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(keyring_open(&f->cx, fixture_path(f, "key"), KEY_MAKE, true, &again), OK);
	assert_int_equal(crypto_open(again, &f->cx, here, sealed, &out), OK);
	assert_str_equal(keyring_check_value(k, f->arena), keyring_check_value(again, f->arena));
	keyring_free(k);
	keyring_free(again);
}

/* S-169: one clear sentence, and nothing made beside data that another key sealed. */
static void
assert_refused(struct fixture *f, const char *name, bool create, bool data_exists, const char *says)
{
	struct keyring *k = NULL;
	const char *path = fixture_path(f, name);

	ctx_clear(&f->cx);
	assert_int_equal(keyring_open(&f->cx, path, create, data_exists, &k), E_INPUT);
	assert_null(k);
	assert_string_equal(f->cx.code, "master-key");
	assert_non_null(strstr(f->cx.why, path));
	assert_non_null(strstr(f->cx.why, says));
}

static void
test_s169_a_missing_key_beside_data(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "key", true, true, "is missing");
	assert_refused(f, "key", false, false, "could not be opened");
	assert_int_not_equal(access(fixture_path(f, "key"), F_OK), 0);
}

static void
test_s169_a_key_of_the_wrong_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 33, 64 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct stat st;

		write_file(fixture_path(f, "key"), sizes[i], 0600);
		assert_refused(f, "key", true, false, "does not hold exactly 32 bytes");
		assert_int_equal(stat(fixture_path(f, "key"), &st), 0);
		assert_int_equal(st.st_size, sizes[i]);
	}
}

static void
test_s169_a_key_that_others_can_read(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0610, 0602 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_file(fixture_path(f, "key"), 32, modes[i]);
		assert_refused(f, "key", true, false, "can be read by others");
		assert_non_null(strstr(f->cx.todo, "chmod 600"));
	}
}

static void
test_s169_a_key_that_is_no_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(fixture_path(f, "key"), 0700), 0);
	assert_refused(f, "key", true, false, "is not a file");
	assert_int_equal(mkfifo(fixture_path(f, "pipe"), 0600), 0);
	assert_refused(f, "pipe", true, false, "is not a file");
	assert_int_equal(symlink("/nowhere/at/all", fixture_path(f, "link")), 0);
	assert_refused(f, "link", true, false, "could not be opened");
	assert_refused(f, "no/such/dir", true, false, "could not be created");
}

static void
test_digest_depends_on_key_purpose_and_value(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key"), *other = make_keyring(f, "other");
	struct str d = crypto_digest(k, f->arena, S("api-key"), SECRET);

	assert_int_equal(d.len, DIGEST_LEN);
	assert_str_equal(crypto_digest(k, f->arena, S("api-key"), SECRET), d);
	assert_false(str_eq(crypto_digest(other, f->arena, S("api-key"), SECRET), d));
	assert_false(str_eq(crypto_digest(k, f->arena, S("session"), SECRET), d));
	assert_false(str_eq(crypto_digest(k, f->arena, S("api-key"), secret_of(S("x"))), d));
	keyring_free(k);
	keyring_free(other);
}

static void
test_password_is_argon2id(void **state)
{
	struct fixture *f = *state;
	struct secret password = secret_of(S("correct horse"));
	struct str hash = crypto_password_hash(f->arena, password);

	assert_true(str_starts(hash, S("$argon2id$v=19$m=65536,t=2,p=1$")));
	assert_true(crypto_password_ok(hash, password));
	assert_false(crypto_password_ok(hash, secret_of(S("correct horsf"))));
	assert_false(crypto_password_ok(hash, secret_of(S("correct hors"))));
	assert_false(crypto_password_ok(hash, secret_of(S(""))));
	assert_false(crypto_password_ok(S(""), password));
	assert_false(crypto_password_ok(S("$argon2id$garbage"), password));
}

static void
test_random_text_uses_its_alphabet_only(void **state)
{
	struct fixture *f = *state;
	struct str text = secret_expose(crypto_random_text(f->arena, 2000, S("abc")));
	struct str token = secret_expose(crypto_random_token(f->arena));
	size_t seen[3] = { 0 };

	assert_int_equal(text.len, 2000);
	for (size_t i = 0; i < text.len; i++) {
		assert_in_range(text.p[i], 'a', 'c');
		seen[text.p[i] - 'a']++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(seen[i], 500, 850); /* 667 expected; eight deviations either way */
	assert_int_equal(token.len, 43);
	assert_false(str_eq(token, secret_expose(crypto_random_token(f->arena))));
}

static void
test_equal_compares_length_and_content(void **state)
{
	(void)state;
	assert_true(crypto_equal(secret_of(S("abc")), secret_of(S("abc"))));
	assert_true(crypto_equal(secret_of(S("")), secret_of((struct str){ 0 })));
	assert_false(crypto_equal(secret_of(S("abc")), secret_of(S("abd"))));
	assert_false(crypto_equal(secret_of(S("abc")), secret_of(S("ab"))));
	assert_false(crypto_equal(secret_of(S("")), secret_of(S("a"))));
}

/* RFC 4648 section 10, and FIPS 180-4's "abc". */
static void
test_encodings_agree_with_their_documents(void **state)
{
	static const unsigned char abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
	struct fixture *f = *state;
	struct str out;

	assert_str_equal(crypto_base64(f->arena, S("fo")), S("Zm8="));
	assert_str_equal(crypto_base64(f->arena, S("foobar")), S("Zm9vYmFy"));
	assert_str_equal(crypto_base64url(f->arena, S("\xfb\xff")), S("-_8"));
	assert_int_equal(crypto_base64_decode(&f->cx, S("Zm9vYg=="), &out), OK);
	assert_str_equal(out, S("foob"));
	assert_int_equal(crypto_base64_decode(&f->cx, S("Zm9vYg"), &out), E_INPUT);
	assert_int_equal(crypto_base64_decode(&f->cx, S("Zm9!"), &out), E_INPUT);
	out = crypto_sha256(f->arena, S("abc"));
	assert_int_equal(out.len, 32);
	assert_memory_equal(out.p, abc, sizeof(abc));
}

/* Every length up to 200, so every letter at every place. */
static void
test_base64_is_what_libsodium_writes(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 20; round++)
		for (size_t len = 0; len <= 200; len++) {
			unsigned char bytes[200];
			char wanted[300];
			struct str in = { (const char *)bytes, len };

			randombytes_buf(bytes, sizeof(bytes));
			sodium_bin2base64(
			    wanted, sizeof(wanted), bytes, len, sodium_base64_VARIANT_ORIGINAL);
			assert_string_equal(crypto_base64(f->arena, in).p, wanted);
			assert_str_equal(crypto_base64(f->arena, in), str_of(wanted));
			sodium_bin2base64(wanted, sizeof(wanted), bytes, len,
			    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
			assert_string_equal(crypto_base64url(f->arena, in).p, wanted);
			assert_str_equal(crypto_base64url(f->arena, in), str_of(wanted));
		}
}

/* RFC 4231, test cases 2 and 6: a short key, and one longer than a block. */
static void
test_hmac_agrees_with_its_document(void **state)
{
	struct fixture *f = *state;
	char key[131];

	assert_str_equal(crypto_hmac_sha256_hex(
			     f->arena, secret_of(S("Jefe")), S("what do ya want for nothing?")),
	    S("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
	memset(key, 0xaa, sizeof(key));
	assert_str_equal(
	    crypto_hmac_sha256_hex(f->arena, secret_of((struct str){ key, sizeof(key) }),
		S("Test Using Larger Than Block-Size Key - Hash Key First")),
	    S("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

static void
test_a_safe_opens_what_it_sealed_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	struct safe *s = safe_new(), *other = safe_new();
	struct secret plain = secret_of(S("sl.an-access-token")), got;
	struct str one = safe_seal(s, f->arena, S("id-1"), plain);
	struct str again = safe_seal(s, f->arena, S("id-1"), plain);

	assert_int_equal(safe_open(s, &f->cx, S("id-1"), one, &got), OK);
	assert_true(crypto_equal(got, plain));
	assert_false(str_eq(one, again)); /* never the same nonce */
	assert_false(str_contains(one, S("access-token")));
	assert_int_equal(safe_open(s, &f->cx, S("id-2"), one, &got), E_BUG);
	assert_int_equal(safe_open(other, &f->cx, S("id-1"), one, &got), E_BUG);
	assert_int_equal(safe_open(s, &f->cx, S("id-1"), str_sub(one, 0, 27), &got), E_BUG);
	for (size_t i = 0; i < one.len; i++) {
		char *bent = str_cstr(f->arena, one);

		bent[i] ^= 1;
		assert_int_equal(
		    safe_open(s, &f->cx, S("id-1"), (struct str){ bent, one.len }, &got), E_BUG);
	}
	safe_free(s);
	safe_free(other);
}

static void
test_a_kept_subkey_makes_the_same_digests(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f, "key");
	struct secret value = secret_of(S("vk_something"));
	struct str one = crypto_digest(k, f->cx.arena, S("one"), value);
	struct str two = crypto_digest(k, f->cx.arena, S("two"), value);

	keyring_keep(k, S("one"));
	assert_str_equal(crypto_digest(k, f->cx.arena, S("one"), value), one);
	assert_str_equal(crypto_digest(k, f->cx.arena, S("two"), value), two);
	assert_false(str_eq(one, two));
	keyring_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_safe_opens_what_it_sealed_and_nothing_else),
		TEST(test_a_kept_subkey_makes_the_same_digests),
		TEST(test_seal_opens_in_its_own_place),
		TEST(test_seal_never_gives_the_same_bytes),
		TEST(test_seal_does_not_open_elsewhere),
		TEST(test_seal_place_has_no_ambiguous_border),
		TEST(test_seal_notices_every_flipped_byte),
		TEST(test_seal_notices_every_cut),
		TEST(test_seal_does_not_open_with_another_key),
		TEST(test_seal_takes_an_empty_secret),
		TEST(test_keyring_is_made_once_with_0600),
		TEST(test_s169_a_missing_key_beside_data),
		TEST(test_s169_a_key_of_the_wrong_size),
		TEST(test_s169_a_key_that_others_can_read),
		TEST(test_s169_a_key_that_is_no_file),
		TEST(test_digest_depends_on_key_purpose_and_value),
		TEST(test_password_is_argon2id),
		TEST(test_random_text_uses_its_alphabet_only),
		TEST(test_equal_compares_length_and_content),
		TEST(test_encodings_agree_with_their_documents),
		TEST(test_base64_is_what_libsodium_writes),
		TEST(test_hmac_agrees_with_its_document),
	};

	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
