/* Outgoing calls that end otherwise than with a reply: what that says of the request, and who waits. */
#include "crowd_site.h"

#include <sys/resource.h>

static void
test_a_closed_port_is_refused(void **state)
{
	struct world *w = *state;
	struct http_call call = { .method = "POST", .timeout_ms = 3000 };
	struct http_reply r;

	/* A port that was ours a moment ago and is closed now. */
	site_start(&w->site, serve_ok);
	site_stop(&w->site);
	w->site.serve = NULL;
	call.url = str_printf(w->cx.arena, "http://127.0.0.1:%d/", w->site.port);
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_REFUSED);
	assert_non_null(strstr(r.error, "could not connect to 127.0.0.1:"));
	assert_non_null(strstr(r.error, "Connection refused"));
}

static void
serve_half(struct site *site, int fd)
{
	if (hear(site, fd) && strstr(site->heard, "/none") == NULL)
		puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":");
}

static void
test_a_reply_cut_short_is_lost(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_half);
	assert_int_equal(ask(w, "/").end, CALL_LOST);
	assert_int_equal(ask(w, "/none").end, CALL_LOST);
}

/* Answers once, takes the second request on the kept connection and hangs up on it. */
static void
serve_once_then_hang_up(struct site *site, int fd)
{
	if (hear(site, fd) && puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
		hear(site, fd);
}

static void
test_a_POST_is_never_sent_twice(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;

	site_start(&w->site, serve_once_then_hang_up);
	assert_int_equal(ask(w, "/").end, CALL_ANSWERED);
	call = call_to(w, "POST", "/token");
	call.has_body = true;
	call.body = secret_of(S("refresh_token=one-use"));
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_LOST);
	assert_int_equal(w->site.requests, 2);
}

/* Reads a little and resets the connection, so that a large body cannot leave whole. */
static void
serve_reset(struct site *site, int fd)
{
	struct linger at_once = { .l_onoff = 1 };
	char some[64];

	if (recv(fd, some, sizeof(some), 0) > 0)
		site->requests++;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static enum http_call_end
post_to_reset(struct world *w, size_t len, bool fresh)
{
	struct http_call call = call_to(w, "POST", "/token");
	struct http_reply r;

	call.has_body = true;
	call.fresh = fresh;
	call.body = secret_of((struct str){ memset(arena_alloc(w->cx.arena, len), 'x', len), len });
	http_client_call(w->client, &w->cx, &call, &r);
	return r.end;
}

/* Less than the whole request is none; on a kept connection libcurl may have begun again, so that it is
 * not known. */
static void
test_what_did_not_leave_whole_counts_as_not_sent(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_reset);
	assert_int_equal(post_to_reset(w, 32 << 20, true), CALL_REFUSED);
	assert_int_equal(post_to_reset(w, 32 << 20, false), CALL_LOST);
	assert_int_equal(post_to_reset(w, 20, true), CALL_LOST);
	assert_int_equal(w->site.requests, 3);
}

static void
test_bad_addresses_are_not_called(void **state)
{
	static const char *const bad[] = { "", "ftp://127.0.0.1/", "file:///etc/passwd",
		"127.0.0.1:80", "/path", "http://", "http://user:pw@127.0.0.1:1/",
		"http://127.0.0.1:1/a b", "http://127.0.0.1:1/a\r\nX: y",
		"http://127.0.0.1:99999/" };
	struct world *w = *state;
	struct http_call call = { .method = "GET" };
	struct http_reply r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		call.url = str_of(bad[i]);
		http_client_call(w->client, &w->cx, &call, &r);
		assert_int_equal(r.end, CALL_BAD_URL);
		assert_true(strlen(r.error) > 10);
	}
	call.url = S("http://127.0.0.1:1/");
	call.headers[0] = (struct http_call_header){ S("X"), S("a\r\nB: c") };
	call.header_count = 1;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_BAD_URL);
}

static void
test_no_proxy_stands_between_a_machine_and_itself(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_ok);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	assert_int_equal(ask(w, "/").end, CALL_ANSWERED);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_non_null(strstr(w->site.heard, "GET / HTTP/1.1\r\n"));
}

static void
test_a_proxy_whose_address_is_too_long_is_not_passed_by(void **state)
{
	struct http_call call = { .method = "GET", .timeout_ms = 3000 };
	struct world *w = *state;
	struct http_reply r;
	char proxy[2100];

	memset(proxy, 'p', sizeof(proxy));
	memcpy(proxy, "http://", 7);
	proxy[sizeof(proxy) - 1] = '\0';
	setenv("http_proxy", proxy, 1);
	call.url = S("http://nowhere.invalid/");
	http_client_call(w->client, &w->cx, &call, &r);
	unsetenv("http_proxy");
	assert_int_equal(r.end, CALL_BAD_URL);
	assert_non_null(strstr(r.error, "http_proxy is too long"));
}

static void
test_who_has_no_descriptors_left_is_told(void **state)
{
	struct http_call call = { .method = "GET", .url = S("http://127.0.0.1:9/") };
	struct world *w = *state;
	struct rlimit before, none;
	struct http_reply r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r.end, CALL_REFUSED);
	assert_true(r.ours);
	assert_non_null(strstr(r.error, "no descriptors or threads are left"));
	/* And it goes on. The site begins here: it needs a descriptor for whoever it waits for. */
	site_start(&w->site, serve_ok);
	assert_int_equal(ask(w, "/").end, CALL_ANSWERED);
}

