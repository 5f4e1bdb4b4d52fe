/* Targets, routes, our own names, cookies, parameters and problem documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours records a failure */

#include "http/origin.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/target.h"

struct fixture {
	struct arena *arena;
	struct clock *clock;
	struct ctx cx;
	struct http_req req;
	struct http_res res;
};

static struct fixture fx;

static int
setup(void **state)
{
	(void)state;
	fx = (struct fixture){ .arena = arena_new(), .clock = clock_new() };
	ctx_init(&fx.cx, fx.arena, fx.clock);
	fx.res.arena = fx.arena;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(fx.arena);
	clock_free(fx.clock);
	return 0;
}

static void
test_paths_are_decoded_once(void **state)
{
	static const struct {
		const char *path;
		enum target_fault fault;
		size_t count;
		const char *last;
	} cases[] = {
		{ "/", TARGET_OK, 0, NULL },
		{ "/a", TARGET_OK, 1, "a" },
		{ "/a/b%20c", TARGET_OK, 2, "b c" },
		{ "/%252e", TARGET_OK, 1, "%2e" },
		{ "/a+b", TARGET_OK, 1, "a+b" },
		{ "/%C3%A9", TARGET_OK, 1, "\xc3\xa9" },
		{ "/a/", TARGET_NOTHING, 0, NULL },
		{ "//a", TARGET_NOTHING, 0, NULL },
		{ "/a//b", TARGET_NOTHING, 0, NULL },
		{ "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", TARGET_OK, 16, "16" },
		{ "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", TARGET_NOTHING, 0, NULL },
		{ "/.", TARGET_BAD, 0, NULL },
		{ "/a/%2e%2e/b", TARGET_BAD, 0, NULL },
		{ "/a%2fb", TARGET_BAD, 0, NULL },
		{ "/a%5cb", TARGET_BAD, 0, NULL },
		{ "/a\\b", TARGET_BAD, 0, NULL },
		{ "/a%00", TARGET_BAD, 0, NULL },
		{ "/a%0d%0ab", TARGET_BAD, 0, NULL },
		{ "/a;b", TARGET_BAD, 0, NULL },
		{ "/%zz", TARGET_BAD, 0, NULL },
		{ "/%4", TARGET_BAD, 0, NULL },
		{ "/%c0%ae", TARGET_BAD, 0, NULL },
		{ "/%ff", TARGET_BAD, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum target_fault got = target_segments(fx.arena, str_of(cases[i].path), &fx.req);

		if (got != cases[i].fault)
			print_error("%s\n", cases[i].path);
		assert_int_equal(got, cases[i].fault);
		if (got != TARGET_OK)
			continue;
		assert_int_equal(fx.req.seg_count, cases[i].count);
		if (cases[i].last != NULL)
			assert_true(
			    str_eq(fx.req.segs[fx.req.seg_count - 1], str_of(cases[i].last)));
	}
}

static void
test_targets_are_split(void **state)
{
	struct str authority, path, query;

	(void)state;
	assert_true(target_split(S("/a?b=c?d"), &authority, &path, &query));
	assert_true(authority.len == 0 && str_eq(path, S("/a")) && str_eq(query, S("b=c?d")));
	assert_true(target_split(S("http://h:1/a"), &authority, &path, &query));
	assert_true(str_eq(authority, S("h:1")) && str_eq(path, S("/a")));
	assert_true(target_split(S("http://h"), &authority, &path, &query));
	assert_true(str_eq(path, S("/")));
	assert_false(target_split(S("http:///a"), &authority, &path, &query));
	assert_false(target_split(S("*"), &authority, &path, &query));
	assert_false(target_split(S("a/b"), &authority, &path, &query));
	assert_false(target_split(S("?a"), &authority, &path, &query));
}

static const struct http_route routes[] = {
	{ .method = HTTP_M_GET, .path = "/t/{}" },
	{ .method = HTTP_M_DELETE, .path = "/t/{}" },
	{ .method = HTTP_M_GET, .path = "/t/new" },
	{ .method = HTTP_M_GET, .path = "/" },
	{ .method = HTTP_M_POST, .path = "/t/{}/x/{}" },
};

static enum route_found
find(const struct router *r, enum http_method m, const char *path, struct str *allow)
{
	fx.req.route = NULL;
	fx.req.method = m;
	assert_int_equal(target_segments(fx.arena, str_of(path), &fx.req), TARGET_OK);
	return router_find(r, &fx.req, true, fx.arena, allow);
}

static void
test_the_most_literal_route_wins(void **state)
{
	const struct http_site site = { .routes = routes, .route_count = 5 };
	struct router *r = router_new(&site);
	struct str allow;

	(void)state;
	assert_int_equal(find(r, HTTP_M_GET, "/t/a", &allow), ROUTE_FOUND);
	assert_ptr_equal(fx.req.route, &routes[0]);
	assert_true(str_eq(fx.req.args[0], S("a")));
	assert_int_equal(find(r, HTTP_M_GET, "/t/new", &allow), ROUTE_FOUND);
	assert_ptr_equal(fx.req.route, &routes[2]);
	assert_int_equal(find(r, HTTP_M_HEAD, "/", &allow), ROUTE_FOUND);
	assert_int_equal(find(r, HTTP_M_DELETE, "/t/new", &allow), ROUTE_NO_METHOD);
	assert_true(str_eq(allow, S("GET, HEAD")));
	assert_int_equal(find(r, HTTP_M_POST, "/t/a", &allow), ROUTE_NO_METHOD);
	assert_true(str_contains(allow, S("DELETE")) && str_contains(allow, S("GET, HEAD")));
	assert_int_equal(find(r, HTTP_M_POST, "/t/a/x/b", &allow), ROUTE_FOUND);
	assert_true(str_eq(fx.req.args[1], S("b")));
	assert_int_equal(find(r, HTTP_M_GET, "/t", &allow), ROUTE_NO_PATH);
	router_free(r);
}

static void
test_our_own_names(void **state)
{
	struct origin o;

	(void)state;
	assert_int_equal(origin_fill(&fx.cx, fx.arena, S("127.0.0.1"), 8090, false, S(""), &o), OK);
	assert_true(str_eq(o.url, S("http://127.0.0.1:8090")));
	assert_true(origin_has(&o, S("localhost:8090")) && origin_has(&o, S("[::1]:8090")));
	assert_false(origin_has(&o, S("localhost")) || origin_has(&o, S("localhost:8091")));
	assert_int_equal(origin_fill(&fx.cx, fx.arena, S("0.0.0.0"), 8090, false,
			     S("https://Keys.example/"), &o),
	    OK);
	assert_true(str_eq(o.url, S("https://keys.example")) && o.https);
	assert_true(origin_has(&o, S("keys.example")) && origin_has(&o, S("keys.example:443")));
	assert_false(origin_has(&o, S("keys.example:80")) || origin_has(&o, S("0.0.0.0:8090")));
	assert_int_equal(origin_fill(&fx.cx, fx.arena, S("::1"), 1, false, S(""), &o), OK);
	assert_true(str_eq(o.url, S("http://[::1]:1")));
	assert_int_equal(
	    origin_fill(&fx.cx, fx.arena, S("::1"), 1, false, S("ftp://x"), &o), E_INPUT);
	assert_int_equal(
	    origin_fill(&fx.cx, fx.arena, S("::1"), 1, false, S("http://x/path"), &o), E_INPUT);
}

/* As a browser writes an Origin, whatever was typed: they are compared byte by byte. */
static void
test_a_schemes_own_port_is_not_in_the_url(void **state)
{
	static const struct {
		const char *typed, *url, *name, *with_port;
	} rows[] = {
		{ "http://x.example:80", "http://x.example", "x.example", "x.example:80" },
		{ "https://X.example:443/", "https://x.example", "x.example", "x.example:443" },
		{ "https://[::1]:443", "https://[::1]", "[::1]", "[::1]:443" },
		{ "https://x.example:80", "https://x.example:80", "x.example:80", "x.example:80" },
		{ "http://x.example:8443", "http://x.example:8443", "x.example:8443",
		    "x.example:8443" },
		{ "http://[2001:db8::80]", "http://[2001:db8::80]", "[2001:db8::80]",
		    "[2001:db8::80]:80" },
	};
	struct origin o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(origin_fill(&fx.cx, fx.arena, S("127.0.0.1"), 8090, false,
				     str_of(rows[i].typed), &o),
		    OK);
		assert_true(str_eq(o.url, str_of(rows[i].url)));
		assert_true(origin_has(&o, str_of(rows[i].name)));
		assert_true(origin_has(&o, str_of(rows[i].with_port)));
	}
	assert_int_equal(origin_fill(&fx.cx, fx.arena, S("::1"), 80, false, S(""), &o), OK);
	assert_true(str_eq(o.url, S("http://[::1]")));
}

