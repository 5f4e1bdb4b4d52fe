/* http/out_call.h - one outgoing call: what is sent, what comes back, what it has come to.
 *
 * Owns the copies of both, and wipes them. Prepared on the thread that asks for it, then the client's
 * thread's; which connection it has is out_pool.c's business. A request is never sent twice: what
 * begins again on another connection is one of which no byte had left. Private to the room. */
#ifndef HTTP_OUT_CALL_H
#define HTTP_OUT_CALL_H

#include "http/out_conn.h"
#include "http/out_reply.h"

#define CALL_TIMEOUT_MS 20000
#define CALL_TIMEOUT_MAX_MS 30000

struct out_call {
	/* Whose it is: what becomes of it, and in which lists it stands. */
	void (*done)(void *arg, const struct http_reply *reply);
	void *arg;
	struct http_reply reply;
	struct out_call *prev, *next; /* among those that run; next alone: in a queue */
	struct out_call *wait_prev,
	    *wait_next; /* among those that wait for a connection to their host */
	bool waits;
	struct out_host *host;
	struct out_conn *conn; /* connecting, or with `began` its own */

	struct out_url *url;
	bool direct, public_only, fresh;
	int timeout_ms;
	int64_t deadline_ms;

	/* The source's own. */
	bool began, has_body, wants_out;
	struct buf request;
	size_t sent;
	const char *send_failed;
	struct out_reply answer;
	/* Bytes in both directions, when they were counted, and since when there were too few. */
	uint64_t moved, counted;
	int64_t counted_ms, slow_since_ms;
};

struct out_call *out_call_new(void);
/* Takes over a hold of url. False: it cannot be sent, and its reply says why. */
bool out_call_prepare(
    struct out_call *c, const struct http_call *call, struct out_url *url, struct str user_agent);

enum out_step {
	OUT_GOES_ON,      /* call again when the connection is ready */
	OUT_OVER,         /* its reply is filled in */
	OUT_NOTHING_LEFT, /* the kept connection was dead before a byte left; another one may do */
};

/* On a connection that stands: sends what goes at once. `room` bytes at scratch are for what arrives, and
 * wiped. */
enum out_step out_call_begin(
    struct out_call *c, struct out_conn *conn, int64_t now_ms, char *scratch, size_t room);
/* The connection is ready. */
enum out_step out_call_step(struct out_call *c, char *scratch, size_t room);
/* After OUT_OVER: the connection may carry another call. */
bool out_call_spares_connection(const struct out_call *c);

/* Enough of it for a reply: 2 seconds, or a tenth of all where that is less. What is sent with less would be
 * given up a moment later, and nobody would know what had become of it. */
bool out_call_has_time(const struct out_call *c, int64_t now_ms);
/* Its time is up, or it has been slower than 10 bytes a second for 10 seconds. */
bool out_call_is_late(struct out_call *c, int64_t now_ms);
/* Fills in the reply of one that is given up because of that, or because this side closes. */
void out_call_late(struct out_call *c);
void out_call_abandon(struct out_call *c);

/* Wipes what it holds so that it can be used again; false: it grew too large for that. */
bool out_call_clear(struct out_call *c);
void out_call_free(struct out_call *c); /* takes NULL */

#endif
