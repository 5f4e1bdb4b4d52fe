#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn_int.h"

#define LINGER_BYTES_MAX (4u << 20)
#define BODY_RATE_MIN 500 /* bytes a second */
#define BODY_ROOM 2048    /* of the buffer, behind a head */
#define BUFFER_STREAM (HEAD_MAX + 65536)

struct conn *
conn_next(const struct conn *c)
{
	return c->next;
}

int64_t
conn_now_ms(const struct conn *c)
{
	return (int64_t)uv_now(&c->loop->uv);
}

void
conn_enter(struct conn *c, enum phase phase, int limit_ms)
{
	c->phase = phase;
	c->since_ms = conn_now_ms(c);
	c->deadline_ms = limit_ms > 0 ? c->since_ms + limit_ms : INT64_MAX;
}

static void
release_buffer(struct conn *c)
{
	if (c->in == NULL)
		return;
	if (c->in_cap == BUFFER_SMALL) {
		loop_buffer_back(c->loop, c->in, c->in_used);
	} else {
		mem_wipe(c->in, c->in_used);
		free(c->in);
	}
	c->in = NULL;
	c->in_cap = c->in_len = c->in_used = c->scanned = 0;
}

static void
grow(struct conn *c, size_t cap)
{
	char *p = mem_alloc(cap);
	size_t old_cap = c->in_cap, len = c->in_len, used = c->in_used;

	memcpy(p, c->in, len);
	if (old_cap == BUFFER_SMALL) {
		loop_buffer_back(c->loop, c->in, used);
	} else {
		mem_wipe(c->in, used);
		free(c->in);
	}
	c->in = p;
	c->in_cap = cap;
}

static void
on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct loop *l = c->loop;

	if (--c->open_handles > 0)
		return;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		l->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	l->conn_count--;
	peers_leave(&l->server->peers, str_of(c->peer));
	release_buffer(c);
	if (c->x != NULL) {
		frame_release(&l->server->frame, c->x);
		loop_give_back(l, c->x);
	}
	tls_free(c->tls);
	free(c->piece);
	free(c);
}