static void
test_names_over_tls_and_in_a_tunnel(void **state)
{
	static const char *const names[] = { "api.example", "www.example" };
	struct origin o;

	(void)state;
	assert_int_equal(origin_fill(&fx.cx, fx.arena, S("127.0.0.1"), 443, true, S(""), &o), OK);
	assert_true(str_eq(o.url, S("https://127.0.0.1")) && o.https);
	assert_true(origin_has(&o, S("127.0.0.1")) && origin_has(&o, S("127.0.0.1:443")));
	assert_true(origin_has(&o, S("localhost")) && origin_has(&o, S("localhost:443")));
	assert_int_equal(origin_fill(&fx.cx, fx.arena, S("::1"), 80, true, S("http://x"), &o), OK);
	assert_false(o.https || origin_has(&o, S("localhost")));

	origin_fill_tunnel(fx.arena, names, 2, &o);
	assert_true(str_eq(origin_host(origin_find(&o, S("WWW.example:443"))), S("www.example")));
	assert_true(str_eq(origin_find(&o, S("api.example")), S("api.example")));
	assert_null(origin_find(&o, S("api.example:80")).p);
	assert_null(origin_find(&o, S("api.example.")).p);
	assert_null(origin_find(&o, S("127.0.0.1:443")).p);
	assert_true(str_eq(origin_host(S("[::1]:8090")), S("[::1]")));
}

