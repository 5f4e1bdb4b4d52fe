/* Two readers of one reply: what is ordinary to ours, http_parser accepts too, and reads the same in it.
 *
 * Ours needs the whole head in one piece, so that byte by byte http_parser alone reads. Both read a hundred
 * thousand replies: the known tricks, and what becomes of them when pieces and bytes are put in, left out,
 * doubled or exchanged. */
#include "fixture.h"

#include "http/out_head.h"
#include "http/out_reply.h"

#define ROUNDS 100000
#define BYTES_MAX 1024

static const char *const seeds[] = {
	"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
	"Date: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 429 Slow\r\nRetry-After: 7 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	"HTTP/1.1 400\r\nCONTENT-LENGTH:2\r\ncontent-encoding: identity\r\n\r\n{}",
	"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1\r\nConnection: "
	"keep-alive\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nX-Empty:\r\nDate:\r\nContent-Length: 2\r\nContent-Encoding: "
	"gzip\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Type: b\r\nContent-Length: 2\r\n\r\n{}",
};

static const char *const pieces[] = { "\r\n", "\r", "\n", " ", "\t", ":", "\r\n ", "\v", "\x7f",
	"\x80", "\xff", "\x01", "Content-Length: 2\r\n", "Content-Length: 0\r\n",
	"Content-Length: -1\r\n", "Content-Length: 2, 2\r\n",
	"Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked\r\n",
	"Transfer-Encoding: identity\r\n", "transfer-encoding:\r\n", "Connection: close\r\n",
	"Connection: keep-alive\r\n", "Connection: upgrade\r\n", "Connection: close, x\r\n",
	"Proxy-Connection: close\r\n", "Upgrade: x\r\n", "Content-Encoding: gzip\r\n",
	"Content-Encoding: identity\r\n", "Retry-After: 9\r\n", "Content-Type:\r\n",
	"Content-Type : x\r\n", "Content_Length: 3\r\n", "Date: x\r\n", "HTTP/1.1 ", "HTTP/1.2 ",
	"200", "100", "304", "0", "2", "+", ",", ";", "{}", "a" };

static struct out_reply
read_in(struct str bytes, size_t piece, size_t *taken)
{
	struct http_call call = { .method = "GET", .reply_max = 64 };
	struct out_reply r = { .body = buf_heap(64) };
	bool more = true;

	out_reply_begin(&r, &call);
	for (*taken = 0; more && *taken < bytes.len;) {
		struct str now = str_sub(bytes, *taken, *taken + piece);

		*taken += now.len;
		more = out_reply_take(&r, now.p, now.len);
	}
	if (more)
		out_reply_take(&r, NULL, 0);
	return r;
}

static bool
same(struct out_reply *a, struct out_reply *b)
{
	struct http_reply x = { 0 }, y = { 0 };

	if (a->complete != b->complete)
		return false;
	out_reply_judge(a, "h:1", &x);
	out_reply_judge(b, "h:1", &y);
	return x.end == y.end &&
	    (!a->complete ||
		(a->keep_alive == b->keep_alive && x.status == y.status &&
		    str_eq(secret_expose(x.body), secret_expose(y.body)) &&
		    strcmp(a->content_type, b->content_type) == 0 &&
		    strcmp(a->retry_after, b->retry_after) == 0 && strcmp(a->date, b->date) == 0 &&
		    strcmp(a->coding, b->coding) == 0));
}

static void
forget(struct out_reply *r)
{
	out_reply_wipe(r);
	buf_free(&r->body);
}

/* True: it was ordinary. */
static bool
compare(struct str bytes)
{
	struct out_head h;
	size_t taken, all;
	struct out_reply parsed = read_in(bytes, 1, &taken), whole;

	/* What is behind its end is another reply's business. */
	if (parsed.complete)
		bytes = str_sub(bytes, 0, taken);
	whole = read_in(bytes, bytes.len, &all);
	if (!same(&whole, &parsed))
		print_message("read in two ways: %.*s\n", STR_ARG(bytes));
	assert_true(same(&whole, &parsed));
	forget(&parsed);
	forget(&whole);
	return out_head_read(bytes, &h);
}

static size_t
below(unsigned *seed, size_t n)
{
	return (size_t)rand_r(seed) % n;
}

static void
change(struct buf *b, unsigned *seed)
{
	struct str piece = str_of(pieces[below(seed, sizeof(pieces) / sizeof(pieces[0]))]);
	size_t at = below(seed, b->len + 1), cut = below(seed, 3) == 0 ? below(seed, 12) : 0;
	struct buf to = buf_heap(BYTES_MAX);

	if (cut > b->len - at)
		cut = b->len - at;
	buf_add(&to, str_sub(buf_str(b), 0, at));
	if (below(seed, 4) > 0)
		buf_add(&to, piece);
	buf_add(&to, str_sub(buf_str(b), at + cut, b->len));
	buf_free(b);
	*b = to;
}

/* At the beginning of a line, where fields go. */
static void
put_field(struct buf *b, unsigned *seed)
{
	struct str piece = str_of(pieces[12 + below(seed, 21)]);
	struct str s = buf_str(b);
	size_t line = str_find(s, '\n') + 1;
	struct buf to = buf_heap(BYTES_MAX);

	buf_add(&to, str_sub(s, 0, line));
	buf_add(&to, piece);
	buf_add(&to, str_sub(s, line, s.len));
	buf_free(b);
	*b = to;
}

static void
test_both_read_the_same(void **state)
{
	unsigned seed = 1;
	int ordinary = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct buf b = buf_heap(BYTES_MAX);

		buf_add(&b, str_of(seeds[below(&seed, sizeof(seeds) / sizeof(seeds[0]))]));
		for (size_t n = below(&seed, 3); n > 0; n--)
			put_field(&b, &seed);
		for (size_t n = below(&seed, 4); n > 0; n--)
			change(&b, &seed);
		ordinary += compare(buf_str(&b));
		buf_free(&b);
	}
	/* And it was about something. */
	assert_in_range(ordinary, ROUNDS / 10, ROUNDS);
}

static void
test_which_are_ordinary(void **state)
{
	struct out_head h;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(out_head_read(str_of(seeds[i]), &h));
	for (int i = 5; i < 9; i++)
		assert_false(out_head_read(str_of(seeds[i]), &h));
	assert_true(out_head_read(str_of(seeds[0]), &h));
	assert_int_equal(h.status, 200);
	assert_int_equal(h.content_length, 2);
	assert_int_equal(h.len, strlen(seeds[0]) - 2);
	assert_false(h.close);
	assert_str_equal(h.content_type, S("application/json; charset=utf-8"));
	assert_null(h.retry_after.p);
	for (size_t len = 0, whole = h.len; len < whole; len++)
		assert_false(out_head_read((struct str){ seeds[0], len }, &h));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_read_the_same),
		TEST(test_which_are_ordinary),
	};

	return cmocka_run_group_tests_name("ordinary replies", tests, NULL, NULL);
}
