/* The end of a TLS connection whose last record the socket does not take at once: it is sent later, and what the client
 * still sends is read meanwhile, since closing over unread bytes would take the reply away from it. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "crypto/cert.h"
#include "crypto/crypto.h"
#include "http/server.h"

#define LAST_RECORD 24 /* close_notify of TLS 1.3 */
#define MORE 1000
#define WAIT_MS 10000

/* --- the server's socket --- */

static _Atomic bool full;          /* it takes no close_notify */
static _Atomic int held;           /* how often it took none */
static _Atomic int received, ends; /* bytes, and ends of a client's side */

/* Instead of libc's: the server's alone, since the test reads and writes. */
ssize_t
send(int fd, const void *bytes, size_t n, int flags)
{
	if (full && n == LAST_RECORD) {
		held++;
		errno = EAGAIN;
		return -1;
	}
	return syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
}

ssize_t
recv(int fd, void *bytes, size_t room, int flags)
{
	ssize_t n = syscall(SYS_recvfrom, fd, bytes, room, flags, NULL, NULL);

	if (n > 0)
		received += (int)n;
	ends += n == 0;
	return n;
}

static void
wait_for(const _Atomic int *count, int least)
{
	for (int i = 0; i < WAIT_MS && *count < least; i++)
		usleep(1000);
	assert_in_range(*count, least, INT32_MAX);
}

/* --- the site --- */

static enum rc
hello(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	http_res_text(res, 200, S("hello"));
	return OK;
}

static enum rc
no_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req, (void)res;
	return OK;
}

static struct http_server *
start(struct fixture *f)
{
	static const struct http_route route = { HTTP_M_GET, "/", 0, LANE_LOOP, 0, hello,
		BODY_TO_MEMORY };
	static const struct http_site site = {
		.routes = &route, .route_count = 1, .gate = no_gate
	};
	static const char *const host[] = { "valetkey.invalid" };
	struct cert_names names = { host, 1 };
	struct http_server_config cfg = { .host = S("127.0.0.1"),
		.public_url = S("https://valetkey.invalid"),
		.linger_ms = 6 * WAIT_MS,
		.loops = 1,
		.clock = f->clock };
	struct cert authority, leaf;
	struct http_server *s;
	struct http_tls tls;

	assert_int_equal(cert_authority_make(&f->cx, "Test", names, 10, &authority), OK);
	assert_int_equal(cert_server_make(&f->cx, &authority, names, 5, &leaf), OK);
	tls = (struct http_tls){ leaf.pem, secret_expose(leaf.key_pem) };
	cfg.tls = &tls;
	assert_int_equal(http_server_new(&f->cx, &cfg, &s), OK);
	assert_int_equal(http_server_start(&f->cx, s, &site), OK);
	return s;
}

/* --- the client --- */

static SSL *
open_client(SSL_CTX *tls, struct http_server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)http_server_port(s)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(tls);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	return ssl;
}

static void
read_reply(SSL *ssl)
{
	char text[4096];
	int n = SSL_read(ssl, text, sizeof(text) - 1);

	assert_in_range(n, 1, sizeof(text) - 1);
	text[n] = '\0';
	assert_true(str_starts(str_of(text), S("HTTP/1.1 200 ")));
	assert_non_null(strstr(text, "\r\n\r\nhello"));
}

static void
test_s155_what_comes_is_read_while_the_last_record_waits(void **state)
{
	static const char request[] =
	    "GET / HTTP/1.1\r\nHost: valetkey.invalid\r\nConnection: close\r\n\r\n";
	static const char more[MORE];
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	struct fixture *f = *state;
	struct http_server *s = start(f);
	SSL *ssl = open_client(tls, s);
	char byte;
	int before;

	full = true;
	assert_int_equal(SSL_write(ssl, request, sizeof(request) - 1), sizeof(request) - 1);
	read_reply(ssl);
	wait_for(&held, 1);
	before = received;
	assert_int_equal(write(SSL_get_fd(ssl), more, MORE), MORE);
	wait_for(&received, before + MORE);
	/* Its own end does not take the record away from it either. */
	assert_int_equal(shutdown(SSL_get_fd(ssl), SHUT_WR), 0);
	wait_for(&ends, 1);
	full = false;
	assert_int_equal(SSL_read(ssl, &byte, 1), 0);
	assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(read(SSL_get_fd(ssl), &byte, 1), 0);
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	SSL_CTX_free(tls);
	http_server_stop(s, 0);
	http_server_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_s155_what_comes_is_read_while_the_last_record_waits),
	};

	log_set_level(LOG_WARN);
	crypto_setup();
	return cmocka_run_group_tests_name("http server, the end of TLS", tests, NULL, NULL);
}
