/* What comes back of outgoing calls, and what is not taken of it (security rows S-018, S-019, S-020). */
#include "wild_site.h"

static void
test_a_reply_is_read_and_the_connection_kept(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;

	site_start(&w->site, serve_ok);
	call = call_to(w, "POST", "/token?x=1");
	call.body = secret_of(S("a=b&c=d"));
	call.has_body = true;
	call.content_type = S("application/x-www-form-urlencoded");
	call.authorization = secret_of(S("Bearer sesame"));
	call.headers[0] = (struct http_call_header){ S("X-One"), S("1") };
	call.header_count = 1;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_ANSWERED);
	assert_int_equal(r.status, 429);
	assert_true(str_eq(secret_expose(r.body), S("{\"a\":\"hello\"}")));
	assert_true(str_eq(r.content_type, S("application/json")));
	assert_int_equal(r.date_s, 784887151);
	assert_int_equal(r.retry_after_s, 120);
	assert_non_null(strstr(w->site.heard, "POST /token?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(w->site.heard, "Authorization: Bearer sesame\r\n"));
	assert_non_null(strstr(w->site.heard, "User-Agent: valetkey-test\r\n"));
	assert_non_null(strstr(w->site.heard, "X-One: 1\r\n"));
	assert_non_null(strstr(w->site.heard, "\r\n\r\na=b&c=d"));
	assert_null(strcasestr(w->site.heard, "accept-encoding"));

	assert_int_equal(ask(w, "/two").end, CALL_ANSWERED);
	assert_null(strcasestr(w->site.heard, "content-type"));
	assert_null(strstr(w->site.heard, "sesame"));
	assert_int_equal(w->site.requests, 2);
	assert_int_equal(w->site.connections, 1);
}

static void
test_a_get_on_a_kept_handle_has_no_body(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_ok);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(w, "/same").end, CALL_ANSWERED);
		assert_non_null(strstr(w->site.heard, "GET /same HTTP/1.1\r\n"));
		assert_null(strcasestr(w->site.heard, "transfer-encoding"));
		assert_null(strcasestr(w->site.heard, "content-length"));
	}
}

static void
test_once_gives_the_same(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;

	site_start(&w->site, serve_ok);
	call = call_to(w, "POST", "/");
	http_client_once(&w->cx, S("valetkey-test"), &call, &r);
	assert_int_equal(r.end, CALL_ANSWERED);
	assert_int_equal(r.status, 429);
	assert_int_equal(secret_expose(r.body).len, 13);
	assert_non_null(strstr(w->site.heard, "Content-Length: 0\r\n"));
}

static void
serve_redirect(struct site *site, int fd)
{
	char text[200];

	if (hear(site, fd)) {
		snprintf(text, sizeof(text),
		    "HTTP/1.1 %.3s Moved\r\nLocation: http://127.0.0.1:%d/second\r\n"
		    "Content-Length: 4\r\nConnection: close\r\n\r\nbody",
		    strchr(site->heard, '/') + 1, site->port);
		puts_to(fd, text);
	}
}

static void
test_S_018_no_redirect_is_followed(void **state)
{
	static const char *const paths[] = { "/301", "/302", "/303", "/307", "/308" };
	struct world *w = *state;
	struct http_reply r;

	site_start(&w->site, serve_redirect);
	for (size_t i = 0; i < 5; i++) {
		r = ask(w, paths[i]);
		assert_int_equal(r.end, CALL_REDIRECTED);
		assert_int_equal(r.status, 301 + (i > 2 ? i + 3 : i));
		assert_int_equal(w->site.requests, i + 1);
	}
	assert_non_null(strstr(r.error, "not followed"));
}

static void
serve_endless_body(struct site *site, int fd)
{
	static char piece[8192];

	memset(piece, ' ', sizeof(piece));
	memcpy(piece, "1ffa\r\n", 6);
	if (!hear(site, fd) ||
	    !puts_to(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
		return;
	while (put(fd, piece, 6 + 8186) && puts_to(fd, "\r\n"))
		;
}

static long
resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*s %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
test_S_019_an_endless_body_is_cut(void **state)
{
	struct world *w = *state;
	struct http_reply r;
	long before, peak = 0;

	site_start(&w->site, serve_endless_body);
	for (int i = 0; i < 5; i++) {
		before = resident_kib();
		r = ask(w, "/");
		assert_int_equal(r.end, CALL_TOO_LARGE);
		assert_true(secret_empty(r.body));
		if (resident_kib() - before > peak)
			peak = resident_kib() - before;
	}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(peak < 2048);
#endif
}

static void
serve_large_length(struct site *site, int fd)
{
	if (hear(site, fd))
		puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n[");
}

static void
test_S_019_a_large_length_is_refused_at_once(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_large_length);
	assert_int_equal(ask(w, "/").end, CALL_TOO_LARGE);
}

static void
serve_long_header(struct site *site, int fd)
{
	static char piece[4096];

	memset(piece, 'a', sizeof(piece));
	if (!hear(site, fd) || !puts_to(fd, "HTTP/1.1 200 OK\r\nX-Long: "))
		return;
	for (int i = 0; i < 256 && put(fd, piece, sizeof(piece)); i++)
		;
	puts_to(fd, "\r\nContent-Length: 0\r\n\r\n");
}

static void
test_S_019_a_header_line_of_1_MB_is_refused(void **state)
{
	struct world *w = *state;
	struct http_reply r;

	site_start(&w->site, serve_long_header);
	r = ask(w, "/");
	assert_int_equal(r.end, CALL_TOO_LARGE);
	assert_non_null(strstr(r.error, "header"));
}

static void
serve_many_headers(struct site *site, int fd)
{
	if (!hear(site, fd) || !puts_to(fd, "HTTP/1.1 200 OK\r\n"))
		return;
	for (int i = 0; i < 100000 && puts_to(fd, "X-Line: 1\r\n"); i++)
		;
	puts_to(fd, "Content-Length: 0\r\n\r\n");
}

static void
test_S_019_100000_header_lines_are_refused(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_many_headers);
	assert_int_equal(ask(w, "/").end, CALL_TOO_LARGE);
}

static void
test_S_019_a_slow_body_times_out(void **state)
{
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;
	int64_t before = clock_mono_ms();

	site_start(&w->site, serve_slowly);
	call = call_to(w, "GET", "/");
	call.timeout_ms = 1000;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_TIMED_OUT);
	assert_non_null(strstr(r.error, "it took too long"));
	assert_in_range(clock_mono_ms() - before, 900, 10000);

	/* The context's own deadline is nearer than the call's time. */
	call.timeout_ms = 15000;
	before = clock_mono_ms();
	w->cx.deadline_ms = before + 1000;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_TIMED_OUT);
	assert_in_range(clock_mono_ms() - before, 900, 10000);

	/* And nothing is sent once it has passed: the call may have ended with a millisecond left. */
	w->cx.deadline_ms = clock_mono_ms() - 1;
	http_client_call(w->client, &w->cx, &call, &r);
	assert_int_equal(r.end, CALL_REFUSED);
}

