/* What outgoing calls leave in memory: nothing of what was sent or came (S-178). */
#include "crowd_site.h"

#include "crypto/cert.h"
#include "crypto/crypto.h"
#include "http/server.h"
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

enum { LEN = 24, MASK = 0x5a };

static void
wait_until_gone(const unsigned char *masked)
{
	for (int i = 0; i < 1000 && times_in_memory(masked, LEN, MASK) > 0; i++)
		usleep(20000);
	assert_int_equal(times_in_memory(masked, LEN, MASK), 0);
}

/* Neither what was sent nor what came is anywhere once it is over. */
static void
call_leaves_nothing(struct world *w, struct str url, int round)
{
	unsigned char sent[LEN], back[LEN];
	struct arena *a = arena_new();
	struct http_call call = { .method = "POST", .url = url, .has_body = true };
	struct http_reply r;
	char text[LEN + 1] = "";
	struct ctx cx;

	ctx_init(&cx, a, w->clock);
	cx.may_block = true;
	for (int i = 0; i < LEN; i++) {
		text[i] = (char)('a' + (i * 7 + round * 5) % 26);
		sent[i] = (unsigned char)text[i] ^ MASK;
		back[i] = (unsigned char)(text[i] - 'a' + 'A') ^ MASK;
	}
	call.body = secret_of(str_of(text));
	call.authorization = secret_of(str_printf(a, "Bearer %s", text));
	http_client_call(w->client, &cx, &call, &r);
	assert_int_equal(r.end, CALL_ANSWERED);
	assert_int_equal(secret_expose(r.body).len, LEN);
	assert_true(times_in_memory(sent, LEN, MASK) > 0); /* it would be found */
	arena_free(a);
	mem_wipe(text, sizeof(text));
	mem_wipe(w->site.heard, sizeof(w->site.heard));
	wait_until_gone(sent); /* the threads wipe after they have answered */
	wait_until_gone(back);
}

static void
test_S_178_a_kept_handle_holds_no_secret(void **state)
{
	struct world *w = *state;

	site_start(&w->site, serve_echo);
	for (int round = 0; round < 3; round++)
		call_leaves_nothing(w, call_to(w, "POST", "/token").url, round);
	assert_int_equal(w->site.connections, 1);
}

static enum rc
post_echo(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	char *text = arena_alloc(cx->arena, req->body.len);

	(void)app;
	for (size_t i = 0; i < req->body.len; i++)
		text[i] = (char)(req->body.p[i] - 'a' + 'A');
	http_res_text(res, 200, (struct str){ text, req->body.len });
	return OK;
}

static enum rc
no_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req, (void)res;
	return OK;
}

static struct http_server *
start_tls_server(struct world *w, struct str *authority_pem)
{
	static const struct http_route route = { HTTP_M_POST, "/", 0, LANE_LOOP, 4096, post_echo,
		BODY_TO_MEMORY };
	static const struct http_site site = {
		.routes = &route, .route_count = 1, .gate = no_gate
	};
	struct cert_names name = { (const char *const[]){ "127.0.0.1" }, 1 };
	struct http_server_config cfg = { .host = S("127.0.0.1"), .clock = w->clock };
	struct http_tls tls;
	struct cert ca, leaf;
	struct http_server *s;

	assert_int_equal(cert_authority_make(&w->cx, "test CA", name, 10, &ca), OK);
	assert_int_equal(cert_server_make(&w->cx, &ca, name, 5, &leaf), OK);
	tls = (struct http_tls){ leaf.pem, secret_expose(leaf.key_pem) };
	cfg.tls = &tls;
	assert_int_equal(http_server_new(&w->cx, &cfg, &s), OK);
	assert_int_equal(http_server_start(&w->cx, s, &site), OK);
	*authority_pem = ca.pem;
	return s;
}

/* The request on our listener's side, the reply on our client's: OpenSSL decrypts in its own memory. */
static void
test_S_178_nor_do_the_two_sides_of_TLS(void **state)
{
	struct world *w = *state;
	struct str authority_pem;
	struct http_server *s = start_tls_server(w, &authority_pem);

	http_client_free(w->client);
	w->client = http_client_new(S("valetkey-test"), authority_pem);
	for (int round = 0; round < 3; round++)
		call_leaves_nothing(w, http_server_url(s), round);
	http_client_free(w->client);
	w->client = NULL;
	http_server_stop(s, 0);
	http_server_free(s);
}

/* More than the memory of a finished call that is kept, and nothing else of it either. */
static void
serve_large_and_close(struct site *site, int fd)
{
	static char large[100 << 10];

	if (hear(site, fd) && puts_to(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))
		put(fd, large, sizeof(large));
}

struct seen {
	_Atomic int answered;
	_Atomic bool looked; /* for the address, while the call is not over */
};

/* Longer than the time after which the client's thread would look around by itself. */
static void
count_after_a_while(void *arg, const struct http_reply *reply)
{
	struct seen *seen = arg;

	usleep(1100000);
	while (!seen->looked)
		usleep(1000);
	seen->answered += reply->end == CALL_ANSWERED;
}

/* Of a webhook's address the path is a secret. */
static void
address_is_let_go(struct world *w, int offset)
{
	struct http_call call = call_to(w, "POST", "");
	struct arena *a = arena_new();
	unsigned char masked[LEN];
	struct seen seen = { 0 };
	char text[LEN + 1] = "";

	for (int i = 0; i < LEN; i++) {
		text[i] = (char)('a' + (i * 5 + offset) % 26);
		masked[i] = (unsigned char)text[i] ^ MASK;
	}
	call.url = str_printf(a, "http://127.0.0.1:%d/hook/%s", w->site.port, text);
	mem_wipe(text, sizeof(text));
	http_client_send(w->client, &call, count_after_a_while, &seen);
	arena_free(a);
	assert_true(times_in_memory(masked, LEN, MASK) > 0); /* it would be found */
	seen.looked = true;
	wait_for_count(&seen.answered, 1);
	mem_wipe(w->site.heard, sizeof(w->site.heard));
	wait_until_gone(masked);
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
		T(test_S_178_a_kept_handle_holds_no_secret),
		T(test_S_178_nor_do_the_two_sides_of_TLS),
		T(test_an_address_is_let_go_when_there_is_nothing_to_do),
		T(test_an_address_is_let_go_when_no_call_is_kept),
	};

	crypto_setup();
	return cmocka_run_group_tests_name("http client, memory", tests, NULL, NULL);
}
