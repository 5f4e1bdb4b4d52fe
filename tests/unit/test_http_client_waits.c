/* Outgoing calls of which nothing has been sent: what becomes of them when time runs out or the client stops. */
#include "crowd_site.h"

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

struct ends {
	_Atomic int answered, refused;
};

static void
count_end(void *arg, const struct http_reply *reply)
{
	struct ends *ends = arg;

	if (reply->end == CALL_ANSWERED)
		ends->answered++;
	else if (reply->end == CALL_REFUSED && reply->ours)
		ends->refused++;
}

static void
send_some(struct world *w, const struct crowd *crowd, int count, int timeout_ms, struct ends *ends)
{
	struct http_call call = { .method = "POST",
		.url = str_printf(w->cx.arena, "http://127.0.0.1:%d/", crowd->site.port),
		.timeout_ms = timeout_ms };

	for (int i = 0; i < count; i++)
		http_client_send(w->client, &call, count_end, ends);
}

static void *
stop_client(void *arg)
{
	http_client_stop(arg, 10000);
	return NULL;
}

static void
test_a_stop_sends_nothing_that_has_not_begun(void **state)
{
	struct world *w = *state;
	struct crowd *crowd = crowd_start(serve_when_released);
	struct ends ends = { 0 };
	pthread_t stopping;

	send_some(w, crowd, 70, 20000, &ends);
	wait_for_count(&crowd->site.requests, 64);
	assert_int_equal(pthread_create(&stopping, NULL, stop_client, w->client), 0);
	wait_for_count(&ends.refused, 6);
	crowd->released = true;
	pthread_join(stopping, NULL);
	assert_int_equal(ends.answered, 64);
	assert_int_equal(ends.refused, 6);
	assert_int_equal(crowd->site.requests, 64);
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(crowd);
}

/* There is room for it when a sixtieth of its time is left. */
static void
test_one_whose_turn_comes_too_late_is_not_sent(void **state)
{
	struct world *w = *state;
	struct crowd *crowd = crowd_start(serve_when_released);
	struct ends ends = { 0 };

	send_some(w, crowd, 64, 20000, &ends);
	wait_for_count(&crowd->site.requests, 64);
	send_some(w, crowd, 1, 3000, &ends);
	usleep(2950000);
	crowd->released = true;
	wait_for_count(&ends.refused, 1);
	wait_for_count(&ends.answered, 64);
	assert_int_equal(crowd->site.requests, 64);
	http_client_free(w->client);
	w->client = NULL;
	crowd_stop(crowd);
}

/* A SOCKS proxy (RFC 1928) that takes its time to connect, and counts who then sends something. */
static void
serve_socks_late(struct site *site, int fd)
{
	char some[300];

	if (recv(fd, some, sizeof(some), 0) <= 0 || !put(fd, "\x05\x00", 2) ||
	    recv(fd, some, sizeof(some), 0) <= 0)
		return;
	usleep(1900000);
	if (put(fd, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10) &&
	    recv(fd, some, sizeof(some), 0) > 0)
		site->requests++;
}

static void
test_one_that_was_connected_too_late_is_not_sent(void **state)
{
	struct http_call call = {
		.method = "POST", .url = S("http://nowhere.example/"), .timeout_ms = 2000
	};
	struct world *w = *state;
	char proxy[60];
	struct http_reply r;

	site_start(&w->site, serve_socks_late);
	snprintf(proxy, sizeof(proxy), "socks5h://127.0.0.1:%d", w->site.port);
	setenv("all_proxy", proxy, 1);
	http_client_call(w->client, &w->cx, &call, &r);
	unsetenv("all_proxy");
	assert_int_equal(r.end, CALL_REFUSED);
	assert_int_equal(w->site.connections, 1);
	http_client_free(w->client);
	w->client = NULL;
	site_stop(&w->site);
	w->site.serve = NULL;
	assert_int_equal(w->site.requests, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_stop_sends_nothing_that_has_not_begun),
		T(test_one_whose_turn_comes_too_late_is_not_sent),
		T(test_one_that_was_connected_too_late_is_not_sent),
	};

	return cmocka_run_group_tests_name("http client, unsent", tests, NULL, NULL);
}
