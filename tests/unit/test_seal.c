/* What is sealed on disk: XChaCha20-Poly1305 as libsodium has it, and no nonce twice. */
#include "fixture.h"

#include <pthread.h>
#include <sodium.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/keyring.h"
#include "crypto/seal_key.h"

#define PREFIX (1 + KEY_ID_LEN)
#define PLAIN "the refresh token"

static const struct seal_place here = {
	.purpose = { "token.refresh", 13 }, .row = { "row1 My Token", 13 }, .version = 7
};

static struct keyring *
make_keyring(struct fixture *f)
{
	struct keyring *k;

	assert_int_equal(keyring_open(&f->cx, fixture_path(f, "key"), KEY_MAKE, false, &k), OK);
	return k;
}

static const unsigned char *
nonce_of(struct str sealed)
{
	return (const unsigned char *)sealed.p + PREFIX;
}

/* Lengths, texts, version, and the sealed value's own head. */
static struct str
bound_to(struct fixture *f, struct str sealed)
{
	return str_concat(
	    f->arena, S("13:token.refresh:13:row1 My Token:7:"), str_sub(sealed, 0, PREFIX));
}

static void
test_libsodium_opens_what_is_sealed(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f);

	for (int i = 0; i < 2 * SEAL_AT_ONCE; i++) {
		struct str sealed = crypto_seal(k, f->arena, here, secret_of(S(PLAIN)));
		struct str ad = bound_to(f, sealed);
		unsigned char out[sizeof(PLAIN)] = { 0 };
		size_t head = PREFIX + SEAL_NONCE_LEN;

		assert_int_equal(sealed.len, head + strlen(PLAIN) + 16);
		assert_int_equal(
		    crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
			(const unsigned char *)sealed.p + head, sealed.len - head,
			(const unsigned char *)ad.p, ad.len, nonce_of(sealed), k->seal),
		    0);
		assert_string_equal(out, PLAIN);
	}
	keyring_free(k);
}

/* As they stand in the stores of those who sealed with a random nonce each. */
static void
test_what_libsodium_sealed_opens(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f);

	for (int i = 0; i < 100; i++) {
		struct str sealed = crypto_seal(k, f->arena, here, secret_of(S(PLAIN)));
		struct str ad = bound_to(f, sealed);
		unsigned char *bytes = (unsigned char *)str_cstr(f->arena, sealed);
		struct secret out;

		randombytes_buf(bytes + PREFIX, SEAL_NONCE_LEN);
		crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + PREFIX + SEAL_NONCE_LEN, NULL,
		    (const unsigned char *)PLAIN, strlen(PLAIN), (const unsigned char *)ad.p,
		    ad.len, NULL, bytes + PREFIX, k->seal);
		assert_int_equal(crypto_open(k, &f->cx, here,
				     (struct str){ (const char *)bytes, sealed.len }, &out),
		    OK);
		assert_str_equal(secret_expose(out), S(PLAIN));
	}
	keyring_free(k);
}

/* A place that is longer than the usual ones is bound to all of it. */
static void
test_a_long_place_counts_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f);
	char *row = str_cstr(f->arena, str_printf(f->arena, "%1000d", 1));
	struct seal_place at = { .purpose = S("token.refresh"), .row = { row, 1000 } };
	struct str sealed = crypto_seal(k, f->arena, at, secret_of(S(PLAIN)));
	struct secret out;

	assert_int_equal(crypto_open(k, &f->cx, at, sealed, &out), OK);
	assert_str_equal(secret_expose(out), S(PLAIN));
	row[999] = '2';
	assert_int_equal(crypto_open(k, &f->cx, at, sealed, &out), E_STORE);
	keyring_free(k);
}

/* --- the cipher --- */

