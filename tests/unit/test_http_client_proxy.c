/* Outgoing calls through a proxy, and over TLS: by the environment's rules, on connections that are kept. */
#include "crowd_site.h"

#undef fail
#include <poll.h>

#include "base/log.h"
#include "crypto/cert.h"
#include "http/out_proxy.h"
#include "http/server.h"

/* --- the proxy --- */

static int behind; /* the port that its tunnels lead to */
static char asked[8192];

static int
connect_behind(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)behind) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		abort();
	return fd;
}

static bool
pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);

	return n > 0 && put(to, bytes, (size_t)n);
}

static void
be_tunnel(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = connect_behind(), .events = POLLIN } };
	bool open = puts_to(fd, "HTTP/1.1 200 Connected\r\n\r\n");

	while (open && poll(p, 2, -1) > 0) {
		if (p[0].revents != 0)
			open = pass_on(fd, p[1].fd);
		if (open && p[1].revents != 0)
			open = pass_on(p[1].fd, fd);
	}
	close(p[1].fd);
}

/* A tunnel, or the answer itself. */
static void
serve_proxy(struct site *site, int fd)
{
	while (hear(site, fd)) {
		memcpy(asked, site->heard, sizeof(asked));
		if (strncmp(asked, "CONNECT ", 8) == 0) {
			be_tunnel(fd);
			return;
		}
		if (!puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
			return;
	}
}

static struct crowd *
start_proxy(struct world *w, const char *variable, const char *login)
{
	struct crowd *proxy = crowd_start(serve_proxy);

	setenv(variable,
	    str_printf(w->cx.arena, "http://%s127.0.0.1:%d", login, proxy->site.port).p, 1);
	return proxy;
}

static void
stop_proxy(struct world *w, struct crowd *proxy)
{
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("no_proxy");
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(proxy);
}

static struct http_reply
ask_url(struct world *w, const char *url, bool no_proxy)
{
	struct http_call call = {
		.method = "GET", .url = str_of(url), .timeout_ms = 10000, .no_proxy = no_proxy
	};
	struct http_reply r;

	http_client_call(w->client, &w->cx, &call, &r);
	return r;
}

static void
test_plain_http_is_asked_of_the_proxy_itself(void **state)
{
	struct world *w = *state;
	struct crowd *proxy = start_proxy(w, "http_proxy", "me:se%20same@");

	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    ask_url(w, "http://valetkey.invalid/a?b", false).end, CALL_ANSWERED);
		assert_non_null(strstr(asked, "GET http://valetkey.invalid/a?b HTTP/1.1\r\n"));
		assert_non_null(strstr(asked, "Host: valetkey.invalid\r\n"));
		assert_non_null(strstr(asked, "Proxy-Authorization: Basic bWU6c2Ugc2FtZQ==\r\n"));
	}
	assert_int_equal(proxy->site.requests, 3);
	assert_int_equal(proxy->site.connections, 1);
	/* There is no such name, and nobody but the proxy would have answered for it. */
	assert_int_equal(ask_url(w, "http://valetkey.invalid/", true).end, CALL_REFUSED);
	assert_int_equal(proxy->site.requests, 3);
	stop_proxy(w, proxy);
}

static void
test_what_no_proxy_names_is_called_without_it(void **state)
{
	struct world *w = *state;
	struct crowd *proxy = start_proxy(w, "http_proxy", "");

	setenv("no_proxy", "example.org, valetkey.invalid", 1);
	assert_int_equal(ask_url(w, "http://a.valetkey.invalid/", false).end, CALL_REFUSED);
	assert_int_equal(proxy->site.connections, 0);
	assert_int_equal(ask_url(w, "http://notvaletkey.invalid/", false).end, CALL_ANSWERED);
	assert_null(strstr(asked, "Proxy-Authorization"));
	stop_proxy(w, proxy);
}

