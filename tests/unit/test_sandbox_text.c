/* The pure parts of the sandbox: names, redirect URIs, scopes, addresses, times, hashes. */
#include "base/ctx.h"
#include "crypto/crypto.h"
#include "sandbox/oauth/redirect.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/text.h"
#include "sandbox/core/times.h"

/* After ours: cmocka has a macro with the name of our fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena *arena;
static struct ctx cx;

#define assert_str(s, lit) assert_true(str_eq((s), S(lit)))

static int
setup(void **state)
{
	(void)state;
	crypto_setup();
	arena = arena_new();
	ctx_init(&cx, arena, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
test_printable(void **state)
{
	(void)state;
	assert_true(text_printable(S("Ren\xc3\xa9's app \xe2\x9c\x93 \xf0\x9f\x98\x80")));
	assert_false(text_printable(S("a\nb")));
	assert_false(text_printable(S("a\x7f")));
	assert_false(text_printable(S("a\xe2\x80\xae"
				      "b"))); /* U+202E turns the direction */
	assert_false(text_printable(S("a\xe2\x80\x8b"
				      "b"))); /* U+200B cannot be seen */
	assert_false(text_printable(S("a\xc3")));
	assert_int_equal(text_length(S("\xc3\xa9\xe2\x9c\x93\xf0\x9f\x98\x80x")), 4);
	assert_str(text_fold(arena, S("AbC-9\xc3\x89")), "abc-9\xc3\x89");
}

static void
test_redirect_uris(void **state)
{
	static const struct str good[] = { S("https://a.example/cb"),
		S("https://a.example:8443/cb?x=1&y=2"), S("http://localhost:53682/"),
		S("http://127.0.0.1"), S("http://[::1]:9/x"), S("https://[2001:db8::1]/"),
		S("https://a.example/c%62") };
	static const struct str bad[] = { S(""), S("/rel"), S("ftp://a.example/"), S("https://"),
		S("https://a.example/#f"), S("https://u@a.example/"), S("https://*.example/"),
		S("https://a.example/ b"), S("https://a.example\\@evil/"),
		S("https://a.example:0/"), S("https://a.example:65536/"),
		S("https://a.example:1x/"), S("http://a.example/"), S("http://127.0.0.1.evil/"),
		S("http://localhost.evil/"), S("https://[::1/"), S("https://.a/"),
		S("HTTP://localhost/"), S("javascript:alert(1)") };
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(redirect_uri_ok(good[i], &why));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(redirect_uri_ok(bad[i], &why));
		assert_non_null(why);
	}
	assert_str(uri_authority(S("http://127.0.0.1:8090/cb?x")), "127.0.0.1:8090");
	assert_str(uri_authority(S("https://a.example?x")), "a.example");
}

static void
test_scopes(void **state)
{
	enum scope lacking, needed;
	scope_set set;

	(void)state;
	assert_true(scopes_parse(S("files.metadata.read  account_info.read"), &set));
	assert_str(scopes_text(arena, set), "account_info.read files.metadata.read");
	assert_true(scopes_parse(S(""), &set));
	assert_int_equal(set, 0);
	assert_false(scopes_parse(S("sharing.read sharing.read"), &set));
	assert_false(scopes_parse(S("sharing.rea"), &set));
	assert_true(scopes_gap(SCOPE_BIT(SCOPE_CONTENT_READ), &lacking, &needed));
	assert_int_equal(lacking, SCOPE_CONTENT_READ);
	assert_int_equal(needed, SCOPE_META_READ);
	assert_false(scopes_gap(SCOPES_OF_A_NEW_APP, &lacking, &needed));
}

static void
test_redirects(void **state)
{
	const struct redirect_param params[] = { { "code", S("a+b") }, { "skip", { 0 } },
		{ "state", S("\r\n&=#\xff") } };

	(void)state;
	assert_str(redirect_with(&cx, S("https://a/cb"), REDIRECT_QUERY, params, 3),
	    "https://a/cb?code=a%2Bb&state=%0D%0A%26%3D%23%FF");
	assert_str(redirect_with(&cx, S("https://a/cb?own=1"), REDIRECT_QUERY, params, 1),
	    "https://a/cb?own=1&code=a%2Bb");
}

static void
test_times(void **state)
{
	int64_t ms;

	(void)state;
	assert_true(time_parse(S("2020-01-02T03:04:05Z"), &ms));
	assert_int_equal(ms, 1577934245000);
	assert_false(time_parse(S("2020-13-02T03:04:05Z"), &ms));
	assert_false(time_parse(S("2020-01-02T03:04:05"), &ms));
	assert_false(time_parse(S("2020-01-02 03:04:05Z"), &ms));
	assert_false(time_parse(S("20x0-01-02T03:04:05Z"), &ms));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_redirect_uris),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
