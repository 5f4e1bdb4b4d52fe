/* http/out_conn.h - one connection of the outgoing client: libcurl makes it, we speak on it.
 *
 * libcurl looks up the name, chooses among its addresses, goes through the proxy of the environment and makes
 * TLS with the certificate verified (CURLOPT_CONNECT_ONLY); then the socket is ours. Over plain TCP without a
 * proxy it is taken from libcurl and what is sent costs one system call; otherwise bytes go through
 * curl_easy_send and curl_easy_recv. Non-blocking; the client's thread alone. Private to the room.
 *
 * A connection that libcurl keeps for somebody stands among those it could use again. It looks at them when it
 * makes another one, and closes what has not been used by itself for 118 seconds or seems dead, for which
 * bytes to read are enough in some versions. So each has a share, and with it a cache, of its own. Its handle
 * stays in the multi handle; taking it out closes the connection (libcurl 7.86 and later). */
#ifndef HTTP_OUT_CONN_H
#define HTTP_OUT_CONN_H

#include <curl/curl.h>
#include <sys/types.h>

#include "http/client.h"
#include "http/multi.h"
#include "http/out_url.h"

#define OUT_CONNECT_MAX_MS 10000

struct out_call;
struct out_host;

struct out_conn {
	/* Whose it is, for out_pool.c. */
	struct out_host *host;
	struct out_call *call;        /* NULL: idle */
	struct out_conn *prev, *next; /* among the idle ones of its host */
	int64_t idle_since_ms;
	bool used; /* a call has ended on it */

	/* The source's own. */
	struct multi *multi;
	CURL *easy; /* NULL: fd is ours alone */
	CURLSH *share;
	int fd; /* -1: not connected */
	bool bare, barred;
	const char *why; /* after an error of it, for a person */
	char text[CURL_ERROR_SIZE];
};

struct out_conn_plan {
	const struct out_url *url;
	struct str roots_pem; /* borrowed as long as the connection lives; empty: the system's */
	bool direct;          /* no proxy, whatever the environment says */
	bool public_only; /* each address is looked at right before it is connected to (S-028) */
	long timeout_ms;
};

/* Begins to connect. multi_ended() gives its handle, whose CURLINFO_PRIVATE it is, once that has ended. */
struct out_conn *out_conn_open(struct multi *m, const struct out_conn_plan *plan);
/* After a good end: the socket is here, and ready(conn) is called whenever there is something to read. */
void out_conn_take(struct out_conn *c, void (*ready)(void *conn));
/* After a bad one: nothing was sent. Fills in how it ended. */
void out_conn_refusal(
    struct out_conn *c, CURLcode code, const char *host, struct http_reply *reply);
void out_conn_close(struct out_conn *c); /* takes NULL */

/* As send() and recv() do: -1 and EAGAIN when it must wait, 0 from recv at the end. */
ssize_t out_conn_send(struct out_conn *c, const char *bytes, size_t n);
ssize_t out_conn_recv(struct out_conn *c, char *bytes, size_t n);
void out_conn_want_out(struct out_conn *c, bool want); /* ready() also when there is room to send */
/* Whether the other side has left it alone: no bytes that nobody asked for, and no end. */
bool out_conn_quiet(struct out_conn *c);

#endif