static void
serve_garbage_tls(struct site *site, int fd)
{
	char byte;

	(void)site;
	if (recv(fd, &byte, 1, 0) == 1)
		puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void
test_S_024_a_failed_handshake_counts_as_not_sent(void **state)
{
	struct world *w = *state;
	struct http_call call = { .method = "POST", .timeout_ms = 3000 };
	struct http_reply r;

	site_start(&w->site, serve_garbage_tls);
	call.url = str_printf(w->cx.arena, "https://127.0.0.1:%d/", w->site.port);
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_REFUSED);
}

static void
count_lost(void *arg, const struct http_reply *reply)
{
	if (reply->end == CALL_LOST || reply->end == CALL_REFUSED)
		++*(int *)arg;
}

static void
test_free_ends_calls_in_flight_once_each(void **state)
{
	struct world *w = *state;
	struct http_call call;
	int ended = 0;

	site_start(&w->site, serve_slowly);
	call = call_to(w, "GET", "/");
	for (int i = 0; i < 5; i++)
		http_client_send(w->client, &call, count_lost, &ended);
	http_client_free(w->client);
	w->client = NULL;
	assert_int_equal(ended, 5);
}

static void
serve_and_close(struct site *site, int fd)
{
	if (hear(site, fd))
		puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
}

/* Keeps the client's thread until it is let go. */
struct hold {
	_Atomic int held;
	_Atomic bool released;
};

static void
dawdle(void *arg, const struct http_reply *reply)
{
	struct hold *hold = arg;

	(void)reply;
	hold->held = 1;
	while (!hold->released)
		usleep(1000);
}

static void
test_a_waiter_goes_on_when_the_thread_is_held_up(void **state)
{
	struct world *w = *state;
	struct hold hold = { 0 };
	struct http_call call;
	struct http_reply r;
	int64_t before;

	site_start(&w->site, serve_and_close);
	call = call_to(w, "GET", "/");
	http_client_send(w->client, &call, dawdle, &hold);
	wait_for_count(&hold.held, 1);
	call.timeout_ms = 100;
	before = clock_mono_ms();
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_TIMED_OUT);
	assert_in_range(clock_mono_ms() - before, 100, 10000);
	/* The late answer finds nobody and harms nothing. */
	hold.released = true;
	call.timeout_ms = 20000;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_ANSWERED);
}

static void
serve_retry_after(struct site *site, int fd)
{
	char text[200];

	while (hear(site, fd)) {
		snprintf(text, sizeof(text),
		    "HTTP/1.1 503 No\r\nRetry-After: %.*s\r\nContent-Length: 0\r\n\r\n",
		    (int)strcspn(site->heard + 5, " "), site->heard + 5);
		puts_to(fd, text);
	}
}

static void
test_retry_after_is_bounded(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_retry_after);
	assert_int_equal(ask(w, "/7").retry_after_s, 7);
	assert_int_equal(ask(w, "/0").retry_after_s, 0);
	assert_int_equal(ask(w, "/-5").retry_after_s, 0);
	assert_int_equal(ask(w, "/soon").retry_after_s, 0);
	assert_int_equal(ask(w, "/99999999999999999999999").retry_after_s, 604800);
}

/* Sixteen callers at once get their own answers. */
static void *
ask_often(void *arg)
{
	struct world *w = arg;
	struct ctx cx;
	struct http_call call = { .method = "GET", .timeout_ms = 20000 };
	struct http_reply r;
	intptr_t good = 0;

	ctx_init(&cx, arena_new(), w->clock);
	cx.may_block = true;
	call.url = str_printf(cx.arena, "http://127.0.0.1:%d/", w->site.port);
	for (int i = 0; i < 20; i++) {
		http_client_call(w->client, &cx, &call, &r);
		good += r.end == CALL_ANSWERED && secret_expose(r.body).len == 2;
	}
	arena_free(cx.arena);
	return (void *)good;
}

static void
test_many_callers_at_once(void **state)
{
	struct world *w = *state;
	pthread_t threads[16];
	void *good;

	site_start(&w->site, serve_and_close);
	for (int i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, w), 0);
	for (int i = 0; i < 16; i++) {
		pthread_join(threads[i], &good);
		assert_int_equal((intptr_t)good, 20);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_closed_port_is_refused),
		T(test_a_reply_cut_short_is_lost),
		T(test_a_POST_is_never_sent_twice),
		T(test_what_did_not_leave_whole_counts_as_not_sent),
		T(test_bad_addresses_are_not_called),
		T(test_no_proxy_stands_between_a_machine_and_itself),
		T(test_a_proxy_whose_address_is_too_long_is_not_passed_by),
		T(test_who_has_no_descriptors_left_is_told),
		T(test_S_024_a_failed_handshake_counts_as_not_sent),
		T(test_free_ends_calls_in_flight_once_each),
		T(test_a_waiter_goes_on_when_the_thread_is_held_up),
		T(test_retry_after_is_bounded),
		T(test_many_callers_at_once),
	};

	return cmocka_run_group_tests_name("http client, ends", tests, NULL, NULL);
}
