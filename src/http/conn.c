#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn_int.h"

#define LINGER_BYTES_MAX (4u << 20)
#define BODY_RATE_MIN 500 /* bytes a second */
#define BODY_ROOM 2048    /* of the buffer, behind a head */

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
grow(struct conn *c)
{
	char *p = mem_alloc(BUFFER_FULL);

	memcpy(p, c->in, c->in_len);
	loop_buffer_back(c->loop, c->in, c->in_used);
	c->in = p;
	c->in_cap = BUFFER_FULL;
}

static void
on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct loop *l = c->loop;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		l->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	l->conn_count--;
	peers_leave(&l->server->peers, str_of(c->peer));
	release_buffer(c);
	if (c->x != NULL)
		loop_give_back(l, c->x);
	free(c);
}

void
conn_close(struct conn *c)
{
	bool with_worker = c->phase == P_RUN;

	if (c->phase == P_CLOSED)
		return;
	conn_enter(c, P_CLOSED, 0);
	/* A worker still reads the buffers: conn_answered closes when it is back. */
	if (!with_worker)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void
conn_drop_front(struct conn *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

void
conn_read_start(struct conn *c)
{
	if (!c->reading)
		c->reading = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0;
}

void
conn_read_stop(struct conn *c)
{
	if (c->reading)
		uv_read_stop((uv_stream_t *)&c->tcp);
	c->reading = false;
}

/* --- requests --- */

static void
take_exchange(struct conn *c)
{
	c->x = loop_exchange(c->loop);
	c->x->conn = c;
	c->x->req.peer = str_of(c->peer);
	c->x->req.peer_is_loopback = c->peer_is_loopback;
}

static void
refuse(struct conn *c, int status, const char *code, const char *why)
{
	if (c->x == NULL)
		take_exchange(c);
	frame_refuse(c->x, status, code, why);
	conn_reply(c);
}

static void
run(struct conn *c)
{
	struct http_server *s = c->loop->server;

	if (frame_run(&s->frame, c->x, false) == FRAME_TO_WORKER) {
		/* The worker may be done before this returns, but its reply waits for this loop. */
		if (workers_submit(&s->workers, c->x)) {
			c->loop->jobs++;
			conn_enter(c, P_RUN, 0);
			conn_read_stop(c);
			return;
		}
		frame_busy(&s->frame, c->x);
	}
	conn_reply(c);
}

void
conn_answered(struct exchange *x)
{
	struct conn *c = x->conn;

	if (c->phase == P_CLOSED) {
		uv_close((uv_handle_t *)&c->tcp, on_closed);
		return;
	}
	conn_enter(c, P_WRITE, c->loop->server->times.reply_ms); /* the buffers are ours again */
	conn_reply(c);
	conn_advance(c);
}

static void
send_continue(struct conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)line, sizeof(line) - 1);

	/* A socket that cannot take 25 bytes now has a client that does not read. */
	if (uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) != (int)buf.len)
		conn_close(c);
}

static void
open_request(struct conn *c)
{
	struct exchange *x;
	uint64_t body_max;

	take_exchange(c);
	x = c->x;
	if (!frame_open(
		&c->loop->server->frame, x, (struct str){ c->in, c->head_len }, &body_max)) {
		conn_reply(c);
		return;
	}
	if (!body_start(x->body, (struct str){ c->in, c->head_len }, x->head.chunked,
		x->head.content_length, body_max)) {
		refuse(c, 400, "bad-request", "The head of the request can be read in two ways.");
		return;
	}
	if (!x->head.chunked && x->head.content_length == 0) {
		run(c);
		return;
	}
	c->body_seen = 0;
	conn_enter(c, P_BODY, c->loop->server->times.body_ms);
	if (x->head.expect_continue && c->in_len == c->head_len)
		send_continue(c);
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
			grow(c);
		open_request(c);
		break;
	case HEAD_BAD_LINE:
		refuse(c, 400, "bad-request",
		    "A line of the head does not end with CR LF, or holds one of them.");
		break;
	case HEAD_TARGET_TOO_LONG:
		refuse(c, 414, "uri-too-long", "The address is longer than 8 KiB.");
		break;
	case HEAD_TOO_LONG:
		refuse(c, 431, "head-too-large", "The head of the request is too large.");
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
	switch (step) {
	case BODY_DONE:
		x->req.body = body_bytes(x->body);
		run(c);
		break;
	case BODY_BAD:
		refuse(c, 400, "bad-request", "The body's framing is broken.");
		break;
	case BODY_TOOBIG:
		refuse(c, 413, "too-large", "The body is larger than allowed here.");
		break;
	case BODY_MORE:
		break;
	}
}

void
conn_advance(struct conn *c)
{
	for (;;) {
		enum phase before = c->phase;
		size_t len = c->in_len;

		if (c->in_len > 0 && (c->phase == P_IDLE || c->phase == P_HEAD))
			step_head(c);
		else if (c->phase == P_BODY && c->in_len > c->head_len)
			step_body(c);
		if (c->phase == before && c->in_len == len)
			break;
	}
	if (c->phase == P_IDLE || c->phase == P_HEAD || c->phase == P_BODY) {
		if (c->loop->stopping && c->phase == P_IDLE)
			conn_close(c);
		else
			conn_read_start(c);
	}
	if (c->in_len == 0 && c->phase == P_IDLE)
		release_buffer(c);
}

/* --- reading --- */

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = handle->data;

	(void)suggested;
	if (c->in == NULL) {
		c->in = loop_buffer(c->loop);
		c->in_cap = BUFFER_SMALL;
	}
	if (c->in_len == c->in_cap && c->in_cap == BUFFER_SMALL && c->x == NULL)
		grow(c);
	*buf = uv_buf_init(c->in + c->in_len, (unsigned)(c->in_cap - c->in_len));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	(void)buf;
	if (n == 0)
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	if (c->in_len + (size_t)n > c->in_used)
		c->in_used = c->in_len + (size_t)n;
	if (c->phase == P_LINGER) {
		c->body_seen += (size_t)n;
		if (c->body_seen > LINGER_BYTES_MAX)
			conn_close(c);
		return;
	}
	c->in_len += (size_t)n;
	conn_advance(c);
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
conn_open(struct loop *l, int fd)
{
	struct conn *c = mem_alloc(sizeof(*c));

	c->loop = l;
	read_peer(c, fd);
	if (!peers_enter(&l->server->peers, str_of(c->peer))) {
		close(fd);
		free(c);
		return;
	}
	uv_tcp_init(&l->uv, &c->tcp);
	c->tcp.data = c;
	c->next = l->conns;
	if (c->next != NULL)
		c->next->prev = c;
	l->conns = c;
	l->conn_count++;
	loop_start_tick(l);
	conn_enter(c, P_IDLE, l->server->times.head_ms);
	if (uv_tcp_open(&c->tcp, fd) != 0) {
		close(fd);
		conn_close(c);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	conn_read_start(c);
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
	if (at_ms < c->deadline_ms && !too_slow(c, at_ms))
		return;
	if (c->phase == P_HEAD || c->phase == P_BODY)
		refuse(c, 408, "request-timeout", "The request did not arrive in time.");
	else
		conn_close(c);
}

void
conn_stop(struct conn *c, bool force)
{
	if (force || c->phase == P_IDLE || c->phase == P_HEAD)
		conn_close(c);
	else
		conn_tick(c, conn_now_ms(c));
}