/* RFC 8439, section 2.8.2. */
static void
test_aead_agrees_with_its_document(void **state)
{
	static const unsigned char tag[] = { 0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e,
		0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91 };
	static const unsigned char begin[] = { 0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb };
	static const unsigned char nonce[] = { 0x07, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45,
		0x46, 0x47 };
	struct str with = S("PQRS\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7");
	struct str plain = S("Ladies and Gentlemen of the class of '99: If I could offer you only "
			     "one tip for the future, sunscreen would be it.");
	unsigned char key[AEAD_KEY_LEN], out[200];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(0x80 + i);
	aead_seal(key, nonce, with, plain, out);
	assert_memory_equal(out, begin, sizeof(begin));
	assert_memory_equal(out + plain.len, tag, sizeof(tag));
}

/* Every length of a text up to beyond what is done in one run, with what goes along likewise. */
static void
test_aead_is_libsodiums(void **state)
{
	enum { MAX = 1700 };
	unsigned char bytes[MAX], along[MAX], key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
	unsigned char got[MAX + AEAD_TAG_LEN], wanted[MAX + AEAD_TAG_LEN], opened[MAX];

	(void)state;
	for (size_t n = 0; n < 4 * MAX; n++) {
		size_t len = n % MAX, with = n / MAX == 0 ? 60 : randombytes_uniform(400);
		struct str plain = { (const char *)bytes, len }, ad = { (const char *)along, with };
		struct str sealed = { (const char *)got, len + AEAD_TAG_LEN };

		randombytes_buf(bytes, sizeof(bytes));
		randombytes_buf(along, sizeof(along));
		randombytes_buf(key, sizeof(key));
		randombytes_buf(nonce, sizeof(nonce));
		crypto_aead_chacha20poly1305_ietf_encrypt(
		    wanted, NULL, bytes, len, along, with, NULL, nonce, key);
		aead_seal(key, nonce, ad, plain, got);
		assert_memory_equal(got, wanted, sealed.len);
		assert_true(aead_open(key, nonce, ad, sealed, opened));
		assert_memory_equal(opened, bytes, len);
		memset(opened, 'x', sizeof(opened));
		got[n % sealed.len] ^= 1 << n % 8;
		assert_false(aead_open(key, nonce, ad, sealed, opened));
		if (len > 8)
			assert_memory_not_equal(opened, bytes, len);
	}
	assert_false(aead_open(key, nonce, S(""), S("fifteen bytes.."), opened));
}

/* --- nonces --- */

enum { EACH = 20000, SEALERS = 3 };

struct sealer {
	const struct keyring *keyring;
	unsigned char (*nonces)[SEAL_NONCE_LEN];
};

static void *
seal_many(void *arg)
{
	struct sealer *s = arg;
	struct arena *a = arena_new();

	for (int i = 0; i < EACH; i++) {
		struct str sealed = crypto_seal(s->keyring, a, here, secret_of(S(PLAIN)));

		memcpy(s->nonces[i], nonce_of(sealed), SEAL_NONCE_LEN);
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, SEAL_NONCE_LEN);
}

/* Two threads with one keyring, and another node with the same key. */
static void
test_s168_no_nonce_is_used_twice(void **state)
{
	struct fixture *f = *state;
	struct keyring *one = make_keyring(f), *other = make_keyring(f);
	unsigned char(*nonces)[SEAL_NONCE_LEN] = mem_alloc((size_t)SEALERS * EACH * SEAL_NONCE_LEN);
	struct sealer sealers[SEALERS] = { { one, nonces }, { one, nonces + EACH },
		{ other, nonces + 2 * EACH } };
	pthread_t threads[SEALERS];

	for (int i = 0; i < SEALERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, seal_many, &sealers[i]), 0);
	for (int i = 0; i < SEALERS; i++)
		pthread_join(threads[i], NULL);
	qsort(nonces, (size_t)SEALERS * EACH, SEAL_NONCE_LEN, compare);
	for (int i = 1; i < SEALERS * EACH; i++)
		assert_int_not_equal(compare(nonces[i - 1], nonces[i]), 0);
	free(nonces);
	keyring_free(one);
	keyring_free(other);
}

