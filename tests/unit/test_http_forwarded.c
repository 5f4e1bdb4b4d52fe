/* Whose request it is behind a proxy (S-157). */
#include "fixture.h"
#include "http/forwarded.h"

static struct str
client_of(
    struct fixture *f, const char *proxies, const char *peer, const char *first, const char *second)
{
	const struct http_header headers[] = { { S("X_Forwarded_For"), S("192.0.2.77") },
		{ S("X-Forwarded-For"), str_of(first) }, { S("x-forwarded-for"), str_of(second) } };
	struct http_req req = { .peer = str_of(peer),
		.header_count = second != NULL ? 3
		    : first != NULL            ? 2
					       : 1 };
	struct forwarded list;

	memcpy(req.headers, headers, sizeof(headers));

	assert_int_equal(forwarded_read(&f->cx, str_of(proxies), &list), OK);
	return forwarded_client(&list, f->arena, &req);
}

static void
test_s157_the_last_hop_that_is_no_proxy(void **state)
{
	static const struct {
		const char *proxies, *peer, *first, *second, *client;
	} rows[] = {
		{ "", "127.0.0.1", "192.0.2.1", NULL, "127.0.0.1" },
		{ "127.0.0.1", "198.51.100.1", "192.0.2.1", NULL, "198.51.100.1" },
		{ "127.0.0.1", "127.0.0.1", NULL, NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "192.0.2.1", NULL, "192.0.2.1" },
		{ "127.0.0.1", "127.0.0.1", "10.9.9.9, 192.0.2.1", NULL, "192.0.2.1" },
		{ "127.0.0.1,10.0.0.7", "127.0.0.1", "6.6.6.6,192.0.2.1 ,\t10.0.0.7", NULL,
		    "192.0.2.1" },
		{ "127.0.0.1,10.0.0.7", "127.0.0.1", "192.0.2.1", "10.0.0.7", "192.0.2.1" },
		{ "127.0.0.1,10.0.0.7", "127.0.0.1", "6.6.6.6", "192.0.2.1, 10.0.0.7",
		    "192.0.2.1" },
		/* only proxies: the outermost of them */
		{ "127.0.0.1,10.0.0.7", "127.0.0.1", "10.0.0.7", NULL, "10.0.0.7" },
		/* what is no address is nobody: the proxy that told it */
		{ "127.0.0.1", "127.0.0.1", "192.0.2.1, unknown", NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "192.0.2.1:443", NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "192.0.2.1,", NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "", NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "0192.0.2.1", NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "fe80::1%eth0", NULL, "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "192.0.2.1, 6.6.6.6 10.0.0.7", NULL, "127.0.0.1" },
		{ "127.0.0.1,10.0.0.7", "127.0.0.1", "nonsense, 10.0.0.7", NULL, "10.0.0.7" },
		/* one address, however it is written */
		{ "::1", "::1", "2001:DB8:0::1", NULL, "2001:db8::1" },
		{ "127.0.0.1", "::ffff:127.0.0.1", "::ffff:192.0.2.1", NULL, "192.0.2.1" },
		{ "::ffff:127.0.0.1", "127.0.0.1", "192.0.2.1", NULL, "192.0.2.1" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str got =
		    client_of(f, rows[i].proxies, rows[i].peer, rows[i].first, rows[i].second);

		/* which one, before it fails */
		if (!str_eq(got, str_of(rows[i].client)))
			print_error("row %zu: %.*s\n", i, STR_ARG(got));
		assert_str_equal(got, str_of(rows[i].client));
	}
}

static void
test_a_list_of_proxies_is_addresses(void **state)
{
	static const char *const bad[] = { "localhost", "127.0.0.1:80", "127.0.0.1,", ",127.0.0.1",
		"127.0.0.1,,::1", "127.0.0.1, ::1", "10.0.0.0/8", "[::1]", "127.1", "*", " ",
		"127.0.0.1 ", "fe80::1%lo" };
	struct fixture *f = *state;
	struct forwarded list;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(forwarded_read(&f->cx, str_of(bad[i]), &list), E_INPUT);
	assert_int_equal(forwarded_read(&f->cx, S("127.0.0.1,::1,10.0.0.7"), &list), OK);
	assert_int_equal(list.count, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_s157_the_last_hop_that_is_no_proxy),
		TEST(test_a_list_of_proxies_is_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