static void
test_cookies_and_parameters(void **state)
{
	struct str v;

	(void)state;
	fx.req.headers[0] = (struct http_header){ S("Cookie"), S("a=1; b=2; c=; b2=3") };
	fx.req.headers[1] = (struct http_header){ S("cookie"), S("d=x=y;e=1; e=2") };
	fx.req.header_count = 2;
	assert_true(http_req_cookie(&fx.req, S("b"), &v) && str_eq(v, S("2")));
	assert_true(http_req_cookie(&fx.req, S("d"), &v) && str_eq(v, S("x=y")));
	assert_true(http_req_cookie(&fx.req, S("c"), &v) && v.len == 0);
	assert_false(http_req_cookie(&fx.req, S("e"), &v));
	assert_false(http_req_cookie(&fx.req, S("z"), &v));
	fx.req.query = S("a=b%20c&x=1&x=2");
	assert_int_equal(http_req_param(&fx.cx, &fx.req, "a", &v), OK);
	assert_true(str_eq(v, S("b c")));
	assert_int_equal(http_req_param(&fx.cx, &fx.req, "x", &v), E_INPUT);
	assert_int_equal(http_req_param(&fx.cx, &fx.req, "y", &v), OK);
	assert_null(v.p);
	fx.req.query = S("a=%zz");
	assert_int_equal(http_req_param(&fx.cx, &fx.req, "a", &v), E_INPUT);
}

static void
test_problems(void **state)
{
	enum rc rc =
	    fail_at(&fx.cx, E_CONFLICT, "name-taken", "name", "\"%s\" is \xc3\xa9 taken.", "a<b");

	(void)state;
	http_res_problem(&fx.res, &fx.cx, fail_todo(&fx.cx, "Choose another."));
	assert_int_equal(fx.res.status, 409);
	assert_int_equal(http_status_of(&fx.cx, rc), 409);
	assert_true(str_contains(fx.res.body, S("\"type\":\"urn:valetkey:problem:name-taken\"")));
	assert_true(str_contains(fx.res.body, S("\"field\":\"name\"")));
	assert_true(str_contains(fx.res.body, S("\"todo\":\"Choose another.\"")));
	rc = fail_at(&fx.cx, E_INPUT, "unsupported-media-type", NULL, "no");
	assert_int_equal(http_status_of(&fx.cx, rc), 415);
	/* A code never turns an inner failure into the caller's fault. */
	rc = fail_at(&fx.cx, E_STORE, "too-large", NULL, "no");
	assert_int_equal(http_status_of(&fx.cx, rc), 500);
	/* An inner failure keeps its words, unless it has a code: then they are for people. */
	rc = fail(&fx.cx, E_STORE, "disk /var/x is full");
	http_res_problem(&fx.res, &fx.cx, rc);
	assert_int_equal(fx.res.status, 500);
	assert_false(str_contains(fx.res.body, S("/var/x")));
	rc = fail_at(&fx.cx, E_STORE, "integrity", NULL, "row 7 does not open");
	http_res_problem(&fx.res, &fx.cx, rc);
	assert_true(str_contains(fx.res.body, S("row 7")));
	/* One code for all that needs a person. */
	rc = fail_at(&fx.cx, E_REAUTH, "invalid-grant", NULL, "no");
	http_res_problem(&fx.res, &fx.cx, rc);
	assert_int_equal(fx.res.status, 409);
	assert_true(str_contains(
	    fx.res.body, S("\"code\":\"reauthorization-required\",\"cause\":\"invalid-grant\"")));
}

static void
test_header_values_cannot_end_their_line(void **state)
{
	struct str head;

	(void)state;
	http_res_text(&fx.res, 200, S("x"));
	http_res_header(&fx.res, S("X-Bad"), S("a\r\nInjected: 1"));
	http_res_header(&fx.res, S("X-Bad: y"), S("a"));
	http_res_header(&fx.res, S("X-Good"), S("a"));
	http_res_cookie(&fx.res, S("c"), S("v; Domain=x"), S("; Path=/"));
	http_res_cookie(&fx.res, S("d"), S("v"), S("; Path=/"));
	head = reply_head(&fx.res, &(struct reply_frame){ .request_id = "0123456789abcdef" });
	assert_false(str_contains(head, S("Injected")) || str_contains(head, S("X-Bad")));
	assert_false(str_contains(head, S("Domain")));
	assert_true(str_contains(head, S("\r\nX-Good: a\r\n")));
	assert_true(str_contains(head, S("\r\nSet-Cookie: d=v; Path=/\r\n")));
	assert_true(str_contains(head, S("\r\nContent-Length: 1\r\n")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths_are_decoded_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets_are_split, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_most_literal_route_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_our_own_names, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_schemes_own_port_is_not_in_the_url, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_names_over_tls_and_in_a_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cookies_and_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_problems, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_header_values_cannot_end_their_line, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