struct drawn {
	unsigned char random[16], nonce[SEAL_NONCE_LEN];
	char text[16];
};

static struct drawn
draw(struct fixture *f, const struct keyring *k)
{
	struct drawn d;

	crypto_random(d.random, sizeof(d.random));
	memcpy(d.text, secret_expose(crypto_random_text(f->arena, 16, S("0123456789abcdef"))).p,
	    sizeof(d.text));
	memcpy(
	    d.nonce, nonce_of(crypto_seal(k, f->arena, here, secret_of(S(PLAIN)))), SEAL_NONCE_LEN);
	return d;
}

/* The clock and the system's random numbers, on the way to the system. */
static int64_t stands_at_s; /* 0: it goes */
static size_t from_system;

int
clock_gettime(clockid_t id, struct timespec *out)
{
	int rc = (int)syscall(SYS_clock_gettime, id, out);

	if (stands_at_s > 0)
		*out = (struct timespec){ .tv_sec = stands_at_s };
	return rc;
}

ssize_t
getrandom(void *p, size_t n, unsigned int flags)
{
	ssize_t got = syscall(SYS_getrandom, p, n, flags);

	from_system += got > 0 ? (size_t)got : 0;
	return got;
}

static bool
begin_alike(const struct drawn *a, const struct drawn *b)
{
	return memcmp(a->nonce, b->nonce, 16) == 0;
}

/* A machine that was copied while it stood uses nothing twice of what it had got before. */
static void
test_s168_what_was_drawn_long_ago_is_not_used(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f);
	struct drawn first, second, late;
	char letter;

	stands_at_s = 1000000;
	first = draw(f, k);
	second = draw(f, k);
	assert_true(begin_alike(&first, &second));
	stands_at_s++;
	from_system = 0;
	late = draw(f, k);
	assert_false(begin_alike(&second, &late));
	assert_true(from_system > 0);
	stands_at_s++;
	from_system = 0;
	crypto_random(&letter, 1);
	assert_true(from_system > 0);
	stands_at_s++;
	from_system = 0;
	crypto_random_text(f->arena, 1, S("ab"));
	assert_true(from_system > 0);
	from_system = 0;
	crypto_random(&letter, 1);
	assert_int_equal(from_system, 0);
	stands_at_s = 0;
	keyring_free(k);
}

/* What a child draws first. */
static struct drawn
drawn_by_a_child(struct fixture *f, const struct keyring *k)
{
	struct drawn d;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		d = draw(f, k);
		_exit(write(ends[1], &d, sizeof(d)) == (ssize_t)sizeof(d) ? 0 : 1);
	}
	assert_int_equal(read(ends[0], &d, sizeof(d)), sizeof(d));
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
	return d;
}

static void
test_s168_no_child_repeats_another_or_its_parent(void **state)
{
	struct fixture *f = *state;
	struct keyring *k = make_keyring(f);
	struct drawn drawn[3];

	draw(f, k); /* there is something in the pool, and a nonce was begun */
	drawn[0] = drawn_by_a_child(f, k);
	drawn[1] = drawn_by_a_child(f, k);
	drawn[2] = draw(f, k);
	for (int i = 0; i < 3; i++) {
		const struct drawn *one = &drawn[i], *next = &drawn[(i + 1) % 3];

		assert_memory_not_equal(one->random, next->random, sizeof(one->random));
		assert_memory_not_equal(one->text, next->text, sizeof(one->text));
		assert_memory_not_equal(one->nonce, next->nonce, sizeof(one->nonce));
	}
	keyring_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_libsodium_opens_what_is_sealed),
		TEST(test_what_libsodium_sealed_opens),
		TEST(test_a_long_place_counts_to_its_end),
		TEST(test_aead_agrees_with_its_document),
		TEST(test_aead_is_libsodiums),
		TEST(test_s168_no_nonce_is_used_twice),
		TEST(test_s168_what_was_drawn_long_ago_is_not_used),
		TEST(test_s168_no_child_repeats_another_or_its_parent),
	};

	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
