#include "http/conn_int.h"

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

/* Closing with unread bytes in the socket would reset the connection, and the reset could overtake
 * the reply. So: our end first, then drop what comes, for a while. */
static void
linger(struct conn *c)
{
	conn_enter(c, P_LINGER, c->loop->server->times.linger_ms);
	c->in_len = c->body_seen = 0;
	if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
		conn_close(c);
		return;
	}
	conn_read_start(c);
}

static void
reply_written(struct conn *c)
{
	bool last = c->x->res.close;

	loop_give_back(c->loop, c->x);
	c->x = NULL;
	if (last) {
		linger(c);
		return;
	}
	if (c->in != NULL)
		conn_drop_front(c, c->head_len);
	c->head_len = c->scanned = 0;
	conn_enter(c, P_IDLE, c->loop->server->times.idle_ms);
}

static void
on_written(uv_write_t *req, int status)
{
	struct conn *c = req->handle->data;

	if (c->phase == P_CLOSED)
		return;
	if (status != 0) {
		conn_close(c);
		return;
	}
	reply_written(c);
	conn_advance(c);
}

static void
write_rest(struct conn *c, uv_buf_t bufs[2], size_t done)
{
	unsigned first = 0;

	if (done >= bufs[0].len) {
		done -= bufs[0].len;
		first = 1;
	}
	bufs[first].base += done;
	bufs[first].len -= done;
	conn_read_stop(c);
	conn_enter(c, P_WRITE, c->loop->server->times.reply_ms);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, bufs + first, 2 - first, on_written) != 0)
		conn_close(c);
}

void
conn_reply(struct conn *c)
{
	struct exchange *x = c->x;
	struct http_server *s = c->loop->server;
	bool head_only = x->req.method == HTTP_M_HEAD && x->head.method_known;
	struct str head, body = x->res.body;
	uv_buf_t bufs[2];
	int n;

	if (x->res.status == 0)
		x->res.status = 200;
	x->res.close |= !x->head.keep_alive || c->loop->stopping;
	head = reply_head(&x->res,
	    &(struct reply_frame){
		.constant = s->constant_head,
		.date = loop_date(c->loop),
		.request_id = x->cx.request_id,
		.close = x->res.close,
		.say_keep_alive = x->head.minor == 0,
	    });
	frame_log(&s->frame, x, conn_now_ms(c));
	if (head_only || !reply_has_body(x->res.status))
		body.len = 0;
	bufs[0] = uv_buf_init((char *)(uintptr_t)head.p, (unsigned)head.len);
	bufs[1] = uv_buf_init((char *)(uintptr_t)body.p, (unsigned)body.len);
	n = uv_try_write((uv_stream_t *)&c->tcp, bufs, body.len > 0 ? 2 : 1);
	if (n >= 0 && (size_t)n == head.len + body.len)
		reply_written(c);
	else if (n >= 0 || n == UV_EAGAIN)
		write_rest(c, bufs, n > 0 ? (size_t)n : 0);
	else
		conn_close(c);
}