static void
serve_gzip(struct site *site, int fd)
{
	const char *how = hear(site, fd) ? strchr(site->heard, '/') + 1 : "";
	char text[200];

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Encoding: %.*s\r\nContent-Length: 2\r\n\r\n{}",
	    (int)strcspn(how, " "), how);
	puts_to(fd, text);
}

static void
test_S_020_an_encoded_reply_is_refused(void **state)
{
	struct world *w = *state;
	struct http_reply r;

	site_start(&w->site, serve_gzip);
	assert_int_equal(ask(w, "/identity").end, CALL_ANSWERED);
	r = ask(w, "/gzip");
	assert_int_equal(r.end, CALL_LOST);
	assert_true(secret_empty(r.body));
	assert_non_null(strstr(r.error, "encoded"));
	assert_int_equal(ask(w, "/deflate").end, CALL_LOST);
	assert_int_equal(ask(w, "/gzip,gzip").end, CALL_LOST);
}

/* A reply whose end is missing, or that is not as it was asked for, after /salvage/HOW. */
static void
serve_damaged(struct site *site, int fd)
{
	/* {"a":1} as gzip writes it */
	static const char gzip[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x54"
				   "\xb2\x32\xac\x05\x00\xaf\xac\x1b\x56\x07\x00\x00\x00";
	const char *how = hear(site, fd) ? strstr(site->heard, "/salvage/") : NULL;

	if (how == NULL)
		return;
	puts_to(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n");
	if (strstr(how, "gzip") != NULL) {
		puts_to(fd, "Content-Encoding: gzip\r\n\r\n");
		put(fd, gzip, sizeof(gzip) - 1);
	} else if (strstr(how, "utf-8") != NULL) {
		puts_to(fd, "Content-Encoding: utf-8\r\n\r\n{\"a\":1}");
	} else if (strstr(how, "length") != NULL) {
		puts_to(fd, "Content-Length: 10485760\r\n\r\n{\"a\":1}");
	} else if (strstr(how, "large") != NULL) {
		puts_to(fd, "\r\n{\"a\":1}");
		for (int i = 0; i < 1000 && puts_to(fd, "          "); i++)
			;
	} else {
		puts_to(fd, "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n");
	}
}

static struct http_reply
ask_salvage(struct world *w, const char *path, bool salvage)
{
	struct http_call call = call_to(w, "GET", path);
	struct http_reply r;

	call.salvage = salvage;
	call.reply_max = 4096;
	http_client_call(w->client, &w->cx, &call, &r);
	return r;
}

static void
test_what_arrived_of_a_damaged_reply_is_handed_over(void **state)
{
	static const struct {
		const char *how;
		enum http_call_end end, without;
	} rows[] = {
		{ "/salvage/cut", CALL_LOST, CALL_LOST },
		{ "/salvage/length", CALL_LOST, CALL_TOO_LARGE },
		{ "/salvage/large", CALL_TOO_LARGE, CALL_TOO_LARGE },
		{ "/salvage/gzip", CALL_ANSWERED, CALL_LOST },
		{ "/salvage/utf-8", CALL_ANSWERED, CALL_LOST },
	};
	struct world *w = *state;

	site_start(&w->site, serve_damaged);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_reply r = ask_salvage(w, rows[i].how, true);
		struct str body = secret_expose(r.body);

		assert_int_equal(r.end, rows[i].end);
		assert_int_equal(r.status, 200);
		assert_true(str_starts(body, S("{\"a\":1}")) && body.len <= 4096);
		r = ask_salvage(w, rows[i].how, false);
		assert_int_equal(r.end, rows[i].without);
		assert_true(secret_empty(r.body));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_reply_is_read_and_the_connection_kept),
		T(test_a_get_on_a_kept_handle_has_no_body),
		T(test_once_gives_the_same),
		T(test_S_018_no_redirect_is_followed),
		T(test_S_019_an_endless_body_is_cut),
		T(test_S_019_a_large_length_is_refused_at_once),
		T(test_S_019_a_header_line_of_1_MB_is_refused),
		T(test_S_019_100000_header_lines_are_refused),
		T(test_S_019_a_slow_body_times_out),
		T(test_S_020_an_encoded_reply_is_refused),
		T(test_what_arrived_of_a_damaged_reply_is_handed_over),
	};

	return cmocka_run_group_tests_name("http client", tests, NULL, NULL);
}
