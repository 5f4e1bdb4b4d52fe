/* Connections of outgoing calls: which call has which, how many there are, and when one is not used again. */
#include "crowd_site.h"

static void
count_answered(void *arg, const struct http_reply *reply)
{
	if (reply->end == CALL_ANSWERED)
		++*(_Atomic int *)arg;
}

static struct http_call
call_crowd(struct world *w, const struct crowd *crowd, const char *method)
{
	return (struct http_call){ .method = method,
		.url = str_printf(w->cx.arena, "http://127.0.0.1:%d/", crowd->site.port),
		.timeout_ms = 20000 };
}

static void
serve_two_bytes(struct site *site, int fd)
{
	while (hear(site, fd) && puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
		;
}

/* Tells nobody anything before it is released. */
static void
serve_when_released(struct site *site, int fd)
{
	struct crowd *crowd = (struct crowd *)site;

	while (hear(site, fd)) {
		while (!crowd->released)
			usleep(1000);
		if (!puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
			return;
	}
}

static void
test_64_calls_at_once_to_one_host_and_no_other_waits(void **state)
{
	struct world *w = *state;
	struct crowd *slow = crowd_start(serve_when_released);
	struct http_call call = call_crowd(w, slow, "POST");
	struct http_call late = call;
	_Atomic int answered = 0;
	struct http_reply r;

	for (int i = 0; i < 100; i++)
		http_client_send(w->client, &call, count_answered, &answered);
	wait_for_count(&slow->site.requests, 64);

	site_start(&w->site, serve_two_bytes);
	assert_int_equal(ask(w, "/").end, CALL_ANSWERED);
	late.timeout_ms = 300;
	http_client_call(w->client, &w->cx, &late, &r);
	assert_int_equal(r.end, CALL_REFUSED); /* it waited, and was not sent */
	assert_true(r.ours);                   /* which says nothing of the host */
	assert_non_null(strstr(r.error, "64 other calls were under way there"));
	assert_int_equal(slow->site.requests, 64);
	assert_int_equal(slow->site.connections, 64);

	slow->released = true;
	wait_for_count(&answered, 100);
	assert_int_equal(slow->site.requests, 100);
	assert_int_equal(slow->site.connections, 64);
	/* One that needs its own does not wait for those that are kept. */
	call.fresh = true;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_ANSWERED);
	assert_int_equal(slow->site.connections, 65);
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(slow);
}

static void
test_calls_by_other_rules_have_connections_of_their_own(void **state)
{
	struct world *w = *state;
	struct crowd *crowd = crowd_start(serve_two_bytes);
	struct http_call call = call_crowd(w, crowd, "GET");
	struct http_reply r;

	for (int i = 0; i < 4; i++) {
		call.fresh = i % 2 == 1;
		http_client_call(w->client, &w->cx, &call, &r);
		assert_int_equal(r.end, CALL_ANSWERED);
	}
	/* The two fresh ones; the second other call took one of those that were kept. */
	assert_int_equal(crowd->site.connections, 3);
	assert_int_equal(crowd->site.requests, 4);
	/* One that may go to public addresses alone takes none that goes to this machine. */
	call.fresh = false;
	call.public_only = true;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_BAD_URL);
	assert_int_equal(crowd->site.requests, 4);
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(crowd);
}

static _Atomic int ended; /* connections whose end has been sent */

static void
serve_one_and_end(struct site *site, int fd)
{
	hear(site, fd);
	puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	shutdown(fd, SHUT_WR);
	ended++;
}

static void
test_one_that_the_other_side_has_closed_is_not_used(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;

	ended = 0;
	site_start(&w->site, serve_one_and_end);
	for (int i = 1; i <= 20; i++) {
		call = call_to(w, "POST", "/");
		call.has_body = true;
		call.body = secret_of(S("a=1"));
		http_client_call(w->client, &w->cx, &call, &r);
		assert_int_equal(r.end, CALL_ANSWERED);
		wait_for_count(&ended, i);
	}
	assert_int_equal(w->site.requests, 20);
	assert_int_equal(w->site.connections, 20);
}

static _Atomic int answered_by_now;

static void
serve_reset_when_idle(struct site *site, int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	hear(site, fd);
	puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	wait_for_count(&answered_by_now, site->requests);
	connect(fd, &nobody, sizeof(nobody)); /* a reset, at once */
	ended++;
}

static void
test_one_that_was_reset_is_not_used(void **state)
{
	struct world *w = *state;
	struct http_reply r;

	ended = answered_by_now = 0;
	site_start(&w->site, serve_reset_when_idle);
	for (int i = 1; i <= 5; i++) {
		r = ask(w, "/");
		assert_int_equal(r.end, CALL_ANSWERED);
		answered_by_now = i;
		wait_for_count(&ended, i);
	}
	assert_int_equal(w->site.connections, 5);
}

/* After /HOW, more than was asked for. */
static void
serve_too_much(struct site *site, int fd)
{
	const char *how = hear(site, fd) ? strchr(site->heard, '/') : "";

	if (str_starts(str_of(how), S("/second")))
		puts_to(fd,
		    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
		    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	else
		puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}");
}

