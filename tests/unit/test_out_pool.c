/* Connections of outgoing calls as time passes, on a clock that the test moves: how long one is kept that nobody
 * uses, how many are, and what counts as moving. The test is the other side too, on the same thread. */
#include "fixture.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/crypto.h"
#include "http/curl_load.h"
#include "http/out_pool.h"

#define EARS 5
#define TO_EACH 64
#define ALL (EARS * TO_EACH)
#define TURN_MS 2
#define TURNS_MAX 10000

/* --- time --- */

static _Atomic int64_t ahead_s;

int clock_gettime(clockid_t id, struct timespec *ts);

/* Instead of libc's. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_MONOTONIC)
		ts->tv_sec += ahead_s;
	return rc;
}

/* --- both sides --- */

struct talk {
	int fd;
	bool asked, gone;
};

struct line {
	struct multi *multi;
	struct out_pool *pool;
	int ended, answered;
	int ears[EARS], ports[EARS];
	struct talk talks[ALL + 1];
	int count, gone, asked;
};

static void
note_end(void *arg, struct out_call *call)
{
	struct line *l = arg;

	l->ended++;
	l->answered += call->reply.end == CALL_ANSWERED && call->reply.status == 200;
	out_call_free(call);
}

static int
listen_at(int *port, int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 2 * TO_EACH), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static struct line *
open_line(struct str roots_pem)
{
	struct line *l = mem_alloc(sizeof(*l));

	assert_null(curl_ready());
	l->multi = multi_new();
	l->pool = out_pool_new(l->multi, roots_pem, note_end, l);
	for (int i = 0; i < EARS; i++)
		l->ears[i] = listen_at(&l->ports[i], SOCK_NONBLOCK);
	return l;
}

static void
close_line(struct line *l)
{
	out_pool_free(l->pool);
	multi_free(l->multi);
	for (int i = 0; i < EARS; i++)
		close(l->ears[i]);
	for (int i = 0; i < l->count; i++)
		close(l->talks[i].fd);
	free(l);
	ahead_s = 0;
}

static void
call(struct line *l, const struct http_call *what)
{
	struct out_call *c = out_call_new();
	const char *why;

	assert_true(out_call_prepare(c, what, out_url_new(what->url, &why), S("t")));
	out_pool_start(l->pool, c);
}

static void
call_ear(struct line *l, int ear)
{
	char url[40];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", l->ports[ear]);
	call(l, &(struct http_call){ .method = "GET", .url = str_of(url), .timeout_ms = 30000 });
}

static void
hear(struct line *l, struct talk *t)
{
	char text[4096];
	ssize_t n;

	if (t->gone || (n = recv(t->fd, text, sizeof(text), 0)) < 0)
		return;
	t->gone = n == 0;
	t->asked = n > 0;
	l->gone += t->gone;
	l->asked += t->asked;
}

