/* Which addresses are public, and that a call for public ones only connects to no other (S-027). */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/address.h"
#include "http/client.h"

/* Last: it defines a macro named fail. */
#include <cmocka.h>

static bool
is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_public((const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_is_public((const struct sockaddr *)&v6);
}

static void
test_ranges(void **state)
{
	static const char *const inside[] = { "0.0.0.0", "0.255.255.255", "10.0.0.1",
		"10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
		"192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
		"203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "fc00::1",
		"fd00::1", "fe80::1", "fec0::1", "ff02::1", "2001::1", "2001:1::1", "2001:db8::1",
		"2002:a00:1::1", "2002:7f00:1::", "3fff::1", "100::1" };
	static const char *const outside[] = { "1.1.1.1", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:1.1.1.1",
		"64:ff9b::101:101", "2001:200::1", "2001:4860:4860::8888", "2002:101:101::1",
		"2606:4700::1111" };

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (is_public(inside[i]))
			fail_msg("%s passes for public", inside[i]);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		if (!is_public(outside[i]))
			fail_msg("%s does not pass for public", outside[i]);
	assert_false(address_is_public(&(struct sockaddr){ .sa_family = AF_UNIX }));
}

/* A listening socket that must stay quiet. */
static int
listen_here(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static void
test_call_public_only(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "2130706433", "0x7f000001",
		"0177.0.0.1", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]" };
	struct clock *clock = clock_new();
	struct arena *arena = arena_new();
	struct ctx cx;
	int port, fd = listen_here(&port);

	(void)state;
	ctx_init(&cx, arena, clock);
	cx.may_block = true;
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct http_call call = { .method = "GET",
			.url = str_printf(arena, "http://%s:%d/", hosts[i], port),
			.public_only = true };
		struct http_reply reply = { 0 };

		http_client_once(&cx, S("test"), &call, &reply);
		if (reply.end != CALL_BAD_URL ||
		    strstr(reply.error, "only public addresses may be called") == NULL)
			fail_msg("%s: %d %s", hosts[i], reply.end, reply.error);
		assert_int_equal(accept(fd, NULL, NULL), -1);
	}
	unsetenv("http_proxy");
	close(fd);
	arena_free(arena);
	clock_free(clock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_call_public_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
