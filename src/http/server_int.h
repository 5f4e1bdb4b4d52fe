/* http/server_int.h - what the server's own files share. Nobody else includes it.
 *
 * A struct loop and its connections belong to its thread. Shared between threads are only: the
 * address counts (their lock), the worker queue (its lock), each loop's list of finished exchanges
 * (its lock) and a few atomics. */
#ifndef HTTP_SERVER_INT_H
#define HTTP_SERVER_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "http/body.h"
#include "http/frame.h"
#include "http/proxy.h"
#include "http/reply.h"
#include "http/server.h"

#define LOOPS_MAX 16
#define WORKERS_MAX 64
#define PEER_TEXT_MAX 48

struct map;

/* peers.c: how many connections there are, in all and per address. The empty address is of nobody: it counts
 * in all, and has no share. */
struct peers {
	pthread_mutex_t lock;
	struct map *counts; /* address -> count */
	_Atomic size_t total;
	size_t max, max_per_address;
};

void peers_init(struct peers *p, size_t max);
void peers_end(struct peers *p);
bool peers_full(const struct peers *p);
bool peers_enter(struct peers *p, struct str address); /* false: that address has its share */
/* A connection turns out to be of another address. False: that one has its share, and nothing changed. */
bool peers_move(struct peers *p, struct str from, struct str to);
void peers_leave(struct peers *p, struct str address);

/* worker.c: threads that run what may block; and the one that runs lane BATCH. */
struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct exchange *first, **last;
	size_t waiting;
	bool stopping;
	pthread_t threads[WORKERS_MAX];
	int count;
};

struct http_server;

void workers_init(struct workers *w);
MUST enum rc workers_start(struct ctx *cx, struct http_server *s, int count);
MUST enum rc batch_start(struct ctx *cx, struct http_server *s);
/* Takes a list; what does not fit any more is returned. */
struct exchange *workers_submit(struct workers *w, struct exchange *list);
void workers_stop(struct workers *w); /* after the last exchange */

/* listen.c */
MUST enum rc listen_open(struct ctx *cx, struct str host, int *port, int count, int *fds);

/* A listening socket of a loop. */
struct door {
	struct loop *loop;
	int fd; /* -1: closed */
	uv_poll_t poll;
	bool accepting;
	bool is_proxy;
};

#define DOORS 2 /* the site's; the proxy's, when there is one */

struct loop {
	struct http_server *server;
	pthread_t thread;
	bool started;
	uv_loop_t uv;
	struct door doors[DOORS];
	uv_timer_t tick;
	bool ticking;
	uv_async_t wake;
	uv_prepare_t before_wait;
	struct exchange *gathered, **gathered_last; /* for lane BATCH, handed over before we wait */

	struct conn *conns;      /* all of this loop's */
	size_t conn_count, jobs; /* jobs: exchanges that a worker has */
	int64_t soonest_ms;      /* no connection's deadline is before */
	size_t restless;         /* those in a phase that each tick looks at */
	bool stopping;
	int64_t stop_by_ms;

	_Atomic bool nudged; /* the replies that go on */

	pthread_mutex_t lock; /* finished */
	struct exchange *finished;

	struct exchange *free_exchanges;
	size_t free_count;
	char *free_buffers[64];
	size_t free_buffer_count;

	int64_t date_s;
	char date[REPLY_DATE_LEN + 1];
	unsigned char random[640];
	size_t random_left;
	char records[65536]; /* what was read for TLS, on its way there */
};

struct times {
	int head_ms, body_ms, reply_ms, idle_ms, linger_ms, tick_ms;
};

struct http_server {
	struct arena *arena;
	struct frame frame;
	struct times times;
	const struct clock *clock;
	struct tls_rules *tls; /* NULL: plain */
	struct proxy proxy;
	struct str constant_head;
	int port;
	struct loop loops[LOOPS_MAX];
	int loop_count, worker_count;
	struct workers workers, batch;
	struct peers peers;
	_Atomic bool stopping;
	_Atomic int64_t stop_by_ms;
	bool running;
	pthread_mutex_t nudging; /* a loop that is nudged has not ended */
};

/* loop.c */
MUST enum rc loop_init(struct ctx *cx, struct loop *l); /* its doors have their fd */
void loop_end(struct loop *l);                          /* after its thread */
void *loop_main(void *arg);
void loop_start_tick(struct loop *l);
struct exchange *loop_exchange(struct loop *l); /* with a fresh context */
void loop_give_back(struct loop *l, struct exchange *x);
char *loop_buffer(struct loop *l); /* BUFFER_SMALL bytes */
void loop_buffer_back(struct loop *l, char *p, size_t used);
struct str loop_date(struct loop *l);
void loop_gather(struct loop *l, struct exchange *x);      /* for lane BATCH */
void loop_finished(struct loop *l, struct exchange *list); /* from another thread; last one first */

#define BUFFER_SMALL 8192
#define BUFFER_FULL (HEAD_MAX + 8192)

/* conn.c */
void conn_open(struct door *d, int fd, const struct sockaddr_storage *from);
void conn_answered(struct exchange *x);         /* a worker has filled in the reply */
void conn_not_taken(struct exchange *x);        /* too much is waiting */
void conn_tick(struct conn *c, int64_t now_ms); /* looks at its deadline */
void conn_stop(struct conn *c, bool force);     /* the server stops */
void conn_nudge(struct conn *c);
struct conn *conn_next(const struct conn *c);

#endif
