/* The strict scan of a request's head, and where a body ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail /* ours records a failure */

#include "http/body.h"
#include "http/head.h"

#define H "Host: h\r\n"

static int
status_of(const char *raw, struct http_req *req, struct head *h)
{
	size_t scanned = 0, len = 0;
	struct str bytes = str_of(raw);

	assert_int_equal(head_find_end(bytes, &scanned, &len), HEAD_COMPLETE);
	assert_int_equal(len, bytes.len);
	return head_parse(bytes, req, h) ? 0 : h->status;
}

static void
test_heads_and_their_status(void **state)
{
	static const struct {
		const char *raw;
		int status;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n" H "\r\n", 0 },
		{ "GET / HTTP/1.0\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "a: b\r\n c\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "a : b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n " H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "ab\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "a: \x01\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "a: \x7f\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "a:\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\n" H "a: \xc3\xa9\r\n\r\n", 0 },
		{ "GET /#a HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET /a b HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET  / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 400 },
		{ "get / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET / HTTP/2.0\r\n" H "\r\n", 505 },
		{ "GET / HTTP/1.11\r\n" H "\r\n", 400 },
		{ "GET /\r\n" H "\r\n", 400 },
		{ "FOO / HTTP/1.1\r\n" H "\r\n", 0 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 0 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \tchunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding*: chunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length2: 5\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		    400 },
		{ "GET / HTTP/1.1\r\n" H "Expect: x\r\n\r\n", 417 },
	};
	static struct http_req req;
	struct head h;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got = status_of(cases[i].raw, &req, &h);

		if (got != cases[i].status)
			print_error("%s", cases[i].raw);
		assert_int_equal(got, cases[i].status);
	}
}

static void
test_head_fields_are_read(void **state)
{
	static struct http_req req;
	struct head h;

	(void)state;
	assert_int_equal(
	    status_of("POST /a?b HTTP/1.1\r\nHost: me:1\r\nX-A:  one two \r\n"
		      "Content-Length: 12\r\nExpect: 100-continue\r\nConnection: x, close\r\n\r\n",
		&req, &h),
	    0);
	assert_int_equal(req.method, HTTP_M_POST);
	assert_true(str_eq(h.target, S("/a?b")));
	assert_true(str_eq(h.host, S("me:1")));
	assert_true(str_eq(http_req_header(&req, S("x-a")), S("one two")));
	assert_true(http_req_header(&req, S("x-b")).p == NULL);
	assert_int_equal(h.content_length, 12);
	assert_true(h.expect_continue);
	assert_false(h.keep_alive);
}

static void
test_the_end_is_found_in_pieces(void **state)
{
	struct str whole = S("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /next");
	size_t scanned = 0, len = 0;

	(void)state;
	for (size_t n = 1; n < 27; n++)
		assert_int_equal(head_find_end(str_sub(whole, 0, n), &scanned, &len), HEAD_PARTIAL);
	assert_int_equal(head_find_end(str_sub(whole, 0, 27), &scanned, &len), HEAD_COMPLETE);
	assert_int_equal(len, 27);
}

static void
test_bare_line_ends_are_seen_at_once(void **state)
{
	static const char *const bad[] = { "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n",
		"GET /\rx", "GET / HTTP/1.1\r\n\n", "\n", "GET / HTTP/1.1\r\r" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t scanned = 0, len = 0;

		assert_int_equal(head_find_end(str_of(bad[i]), &scanned, &len), HEAD_BAD_LINE);
	}
}

static void
test_limits_of_the_head(void **state)
{
	char *big = malloc(HEAD_MAX + 2);
	size_t scanned = 0, len = 0;

	(void)state;
	memset(big, 'a', HEAD_MAX + 2);
	assert_int_equal(
	    head_find_end((struct str){ big, HEAD_TARGET_MAX }, &scanned, &len), HEAD_PARTIAL);
	assert_int_equal(head_find_end((struct str){ big, HEAD_TARGET_MAX + 100 }, &scanned, &len),
	    HEAD_TARGET_TOO_LONG);
	memcpy(big, "G\r\n", 3);
	scanned = 0;
	assert_int_equal(
	    head_find_end((struct str){ big, HEAD_LINE_MAX }, &scanned, &len), HEAD_PARTIAL);
	assert_int_equal(
	    head_find_end((struct str){ big, HEAD_LINE_MAX + 4 }, &scanned, &len), HEAD_TOO_LONG);
	free(big);
}

/* Feeds text in pieces of `step` bytes; returns the last step, and where the body ended. */
static enum body_step
feed(struct body *b, const char *text, size_t step, size_t *end)
{
	struct str rest = str_of(text);
	enum body_step got = BODY_MORE;

	*end = 0;
	while (rest.len > 0 && got == BODY_MORE) {
		size_t used = 0;

		got = body_feed(b, str_sub(rest, 0, step), &used);
		*end += used;
		rest = str_sub(rest, step, rest.len);
	}
	return got;
}

static void
test_chunked_bodies(void **state)
{
	static const struct str head =
	    S("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	static const struct {
		const char *text;
		enum body_step step;
		const char *body;
	} cases[] = {
		{ "5\r\nhello\r\n0\r\n\r\n", BODY_DONE, "hello" },
		{ "5;a=b\r\nhello\r\n00\r\n\r\n", BODY_DONE, "hello" },
		{ "A\r\n0123456789\r\n1\r\nx\r\n0\r\nT: u\r\n\r\n", BODY_DONE, "0123456789x" },
		{ "5\r\nhello\r\n", BODY_MORE, NULL },
		{ "5 \r\nhello\r\n0\r\n\r\n", BODY_BAD, NULL },
		{ "5\nhello\r\n0\r\n\r\n", BODY_BAD, NULL },
		{ "5;a\nb\r\nhello\r\n0\r\n\r\n", BODY_BAD, NULL },
		{ "0x5\r\nhello\r\n0\r\n\r\n", BODY_BAD, NULL },
		{ "5\r\nhello!\r\n0\r\n\r\n", BODY_BAD, NULL },
		{ "0\r\nT: u\n\r\n", BODY_BAD, NULL },
		{ "0\r\n T: u\r\n\r\n", BODY_BAD, NULL },
		{ "fffffffffffffffff\r\n", BODY_BAD, NULL },
		{ "11\r\n", BODY_TOOBIG, NULL },
		{ "9\r\n123456789\r\n9\r\n", BODY_TOOBIG, NULL },
	};
	const struct body_plan plan = { .chunked = true, .max = 16, .keep = 16 };
	struct body *b = body_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step < 40; step += 6) {
			size_t end;

			assert_true(body_start(b, head, &plan));
			assert_int_equal(feed(b, cases[i].text, step, &end), cases[i].step);
			if (cases[i].body != NULL)
				assert_true(str_eq(body_bytes(b), str_of(cases[i].body)));
		}
	}
	body_free(b);
}