static void
test_whom_no_proxy_spares(void **state)
{
	static const struct {
		const char *list, *host;
		bool spared;
	} rows[] = {
		{ "*", "example.org", true },
		{ "a,*", "example.org", false },
		{ "example.org", "example.org", true },
		{ "example.org", "EXAMPLE.org.", true },
		{ ".example.org.", "a.example.org", true },
		{ ".example.org", "example.org", true },
		{ "example.org", "badexample.org", false },
		{ "b.example.org", "example.org", false },
		{ "a b,example.org", "example.org", true },
		{ "", "example.org", false },
		{ ".", "example.org", false },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.11", false },
		{ "0.0.1", "10.0.0.1", false },
		{ "10.0.0.0/8", "10.200.3.4", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.128.0.0/9", "10.127.0.1", false },
		{ "0.0.0.0/0", "10.127.0.1", true },
		{ "10.0.0.0/33", "10.0.0.0", false },
		{ "10.0.0.0/x", "10.0.0.0", false },
		{ "fd00::/8", "[fd12::1]", true },
		{ "fd00::/8", "[fe80::1]", false },
		{ "[fd12::1]", "[fd12::1]", true },
		{ "10.0.0.0/8", "[::1]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool spared = out_proxy_spares(str_of(rows[i].list), rows[i].host);

		if (spared != rows[i].spared)
			print_message("%s of %s\n", rows[i].host, rows[i].list);
		assert_int_equal(spared, rows[i].spared);
	}
}

static void
serve_no_tunnel(struct site *site, int fd)
{
	if (hear(site, fd))
		puts_to(fd, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
}

static void
serve_endless_tunnel(struct site *site, int fd)
{
	if (!hear(site, fd) || !puts_to(fd, "HTTP/1.1 200 OK\r\n"))
		return;
	while (puts_to(fd, "X-Line: 0123456789012345678901234567890123456789\r\n"))
		;
}

static void
test_a_proxy_that_makes_no_tunnel_was_sent_nothing(void **state)
{
	void (*const scripts[])(struct site *, int) = { serve_no_tunnel, serve_endless_tunnel };
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		site_start(&w->site, scripts[i]);
		setenv("https_proxy",
		    str_printf(w->cx.arena, "http://127.0.0.1:%d", w->site.port).p, 1);
		assert_int_equal(ask_url(w, "https://valetkey.invalid/", false).end, CALL_REFUSED);
		unsetenv("https_proxy");
		assert_int_equal(w->site.requests, 1);
		assert_null(strstr(w->site.heard, "GET"));
		site_stop(&w->site);
		w->site.serve = NULL;
	}
}

/* --- TLS, behind a tunnel that counts --- */

static enum rc
echo(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx;
	http_res_text(res, 200, req->body);
	return OK;
}

static enum rc
no_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req, (void)res;
	return OK;
}

static struct http_server *
start_server(struct world *w, struct cert *authority)
{
	static const struct http_route route = { HTTP_M_POST, "/", 0, LANE_LOOP, 8 << 20, echo,
		BODY_TO_MEMORY };
	static const struct http_site site = {
		.routes = &route, .route_count = 1, .gate = no_gate
	};
	static const char *const host[] = { "valetkey.invalid" };
	struct cert_names names = { host, 1 };
	struct http_server_config cfg = { .host = S("127.0.0.1"),
		.public_url = S("https://valetkey.invalid:8443"),
		.clock = w->clock };
	struct http_server *s;
	struct http_tls tls;
	struct cert leaf;

	assert_int_equal(cert_authority_make(&w->cx, "Test", names, 10, authority), OK);
	assert_int_equal(cert_server_make(&w->cx, authority, names, 5, &leaf), OK);
	tls = (struct http_tls){ leaf.pem, secret_expose(leaf.key_pem) };
	cfg.tls = &tls;
	assert_int_equal(http_server_new(&w->cx, &cfg, &s), OK);
	assert_int_equal(http_server_start(&w->cx, s, &site), OK);
	behind = http_server_port(s);
	return s;
}

static struct http_reply
post_tls(struct world *w, struct str body)
{
	struct http_call call = { .method = "POST",
		.url = S("https://valetkey.invalid:8443/"),
		.has_body = true,
		.body = secret_of(body),
		.timeout_ms = 20000,
		.reply_max = 8 << 20 };
	struct http_reply r;

	http_client_call(w->client, &w->cx, &call, &r);
	return r;
}

static void
test_tls_connections_are_kept_and_carry_large_bodies(void **state)
{
	struct world *w = *state;
	struct cert authority;
	struct http_server *s = start_server(w, &authority);
	struct crowd *proxy = start_proxy(w, "https_proxy", "");
	size_t sizes[] = { 5, 0, 1, 16384, 5 << 20, 70000, 3 };

	http_client_free(w->client);
	w->client = http_client_new(S("valetkey-test"), authority.pem);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *p = arena_alloc(w->cx.arena, sizes[i] + 1);
		struct str body = { p, sizes[i] };
		struct http_reply r;

		for (size_t k = 0; k < sizes[i]; k++)
			p[k] = (char)('a' + (k + i) % 25);
		r = post_tls(w, body);
		assert_int_equal(r.end, CALL_ANSWERED);
		assert_int_equal(r.status, 200);
		assert_true(str_eq(secret_expose(r.body), body));
	}
	assert_non_null(strstr(asked, "CONNECT valetkey.invalid:8443 HTTP/1.1\r\n"));
	assert_int_equal(proxy->site.connections, 1);
	stop_proxy(w, proxy);
	http_server_stop(s, 0);
	http_server_free(s);
}

static void
count_answered(void *arg, const struct http_reply *reply)
{
	if (reply->end == CALL_ANSWERED && reply->status == 200)
		++*(_Atomic int *)arg;
}

static void
test_many_tls_connections_at_once(void **state)
{
	struct world *w = *state;
	struct cert authority;
	struct http_server *s = start_server(w, &authority);
	struct crowd *proxy = start_proxy(w, "https_proxy", "");
	struct http_call call = { .method = "POST",
		.url = S("https://valetkey.invalid:8443/"),
		.has_body = true,
		.body = secret_of(S("a body")),
		.timeout_ms = 20000 };
	_Atomic int answered = 0;

	http_client_free(w->client);
	w->client = http_client_new(S("valetkey-test"), authority.pem);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < 20; i++) {
			call.fresh = i == 19;
			http_client_send(w->client, &call, count_answered, &answered);
		}
		wait_for_count(&answered, 20 * round);
	}
	/* At most twenty at once, and one more for each that was to be new. */
	assert_in_range(proxy->site.connections, 4, 23);
	stop_proxy(w, proxy);
	http_server_stop(s, 0);
	http_server_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_plain_http_is_asked_of_the_proxy_itself),
		T(test_what_no_proxy_names_is_called_without_it),
		T(test_whom_no_proxy_spares),
		T(test_a_proxy_that_makes_no_tunnel_was_sent_nothing),
		T(test_tls_connections_are_kept_and_carry_large_bodies),
		T(test_many_tls_connections_at_once),
	};

	log_set_level(LOG_WARN);
	return cmocka_run_group_tests_name("http client, proxies and TLS", tests, NULL, NULL);
}
