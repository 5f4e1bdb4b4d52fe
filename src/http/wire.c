#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/conn_int.h"

#define PEER_GONE_MS 30000

/* libuv watches the socket; it is read and written here, with recv and send, which cost the kernel less
 * than the read and write of libuv's streams, and libuv nothing. */

#define READS_MAX 32 /* of one connection, before others have their turn */
#define RECORDS_AT_ONCE 65536
#define RECORD_CLEAR 16384

/* TLS records that the socket did not take at once. */
struct late {
	size_t at, len; /* up to at they are sent */
	char bytes[];
};

static void on_ready(uv_poll_t *poll, int status, int events);

/* Asks for what is wanted, if something else was asked for: that is two system calls. */
static void
watch(struct conn *c)
{
	int events = (c->reading ? UV_READABLE : 0) | (c->blocked ? UV_WRITABLE : 0);

	if (events == c->watched)
		return;
	c->watched = events;
	if (events == 0)
		uv_poll_stop(&c->poll);
	else if (uv_poll_start(&c->poll, events, on_ready) != 0)
		abort(); /* only for a handle that is closing */
}

static void
wait_until_writable(struct conn *c)
{
	c->blocked = true;
	watch(c);
}

/* How much the socket took; -1: it is broken. */
static ssize_t
put(struct conn *c, struct str a, struct str b)
{
	struct iovec parts[2] = {
		{ (void *)(uintptr_t)a.p, a.len },
		{ (void *)(uintptr_t)b.p, b.len },
	};
	struct msghdr both = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (a.len == 0)
		a = b;
	do {
		n = a.p == b.p || b.len == 0 ? send(c->fd, a.p, a.len, MSG_NOSIGNAL)
					     : sendmsg(c->fd, &both, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return n;
}

static void
take(struct conn *c, size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t here = n < c->to_send[i].len ? n : c->to_send[i].len;

		c->to_send[i] = str_sub(c->to_send[i], here, c->to_send[i].len);
		n -= here;
	}
}

static bool
all_taken(const struct conn *c)
{
	return c->to_send[0].len + c->to_send[1].len == 0;
}

/* --- in the clear --- */

static enum wire_sent
send_clear(struct conn *c)
{
	ssize_t n = all_taken(c) ? 0 : put(c, c->to_send[0], c->to_send[1]);

	if (n < 0)
		return WIRE_BROKEN;
	take(c, (size_t)n);
	if (all_taken(c))
		return WIRE_ALL;
	wait_until_writable(c);
	return WIRE_LATER;
}

/* --- through TLS --- */

static void
keep_late(struct conn *c, struct str rest)
{
	c->late = mem_alloc(sizeof(*c->late) + rest.len);
	c->late->len = rest.len;
	memcpy(c->late->bytes, rest.p, rest.len);
	c->reading = false; /* what TLS wants to say must not pile up */
	wait_until_writable(c);
}

static enum wire_sent
send_late(struct conn *c)
{
	struct late *late = c->late;
	ssize_t n = put(c, (struct str){ late->bytes + late->at, late->len - late->at }, S(""));

	if (n < 0)
		return WIRE_BROKEN;
	late->at += (size_t)n;
	if (late->at < late->len) {
		wait_until_writable(c);
		return WIRE_LATER;
	}
	free(late);
	c->late = NULL;
	if (c->ending && shutdown(c->fd, SHUT_WR) != 0)
		return WIRE_BROKEN;
	return WIRE_ALL;
}

static enum wire_sent
flush(struct conn *c)
{
	struct str records = tls_to_send(c->tls);
	ssize_t n;

	if (c->late != NULL)
		return WIRE_LATER;
	if (records.len == 0)
		return WIRE_ALL;
	n = put(c, records, S(""));
	if (n < 0)
		return WIRE_BROKEN;
	if ((size_t)n < records.len)
		keep_late(c, str_sub(records, (size_t)n, records.len));
	tls_sent(c->tls);
	return c->late != NULL ? WIRE_LATER : WIRE_ALL;
}

static enum wire_sent
send_records(struct conn *c)
{
	while (c->late == NULL && !all_taken(c)) {
		while (!all_taken(c) && tls_to_send(c->tls).len < RECORDS_AT_ONCE) {
			struct str *s = &c->to_send[c->to_send[0].len > 0 ? 0 : 1];
			struct str clear = str_sub(*s, 0, RECORD_CLEAR);

			if (!tls_write(c->tls, clear))
				return WIRE_BROKEN;
			take(c, clear.len);
		}
		if (flush(c) == WIRE_BROKEN)
			return WIRE_BROKEN;
	}
	return flush(c);
}

bool
wire_pull(struct conn *c)
{
	char *p;
	size_t room, n;
	enum tls_step step;

	if (c->tls == NULL || c->late != NULL || c->phase == P_CLOSED)
		return false;
	room = conn_room(c, &p);
	if (room == 0)
		return false;
	step = tls_read(c->tls, p, room, &n);
	if (step == TLS_READ)
		conn_took(c, n);
	if (flush(c) == WIRE_BROKEN || step == TLS_BAD || step == TLS_END)
		conn_close(c);
	return step == TLS_READ && c->phase != P_CLOSED;
}

/* --- both --- */

enum wire_sent
wire_write(struct conn *c, struct str a, struct str b)
{
	enum wire_sent sent;

	c->to_send[0] = a;
	c->to_send[1] = b;
	sent = c->tls != NULL ? send_records(c) : send_clear(c);
	c->sending = sent == WIRE_LATER;
	return sent;
}

/* The socket takes bytes again. */
static void
write_on(struct conn *c)
{
	enum wire_sent sent;

	c->blocked = false;
	sent = c->late != NULL ? send_late(c) : WIRE_ALL;
	if (sent == WIRE_ALL)
		sent = c->tls != NULL ? send_records(c) : send_clear(c);
	if (sent == WIRE_BROKEN) {
		conn_close(c);
	} else if (sent == WIRE_ALL && c->sending) {
		c->sending = false;
		conn_sent(c);
	} else if (sent == WIRE_ALL) {
		if (c->phase == P_LINGER)
			wire_read_start(c);
		conn_advance(c);
	}
	if (c->phase != P_CLOSED)
		watch(c);
}

void
wire_say(struct conn *c, struct str text)
{
	if (c->tls != NULL) {
		if (!tls_write(c->tls, text) || flush(c) == WIRE_BROKEN)
			conn_close(c);
		return;
	}
	/* A socket that cannot take so little now has a client that does not read. */
	if (put(c, text, S("")) != (ssize_t)text.len)
		conn_close(c);
}

/* False: nothing more will come, now or at all. */
static bool
read_once(struct conn *c)
{
	char *p = c->loop->records;
	size_t room = sizeof(c->loop->records);
	ssize_t n;

	if (c->tls == NULL)
		room = conn_room(c, &p);
	n = recv(c->fd, p, room, 0);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	/* The last records are for whoever has ended its own side, too. */
	if (n == 0 && c->phase == P_LINGER && c->late != NULL) {
		wire_read_stop(c);
		return false;
	}
	if (n <= 0) {
		conn_close(c);
		return false;
	}
	if (c->tls == NULL || c->phase == P_LINGER) {
		conn_took(c, (size_t)n);
	} else {
		c->body_came += (size_t)n;
		tls_feed(c->tls, (struct str){ p, (size_t)n });
	}
	conn_advance(c);
	return (size_t)n == room;
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;

	if (c->phase == P_CLOSED || status < 0) {
		uv_poll_stop(poll); /* its buffers are lent: it is closed when they are back */
		c->watched = 0;
		conn_close(c);
		return;
	}
	if ((events & UV_WRITABLE) != 0 && c->blocked)
		write_on(c);
	if ((events & UV_READABLE) == 0 || c->phase == P_CLOSED)
		return;
	if (!c->reading)
		watch(c);
	for (int i = 0; i < READS_MAX && c->reading && c->phase != P_CLOSED; i++) {
		if (!read_once(c))
			break;
	}
}

void
wire_read_start(struct conn *c)
{
	/* What is dropped makes TLS say nothing. */
	if (c->late != NULL && c->phase != P_LINGER)
		return;
	c->reading = true;
	watch(c);
}

/* If nothing comes meanwhile, as is usual, libuv and the kernel need not hear of it. */
void
wire_read_stop(struct conn *c)
{
	c->reading = false;
}

bool
wire_open(struct conn *c, int fd)
{
	if (uv_poll_init(&c->loop->uv, &c->poll, fd) != 0)
		return false;
	c->poll.data = c;
	c->fd = fd;
	return true;
}

void
wire_watch_peer(struct conn *c)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_GONE_MS },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, PEER_GONE_MS / 2000 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, PEER_GONE_MS / 6000 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(c->fd, options[i].level, options[i].name, &options[i].value,
		    sizeof(options[i].value));
}

void
wire_close(struct conn *c, uv_close_cb done)
{
	struct linger at_once = { .l_onoff = 1 };

	if (c->reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	uv_close((uv_handle_t *)&c->poll, done);
	close(c->fd);
	free(c->late);
	c->late = NULL;
}

bool
wire_end(struct conn *c, bool say_so)
{
	if (c->tls != NULL && say_so) {
		tls_say_end(c->tls);
		if (flush(c) == WIRE_BROKEN)
			return false;
	}
	c->ending = c->late != NULL;
	return c->ending || shutdown(c->fd, SHUT_WR) == 0;
}

bool
wire_unsent(const struct conn *c)
{
	int bytes = 0;

	return ioctl(c->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* Asks the kernel, since nothing is read while a reply is waited for. */
bool
wire_peer_gone(const struct conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return true;
	return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_CLOSE;
}
