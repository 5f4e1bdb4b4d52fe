#include "http/out_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "http/address.h"
#include "http/curl_load.h"
#include "http/out_reply.h"

#define SMALLEST_BUFFER 1024L /* of libcurl's own, which carries nothing of ours */

/* Sees each address right before it is connected to, so that no name can change between the check and
 * the connection (S-028). */
static curl_socket_t
open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct out_conn *c = arg;

	(void)purpose;
	if (address_is_public(&at->addr))
		return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
	c->barred = true;
	return CURL_SOCKET_BAD;
}

/* OpenSSL decrypts a record in place, in memory that it would free as it is (S-178). */
static CURLcode
wipe_records(CURL *easy, void *ssl, void *arg)
{
	(void)easy, (void)arg;
	SSL_CTX_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
	return CURLE_OK;
}

/* What must hold whatever the library's defaults are. */
static bool
use_rules(struct out_conn *c, const struct out_conn_plan *plan)
{
	return curl_easy_setopt(c->easy, CURLOPT_URL, plan->url->origin.p) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
	    CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
	    CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_SSL_CTX_FUNCTION, wipe_records) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_SHARE, c->share) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, plan->timeout_ms) == CURLE_OK;
}

/* These instead of the system's, which are a file and a directory. */
static bool
use_roots(struct out_conn *c, struct str pem)
{
	struct curl_blob blob = { (void *)(uintptr_t)pem.p, pem.len, CURL_BLOB_NOCOPY };

	return pem.len == 0 ||
	    (curl_easy_setopt(c->easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
		curl_easy_setopt(c->easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
		curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

/* Of https libcurl looks into the environment itself. */
static bool
use_proxy(struct out_conn *c, const struct out_conn_plan *plan)
{
	const struct out_proxy *proxy = &plan->url->proxy;

	c->bare = !plan->url->tls && (plan->direct || proxy->url.len == 0);
	if (plan->url->tls && !plan->direct)
		return true;
	return curl_easy_setopt(c->easy, CURLOPT_PROXY,
		   c->bare || plan->url->tls ? "" : proxy->url.p) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "") == CURLE_OK;
}

static bool
use_public_only(struct out_conn *c)
{
	return curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, open_public) == CURLE_OK &&
	    curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETDATA, c) == CURLE_OK;
}

static void
use_callbacks(struct out_conn *c)
{
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->text);
	curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, SMALLEST_BUFFER);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	/* A slow name server must not hold up the other calls of the thread. */
	curl_easy_setopt(c->easy, CURLOPT_QUICK_EXIT, 1L);
}

struct out_conn *
out_conn_open(struct multi *m, const struct out_conn_plan *plan)
{
	struct out_conn *c = mem_alloc(sizeof(*c));

	c->multi = m;
	c->fd = -1;
	c->share = curl_share_init();
	c->easy = curl_easy_init();
	if (c->share == NULL || c->easy == NULL ||
	    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK ||
	    !use_rules(c, plan) || !use_roots(c, plan->roots_pem) || !use_proxy(c, plan) ||
	    (plan->public_only && !use_public_only(c)))
		abort();
	use_callbacks(c);
	multi_add(m, c->easy);
	return c;
}

static void
close_easy(struct out_conn *c)
{
	if (c->easy == NULL)
		return;
	multi_remove(c->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_share_cleanup(c->share);
	c->easy = NULL;
}

void
out_conn_take(struct out_conn *c, void (*ready)(void *conn))
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK)
		fd = CURL_SOCKET_BAD;
	if (c->bare) {
		/* libcurl closes its descriptor of it. */
		c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		close_easy(c);
	} else {
		c->fd = fd;
	}
	if (c->fd >= 0)
		multi_watch(c->multi, c->fd, ready, c);
}

static const char *
reason(const struct out_conn *c, CURLcode code)
{
	long os_error = 0;

	if (code == CURLE_OPERATION_TIMEDOUT)
		return "no answer in time";
	if (code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error != 0)
		return strerror((int)os_error);
	/* libcurl's own text names the fault of a certificate. */
	if (code == CURLE_PEER_FAILED_VERIFICATION && c->text[0] != '\0')
		return c->text;
	return curl_easy_strerror(code);
}

void
out_conn_refusal(struct out_conn *c, CURLcode code, const char *host, struct http_reply *reply)
{
	reply->untrusted = code == CURLE_PEER_FAILED_VERIFICATION;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		out_say(reply, CALL_BAD_URL, "cannot call", host, "the address is not a valid URL");
	else if (c->barred)
		out_say(reply, CALL_BAD_URL, "cannot call", host,
		    "only public addresses may be called");
	else
		out_say(reply, CALL_REFUSED,
		    reply->untrusted ? "could not trust" : "could not connect to", host,
		    reason(c, code));
}

void
out_conn_close(struct out_conn *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		multi_unwatch(c->multi, c->fd);
	if (c->fd >= 0 && c->bare)
		close(c->fd);
	close_easy(c);
	free(c);
}

/* --- bytes --- */

static ssize_t
outcome(struct out_conn *c, CURLcode code, size_t n)
{
	if (code == CURLE_OK)
		return (ssize_t)n;
	errno = code == CURLE_AGAIN ? EAGAIN : EIO;
	c->why = curl_easy_strerror(code);
	return -1;
}

ssize_t
out_conn_send(struct out_conn *c, const char *bytes, size_t n)
{
	size_t sent = 0;
	ssize_t got;

	if (c->easy != NULL) {
		CURLcode code = curl_easy_send(c->easy, bytes, n, &sent);

		return outcome(c, code, sent);
	}
	do
		got = send(c->fd, bytes, n, MSG_NOSIGNAL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		c->why = strerror(errno);
	return got;
}

ssize_t
out_conn_recv(struct out_conn *c, char *bytes, size_t n)
{
	size_t came = 0;
	ssize_t got;

	if (c->easy != NULL) {
		CURLcode code = curl_easy_recv(c->easy, bytes, n, &came);

		return outcome(c, code, came);
	}
	do
		got = recv(c->fd, bytes, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		c->why = strerror(errno);
	return got;
}

void
out_conn_want_out(struct out_conn *c, bool want)
{
	multi_want_out(c->multi, c->fd, want);
}

/* Of TLS there may be records that carry nothing for us: tickets, which are taken in on the way. */
bool
out_conn_quiet(struct out_conn *c)
{
	ssize_t n;
	char byte;

	if (c->easy != NULL)
		n = out_conn_recv(c, &byte, 1);
	else
		n = recv(c->fd, &byte, 1, MSG_PEEK);
	return n < 0 && errno == EAGAIN;
}
