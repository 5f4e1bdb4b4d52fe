/* The pure parts of the sandbox's OAuth: personalities, where an answer stands, how random tokens are,
 * signatures. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "sandbox/oauth/personality.h"
#include "sandbox/oauth/redirect.h"
#include "sandbox/oauth/requests.h"

static enum rc
read_text(struct fixture *f, const char *text, struct personality *out)
{
	json_t *o;

	ctx_clear(&f->cx);
	assert_int_equal(json_read(&f->cx, str_of(text), 4, &o), OK);
	return personality_read(&f->cx, o, out);
}

static void
assert_refused(struct fixture *f, const char *text, const char *member)
{
	struct personality p;

	assert_int_equal(read_text(f, text, &p), E_INPUT);
	assert_true(str_contains(str_of(f->cx.why), str_of(member)));
}

static void
test_the_empty_personality_is_dropbox(void **state)
{
	struct fixture *f = *state;
	struct personality p;

	assert_int_equal(personality_parse(&f->cx, S(""), &p), OK);
	assert_int_equal(p.rotation, ROTATION_NONE);
	assert_int_equal(p.expires_in, EXPIRES_NUMBER);
	assert_int_equal(p.access_life_s, 0);
	assert_false(p.refresh_kills_access);
	assert_str_equal(json_write(f->arena, personality_json(&p)), S("{\"rotation\":\"none\"}"));
}

/* What is written is read back as it was, whatever the members are. */
static void
test_a_personality_survives_its_text(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4 * 3 * 2 * 2 * 2 * 4 * 2; i++) {
		struct str text;
		int n = i;
		struct personality p = { .grace_max_s = 600 }, again;

		p.rotation = (enum rotation)(n % 4), n /= 4;
		if (p.rotation == ROTATION_GRACE) {
			p.until = (enum grace_until)(n % 3);
			p.repeat_same = n % 2 == 1;
			p.after_strict = n % 5 == 1;
			p.grace_max_s = 1 + n;
		}
		n /= 3;
		p.refresh_kills_access = n % 2, n /= 2;
		p.idle_s = n % 2 == 1 ? 86400 : 0, n /= 2;
		p.max_age_s = n % 2 == 1 ? 315360000 : 0, n /= 2;
		p.age_from_issue = p.max_age_s > 0 && i % 7 == 0;
		p.expires_in = (enum expires_as)(n % 4), n /= 4;
		p.access_life_s = n % 2 == 1 ? 1 : 0;
		text = json_write(f->arena, personality_json(&p));
		assert_int_equal(personality_parse(&f->cx, text, &again), OK);
		assert_str_equal(json_write(f->arena, personality_json(&again)), text);
		assert_int_equal(again.grace_max_s, p.grace_max_s);
	}
}

static void
test_a_bad_personality_is_refused_by_name(void **state)
{
	struct fixture *f = *state;
	struct personality p;

	assert_refused(f, "{\"rotation\":\"grac\"}", "rotation");
	assert_refused(f, "{\"rotation\":null}", "rotation");
	assert_refused(f, "{\"rotation\":\"grace\",\"grace\":[]}", "grace");
	assert_refused(f, "{\"rotation\":\"single\",\"grace\":{}}", "grace");
	assert_refused(f, "{\"rotation\":\"grace\",\"grace\":{\"max_s\":315360001}}", "max_s");
	assert_refused(f, "{\"rotation\":\"grace\",\"grace\":{\"max_s\":\"1\"}}", "max_s");
	assert_refused(f, "{\"access_life_s\":0}", "access_life_s");
	assert_refused(f, "{\"access_life_s\":1.0}", "access_life_s");
	assert_refused(f, "{\"max_age_from\":\"consent\"}", "refresh_token_max_age_s");
	assert_refused(f, "{\"Rotation\":\"none\"}", "Rotation");
	assert_refused(f, "[]", "object");
	assert_int_equal(personality_parse(&f->cx, S("{\"rotation\":1}"), &p), E_BUG);
}

static void
test_an_implicit_answer_stands_in_the_fragment(void **state)
{
	struct fixture *f = *state;
	struct auth_request r = { .implicit = true };
	const struct redirect_param params[] = {
		{ "access_token", S("a+b") },
		{ "left_out", { 0 } },
		{ "state", S("#&") },
	};

	assert_int_equal(redirect_part_of(&r), REDIRECT_FRAGMENT);
	assert_str_equal(
	    redirect_with(&f->cx, S("https://a/cb?own=1"), redirect_part_of(&r), params, 3),
	    S("https://a/cb?own=1#access_token=a%2Bb&state=%23%26"));
	r.implicit = false;
	assert_int_equal(redirect_part_of(&r), REDIRECT_QUERY);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 43);
}

