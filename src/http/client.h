/* http/client.h - outgoing calls, strict about what comes back.
 *
 * One thread drives the calls. libcurl makes the connections (names, addresses, proxies, TLS), on which this
 * room speaks HTTP/1.1 itself (http/out_pool.h, out_conn.h, out_call.h); they are kept and used again. No
 * redirect is ever followed, only http and https exist, no content coding is offered (one that comes all the
 * same is refused, but for calls with `salvage`), certificates are always verified, and no request is sent
 * twice, or when too little time is left for its reply. At most 64 calls at once to one host. Replies have a byte limit, a header limit, a time limit and a
 * lowest speed (security rows S-018 to S-020, S-024). Thread-safe. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/ctx.h"
#include "base/secret.h"

struct http_client;

struct http_call_header {
	struct str name;
	struct str value;
};

/* What to send. Copied by http_client_send, wiped when done. */
struct http_call {
	const char *method; /* "GET", "HEAD", "POST", "DELETE", "PATCH" */
	struct str url;
	struct http_call_header headers[8];
	size_t header_count;
	struct secret authorization; /* the whole value, "Bearer …"; empty: none */
	struct secret body;          /* sent with content_type when has_body */
	struct str content_type;
	bool has_body;
	/* Connect to public addresses only (http/address.h), without a proxy and never over a kept
	 * connection; otherwise CALL_BAD_URL with the same sentence for every other address. */
	bool public_only;
	bool no_proxy; /* whatever the environment says: what it carries is for the host alone */
	bool fresh;    /* on a connection of its own, which nothing can have ended unnoticed */
	/* What arrived of the body is handed over in whatever state it came: encoded (gzip and deflate are
	 * undone), cut off, or the first reply_max bytes of too many. */
	bool salvage;
	int timeout_ms;   /* whole call; 0: 20,000; at most 30,000 */
	size_t reply_max; /* bytes; 0: 1 MiB */
};

/* How the call itself ended; the HTTP status is a separate matter. */
enum http_call_end {
	CALL_ANSWERED, /* a complete reply is here */
	/* Nothing was sent: resolve, connect, TLS or proxy failure. Of a call with `fresh` and a body also
	 * when the body did not leave whole: a request with less than its length is none. */
	CALL_REFUSED,
	CALL_LOST,       /* something may have been sent, no complete reply came */
	CALL_TOO_LARGE,  /* the reply went past a limit */
	CALL_TIMED_OUT,  /* the time or the lowest speed; may have been processed */
	CALL_REDIRECTED, /* 3xx: not followed */
	CALL_BAD_URL,    /* not sent: scheme or syntax */
};

struct http_reply {
	enum http_call_end end;
	bool untrusted; /* CALL_REFUSED: its certificate is not one to believe */
	bool ours; /* CALL_REFUSED: for a reason on this side, which says nothing of the host */
	int status;
	/* Bodies of token endpoints are secrets. With CALL_ANSWERED all of it; after a call with `salvage`
	 * and CALL_LOST, CALL_TOO_LARGE or CALL_TIMED_OUT what had arrived, perhaps nothing. */
	struct secret body;
	struct str content_type; /* without parameters, lower case */
	int64_t date_s;          /* the Date header, seconds since 1970; 0: none */
	int retry_after_s;       /* 0: none */
	char error[160];         /* for a person: "could not connect to 127.0.0.1:9: refused" */
};

/* roots_pem: the only authorities that this client believes; empty: the system's. Connections are
 * kept per client, so one made under other roots is never used. Both texts are copied. Its thread and
 * libcurl come with the first call. */
struct http_client *http_client_new(struct str user_agent, struct str roots_pem);
/* Takes no new calls and ends those of which nothing has been sent as CALL_REFUSED; lets the others end
 * for at most grace_ms, then gives them up. Whoever waits is answered when it returns. */
void http_client_stop(struct http_client *c, int grace_ms);
void http_client_free(struct http_client *c); /* stops it at once if need be; takes NULL */

/* Sends without waiting. done() is called exactly once, on the client's thread, or on the caller's
 * when nothing can be sent (CALL_BAD_URL, a client that has stopped); the reply and its memory are gone when it returns, so it copies what
 * it keeps, and it must not block. */
void http_client_send(struct http_client *c, const struct http_call *call,
    void (*done)(void *arg, const struct http_reply *reply), void *arg);

/* Sends and waits; the reply is copied into cx->arena. Requires cx->may_block. Always fills out;
 * the caller reads out->end. */
void http_client_call(
    struct http_client *c, struct ctx *cx, const struct http_call *call, struct http_reply *out);

/* The same for a program that makes one call: without a client that is kept, and to this machine itself
 * without libcurl or a thread (http/plain.h); there date_s and retry_after_s stay 0. */
void http_client_once(
    struct ctx *cx, struct str user_agent, const struct http_call *call, struct http_reply *out);

#endif
