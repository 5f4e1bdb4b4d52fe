/* http/message.h - a request as a handler sees it, and the reply it fills in.
 *
 * Slices point into the connection's buffers or the request's arena and end with the request. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

enum http_method {
	HTTP_M_GET,
	HTTP_M_HEAD,
	HTTP_M_POST,
	HTTP_M_PUT,
	HTTP_M_PATCH,
	HTTP_M_DELETE,
	HTTP_M_OPTIONS
};

#define HTTP_MAX_HEADERS 64
#define HTTP_MAX_SEGMENTS 16

struct http_header {
	struct str name, value; /* name as sent; look up with http_req_header */
};

struct http_route;

struct http_req {
	enum http_method method;
	struct str path;                    /* as sent, before decoding, without the query */
	struct str query;                   /* after '?', undecoded; empty when none */
	struct str segs[HTTP_MAX_SEGMENTS]; /* the path, decoded once, segment by segment */
	size_t seg_count;
	struct str
	    args[HTTP_MAX_SEGMENTS]; /* the segments that matched {} in the route, in order */
	struct http_header headers[HTTP_MAX_HEADERS];
	size_t header_count;
	struct str host;   /* the Host that was accepted, without port: "127.0.0.1"; empty: none */
	struct str tunnel; /* the name the CONNECT tunnel was opened for; empty: came directly */
	struct str body;   /* BODY_TO_MEMORY */
	int64_t body_len;  /* bytes of the body, in memory or in the file */
	/* BODY_TO_FILE: the body, open for reading at offset 0; -1: none. The server closes it. */
	int body_fd;
	/* BODY_TO_FILE: the file's name in site->body_dir, without the directory. A handler that wants
	 * to keep it renames it away; what is still there after the request is removed. */
	struct str body_path;
	/* How long a request that asked to be run again has waited; 0 at the first run. */
	int64_t waited_ms;
	/* The client's address without port, "127.0.0.1": the socket's, or what a proxy that is believed
	 * tells (http/forwarded.h). */
	struct str peer;
	bool peer_is_loopback; /* the socket's */
	const struct http_route *route;
	void *session; /* set by the gate for the handler; the http room never looks */
};

/* First header of that name (ASCII case ignored), or the empty slice with p == NULL. Authorization,
 * Content-Type, Content-Length, Host, Origin and X-CSRF-Token stand once at most: the head is
 * refused otherwise. */
struct str http_req_header(const struct http_req *req, struct str name);
/* One cookie by name out of all Cookie headers. False when absent; twice is refused as absent. */
bool http_req_cookie(const struct http_req *req, struct str name, struct str *out);
/* A query parameter, decoded. E_INPUT when it stands twice or its escapes are bad; absent gives
 * out->p == NULL. */
MUST enum rc http_req_param(
    struct ctx *cx, const struct http_req *req, const char *name, struct str *out);
/* E_INPUT (415) unless Content-Type is application/json. */
MUST enum rc http_req_want_json(struct ctx *cx, const struct http_req *req);

/* How to spoil a reply on purpose: for a test server. delay_ms applies to each kind, NONE too, and
 * is at most 300,000; nothing holds a thread meanwhile, and all of it ends when the client goes
 * away or the server stops. */
enum http_fault_kind {
	HTTP_FAULT_NONE,
	HTTP_FAULT_CLOSE, /* no byte, then FIN */
	HTTP_FAULT_RESET, /* no byte, then RST */
	HTTP_FAULT_RAW,   /* res->body as it is, without a head, then FIN */
	HTTP_FAULT_CUT,   /* half of the reply, then RST */
	HTTP_FAULT_DRIP,  /* the whole reply at bytes_per_s */
};

struct http_fault {
	enum http_fault_kind kind;
	int delay_ms;
	int bytes_per_s;
};

/* Part of an open file as a reply's body; the http room's own, see http_res_file. */
struct http_file {
	bool there;
	int fd;
	int64_t offset, len;
};

/* A reply that goes on: with after_ms the body so far is sent, and the same handler runs again on a
 * worker, after so many ms or at http_server_nudge, to give the next piece; without, that piece was the
 * last. No thread is held meanwhile. At such a run cx->arena is the piece's own, and a failure ends the
 * reply. A client that takes a piece too slowly is cut off; one that speaks HTTP/1.0 gets the first piece
 * only. */
struct http_more {
	int after_ms;
	void *state; /* the handler's, from the first run on; NULL then */
	/* NULL, or called once when the exchange is over, whatever ended it, on a loop: must not block. */
	void (*over)(void *state);
};

struct http_res {
	struct arena *arena;
	int status;              /* 0 means 200 */
	struct str content_type; /* empty: no Content-Type */
	struct str body;         /* arena, request or static memory */
	struct buf *head_;       /* extra header lines, http room's own */
	bool close;              /* end the connection after this reply */
	bool cacheable;          /* leave out Cache-Control: no-store; the handler sets its own */
	bool coop_unsafe_none;   /* a page inside a window that another origin opened */
	struct http_file file_;  /* http room's own */
	/* With E_AGAIN from a worker: the gate's verdict is kept and the same handler runs again, on a
	 * worker, after so many ms (1 to 300,000). No thread is held meanwhile; it ends when the client
	 * goes away or the server stops. The arena is the same, so a run should leave little in it. */
	int again_ms;
	struct http_more more; /* with OK, from a row in lane WORKER */
	struct http_fault fault;
};

/* Adds a header line. A value with CR, LF or NUL is dropped and the line with it. */
void http_res_header(struct http_res *res, struct str name, struct str value);
/* json without p (json_write: too large) becomes a 500 that says so. */
void http_res_json(struct http_res *res, int status, struct str json);
void http_res_text(struct http_res *res, int status, struct str text);
/* The reply's body is part of an open file; the server reads it bit by bit and closes fd, whatever
 * happens. A file that ends before offset + len resets the connection. */
void http_res_file(struct http_res *res, int status, int fd, int64_t offset, int64_t len);
void http_res_redirect(struct http_res *res, int status, struct str location);
/* value; then attributes as literal text, "; Path=/; HttpOnly". */
void http_res_cookie(
    struct http_res *res, struct str name, struct str value, struct str attributes);

/* RFC 9457 from the recorded failure: {type,title,status,detail,todo?,code,field?,request_id}. */
void http_res_problem(struct http_res *res, const struct ctx *cx, enum rc rc);
int http_status_of(const struct ctx *cx, enum rc rc); /* the one map from rc to HTTP */

#endif