static void
test_one_with_bytes_that_nobody_asked_for_is_not_used(void **state)
{
	struct world *w = *state;
	struct http_reply r;

	site_start(&w->site, serve_too_much);
	for (int i = 1; i <= 6; i++) {
		r = ask(w, i % 2 == 0 ? "/second" : "/rest");
		assert_int_equal(r.end, CALL_ANSWERED);
		assert_true(str_eq(secret_expose(r.body), S("{}")));
		assert_int_equal(w->site.connections, i);
	}
}

/* As much as the client reads at once, and a second reply behind it. */
static void
serve_exactly_and_more(struct site *site, int fd)
{
	enum { AT_ONCE = 16384, BODY = 16342 };
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 16342\r\n\r\n";
	static const char more[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
	struct crowd *crowd = (struct crowd *)site;
	char text[AT_ONCE + sizeof(more)];

	_Static_assert(sizeof(head) - 1 + BODY == AT_ONCE, "the first reply");
	memset(text, 'x', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + AT_ONCE, more, sizeof(more));
	while (hear(site, fd)) {
		while (!crowd->released)
			usleep(1000);
		if (!put(fd, text, sizeof(text) - 1))
			return;
	}
}

static void
count_own(void *arg, const struct http_reply *reply)
{
	if (reply->end == CALL_ANSWERED && secret_expose(reply->body).len > 4)
		++*(_Atomic int *)arg;
}

static void
test_none_of_those_that_wait_gets_what_nobody_asked_for(void **state)
{
	struct world *w = *state;
	struct crowd *crowd = crowd_start(serve_exactly_and_more);
	struct http_call call = call_crowd(w, crowd, "GET");
	_Atomic int own = 0;

	for (int i = 0; i < 100; i++)
		http_client_send(w->client, &call, count_own, &own);
	wait_for_count(&crowd->site.requests, 64);
	crowd->released = true;
	wait_for_count(&own, 100);
	assert_int_equal(crowd->site.connections, 100);
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(crowd);
}

/* --- what is sent --- */

enum { LARGE = 12 << 20 };

static char
pattern(size_t i)
{
	return (char)('a' + i % 23);
}

/* Reads slowly from a small buffer, and says how many bytes were as they should be. */
static void
serve_count(struct site *site, int fd)
{
	char piece[30000], text[120], *end = NULL;
	size_t len = 0, want, good = 0;
	ssize_t n;

	while (end == NULL && (n = recv(fd, piece + len, sizeof(piece) - 1 - len, 0)) > 0) {
		len += (size_t)n;
		piece[len] = '\0';
		end = strstr(piece, "\r\n\r\n");
	}
	if (end == NULL)
		return;
	site->requests++;
	want = body_length(piece);
	n = (ssize_t)(len - (size_t)(end + 4 - piece));
	memmove(piece, end + 4, (size_t)n);
	for (len = 0; n > 0;) {
		for (ssize_t i = 0; i < n; i++)
			good += piece[i] == pattern(len + (size_t)i);
		len += (size_t)n;
		if (len >= want)
			break;
		n = recv(fd, piece, sizeof(piece), 0);
	}
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%zu", good);
	puts_to(fd, text);
}

static struct secret
large_body(struct world *w)
{
	char *p = arena_alloc(w->cx.arena, LARGE);

	for (size_t i = 0; i < LARGE; i++)
		p[i] = pattern(i);
	return secret_of((struct str){ p, LARGE });
}

static void
test_a_large_body_leaves_in_pieces(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;
	int small = 4096;

	site_listen(&w->site, serve_count, 4);
	setsockopt(w->site.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(pthread_create(&w->site.thread, NULL, site_run, &w->site), 0);
	call = call_to(w, "POST", "/");
	call.has_body = true;
	call.body = large_body(w);
	call.timeout_ms = 30000;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_ANSWERED);
	assert_true(str_eq(secret_expose(r.body), str_printf(w->cx.arena, "%d", LARGE)));
	assert_int_equal(w->site.requests, 1);
}

/* Answers when it has seen the head, and reads no more. */
static void
serve_refusal(struct site *site, int fd)
{
	char some[64];

	if (recv(fd, some, sizeof(some), 0) > 0)
		site->requests++;
	puts_to(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
	while (recv(fd, some, sizeof(some), 0) > 0 && recv(fd, some, sizeof(some), MSG_PEEK) > 0)
		;
}

static void
test_a_reply_may_come_before_the_request_has_left(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;

	site_start(&w->site, serve_refusal);
	for (int i = 1; i <= 3; i++) {
		call = call_to(w, "POST", "/");
		call.has_body = true;
		call.body = large_body(w);
		http_client_call(w->client, &w->cx, &call, &r);
		assert_int_equal(r.end, CALL_ANSWERED);
		assert_int_equal(r.status, 413);
		assert_true(str_eq(secret_expose(r.body), S("no")));
		assert_int_equal(w->site.connections, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_64_calls_at_once_to_one_host_and_no_other_waits),
		T(test_calls_by_other_rules_have_connections_of_their_own),
		T(test_one_that_the_other_side_has_closed_is_not_used),
		T(test_one_that_was_reset_is_not_used),
		T(test_one_with_bytes_that_nobody_asked_for_is_not_used),
		T(test_none_of_those_that_wait_gets_what_nobody_asked_for),
		T(test_a_large_body_leaves_in_pieces),
		T(test_a_reply_may_come_before_the_request_has_left),
	};

	return cmocka_run_group_tests_name("http client, connections", tests, NULL, NULL);
}
