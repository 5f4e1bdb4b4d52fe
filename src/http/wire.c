#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "http/conn_int.h"

#define RECORDS_AT_ONCE 65536
#define RECORD_CLEAR 16384

/* TLS records that the socket did not take at once. */
struct late {
	uv_write_t write;
	char bytes[];
};

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

static void
done(struct conn *c)
{
	c->sending = false;
	conn_sent(c);
}

/* --- in the clear --- */

static void
on_written(uv_write_t *req, int status)
{
	struct conn *c = req->handle->data;

	if (c->phase == P_CLOSED)
		return;
	if (status == 0)
		done(c);
	else
		conn_close(c);
}

static unsigned
fill(const struct conn *c, uv_buf_t bufs[2])
{
	unsigned n = 0;

	for (int i = 0; i < 2; i++) {
		struct str s = c->to_send[i];

		if (s.len > 0)
			bufs[n++] = uv_buf_init((char *)(uintptr_t)s.p, (unsigned)s.len);
	}
	return n;
}

static enum wire_sent
send_clear(struct conn *c)
{
	uv_buf_t bufs[2];
	unsigned count = fill(c, bufs);
	int n = count > 0 ? uv_try_write((uv_stream_t *)&c->tcp, bufs, count) : 0;

	if (n < 0 && n != UV_EAGAIN)
		return WIRE_BROKEN;
	take(c, n > 0 ? (size_t)n : 0);
	if (all_taken(c))
		return WIRE_ALL;
	count = fill(c, bufs);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, bufs, count, on_written) != 0)
		return WIRE_BROKEN;
	return WIRE_LATER;
}

/* --- through TLS --- */

static enum wire_sent send_records(struct conn *c);

static void
on_late_written(uv_write_t *req, int status)
{
	struct conn *c = req->handle->data;
	enum wire_sent sent;

	free(req->data);
	c->flushing = false;
	if (c->phase == P_CLOSED)
		return;
	sent = status == 0 ? send_records(c) : WIRE_BROKEN;
	if (sent == WIRE_BROKEN)
		conn_close(c);
	else if (sent == WIRE_ALL && c->sending)
		done(c);
	else if (sent == WIRE_ALL)
		conn_advance(c);
}

static enum wire_sent
send_late(struct conn *c, struct str rest)
{
	struct late *late = mem_alloc(sizeof(*late) + rest.len);
	uv_buf_t buf = uv_buf_init(late->bytes, (unsigned)rest.len);

	memcpy(late->bytes, rest.p, rest.len);
	late->write.data = late;
	tls_sent(c->tls);
	if (uv_write(&late->write, (uv_stream_t *)&c->tcp, &buf, 1, on_late_written) != 0) {
		free(late);
		return WIRE_BROKEN;
	}
	c->flushing = true;
	wire_read_stop(c); /* what TLS wants to say must not pile up */
	return WIRE_LATER;
}

static enum wire_sent
flush(struct conn *c)
{
	struct str records = tls_to_send(c->tls);
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)records.p, (unsigned)records.len);
	int n;

	if (c->flushing)
		return WIRE_LATER;
	if (records.len == 0)
		return WIRE_ALL;
	n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
	if (n < 0 && n != UV_EAGAIN)
		return WIRE_BROKEN;
	if (n < (int)records.len)
		return send_late(c, str_sub(records, n > 0 ? (size_t)n : 0, records.len));
	tls_sent(c->tls);
	return WIRE_ALL;
}

static enum wire_sent
send_records(struct conn *c)
{
	while (!c->flushing && !all_taken(c)) {
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

	if (c->tls == NULL || c->flushing || c->phase == P_CLOSED)
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

void
wire_say(struct conn *c, struct str text)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text.p, (unsigned)text.len);

	if (c->tls != NULL) {
		if (!tls_write(c->tls, text) || flush(c) == WIRE_BROKEN)
			conn_close(c);
		return;
	}
	/* A socket that cannot take so little now has a client that does not read. */
	if (uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) != (int)buf.len)
		conn_close(c);
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = handle->data;
	char *p = c->loop->records;
	size_t room = sizeof(c->loop->records);

	(void)suggested;
	if (c->tls == NULL)
		room = conn_room(c, &p);
	*buf = uv_buf_init(p, (unsigned)room);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n < 0)
		conn_close(c);
	if (n <= 0)
		return;
	if (c->tls == NULL || c->phase == P_LINGER)
		conn_took(c, (size_t)n);
	else
		tls_feed(c->tls, (struct str){ buf->base, (size_t)n });
	conn_advance(c);
}

void
wire_read_start(struct conn *c)
{
	if (!c->reading && !c->flushing)
		c->reading = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0;
}

void
wire_read_stop(struct conn *c)
{
	if (c->reading)
		uv_read_stop((uv_stream_t *)&c->tcp);
	c->reading = false;
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

bool
wire_end(struct conn *c, bool say_so)
{
	if (c->tls != NULL && say_so) {
		tls_say_end(c->tls);
		if (flush(c) == WIRE_BROKEN)
			return false;
	}
	return uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) == 0;
}

bool
wire_unsent(const struct conn *c)
{
	uv_os_fd_t fd;
	int bytes = 0;

	return uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 &&
	    ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* Asks the kernel, since nothing is read while a reply is waited for. */
bool
wire_peer_gone(const struct conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 ||
	    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return true;
	return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_CLOSE;
}
