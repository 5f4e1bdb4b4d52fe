/* Replies to outgoing calls as they may stand on the wire, read whole, byte by byte and cut short. */
#include "fixture.h"

#include "http/out_reply.h"

struct row {
	const char *name, *bytes;
	const char *method; /* NULL: GET */
	enum http_call_end end;
	int status;
	const char *body;
	bool keep_alive;
	bool until_close; /* it ends with the connection */
};

static const struct row rows[] = {
	{ "a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL, CALL_ANSWERED, 200,
	    "{}", true },
	{ "no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL, CALL_ANSWERED, 200, "",
	    true },
	{ "chunks",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n",
	    NULL, CALL_ANSWERED, 200, "{}", true },
	{ "trailers, which say nothing",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
	    "Content-Type: text/evil\r\nContent-Encoding: gzip\r\nRetry-After: 9\r\n\r\n",
	    NULL, CALL_ANSWERED, 200, "{}", true },
	{ "until the end", "HTTP/1.1 200 OK\r\n\r\n{}", NULL, CALL_ANSWERED, 200, "{}", false,
	    true },
	{ "an older version", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL, CALL_ANSWERED,
	    200, "{}", false },
	{ "the last one", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
	    NULL, CALL_ANSWERED, 200, "{}", false },
	{ "204", "HTTP/1.1 204 No Content\r\n\r\n", NULL, CALL_ANSWERED, 204, "", true },
	{ "304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", NULL, CALL_REDIRECTED,
	    304, "", true },
	{ "204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n", NULL,
	    CALL_ANSWERED, 204, "", true },
	{ "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "HEAD", CALL_ANSWERED, 200,
	    "", true },
	{ "HEAD with chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD",
	    CALL_ANSWERED, 200, "", true },
	{ "interim ones before it",
	    "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nHTTP/1.1 103 Early "
	    "Hints\r\nContent-Encoding: "
	    "identity\r\n"
	    "Retry-After: 5\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
	    NULL, CALL_ANSWERED, 201, "{}", true },
	{ "another protocol", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
	    NULL, CALL_LOST, 101, NULL },
	{ "no head", "{}\r\n", NULL, CALL_LOST, 0, NULL },
	{ "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
	    NULL, CALL_LOST, 200, NULL },
	{ "length and chunks",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	    NULL, CALL_LOST, 200, NULL },
	{ "no number of bytes", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", NULL,
	    CALL_LOST, 200, NULL },
	{ "an encoding", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
	    NULL, CALL_LOST, 200, NULL },
	{ "too much", "HTTP/1.1 200 OK\r\n\r\n123456789012345678901234567890123", NULL,
	    CALL_TOO_LARGE, 200, NULL },
	{ "too long a length", "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n", NULL,
	    CALL_TOO_LARGE, 200, NULL },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), MAX = 32 };

static void
begin(struct out_reply *r, const struct row *row)
{
	struct http_call call = { .method = row->method != NULL ? row->method : "GET",
		.reply_max = MAX };

	r->body = buf_heap(0);
	out_reply_begin(r, &call);
}

static void
end(struct out_reply *r)
{
	out_reply_wipe(r);
	buf_free(&r->body);
}

static void
check(struct out_reply *r, const struct row *row)
{
	struct http_reply reply = { 0 };

	out_reply_judge(r, "example.org:443", &reply);
	if (reply.end != row->end || reply.status != row->status)
		print_message("%s: ended %d with %d\n", row->name, reply.end, reply.status);
	assert_int_equal(reply.end, row->end);
	assert_int_equal(reply.status, row->status);
	assert_int_equal(r->complete && r->keep_alive, row->keep_alive);
	assert_true(str_eq(reply.content_type, S("")));
	assert_int_equal(r->retry_after[0], '\0');
	if (row->end == CALL_ANSWERED)
		assert_str_equal(secret_expose(reply.body), str_of(row->body));
	else
		assert_true(secret_empty(reply.body) && strlen(reply.error) > 20);
}

/* In pieces of so many bytes; how many were taken before it was complete or broken. */
static size_t
feed(struct out_reply *r, const struct row *row, size_t piece)
{
	struct str bytes = str_of(row->bytes);
	size_t at = 0, n;

	while (at < bytes.len) {
		n = bytes.len - at < piece ? bytes.len - at : piece;
		at += n;
		if (!out_reply_take(r, bytes.p + at - n, n))
			return at;
	}
	assert_false(out_reply_take(r, NULL, 0));
	return at;
}

static void
test_each_is_read_the_same_in_whatever_pieces_it_comes(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS; i++) {
		size_t len = strlen(rows[i].bytes);

		for (size_t piece = 1; piece <= len; piece++) {
			struct out_reply r = { 0 };

			begin(&r, &rows[i]);
			feed(&r, &rows[i], piece);
			check(&r, &rows[i]);
			end(&r);
		}
	}
}