static void
close_handles(struct conn *c)
{
	uv_close((uv_handle_t *)&c->timer, on_closed);
	if (!c->reset || uv_tcp_close_reset(&c->tcp, on_closed) != 0)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void
conn_close(struct conn *c)
{
	if (c->phase == P_CLOSED)
		return;
	conn_enter(c, P_CLOSED, 0);
	/* Somebody still uses the buffers: conn_returned closes when they are back. */
	if (!c->lent)
		close_handles(c);
}

bool
conn_returned(struct conn *c)
{
	c->lent = false;
	if (c->phase == P_CLOSED)
		close_handles(c);
	return c->phase != P_CLOSED;
}

void
conn_drop_front(struct conn *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

struct piece *
conn_piece(struct conn *c)
{
	if (c->piece == NULL)
		c->piece = mem_alloc(sizeof(*c->piece));
	c->piece->fs.data = c;
	return c->piece;
}

static void
on_timer(uv_timer_t *timer)
{
	struct conn *c = timer->data;

	if (c->phase != P_WAIT)
		return;
	c->then(c);
	conn_advance(c);
}

void
conn_wait(struct conn *c, int ms, void (*then)(struct conn *c))
{
	wire_read_stop(c);
	conn_enter(c, P_WAIT, 0);
	c->then = then;
	uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
}

/* --- requests --- */

static void
take_exchange(struct conn *c)
{
	c->x = loop_exchange(c->loop);
	c->x->conn = c;
	c->x->req.peer = str_of(c->peer);
	c->x->req.peer_is_loopback = c->peer_is_loopback;
	c->x->req.tunnel = c->tunnel;
}

void
conn_refuse(struct conn *c, int status, const char *code, const char *why)
{
	if (c->x == NULL)
		take_exchange(c);
	frame_refuse(c->x, status, code, why);
	conn_reply(c);
}

void
conn_to_worker(struct conn *c)
{
	struct http_server *s = c->loop->server;

	/* The worker may be done before this returns, but its reply waits for this loop. */
	if (!workers_submit(&s->workers, c->x)) {
		frame_busy(&s->frame, c->x);
		conn_reply(c);
		return;
	}
	c->lent = true;
	c->loop->jobs++;
	conn_enter(c, P_RUN, 0);
	wire_read_stop(c);
}

void
conn_run(struct conn *c)
{
	if (frame_run(&c->loop->server->frame, c->x, false) == FRAME_TO_WORKER)
		conn_to_worker(c);
	else
		conn_reply(c);
}

static void
run_again(struct conn *c)
{
	struct exchange *x = c->x;

	x->req.waited_ms = conn_now_ms(c) - x->again_since_ms;
	x->cx.deadline_ms = conn_now_ms(c) + c->loop->server->times.reply_ms;
	conn_to_worker(c);
}

void
conn_answered(struct exchange *x)
{
	struct conn *c = x->conn;

	if (!conn_returned(c))
		return;
	if (x->again_ms > 0) {
		if (x->again_since_ms == 0)
			x->again_since_ms = conn_now_ms(c);
		conn_wait(c, x->again_ms, run_again);
		return;
	}
	conn_enter(c, P_WRITE, c->loop->server->times.reply_ms); /* the buffers are ours again */
	if (x->admit) {
		x->admit = false;
		conn_admitted(c);
	} else {
		conn_reply(c);
	}
	conn_advance(c);
}

/* The raw head, and for a body that goes to a file the room it needs: slices will point here. */
static bool
open_frame(struct conn *c, uint64_t *body_max)
{
	const struct frame *f = &c->loop->server->frame;

	if (!frame_open(f, c->x, (struct str){ c->in, c->head_len }, body_max))
		return false;
	if (!frame_body_to_file(c->x) || c->in_cap == BUFFER_STREAM)
		return true;
	grow(c, BUFFER_STREAM);
	return frame_open(f, c->x, (struct str){ c->in, c->head_len }, body_max);
}

static void
open_request(struct conn *c)
{
	struct exchange *x;
	struct body_plan plan;
	bool to_file;

	take_exchange(c);
	x = c->x;
	if (!open_frame(c, &plan.max)) {
		conn_reply(c);
		return;
	}
	to_file = frame_body_to_file(x);
	plan.chunked = x->head.chunked;
	plan.length = x->head.content_length;
	plan.keep = to_file ? BUFFER_STREAM : (size_t)plan.max;
	if (!body_start(x->body, (struct str){ c->in, c->head_len }, &plan)) {
		conn_refuse(
		    c, 400, "bad-request", "The head of the request can be read in two ways.");
		return;
	}
	c->body_done = !plan.chunked && plan.length == 0;
	if (to_file)
		conn_admit(c);
	else if (c->body_done)
		conn_run(c);
	else
		conn_body_begins(c);
}

void
conn_body_begins(struct conn *c)
{
	struct exchange *x = c->x;

	c->body_seen = 0;
	conn_enter(c, P_BODY, c->loop->server->times.body_ms);
	c->deadline_ms += (int64_t)(x->head.content_length / BYTES_PER_MS);
	if (x->head.expect_continue && c->in_len == c->head_len)
		wire_say(c, S("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* The proxy's port: a CONNECT, then TLS. */
static void
open_tunnel(struct conn *c)
{
	struct http_server *s = c->loop->server;
	struct str name;

	take_exchange(c);
	name = proxy_accept(
	    &s->proxy, c->x, (struct str){ c->in, c->head_len }, c->in_len > c->head_len);
	if (name.len == 0) {
		conn_reply(c);
		return;
	}
	frame_log(&s->frame, c->x, conn_now_ms(c));
	loop_give_back(c->loop, c->x);
	c->x = NULL;
	conn_drop_front(c, c->head_len);
	c->head_len = c->scanned = 0;
	conn_enter(c, P_IDLE, s->times.head_ms);
	wire_say(c, S("HTTP/1.1 200 Connection Established\r\n\r\n"));
	c->tunnel = name;
	c->tls = tls_new(s->proxy.tls);
}

static void
step_head(struct conn *c)
{
	/* RFC 9112 section 2.2: one empty line before a request is forgiven. */
	if (c->scanned == 0 && c->in_len >= 2 && memcmp(c->in, "\r\n", 2) == 0 &&
	    c->phase == P_IDLE)
		conn_drop_front(c, 2);
	if (c->phase == P_IDLE && c->in_len > 0) {
		c->phase = P_HEAD;
		c->since_ms = conn_now_ms(c);
		c->deadline_ms = c->since_ms + c->loop->server->times.head_ms;
	}
	switch (head_find_end((struct str){ c->in, c->in_len }, &c->scanned, &c->head_len)) {
	case HEAD_COMPLETE:
		/* From here on slices point into the buffer: it must have room for the body now. */
		if (c->in_cap - c->head_len < BODY_ROOM)
			grow(c, BUFFER_FULL);
		if (c->by_proxy && c->tls == NULL)
			open_tunnel(c);
		else
			open_request(c);
		break;
	case HEAD_BAD_LINE:
		conn_refuse(c, 400, "bad-request",
		    "A line of the head does not end with CR LF, or holds one of them.");
		break;
	case HEAD_TARGET_TOO_LONG:
		conn_refuse(c, 414, "uri-too-long", "The address is longer than 8 KiB.");
		break;
	case HEAD_TOO_LONG:
		conn_refuse(c, 431, "head-too-large", "The head of the request is too large.");
		break;
	case HEAD_PARTIAL:
		break;
	}
}

static void
step_body(struct conn *c)
{
	struct exchange *x = c->x;
	struct str fresh = { c->in + c->head_len, c->in_len - c->head_len };
	size_t used = 0;
	enum body_step step = body_feed(x->body, fresh, &used);

	c->body_seen += used;
	mem_wipe(c->in + c->head_len, used);
	memmove(c->in + c->head_len, c->in + c->head_len + used, fresh.len - used);
	c->in_len -= used;
	if (x->head.chunked)
		c->deadline_ms += (int64_t)(c->body_seen / BYTES_PER_MS) -
		    (int64_t)((c->body_seen - used) / BYTES_PER_MS);
	if (frame_body_to_file(x) && (step == BODY_DONE || step == BODY_MORE)) {
		conn_store(c, step == BODY_DONE);
		return;
	}
	switch (step) {
	case BODY_DONE:
		x->req.body = body_bytes(x->body);
		x->req.body_len = (int64_t)x->req.body.len;
		conn_run(c);
		break;
	case BODY_BAD:
		conn_refuse(c, 400, "bad-request", "The body's framing is broken.");
		break;
	case BODY_TOOBIG:
		conn_refuse(c, 413, "too-large", "The body is larger than allowed here.");
		break;
	case BODY_MORE:
		break;
	}
}

static bool
reads(const struct conn *c)
{
	return c->phase == P_IDLE || c->phase == P_HEAD || (c->phase == P_BODY && !c->lent);
}

void
conn_advance(struct conn *c)
{
	for (;;) {
		enum phase before = c->phase;
		size_t len = c->in_len;

		if (c->in_len > 0 && (c->phase == P_IDLE || c->phase == P_HEAD))
			step_head(c);
		else if (c->phase == P_BODY && c->in_len > c->head_len && !c->lent)
			step_body(c);
		if (c->phase == before && c->in_len == len && !(reads(c) && wire_pull(c)))
			break;
	}
	if (reads(c)) {
		if (c->loop->stopping && c->phase == P_IDLE)
			conn_close(c);
		else
			wire_read_start(c);
	}
	if (c->in_len == 0 && c->phase == P_IDLE)
		release_buffer(c);
}

/* --- reading --- */

size_t
conn_room(struct conn *c, char **p)
{
	if (c->in == NULL) {
		c->in = loop_buffer(c->loop);
		c->in_cap = BUFFER_SMALL;
	}
	if (c->in_len == c->in_cap && c->in_cap == BUFFER_SMALL && c->x == NULL)
		grow(c, BUFFER_FULL);
	*p = c->in + c->in_len;
	return c->in_cap - c->in_len;
}

void
conn_took(struct conn *c, size_t n)
{
	if (c->phase == P_LINGER) {
		c->body_seen += n;
		if (c->in != NULL)
			c->in_used = c->in_cap; /* what was dropped may be secret too */
		if (c->body_seen > LINGER_BYTES_MAX)
			conn_close(c);
		return;
	}
	if (c->in_len + n > c->in_used)
		c->in_used = c->in_len + n;
	c->in_len += n;
}

/* --- beginning and end --- */

static void
read_peer(struct conn *c, int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	getpeername(fd, (struct sockaddr *)&ss, &len);
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&ss;

		inet_ntop(AF_INET, &in->sin_addr, c->peer, sizeof(c->peer));
		c->peer_is_loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	} else if (ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&ss;

		inet_ntop(AF_INET6, &in6->sin6_addr, c->peer, sizeof(c->peer));
		c->peer_is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
}

void
conn_open(struct door *d, int fd)
{
	struct loop *l = d->loop;
	struct http_server *s = l->server;
	struct conn *c = mem_alloc(sizeof(*c));

	c->loop = l;
	read_peer(c, fd);
	if (!peers_enter(&s->peers, str_of(c->peer))) {
		close(fd);
		free(c);
		return;
	}
	uv_tcp_init(&l->uv, &c->tcp);
	uv_timer_init(&l->uv, &c->timer);
	c->open_handles = 2;
	c->tcp.data = c->timer.data = c;
	c->by_proxy = d->is_proxy;
	if (!c->by_proxy && s->tls != NULL)
		c->tls = tls_new(s->tls);
	c->next = l->conns;
	if (c->next != NULL)
		c->next->prev = c;
	l->conns = c;
	l->conn_count++;
	loop_start_tick(l);
	conn_enter(c, P_IDLE, s->times.head_ms);
	if (uv_tcp_open(&c->tcp, fd) != 0) {
		close(fd);
		conn_close(c);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	wire_read_start(c);
}

static bool
too_slow(const struct conn *c, int64_t at_ms)
{
	int64_t spent_ms = at_ms - c->since_ms;

	if (c->phase != P_BODY || spent_ms < c->loop->server->times.body_ms / 6)
		return false;
	return (int64_t)c->body_seen * 1000 < spent_ms * BODY_RATE_MIN;
}

void
conn_tick(struct conn *c, int64_t at_ms)
{
	if (c->phase == P_WAIT && wire_peer_gone(c))
		conn_close(c);
	if (c->lent)
		return;
	if (at_ms < c->deadline_ms && !too_slow(c, at_ms))
		return;
	if (c->phase == P_HEAD || c->phase == P_BODY)
		conn_refuse(c, 408, "request-timeout", "The request did not arrive in time.");
	else
		conn_close(c);
}

void
conn_stop(struct conn *c, bool force)
{
	if (force || c->phase == P_IDLE || c->phase == P_HEAD || c->phase == P_WAIT)
		conn_close(c);
	else
		conn_tick(c, conn_now_ms(c));
}
