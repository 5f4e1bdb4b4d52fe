/* http/message.h - a request as a handler sees it, and the reply it fills in.
 *
 * Slices point into the connection's buffers or the request's arena and end with the request. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

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
	struct str body;
	struct str peer; /* the socket's address without port, "127.0.0.1" */
	bool peer_is_loopback;
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

struct http_res {
	struct arena *arena;
	int status;              /* 0 means 200 */
	struct str content_type; /* empty: no Content-Type */
	struct str body;         /* arena, request or static memory */
	struct buf *head_;       /* extra header lines, http room's own */
	bool close;              /* end the connection after this reply */
	bool cacheable;          /* leave out Cache-Control: no-store; the handler sets its own */
	bool coop_unsafe_none;   /* a page inside a window that another origin opened */
};

/* Adds a header line. A value with CR, LF or NUL is dropped and the line with it. */
void http_res_header(struct http_res *res, struct str name, struct str value);
void http_res_json(struct http_res *res, int status, struct str json);
void http_res_text(struct http_res *res, int status, struct str text);
void http_res_redirect(struct http_res *res, int status, struct str location);
/* value; then attributes as literal text, "; Path=/; HttpOnly". */
void http_res_cookie(
    struct http_res *res, struct str name, struct str value, struct str attributes);

/* RFC 9457 from the recorded failure: {type,title,status,detail,todo?,code,field?,request_id}. */
void http_res_problem(struct http_res *res, const struct ctx *cx, enum rc rc);
int http_status_of(const struct ctx *cx, enum rc rc); /* the one map from rc to HTTP */

#endif
