/* http/conn_int.h - one connection, shared by the files that walk a request through it.
 *
 *   conn.c          beginning and end, phases, deadlines, the buffer
 *   conn_request.c  from bytes to a request and to its handler
 *   conn_body.c     a body that goes to a file
 *   conn_reply.c    the reply, piece by piece, spoilt when asked for
 *   wire.c          the socket, in the clear or through TLS
 *
 * Everything here runs on the connection's loop. */
#ifndef HTTP_CONN_INT_H
#define HTTP_CONN_INT_H

#include "http/server_int.h"
#include "http/tls.h"

#define BYTES_PER_MS 64 /* what a long body or file may take at most */

/* One mover: conn_enter. */
enum phase {
	P_IDLE,   /* between two requests */
	P_HEAD,   /* part of a head is here */
	P_BODY,   /* the head was accepted, the body is coming */
	P_RUN,    /* a worker has it; nothing is read */
	P_WAIT,   /* the timer goes on with it; nothing is read */
	P_WRITE,  /* the reply did not fit into the socket at once; nothing is read */
	P_LINGER, /* the last reply is out; what still comes is dropped */
	P_CLOSED,
};

/* A piece of a file on its way, by libuv's threads. */
struct piece {
	uv_fs_t fs;
	char bytes[65536];
};

/* What is left of a reply. */
struct outgoing {
	struct str head, body;
	int64_t file_at, file_left; /* after them */
	int64_t until_ms;
	size_t step; /* the most at once; 0: all there is */
	int pause_ms;
	bool reset_after;
	int pauses; /* before it */
};

struct conn {
	uv_poll_t poll; /* of fd */
	int fd;
	int watched; /* what poll was asked to tell */
	uv_timer_t timer;
	void (*then)(struct conn *c); /* when it fires */
	int open_handles;
	struct loop *loop;
	struct conn *prev, *next;
	enum phase phase;
	bool reading; /* what comes is wanted */
	bool lent;    /* a worker or a file job has our buffers: closing waits for it */
	bool reset;   /* close with RST */
	int64_t since_ms, deadline_ms;

	char *in;                       /* NULL while idle */
	size_t in_cap, in_len, in_used; /* in_used: the most there ever was, to wipe */
	size_t scanned;
	size_t head_len;    /* the current request's head stays at the front of in */
	uint64_t body_seen; /* or bytes dropped, in P_LINGER */
	uint64_t
	    body_came; /* through TLS, which shows nothing of a record before all of it is there */
	bool body_done;
	struct str to_store; /* of the body, on its way to the file */

	bool by_proxy;     /* came in by the proxy's port */
	struct str tunnel; /* the name of its CONNECT, once there was one */
	struct tls *tls;   /* NULL: in the clear */
	struct str to_send[2];
	bool sending;      /* to_send: conn_sent will be called */
	bool blocked;      /* the socket takes no more: its poll tells when it does */
	struct late *late; /* TLS records that it did not take; NULL: none */
	bool ending;       /* after them our end of the connection is over */

	struct outgoing out;
	struct piece *piece;

	struct exchange *x;
	char peer[PEER_TEXT_MAX];
	char counted[PEER_TEXT_MAX]; /* the address whose share it is of; empty: a proxy's own */
	bool peer_is_loopback, peer_is_proxy;
};

int64_t conn_now_ms(const struct conn *c);
/* limit_ms 0: no deadline in that phase. */
void conn_enter(struct conn *c, enum phase phase, int limit_ms);
void conn_close(struct conn *c);
void conn_drop_front(struct conn *c, size_t n);
/* P_WAIT, then then(c). */
void conn_wait(struct conn *c, int ms, void (*then)(struct conn *c));
/* Where the next bytes go; 0 when the buffer is full. */
size_t conn_room(struct conn *c, char **p);
void conn_grow(struct conn *c, size_t cap);
void conn_release_buffer(struct conn *c);
void conn_took(struct conn *c, size_t n);
/* A lent buffer is back. False: the connection was closed meanwhile, nothing is left to do. */
bool conn_returned(struct conn *c);
struct piece *conn_piece(struct conn *c);
void conn_drop_piece(struct conn *c);
void conn_refuse(struct conn *c, int status, const char *code, const char *why);
/* The head was accepted, here or by a worker. */
void conn_body_begins(struct conn *c);
void conn_to_worker(struct conn *c);
bool conn_lend(struct conn *c); /* the same; false: too much is waiting */
/* Lets the handler answer the complete request. */
void conn_run(struct conn *c);
/* Goes on as long as what is here makes a whole request; nothing it calls calls it back. */
void conn_advance(struct conn *c);

/* conn_body.c */
void conn_admit(struct conn *c);    /* the head is here: the gate decides before the body */
void conn_admitted(struct conn *c); /* it did, and the file is there */
/* Takes what body_feed has decoded. */
void conn_store(struct conn *c, bool done);

/* conn_reply.c: renders and writes the exchange's reply, and what comes after it. */
void conn_reply(struct conn *c);
void conn_send_piece(struct conn *c); /* of a reply that goes on */
void conn_sent(struct conn *c);       /* a wire_write that came back with WIRE_LATER is done */

/* wire.c */
enum wire_sent {
	WIRE_ALL,
	WIRE_LATER, /* conn_sent follows; the bytes stay until then */
	WIRE_BROKEN,
};
/* Takes the socket. False: it cannot be watched, and is the caller's still. */
bool wire_open(struct conn *c, int fd);
/* From now on the connection ends when nothing is heard of its peer for half a minute, also by the
 * acknowledgement of what was sent: a machine that vanished keeps nothing. */
void wire_watch_peer(struct conn *c);
/* Closes it, with RST if c->reset, and then calls done. */
void wire_close(struct conn *c, uv_close_cb done);
enum wire_sent wire_write(struct conn *c, struct str a, struct str b);
/* A short static text between requests; closes the connection when it does not fit. */
void wire_say(struct conn *c, struct str text);
/* Reads what TLS has still to give. True: some bytes came, look again. */
bool wire_pull(struct conn *c);
void wire_read_start(struct conn *c);
void wire_read_stop(struct conn *c);
/* Our end of the connection is over; reading goes on. */
bool wire_end(struct conn *c, bool say_so);
bool wire_unsent(const struct conn *c); /* the client has not got all of it yet */
bool wire_peer_gone(const struct conn *c);

#endif