/* S-071: a hundred thousand of them, no two alike, none beginning as the one before. */
static void
test_tokens_never_repeat(void **state)
{
	enum { COUNT = 100000, LEN = 43 };
	struct fixture *f = *state;
	char *all = mem_alloc((size_t)COUNT * LEN);
	int same_start = 0;

	for (size_t i = 0; i < COUNT; i++) {
		struct arena *a = arena_new();
		struct str token = secret_expose(crypto_random_token(a));

		assert_int_equal(token.len, LEN);
		memcpy(all + i * LEN, token.p, LEN);
		if (i > 0 && memcmp(all + i * LEN, all + (i - 1) * LEN, 5) == 0)
			same_start++;
		arena_free(a);
	}
	assert_int_equal(same_start, 0);
	qsort(all, COUNT, LEN, compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_int_not_equal(memcmp(all + i * LEN, all + (i - 1) * LEN, LEN), 0);
	free(all);
	(void)f;
}

/* The system's generator and the bad ones, on the way from libsodium to the system. */
static size_t from_system;
static int seeded;

ssize_t
getrandom(void *p, size_t n, unsigned int flags)
{
	ssize_t got = syscall(SYS_getrandom, p, n, flags);

	from_system += got > 0 ? (size_t)got : 0;
	return got;
}

void
srand(unsigned int seed)
{
	(void)seed;
	seeded++;
}

void
srandom(unsigned int seed)
{
	(void)seed;
	seeded++;
}

/* S-071: each takes its bits from the system, nothing was seeded, and a child does not repeat its parent. */
static void
test_tokens_come_from_the_system(void **state)
{
	struct fixture *f = *state;
	char childs[43];
	struct str mine;
	int ends[2];
	pid_t child;

	from_system = 0;
	for (int i = 0; i < 100; i++)
		crypto_random_token(f->arena);
	assert_true(from_system >= 100 * 32);
	assert_int_equal(seeded, 0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		mine = secret_expose(crypto_random_token(f->arena));
		_exit(write(ends[1], mine.p, mine.len) == (ssize_t)mine.len ? 0 : 1);
	}
	mine = secret_expose(crypto_random_token(f->arena));
	assert_int_equal(read(ends[0], childs, sizeof(childs)), sizeof(childs));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(str_eq(mine, (struct str){ childs, sizeof(childs) }));
	close(ends[0]);
	close(ends[1]);
}

/* S-071: every letter as often as any other, whether or not the alphabet divides 256. Chi-square within
 * six standard deviations. */
static void
test_random_text_is_flat(void **state)
{
	enum { DRAWS = 200000 };
	struct fixture *f = *state;
	struct str letters = S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	static const size_t sizes[] = { 2, 9, 36, 55, 62, 64 };

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		double expected = (double)DRAWS / (double)sizes[k], chi = 0;
		double df = (double)sizes[k] - 1, over;
		int seen[256] = { 0 };
		struct str text = secret_expose(
		    crypto_random_text(f->arena, DRAWS, str_sub(letters, 0, sizes[k])));

		for (size_t i = 0; i < text.len; i++)
			seen[(unsigned char)text.p[i]]++;
		for (size_t i = 0; i < sizes[k]; i++) {
			double off = seen[(unsigned char)letters.p[i]] - expected;

			chi += off * off / expected;
		}
		over = chi - df;
		assert_true(over * over < 36 * 2 * df || over < 0 || (df < 2 && chi < 20));
	}
}

static void
test_signatures_are_of_the_key_and_the_data(void **state)
{
	struct fixture *f = *state;
	struct sign_public one, two;
	struct secret key, other;
	struct str a, b, c, d;

	assert_int_equal(sign_key_new(&f->cx, &key, &one), OK);
	assert_int_equal(sign_key_new(&f->cx, &other, &two), OK);
	assert_int_equal(one.modulus.len, 342); /* 256 bytes */
	assert_str_equal(one.exponent, S("AQAB"));
	assert_false(str_eq(one.modulus, two.modulus));
	assert_int_equal(sign_rs256(&f->cx, key, S("data"), &a), OK);
	assert_int_equal(sign_rs256(&f->cx, key, S("data"), &b), OK);
	assert_int_equal(sign_rs256(&f->cx, key, S("datb"), &c), OK);
	assert_int_equal(sign_rs256(&f->cx, other, S("data"), &d), OK);
	assert_int_equal(a.len, 256);
	assert_true(str_eq(a, b));
	assert_false(str_eq(a, c));
	assert_false(str_eq(a, d));
	assert_int_equal(sign_rs256(&f->cx, secret_of(S("no key")), S("data"), &a), E_BUG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_empty_personality_is_dropbox),
		TEST(test_a_personality_survives_its_text),
		TEST(test_a_bad_personality_is_refused_by_name),
		TEST(test_an_implicit_answer_stands_in_the_fragment),
		TEST(test_tokens_never_repeat),
		TEST(test_tokens_come_from_the_system),
		TEST(test_random_text_is_flat),
		TEST(test_signatures_are_of_the_key_and_the_data),
	};

	crypto_setup();
	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
