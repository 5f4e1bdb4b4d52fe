/* One outgoing call on a socket that the test holds the other end of: what may begin again, how fast it must be. */
#include "fixture.h"

#include <sys/socket.h>

#include "http/curl_load.h"
#include "http/out_call.h"

#define START_MS 1000000
#define ROOM 4096

struct line {
	struct out_call *call;
	struct out_conn conn;
	int other;
	char scratch[ROOM];
};

static void
open_line(struct line *l)
{
	struct http_call what = { .method = "POST",
		.url = S("http://127.0.0.1:1/"),
		.has_body = true,
		.body = secret_of(S("a=1")),
		.timeout_ms = 30000 };
	const char *why;
	int ends[2];

	assert_null(curl_ready());
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	*l = (struct line){ .call = out_call_new(), .other = ends[1] };
	l->conn = (struct out_conn){ .fd = ends[0], .bare = true };
	assert_true(out_call_prepare(l->call, &what, out_url_new(what.url, &why), S("t")));
	l->call->deadline_ms = START_MS + l->call->timeout_ms;
}

static void
close_line(struct line *l)
{
	out_call_free(l->call);
	close(l->conn.fd);
	if (l->other >= 0)
		close(l->other);
}

static void
hang_up(struct line *l)
{
	close(l->other);
	l->other = -1;
}

static enum out_step
begin(struct line *l)
{
	return out_call_begin(l->call, &l->conn, START_MS, l->scratch, ROOM);
}

static void
say(struct line *l, const char *text)
{
	assert_int_equal(write(l->other, text, strlen(text)), strlen(text));
}

static void
test_what_a_dead_connection_did_not_take_may_go_on_another(void **state)
{
	struct line l, next;

	(void)state;
	open_line(&l);
	l.conn.used = true;
	hang_up(&l);
	assert_int_equal(begin(&l), OUT_NOTHING_LEFT);

	open_line(&next);
	assert_int_equal(
	    out_call_begin(l.call, &next.conn, START_MS, l.scratch, ROOM), OUT_GOES_ON);
	say(&next, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	assert_int_equal(out_call_step(l.call, l.scratch, ROOM), OUT_OVER);
	assert_int_equal(l.call->reply.end, CALL_ANSWERED);
	assert_true(out_call_spares_connection(l.call));
	close_line(&l);
	close_line(&next);
}

/* One that was made for it would fail again. */
static void
test_what_a_new_connection_did_not_take_was_not_sent(void **state)
{
	struct line l;

	(void)state;
	open_line(&l);
	hang_up(&l);
	assert_int_equal(begin(&l), OUT_OVER);
	assert_int_equal(l.call->reply.end, CALL_REFUSED);
	assert_non_null(strstr(l.call->reply.error, "could not connect to 127.0.0.1:1: "));
	close_line(&l);
}

static void
test_what_was_taken_is_never_sent_again(void **state)
{
	struct line l;

	(void)state;
	open_line(&l);
	l.conn.used = true;
	assert_int_equal(begin(&l), OUT_GOES_ON);
	hang_up(&l);
	assert_int_equal(out_call_step(l.call, l.scratch, ROOM), OUT_OVER);
	assert_int_equal(l.call->reply.end, CALL_LOST);
	assert_false(out_call_spares_connection(l.call));
	close_line(&l);
}

static void
test_what_arrives_is_wiped_where_it_was_read(void **state)
{
	static const char zero[ROOM];
	struct line l;

	(void)state;
	open_line(&l);
	assert_int_equal(begin(&l), OUT_GOES_ON);
	say(&l, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{secret}");
	assert_int_equal(out_call_step(l.call, l.scratch, ROOM), OUT_GOES_ON);
	assert_memory_equal(l.scratch, zero, ROOM);
	close_line(&l);
}

static void
test_no_call_begins_without_time_for_its_reply(void **state)
{
	static const struct {
		int timeout_ms, needs_ms;
	} rows[] = { { 30000, 2000 }, { 20000, 2000 }, { 5000, 500 }, { 300, 30 }, { 1, 0 } };
	struct line l;

	(void)state;
	open_line(&l);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t last_ms = START_MS + rows[i].timeout_ms - rows[i].needs_ms;

		l.call->timeout_ms = rows[i].timeout_ms;
		l.call->deadline_ms = START_MS + rows[i].timeout_ms;
		assert_true(out_call_has_time(l.call, START_MS));
		assert_true(out_call_has_time(l.call, last_ms));
		assert_false(out_call_has_time(l.call, last_ms + 1));
	}
	close_line(&l);
}

/* Ten bytes a second over ten seconds; a pause of nine is none. */
static void
test_S_019_the_lowest_speed(void **state)
{
	int64_t ms = START_MS;
	struct line l;

	(void)state;
	open_line(&l);
	assert_int_equal(begin(&l), OUT_GOES_ON);
	say(&l, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	for (int i = 0; i < 10; i++) {
		say(&l, i % 2 == 0 ? "0123456789" : "0");
		assert_int_equal(out_call_step(l.call, l.scratch, ROOM), OUT_GOES_ON);
		ms += 1000;
		assert_false(out_call_is_late(l.call, ms));
	}
	for (int i = 0; i < 8; i++) {
		say(&l, "012345678"); /* nine of them are too few */
		assert_int_equal(out_call_step(l.call, l.scratch, ROOM), OUT_GOES_ON);
		ms += 1000;
		assert_false(out_call_is_late(l.call, ms));
	}
	assert_true(out_call_is_late(l.call, ms + 1000));
	out_call_late(l.call);
	assert_int_equal(l.call->reply.end, CALL_TIMED_OUT);
	assert_string_equal(
	    l.call->reply.error, "no complete reply from 127.0.0.1:1: it took too long");
	close_line(&l);
}

static void
test_its_time_is_up_however_fast_it_is(void **state)
{
	struct line l;

	(void)state;
	open_line(&l);
	assert_false(out_call_is_late(l.call, START_MS + 29999));
	assert_true(out_call_is_late(l.call, START_MS + 30000));
	out_call_late(l.call); /* it never had a connection */
	assert_int_equal(l.call->reply.end, CALL_REFUSED);
	assert_string_equal(
	    l.call->reply.error, "could not connect to 127.0.0.1:1: no answer in time");
	close_line(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_dead_connection_did_not_take_may_go_on_another),
		TEST(test_what_a_new_connection_did_not_take_was_not_sent),
		TEST(test_what_was_taken_is_never_sent_again),
		TEST(test_what_arrives_is_wiped_where_it_was_read),
		TEST(test_no_call_begins_without_time_for_its_reply),
		TEST(test_S_019_the_lowest_speed),
		TEST(test_its_time_is_up_however_fast_it_is),
	};

	return cmocka_run_group_tests_name("one outgoing call", tests, NULL, NULL);
}
