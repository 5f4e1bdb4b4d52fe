/* http/frame.h - what happens around every handler.
 *
 * One exchange is a request and its reply. frame_open decides from the head alone (syntax, Host,
 * route, limits); frame_run calls gate and handler, on the loop or on a worker, and turns a failure
 * into a reply; frame_log writes the access line. Knows no socket. */
#ifndef HTTP_FRAME_H
#define HTTP_FRAME_H

#include "http/forwarded.h"
#include "http/head.h"
#include "http/origin.h"
#include "http/router.h"

struct body;
struct conn;
struct loop;

struct exchange {
	struct http_req req;
	struct http_res res;
	struct ctx cx;
	struct head head;
	struct body *body;
	const struct http_asset *asset;
	bool gate_passed;
	struct http_res gate_res; /* the reply as the gate left it, for a second run */
	size_t gate_head_len;
	enum rc verdict;        /* lane BATCH: the gate's, then the handler's */
	bool begun;             /* a reply that goes on: its head is out */
	bool nudged;            /* and it is not to wait for its next piece */
	struct arena *pieces;   /* that piece's memory; NULL: none was asked for */
	bool admit;             /* a worker is to open the body's file, not to run the handler */
	int again_ms;           /* FRAME_AGAIN: when */
	int64_t again_since_ms; /* when it was first asked for */
	int64_t start_ms;
	struct conn *conn;     /* whose request this is */
	struct loop *loop;     /* where the reply is written */
	struct exchange *next; /* in a pool, a worker's queue or a loop's list */
};

/* What the frame needs to know of its server; immutable while it runs. */
struct frame {
	const struct http_site *site;
	const struct router *router;
	struct origin origin;
	struct origin tunnel; /* of requests that came through a CONNECT tunnel */
	const char *name;
	struct forwarded forwarded; /* the proxies that are believed */
};

/* Reads the raw head. True: go on with the body, of at most *body_max bytes, and frame_run; with
 * frame_admit before the body when it goes to a file. False: the reply is filled in. */
bool frame_open(const struct frame *f, struct exchange *x, struct str raw_head, uint64_t *body_max);

/* Fills in a refusal that came before or instead of a handler; the connection will close. */
void frame_refuse(struct exchange *x, int status, const char *code, const char *why);

/* The same for a body that is larger than its row allows: in the site's own shape. */
void frame_too_big(const struct frame *f, struct exchange *x, const char *why);

bool frame_body_to_file(const struct exchange *x);
/* On a worker: the gate, then the body's file. False: the reply is filled in. */
bool frame_admit(const struct frame *f, struct exchange *x);
/* The body did not fit into its file: an errno. Fills in the reply. */
void frame_body_failed(const struct frame *f, struct exchange *x, int error);
/* Lets go of what the exchange has outside its arena. */
void frame_release(const struct frame *f, struct exchange *x);

enum frame_next {
	FRAME_REPLY,     /* the reply is filled in */
	FRAME_TO_WORKER, /* call again on a worker, with may_block */
	FRAME_AGAIN,     /* call again on a worker, after x->again_ms */
};
enum frame_next frame_run(const struct frame *f, struct exchange *x, bool may_block);
/* The next piece of a reply that goes on, on a worker. */
void frame_go_on(const struct frame *f, struct exchange *x);
/* The piece that is in x->res, as it goes over the wire. */
struct str frame_piece(const struct exchange *x);
/* Lane BATCH, on its thread: gate and handler of one after the other, until one has taken long, and the
 * site settles what they did. Returns how many of xs have an outcome now, at least one. */
size_t frame_batch_run(const struct frame *f, struct exchange *const *xs, size_t count);
/* No worker is free and the queue is full. */
void frame_busy(const struct frame *f, struct exchange *x);

void frame_log(const struct frame *f, const struct exchange *x, int64_t now_ms);

#endif
