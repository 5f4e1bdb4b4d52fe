/* http/conn_int.h - one connection, shared by conn.c (reading) and conn_reply.c (writing).
 *
 * Everything here runs on the connection's loop. */
#ifndef HTTP_CONN_INT_H
#define HTTP_CONN_INT_H

#include "http/server_int.h"

/* One mover: conn_enter. */
enum phase {
	P_IDLE,   /* between two requests */
	P_HEAD,   /* part of a head is here */
	P_BODY,   /* the head was accepted, the body is coming */
	P_RUN,    /* a worker has it; nothing is read */
	P_WRITE,  /* the reply did not fit into the socket at once; nothing is read */
	P_LINGER, /* the last reply is out; what still comes is dropped */
	P_CLOSED,
};

struct conn {
	uv_tcp_t tcp;
	struct loop *loop;
	struct conn *prev, *next;
	enum phase phase;
	bool reading;
	int64_t since_ms, deadline_ms;

	char *in;                       /* NULL while idle */
	size_t in_cap, in_len, in_used; /* in_used: the most there ever was, to wipe */
	size_t scanned;
	size_t head_len;  /* the current request's head stays at the front of in */
	size_t body_seen; /* or bytes dropped, in P_LINGER */

	struct exchange *x;
	union {
		uv_write_t write;
		uv_shutdown_t shutdown;
	};
	char peer[PEER_TEXT_MAX];
	bool peer_is_loopback;
};

int64_t conn_now_ms(const struct conn *c);
/* limit_ms 0: no deadline in that phase. */
void conn_enter(struct conn *c, enum phase phase, int limit_ms);
void conn_close(struct conn *c);
void conn_read_start(struct conn *c);
void conn_read_stop(struct conn *c);
void conn_drop_front(struct conn *c, size_t n);
/* Goes on as long as what is here makes a whole request; nothing it calls calls it back. */
void conn_advance(struct conn *c);

/* conn_reply.c: renders and writes the exchange's reply, and what comes after it. */
void conn_reply(struct conn *c);

#endif
