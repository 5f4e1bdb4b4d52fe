/* Plain http through a SOCKS proxy (RFC 1928, RFC 1929): the tunnel is the proxy's, what is said in it is not. */
#include "crowd_site.h"

#undef fail

#include "base/log.h"

#define NAME_MAX_LEN 256

static _Atomic int tunnels;     /* asked for */
static char name[NAME_MAX_LEN]; /* of the latest */
static int port;
static char login[2 * NAME_MAX_LEN]; /* "user:password" of the latest; empty: none was asked for */

static bool
take(int fd, void *into, size_t n)
{
	return recv(fd, into, n, MSG_WAITALL) == (ssize_t)n;
}

/* A byte with the length, then so many. */
static bool
take_text(int fd, char *into)
{
	unsigned char len;

	if (!take(fd, &len, 1) || !take(fd, into, len))
		return false;
	into[len] = '\0';
	return true;
}

static bool
take_login(int fd)
{
	char version, user[NAME_MAX_LEN], password[NAME_MAX_LEN];

	if (!put(fd, "\x05\x02", 2) || !take(fd, &version, 1) || !take_text(fd, user) ||
	    !take_text(fd, password))
		return false;
	snprintf(login, sizeof(login), "%s:%s", user, password);
	return version == 1 && put(fd, "\x01\x00", 2);
}

/* The client names the ways to sign in that it knows; with a password is preferred. */
static bool
greet(int fd)
{
	unsigned char head[2];
	char methods[NAME_MAX_LEN];

	login[0] = '\0';
	if (!take(fd, head, 2) || head[0] != 5 || !take(fd, methods, head[1]))
		return false;
	return memchr(methods, 2, head[1]) != NULL ? take_login(fd) : put(fd, "\x05\x00", 2);
}

/* CONNECT to a name. */
static bool
take_request(int fd)
{
	unsigned char head[4], number[2];

	if (!take(fd, head, 4) || memcmp(head, "\x05\x01\x00\x03", 4) != 0 ||
	    !take_text(fd, name) || !take(fd, number, 2))
		return false;
	port = number[0] << 8 | number[1];
	tunnels++;
	return true;
}

static bool
answer_tunnel(int fd, char outcome)
{
	const char text[] = { 5, outcome, 0, 1, 127, 0, 0, 1, 0, 80 };

	return put(fd, text, sizeof(text));
}

static void
serve_socks(struct site *site, int fd)
{
	if (!greet(fd) || !take_request(fd) || !answer_tunnel(fd, 0))
		return;
	while (hear(site, fd) && puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
		;
}

/* Not allowed by its rules; what comes all the same is heard. */
static void
serve_no_tunnel(struct site *site, int fd)
{
	if (greet(fd) && take_request(fd) && answer_tunnel(fd, 2))
		hear(site, fd);
}

static struct crowd *
start_proxy(struct world *w, const char *variable, const char *scheme_and_login,
    void (*serve)(struct site *site, int fd))
{
	struct crowd *proxy = crowd_start(serve);

	tunnels = 0;
	setenv(variable,
	    str_printf(w->cx.arena, "%s127.0.0.1:%d", scheme_and_login, proxy->site.port).p, 1);
	return proxy;
}

static void
stop_proxy(struct world *w, struct crowd *proxy)
{
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("no_proxy");
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(proxy);
}

static enum http_call_end
end_of(struct world *w, const char *url)
{
	struct http_call call = { .method = "POST",
		.url = str_of(url),
		.has_body = true,
		.body = secret_of(S("a=1")),
		.timeout_ms = 10000 };
	struct http_reply r;

	http_client_call(w->client, &w->cx, &call, &r);
	return r.end;
}

/* As to the host itself: a path alone, and nothing that is meant for a proxy. */
static void
test_the_request_in_the_tunnel_is_as_without_it(void **state)
{
	struct world *w = *state;
	struct crowd *proxy = start_proxy(w, "http_proxy", "socks5h://", serve_socks);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(end_of(w, "http://valetkey.invalid:8080/a?b"), CALL_ANSWERED);
		assert_true(str_starts(str_of(proxy->site.heard), S("POST /a?b HTTP/1.1\r\n")));
		assert_non_null(strstr(proxy->site.heard, "\r\nHost: valetkey.invalid:8080\r\n"));
		assert_null(strstr(proxy->site.heard, "Proxy-"));
	}
	assert_string_equal(name, "valetkey.invalid"); /* which only the proxy looks up */
	assert_int_equal(port, 8080);
	assert_string_equal(login, "");
	assert_int_equal(proxy->site.requests, 3);
	assert_int_equal(tunnels, 1);
	assert_int_equal(end_of(w, "http://other.valetkey.invalid/"), CALL_ANSWERED);
	assert_int_equal(tunnels, 2); /* a tunnel leads to one host */
	assert_int_equal(port, 80);
	stop_proxy(w, proxy);
}

static void
test_user_and_password_are_for_the_proxy_alone(void **state)
{
	struct world *w = *state;
	struct crowd *proxy = start_proxy(w, "all_proxy", "socks5h://me:se%20same@", serve_socks);

	assert_int_equal(end_of(w, "http://valetkey.invalid/"), CALL_ANSWERED);
	assert_string_equal(login, "me:se same");
	assert_null(strstr(proxy->site.heard, "Proxy-"));
	assert_null(strstr(proxy->site.heard, "bWU6c2Ugc2FtZQ=="));
	stop_proxy(w, proxy);
}

static void
test_what_no_proxy_names_asks_for_no_tunnel(void **state)
{
	struct world *w = *state;
	struct crowd *proxy = start_proxy(w, "http_proxy", "socks5h://", serve_socks);

	setenv("no_proxy", "valetkey.invalid", 1);
	assert_int_equal(end_of(w, "http://valetkey.invalid/"), CALL_REFUSED);
	assert_int_equal(proxy->site.connections, 0);
	unsetenv("no_proxy"); /* nor does this machine for itself */
	site_start(&w->site, serve_ok);
	assert_int_equal(ask(w, "/").end, CALL_ANSWERED);
	assert_int_equal(proxy->site.connections, 0);
	stop_proxy(w, proxy);
}

static void
test_a_proxy_that_makes_no_tunnel_was_sent_nothing(void **state)
{
	struct world *w = *state;
	struct crowd *proxy = start_proxy(w, "http_proxy", "socks5h://", serve_no_tunnel);

	assert_int_equal(end_of(w, "http://valetkey.invalid/"), CALL_REFUSED);
	assert_int_equal(tunnels, 1);
	assert_int_equal(proxy->site.requests, 0);
	stop_proxy(w, proxy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_request_in_the_tunnel_is_as_without_it),
		T(test_user_and_password_are_for_the_proxy_alone),
		T(test_what_no_proxy_names_asks_for_no_tunnel),
		T(test_a_proxy_that_makes_no_tunnel_was_sent_nothing),
	};

	log_set_level(LOG_WARN);
	return cmocka_run_group_tests_name("http client, SOCKS", tests, NULL, NULL);
}
