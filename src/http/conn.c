#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn_int.h"

#define LINGER_BYTES_MAX (4u << 20)
#define BODY_RATE_MIN 500 /* bytes a second */

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

/* A body may come too slowly, and who waits may be waited for by nobody any more. */
static bool
is_restless(enum phase phase)
{
	return phase == P_BODY || phase == P_WAIT;
}

static void
note_deadline(const struct conn *c)
{
	if (c->deadline_ms < c->loop->soonest_ms)
		c->loop->soonest_ms = c->deadline_ms;
}

void
conn_enter(struct conn *c, enum phase phase, int limit_ms)
{
	c->loop->restless -= is_restless(c->phase);
	c->loop->restless += is_restless(phase);
	c->phase = phase;
	c->since_ms = conn_now_ms(c);
	c->deadline_ms = limit_ms > 0 ? c->since_ms + limit_ms : INT64_MAX;
	note_deadline(c);
}

void
conn_release_buffer(struct conn *c)
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

void
conn_grow(struct conn *c, size_t cap)
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

void
conn_drop_piece(struct conn *c)
{
	if (c->piece == NULL)
		return;
	mem_wipe(c->piece, sizeof(*c->piece));
	free(c->piece);
	c->piece = NULL;
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
	peers_leave(&l->server->peers, str_of(c->counted));
	conn_release_buffer(c);
	if (c->x != NULL) {
		frame_release(&l->server->frame, c->x);
		loop_give_back(l, c->x);
	}
	tls_free(c->tls);
	conn_drop_piece(c);
	free(c);
}

static void
close_handles(struct conn *c)
{
	uv_close((uv_handle_t *)&c->timer, on_closed);
	wire_close(c, on_closed);
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

size_t
conn_room(struct conn *c, char **p)
{
	if (c->in == NULL) {
		c->in = loop_buffer(c->loop);
		c->in_cap = BUFFER_SMALL;
	}
	if (c->in_len == c->in_cap && c->in_cap == BUFFER_SMALL && c->x == NULL)
		conn_grow(c, BUFFER_FULL);
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

static void
read_peer(struct conn *c, const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;

		inet_ntop(AF_INET, &in->sin_addr, c->peer, sizeof(c->peer));
		c->peer_is_loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)ss;

		inet_ntop(AF_INET6, &in6->sin6_addr, c->peer, sizeof(c->peer));
		c->peer_is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
}

void
conn_open(struct door *d, int fd, const struct sockaddr_storage *from)
{
	struct loop *l = d->loop;
	struct http_server *s = l->server;
	struct conn *c = mem_alloc(sizeof(*c));

	c->loop = l;
	read_peer(c, from);
	c->peer_is_proxy = forwarded_is_proxy(&s->frame.forwarded, str_of(c->peer));
	if (!c->peer_is_proxy)
		memcpy(c->counted, c->peer, sizeof(c->counted));
	if (!peers_enter(&s->peers, str_of(c->counted))) {
		close(fd);
		free(c);
		return;
	}
	if (!wire_open(c, fd)) {
		peers_leave(&s->peers, str_of(c->counted));
		close(fd);
		free(c);
		return;
	}
	uv_timer_init(&l->uv, &c->timer);
	c->open_handles = 2;
	c->timer.data = c;
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
	wire_read_start(c);
}

static bool
too_slow(const struct conn *c, int64_t at_ms)
{
	int64_t spent_ms = at_ms - c->since_ms;
	uint64_t came = c->body_came > c->body_seen ? c->body_came : c->body_seen;

	if (c->phase != P_BODY || spent_ms < c->loop->server->times.body_ms / 6)
		return false;
	return (int64_t)came * 1000 < spent_ms * BODY_RATE_MIN;
}

void
conn_tick(struct conn *c, int64_t at_ms)
{
	note_deadline(c);
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