static void
turn(struct line *l)
{
	int fd;

	out_pool_turn(l->pool, TURN_MS);
	for (int i = 0; i < EARS; i++)
		while ((fd = accept4(l->ears[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
			assert_true(l->count <= ALL);
			l->talks[l->count++] = (struct talk){ .fd = fd };
		}
	for (int i = 0; i < l->count; i++)
		hear(l, &l->talks[i]);
}

static void
turns(struct line *l, int count)
{
	while (count-- > 0)
		turn(l);
}

static void
until(struct line *l, const int *count, int want)
{
	for (int i = 0; i < TURNS_MAX && *count < want; i++)
		turn(l);
	assert_int_equal(*count, want);
}

/* All that have asked. */
static void
answer(struct line *l)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

	for (int i = 0; i < l->count; i++)
		if (l->talks[i].asked) {
			l->talks[i].asked = false;
			assert_int_equal(send(l->talks[i].fd, text, sizeof(text) - 1, MSG_NOSIGNAL),
			    sizeof(text) - 1);
		}
}

/* --- what is kept --- */

static void
call_and_answer(struct line *l)
{
	int before = l->asked;

	call_ear(l, 0);
	until(l, &l->asked, before + 1);
	answer(l);
	until(l, &l->ended, before + 1);
	assert_int_equal(l->answered, before + 1);
}

static void
test_one_that_nobody_used_for_45_seconds_is_closed(void **state)
{
	struct line *l = open_line(S(""));

	(void)state;
	call_and_answer(l);
	ahead_s += 40;
	turns(l, 5);
	assert_int_equal(l->gone, 0);
	call_and_answer(l);
	assert_int_equal(l->count, 1);
	ahead_s += 40; /* eighty since it was made */
	turns(l, 5);
	assert_int_equal(l->gone, 0);
	ahead_s += 5;
	turns(l, 50); /* not until it is: time passes by itself as well */
	assert_int_equal(l->gone, 1);
	call_and_answer(l);
	assert_int_equal(l->count, 2);
	close_line(l);
}

static void
test_256_are_kept_and_the_rest_closed(void **state)
{
	struct line *l = open_line(S(""));

	(void)state;
	for (int i = 0; i < ALL; i++)
		call_ear(l, i % EARS);
	until(l, &l->asked, ALL);
	assert_int_equal(l->count, ALL);
	assert_int_equal(l->gone, 0);
	answer(l);
	until(l, &l->answered, ALL);
	until(l, &l->gone, ALL - 256);
	turns(l, 20);
	assert_int_equal(l->gone, ALL - 256);
	ahead_s += 46;
	turns(l, 50);
	assert_int_equal(l->gone, ALL);
	close_line(l);
}

/* --- what moves --- */

enum { LARGE = 12 << 20, PER_SECOND = 200 << 10, SECONDS = 15 };

/* Reads no more than it is allowed to. */
struct reader {
	int fd, port;
	pthread_t thread;
	SSL_CTX *tls;
	_Atomic int allowed, got;
};

static void
read_upload(struct reader *r, SSL *ssl)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	char piece[16385];
	int want = LARGE, n;

	while (r->got < want) {
		while (r->got >= r->allowed)
			usleep(500);
		n = SSL_read(ssl, piece, sizeof(piece) - 1);
		if (n <= 0)
			return;
		piece[n] = '\0';
		if (r->got == 0)
			want += (int)(strstr(piece, "\r\n\r\n") + 4 - piece);
		r->got += n;
	}
	SSL_write(ssl, text, sizeof(text) - 1);
	SSL_read(ssl, piece, 1); /* until the other side has gone */
}

static void *
serve_upload(void *arg)
{
	struct reader *r = arg;
	SSL *ssl = SSL_new(r->tls);
	int fd = accept(r->fd, NULL, NULL);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		read_upload(r, ssl);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void
use_cert(SSL_CTX *tls, const struct cert *cert)
{
	struct str key = secret_expose(cert->key_pem);
	BIO *in = BIO_new_mem_buf(cert->pem.p, (int)cert->pem.len);
	BIO *key_in = BIO_new_mem_buf(key.p, (int)key.len);
	X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);

	assert_int_equal(SSL_CTX_use_certificate(tls, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(tls, k), 1);
	X509_free(x);
	EVP_PKEY_free(k);
	BIO_free(in);
	BIO_free(key_in);
}

/* Its authority is in *authority. */
static struct reader *
start_reader(struct fixture *f, struct cert *authority)
{
	static const char *const host[] = { "127.0.0.1" }, *const domain[] = { "valetkey.invalid" };
	struct reader *r = mem_alloc(sizeof(*r));
	struct cert leaf;
	int small = 4096;

	assert_int_equal(
	    cert_authority_make(&f->cx, "Test", (struct cert_names){ domain, 1 }, 10, authority),
	    OK);
	assert_int_equal(
	    cert_server_make(&f->cx, authority, (struct cert_names){ host, 1 }, 5, &leaf), OK);
	r->tls = SSL_CTX_new(TLS_server_method());
	use_cert(r->tls, &leaf);
	r->fd = listen_at(&r->port, 0);
	setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	r->allowed = 1;
	assert_int_equal(pthread_create(&r->thread, NULL, serve_upload, r), 0);
	return r;
}

static void
stop_reader(struct reader *r)
{
	pthread_join(r->thread, NULL);
	SSL_CTX_free(r->tls);
	close(r->fd);
	free(r);
}

static void
until_read(struct line *l, struct reader *r)
{
	for (int i = 0; i < TURNS_MAX && r->got < r->allowed && l->ended == 0; i++)
		turn(l);
}

/* Far more of it than the kernel takes at once: most of the time TLS waits with a record half written. */
static void
test_S_019_a_tls_upload_that_moves_slowly_is_not_cut(void **state)
{
	struct fixture *f = *state;
	struct cert authority;
	struct reader *r = start_reader(f, &authority);
	struct line *l = open_line(authority.pem);
	struct str body = { arena_alloc(f->arena, LARGE), LARGE };

	call(l,
	    &(struct http_call){ .method = "POST",
		.url = str_printf(f->arena, "https://127.0.0.1:%d/", r->port),
		.has_body = true,
		.body = secret_of(body),
		.timeout_ms = 30000 });
	until_read(l, r);
	for (int i = 0; i < SECONDS; i++) {
		ahead_s += 1;
		r->allowed += PER_SECOND;
		until_read(l, r);
		assert_int_equal(l->ended, 0);
	}
	assert_in_range(r->got, SECONDS * PER_SECOND, LARGE / 2);
	r->allowed = INT_MAX;
	until(l, &l->answered, 1);
	close_line(l);
	stop_reader(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_that_nobody_used_for_45_seconds_is_closed),
		TEST(test_256_are_kept_and_the_rest_closed),
		TEST(test_S_019_a_tls_upload_that_moves_slowly_is_not_cut),
	};

	crypto_setup();
	return cmocka_run_group_tests_name("http client, connections and time", tests, NULL, NULL);
}