static void
test_a_body_ends_where_its_length_says(void **state)
{
	const struct body_plan five = { .length = 5, .max = 16, .keep = 16 };
	const struct body_plan none = { .max = 16, .keep = 16 };
	struct body *b = body_new();
	size_t end;

	(void)state;
	assert_true(
	    body_start(b, S("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"), &five));
	assert_int_equal(feed(b, "helloGET / HTTP/1.1\r\n", 99, &end), BODY_DONE);
	assert_int_equal(end, 5);
	assert_true(str_eq(body_bytes(b), S("hello")));
	/* The two readers of the head must agree. */
	assert_false(body_start(
	    b, S("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"), &five));
	assert_false(body_start(b, S("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), &five));
	assert_true(body_start(b,
	    S("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"), &none));
	body_free(b);
}

/* A body takes the memory of the one before it, which was wiped. */
static void
test_a_body_after_a_larger_one(void **state)
{
	static const size_t lens[] = { 200, 7, 0, 16, 3000, 5, 200, 17 };
	struct body *b = body_new();
	char text[3000];

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		char head[80];
		struct body_plan plan = { .length = lens[i], .max = lens[i], .keep = lens[i] };
		size_t used;

		memset(text, 'a' + (int)i, lens[i]);
		snprintf(head, sizeof(head),
		    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", lens[i]);
		assert_true(body_start(b, str_of(head), &plan));
		if (lens[i] > 0)
			assert_int_equal(
			    body_feed(b, (struct str){ text, lens[i] }, &used), BODY_DONE);
		assert_true(str_eq(body_bytes(b), (struct str){ text, lens[i] }));
	}
	/* Of the last one nothing is left in the memory that waits. */
	body_clear(b);
	assert_int_equal(body_bytes(b).len, 0);
	assert_non_null(body_bytes(b).p);
	for (size_t i = 0; i < lens[7]; i++)
		assert_int_equal(body_bytes(b).p[i], 0);
	body_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads_and_their_status),
		cmocka_unit_test(test_head_fields_are_read),
		cmocka_unit_test(test_the_end_is_found_in_pieces),
		cmocka_unit_test(test_bare_line_ends_are_seen_at_once),
		cmocka_unit_test(test_limits_of_the_head),
		cmocka_unit_test(test_chunked_bodies),
		cmocka_unit_test(test_a_body_ends_where_its_length_says),
		cmocka_unit_test(test_a_body_after_a_larger_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
