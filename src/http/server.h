/* http/server.h - an HTTP/1.1 server: strict parsing, routes as rows, loops and workers.
 *
 * Owns listening sockets, connections, deadlines, the order of replies, and the frame around every
 * handler: Host check, routing, body limit, gate, handler, failure reply, security headers, access
 * log. Knows no domain word: who may pass is the site's gate.
 *
 * Threads: `loops` server threads, one libuv loop each, share the port; `workers` threads run what
 * may block. A row in lane LOOP runs on the connection's loop with cx->may_block false; when it
 * returns E_AGAIN the same handler runs again on a worker with may_block true. A row in lane WORKER
 * goes there at once. Rows in lane BATCH have a thread of their own, which runs all that wait, gate and
 * handler, one after the other, and none is answered before the site has settled what they did: what one
 * of them was told holds for the gates of all that come after it. One request at a
 * time per connection; pipelined ones are answered in order.
 * Sources: RFC 9110, RFC 9112. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/message.h"

enum http_lane { LANE_LOOP, LANE_WORKER, LANE_BATCH };

typedef enum rc http_handler(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res);

/* BODY_TO_FILE: gate first, on a worker, before a byte of the body is read or asked for; then the
 * body goes to a file of its own in site->body_dir; then the handler runs, on a worker. */
enum http_body_to { BODY_TO_MEMORY, BODY_TO_FILE };

struct http_route {
	enum http_method method; /* a GET row answers HEAD too */
	const char *path;        /* "/api/v1/tokens/{}/access-token"; {} is one segment */
	int access;              /* the site's own meaning; its gate reads it */
	enum http_lane lane;
	uint64_t body_max; /* bytes; 0: a body is refused with 413 */
	http_handler *handler;
	enum http_body_to body;
};

/* A file embedded in the binary, served for GET and HEAD by its exact path. */
struct http_asset {
	const char *path;
	const char *content_type;
	const unsigned char *bytes;
	size_t len;
	const char *etag; /* with quotes */
};

/* What one listener serves. Everything here outlives the server. */
struct http_site {
	void *app; /* handed to gate, handlers and fail */
	const struct http_route *routes;
	size_t route_count;
	const struct http_asset *assets;
	size_t asset_count;
	/* Where BODY_TO_FILE rows put bodies, under random names; NULL when there are none. What a
	 * process that was killed left there is the site's to remove. */
	const char *body_dir;

	/* Runs before the handler, on the same lane, for every row: OK lets it run. May set
	 * req->session. E_AGAIN moves the request to a worker. */
	enum rc (*gate)(void *app, struct ctx *cx, struct http_req *req, struct http_res *res);
	/* Around the gates and handlers of lane BATCH that run together, on their thread: what they share
	 * begins, and is settled before any of them is answered. A failure of either becomes the answer of
	 * all; settle is called when begin was OK. E_AGAIN of a handler ends the round early, and E_AGAIN of
	 * settle says that nothing of it is there: the handlers of the same requests run once more, between
	 * another begin and settle. NULL when there are no such rows. */
	enum rc (*begin)(void *app, struct ctx *cx);
	enum rc (*settle)(void *app, struct ctx *cx);
	/* Writes the reply for a failed gate or handler, for no route (E_NOTFOUND, req->route NULL), and
	 * for a body that does not fit on the disk (E_STORE, code "insufficient-storage", 507). Must not
	 * block: it may run on a loop. NULL: http_res_problem. */
	void (*fail)(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res,
	    enum rc rc);
	/* NULL, or told of each reply as it begins to go out, on a loop: must not block. The method is
	 * "-" when it is none that the server knows; the path is empty when the head was not readable. */
	void (*done)(void *app, const struct ctx *cx, const struct http_req *req,
	    const struct http_res *res, struct str method, int64_t ms);
};

/* A certificate with its chain, and its private key, as PEM. */
struct http_tls {
	struct str chain_pem, key_pem;
};

struct http_server_config {
	struct str host;        /* "127.0.0.1", "::1", "0.0.0.0" */
	int port;               /* 0: any free one */
	struct str public_url;  /* empty: http://host:port; its authority is an accepted Host */
	struct str proxies;     /* addresses whose X-Forwarded-For is believed (http/forwarded.h) */
	int loops;              /* 0: 2 */
	int workers;            /* 0: 4 */
	size_t max_connections; /* 0: from the descriptor limit */
	const struct clock *clock;
	const char *name; /* "manager", "sandbox": in logs */
	/* NULL: plain HTTP. Copied. The default public URL is https then. */
	const struct http_tls *tls;

	/* Total times, never started again by a byte that arrives. 0: the default. */
	int head_ms; /* 10,000: a request's head, and how long a new connection may say nothing */
	/* 30,000: its body, plus its length at 64 kB a second; after a sixth of this at least 500 bytes
	 * a second, of TLS as they come */
	int body_ms;
	/* 30,000: the client takes the whole reply; of a file, each 64 KiB, and all of it in this plus
	 * its length at 64 kB a second */
	int reply_ms;
	int idle_ms;   /* 75,000: between two requests */
	int linger_ms; /* 1,000: after a reply that closes, so that the client sees it */
};

struct http_server;

/* Binds and listens, so that a second caller learns of a taken port here; serves nothing yet.
 * Copies cfg. E_CONFLICT the address is in use. */
MUST enum rc http_server_new(
    struct ctx *cx, const struct http_server_config *cfg, struct http_server **out);
/* "http://127.0.0.1:8090": public_url, or made from the bound address; no trailing slash. */
struct str http_server_url(const struct http_server *s);
int http_server_port(const struct http_server *s);

/* Listens also as a CONNECT proxy that answers for `names` on port 443 with this server itself, over
 * TLS; everything else is refused, and no name is ever resolved. */
struct http_proxy_config {
	struct str host;          /* empty: 127.0.0.1 */
	int port;                 /* 0: any free one */
	const char *const *names; /* lower case; at most HTTP_PROXY_NAMES_MAX */
	size_t name_count;
	const struct http_tls *tls; /* its certificate holds the names */
};

#define HTTP_PROXY_NAMES_MAX 16

/* Call between new and start. Copies cfg. E_CONFLICT the address is in use; E_INPUT the
 * certificate, the key or a name is not usable. */
MUST enum rc http_server_proxy(
    struct ctx *cx, struct http_server *s, const struct http_proxy_config *cfg);
int http_server_proxy_port(const struct http_server *s); /* 0: none */

/* Starts the threads. The site is borrowed until http_server_free. */
MUST enum rc http_server_start(struct ctx *cx, struct http_server *s, const struct http_site *site);
/* Replies that go on (struct http_more) look at once whether there is more. From any thread. */
void http_server_nudge(struct http_server *s);
/* Stops accepting, lets requests in flight finish for at most grace_ms, joins all threads. */
void http_server_stop(struct http_server *s, int grace_ms);
void http_server_free(struct http_server *s); /* stopped before; takes NULL */

#endif