static void
test_one_that_was_cut_is_none(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS; i++) {
		struct str bytes = str_of(rows[i].bytes);

		for (size_t len = 0; rows[i].end == CALL_ANSWERED && len < bytes.len; len++) {
			struct out_reply r = { 0 };
			struct http_reply reply = { 0 };
			bool all = rows[i].until_close && len >= bytes.len - 2;

			begin(&r, &rows[i]);
			if (len > 0)
				assert_true(out_reply_take(&r, bytes.p, len));
			assert_false(out_reply_take(&r, NULL, 0));
			out_reply_judge(&r, "example.org:443", &reply);
			assert_int_equal(reply.end, all ? CALL_ANSWERED : CALL_LOST);
			assert_true(all || secret_empty(reply.body));
			end(&r);
		}
	}
}

static void
test_what_comes_behind_it_ends_the_connection(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS; i++) {
		struct buf more = buf_heap(1024);
		struct out_reply r = { 0 };

		if (!rows[i].keep_alive)
			continue;
		buf_add(&more, str_of(rows[i].bytes));
		buf_add(&more, S("HTTP/1.1 200 OK\r\n"));
		begin(&r, &rows[i]);
		assert_false(out_reply_take(&r, more.p, more.len));
		assert_true(r.complete);
		assert_false(r.keep_alive);
		end(&r);
		buf_free(&more);
	}
}

static void
test_its_fields_are_kept_as_far_as_they_fit(void **state)
{
	static const struct row row = { "fields",
		"HTTP/1.1 429 Wait\r\nCONTENT-TYPE:  Application/JSON ; charset=UTF-8\r\n"
		"Retry-After: \t7 \r\nDate: "
		"0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
		"Content-Typed: no\r\nX-Content-Type: no\r\nContent-Length: 0\r\n\r\n" };
	struct http_reply reply = { 0 };

	(void)state;
	for (size_t piece = 1; piece < 200; piece++) {
		struct out_reply r = { 0 };

		begin(&r, &row);
		feed(&r, &row, piece);
		out_reply_judge(&r, "example.org:443", &reply);
		assert_int_equal(reply.end, CALL_ANSWERED);
		assert_str_equal(reply.content_type, S("application/json"));
		assert_string_equal(r.retry_after, "7");
		assert_int_equal(strlen(r.date), sizeof(r.date) - 1);
		end(&r);
	}
}

/* Bytes of a head, interim ones and all, until no more are wanted. */
static size_t
head_taken(const char *begin_with, const char *again, struct http_reply *reply)
{
	struct out_reply r = { 0 };
	struct row row = { "limit" };
	size_t all = strlen(begin_with), n = strlen(again), room = n;
	bool more;

	begin(&r, &row);
	more = out_reply_take(&r, begin_with, all);
	while (more) {
		room = out_reply_room(&r, n);
		all += room;
		more = out_reply_take(&r, again, room);
	}
	out_reply_judge(&r, "example.org:443", reply);
	end(&r);
	return all;
}

static void
test_S_019_a_head_ends_at_64_KiB(void **state)
{
	struct http_reply reply = { 0 };

	(void)state;
	assert_in_range(head_taken("HTTP/1.1 200 OK\r\n", "X-Line: 1\r\n", &reply), 65536, 65536);
	assert_int_equal(reply.end, CALL_TOO_LARGE);
	assert_in_range(head_taken("HTTP/1.1 200 OK\r\nX: ", "aaaaaaaa", &reply), 65536, 65536);
	assert_int_equal(reply.end, CALL_TOO_LARGE);
	assert_in_range(
	    head_taken("HTTP/1.1 103 A\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", &reply), 65536,
	    65536);
	assert_int_equal(reply.end, CALL_TOO_LARGE);
	assert_non_null(strstr(reply.error, "a header is past the size limit"));
}

static void
test_a_terminal_does_not_act_on_what_is_said(void **state)
{
	struct http_reply reply = { 0 };

	(void)state;
	out_say(&reply, CALL_REFUSED, "could not trust", "example.org:443", "a\x1b[31mb\nc");
	assert_string_equal(reply.error, "could not trust example.org:443: a [31mb c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_is_read_the_same_in_whatever_pieces_it_comes),
		TEST(test_one_that_was_cut_is_none),
		TEST(test_what_comes_behind_it_ends_the_connection),
		TEST(test_its_fields_are_kept_as_far_as_they_fit),
		TEST(test_S_019_a_head_ends_at_64_KiB),
		TEST(test_a_terminal_does_not_act_on_what_is_said),
	};

	return cmocka_run_group_tests_name("replies to outgoing calls", tests, NULL, NULL);
}
