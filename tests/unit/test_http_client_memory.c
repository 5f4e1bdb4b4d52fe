/* What outgoing calls leave in memory: nothing of what was sent or came (S-178). */
#include "crowd_site.h"

#include "memory_text.h"

/* The body in capitals. */
static void
serve_echo(struct site *site, int fd)
{
	char reply[256];

	while (hear(site, fd)) {
		const char *body = strstr(site->heard, "\r\n\r\n") + 4;
		int n = snprintf(reply, sizeof(reply),
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));

		for (; *body != '\0' && n < (int)sizeof(reply) - 1; body++)
			reply[n++] = (char)(*body - 'a' + 'A');
		put(fd, reply, (size_t)n);
		mem_wipe(reply, sizeof(reply));
	}
}

/* A handle that is used again holds nothing of the call before: neither what was sent nor what came. */
static void
test_a_kept_handle_holds_no_secret(void **state)
{
	enum { LEN = 24, MASK = 0x5a };
	unsigned char sent[LEN], back[LEN];
	struct world *w = *state;
	struct http_call call;
	struct http_reply r;
	char text[LEN + 1];

	site_start(&w->site, serve_echo);
	for (int round = 0; round < 3; round++) {
		struct arena *a = arena_new();
		struct ctx cx;

		ctx_init(&cx, a, w->clock);
		cx.may_block = true;
		for (int i = 0; i < LEN; i++)
			text[i] = (char)('a' + (i * 7 + round * 5) % 26);
		text[LEN] = '\0';
		for (int i = 0; i < LEN; i++) {
			sent[i] = (unsigned char)text[i] ^ MASK;
			back[i] = (unsigned char)(text[i] - 'a' + 'A') ^ MASK;
		}
		call = call_to(w, "POST", "/token");
		call.body = secret_of(str_of(text));
		call.has_body = true;
		call.authorization = secret_of(str_printf(a, "Bearer %s", text));
		http_client_call(w->client, &cx, &call, &r);
		assert_int_equal(r.end, CALL_ANSWERED);
		assert_int_equal(secret_expose(r.body).len, LEN);
		assert_true(times_in_memory(sent, LEN, MASK) > 0); /* it would be found */
		arena_free(a);
		mem_wipe(text, sizeof(text));
		mem_wipe(w->site.heard, sizeof(w->site.heard));
		usleep(50000); /* the thread wipes after it has answered */
		assert_int_equal(times_in_memory(sent, LEN, MASK), 0);
		assert_int_equal(times_in_memory(back, LEN, MASK), 0);
	}
	assert_int_equal(w->site.connections, 1);
}

/* More than the memory of a finished call that is kept, and nothing else of it either. */
static void
serve_large_and_close(struct site *site, int fd)
{
	static char large[100 << 10];

	if (hear(site, fd) && puts_to(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))
		put(fd, large, sizeof(large));
}

static void
wait_until_gone(const unsigned char *masked, size_t len, unsigned char mask)
{
	for (int i = 0; i < 200 && times_in_memory(masked, len, mask) > 0; i++)
		usleep(20000);
	assert_int_equal(times_in_memory(masked, len, mask), 0);
}

/* Longer than the time after which the client's thread would look around by itself. */
static void
count_after_a_while(void *arg, const struct http_reply *reply)
{
	usleep(1100000);
	*(_Atomic int *)arg += reply->end == CALL_ANSWERED;
}

/* Of a webhook's address the path is a secret. */
static void
address_is_let_go(struct world *w, int offset)
{
	enum { LEN = 24, MASK = 0x5a };
	struct http_call call = call_to(w, "POST", "");
	struct arena *a = arena_new();
	unsigned char masked[LEN];
	_Atomic int answered = 0;
	char text[LEN + 1] = "";

	for (int i = 0; i < LEN; i++) {
		text[i] = (char)('a' + (i * 5 + offset) % 26);
		masked[i] = (unsigned char)text[i] ^ MASK;
	}
	call.url = str_printf(a, "http://127.0.0.1:%d/hook/%s", w->site.port, text);
	mem_wipe(text, sizeof(text));
	http_client_send(w->client, &call, count_after_a_while, &answered);
	arena_free(a);
	assert_true(times_in_memory(masked, LEN, MASK) > 0); /* it would be found */
	wait_for_count(&answered, 1);
	mem_wipe(w->site.heard, sizeof(w->site.heard));
	wait_until_gone(masked, LEN, MASK);
}

static void
test_an_address_is_let_go_when_there_is_nothing_to_do(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_ok);
	address_is_let_go(w, 3);
}

static void
test_an_address_is_let_go_when_no_call_is_kept(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_large_and_close);
	address_is_let_go(w, 14);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_kept_handle_holds_no_secret),
		T(test_an_address_is_let_go_when_there_is_nothing_to_do),
		T(test_an_address_is_let_go_when_no_call_is_kept),
	};

	return cmocka_run_group_tests_name("http client, memory", tests, NULL, NULL);
}
