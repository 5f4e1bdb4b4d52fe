#include <stdlib.h>

#include "http/conn_int.h"

#define DELAY_MS_MAX 300000
#define JOIN_MAX 4096
#define DRIP_MS 20 /* between two drops, unless a byte takes longer or the drops get large */
#define DRIP_FAST (1 << 20)
#define RESET_PAUSE_MS 50
#define RESET_PAUSES 20
#define BUSY_MS 500 /* all workers are: a reply that goes on can wait */

/* Closing with unread bytes in the socket would reset the connection, and the reset could overtake
 * the reply. So: our end first, then drop what comes, for a while. */
static void
linger(struct conn *c, bool say_so)
{
	conn_enter(c, P_LINGER, c->loop->server->times.linger_ms);
	c->in_len = c->body_seen = 0;
	if (wire_end(c, say_so))
		wire_read_start(c);
	else
		conn_close(c);
}

static void
end_exchange(struct conn *c)
{
	frame_release(&c->loop->server->frame, c->x);
	conn_drop_piece(c);
	loop_give_back(c->loop, c->x);
	c->x = NULL;
}

/* A reset throws away what is still on its way, and some programs that find both at once see an
 * ordinary end: so the client gets time to read first. */
static void
reset_when_sent(struct conn *c)
{
	if (c->out.pauses == 0 || (wire_unsent(c) && c->out.pauses < RESET_PAUSES)) {
		c->out.pauses++;
		conn_wait(c, RESET_PAUSE_MS, reset_when_sent);
		return;
	}
	c->reset = true;
	conn_close(c);
}

/* The handler gives the next piece of a reply that goes on. */
static void
next_piece(struct conn *c)
{
	c->x->nudged = false;
	c->x->cx.deadline_ms = conn_now_ms(c) + c->loop->server->times.reply_ms;
	if (!conn_lend(c))
		conn_wait(c, BUSY_MS, next_piece);
}

void
conn_nudge(struct conn *c)
{
	if (c->x == NULL || !c->x->begun)
		return;
	if (c->phase != P_WAIT || c->then != next_piece) {
		c->x->nudged = true;
		return;
	}
	uv_timer_stop(&c->timer);
	next_piece(c);
}

static void
reply_sent(struct conn *c)
{
	bool last = c->x->res.close;

	if (c->out.reset_after) {
		reset_when_sent(c);
		return;
	}
	if (c->x->begun && c->x->res.more.after_ms > 0) {
		conn_wait(c, c->x->nudged ? 1 : c->x->res.more.after_ms, next_piece);
		return;
	}
	end_exchange(c);
	if (last) {
		linger(c, true);
		return;
	}
	if (c->in != NULL)
		conn_drop_front(c, c->head_len);
	c->head_len = c->scanned = 0;
	conn_enter(c, P_IDLE, c->loop->server->times.idle_ms);
}

static void send_more(struct conn *c);

static void
on_piece_read(uv_fs_t *fs)
{
	struct conn *c = fs->data;
	ssize_t n = fs->result;

	uv_fs_req_cleanup(fs);
	if (!conn_returned(c))
		return;
	if (n <= 0) {
		/* Less than promised: nobody may take it for the whole. */
		c->out.file_left = 0;
		c->out.reset_after = true;
	} else {
		c->out.body = (struct str){ c->piece->bytes, (size_t)n };
		c->out.file_at += n;
		c->out.file_left -= n;
	}
	send_more(c);
	conn_advance(c);
}

static void
read_piece(struct conn *c)
{
	struct piece *piece = conn_piece(c);
	size_t len = sizeof(piece->bytes);
	uv_buf_t buf;

	if (c->out.file_left < (int64_t)len)
		len = (size_t)c->out.file_left;
	buf = uv_buf_init(piece->bytes, (unsigned)len);
	c->lent = true;
	conn_enter(c, P_WRITE, 0);
	wire_read_stop(c);
	if (uv_fs_read(&c->loop->uv, &piece->fs, c->x->res.file_.fd, &buf, 1, c->out.file_at,
		on_piece_read) != 0)
		abort(); /* no memory */
}

/* The client has some time for each write, and some for all of them. */
static void
wait_for_client(struct conn *c)
{
	int64_t left_ms = c->out.until_ms - conn_now_ms(c);
	int limit_ms = c->loop->server->times.reply_ms;

	if (left_ms < limit_ms)
		limit_ms = left_ms > 1 ? (int)left_ms : 1;
	conn_enter(c, P_WRITE, limit_ms);
	wire_read_stop(c);
}

static enum wire_sent
send_some(struct conn *c)
{
	struct outgoing *o = &c->out;
	struct str head = o->head, body = o->body;

	if (o->step > 0) {
		head = str_sub(head, 0, o->step);
		body = str_sub(body, 0, o->step - head.len);
	}
	o->head = str_sub(o->head, head.len, o->head.len);
	o->body = str_sub(o->body, body.len, o->body.len);
	return wire_write(c, head, body);
}

static void
send_more(struct conn *c)
{
	struct outgoing *o = &c->out;

	while (o->head.len + o->body.len > 0) {
		enum wire_sent sent = send_some(c);

		if (sent == WIRE_BROKEN)
			conn_close(c);
		if (sent == WIRE_LATER)
			wait_for_client(c);
		if (sent != WIRE_ALL)
			return;
		if (o->pause_ms > 0) {
			conn_wait(c, o->pause_ms, send_more);
			return;
		}
	}
	if (o->file_left > 0)
		read_piece(c);
	else
		reply_sent(c);
}

void
conn_sent(struct conn *c)
{
	if (c->out.pause_ms > 0)
		conn_wait(c, c->out.pause_ms, send_more);
	else
		send_more(c);
	conn_advance(c);
}

/* --- spoiling --- */

static void
cut_in_half(struct outgoing *o)
{
	int64_t left = ((int64_t)o->head.len + (int64_t)o->body.len + o->file_left) / 2;

	o->head = str_sub(o->head, 0, (size_t)left);
	left -= (int64_t)o->head.len;
	o->body = str_sub(o->body, 0, (size_t)left);
	left -= (int64_t)o->body.len;
	if (o->file_left > left)
		o->file_left = left;
	o->reset_after = true;
}

static void
slow_down(struct outgoing *o, int bytes_per_s)
{
	int rate = bytes_per_s > 0 ? bytes_per_s : 1;

	if (rate < 1000 / DRIP_MS)
		o->pause_ms = 1000 / rate;
	else
		o->pause_ms = rate < DRIP_FAST ? DRIP_MS : 1;
	o->step = (size_t)((int64_t)rate * o->pause_ms / 1000);
	if (o->step == 0)
		o->step = 1;
	o->until_ms = INT64_MAX;
}

static void
spoil(struct conn *c)
{
	struct http_fault fault = c->x->res.fault;

	switch (fault.kind) {
	case HTTP_FAULT_CLOSE:
		end_exchange(c);
		linger(c, false);
		return;
	case HTTP_FAULT_RESET:
		c->reset = true;
		conn_close(c);
		return;
	case HTTP_FAULT_RAW:
		c->out.head = S("");
		c->x->res.close = true;
		break;
	case HTTP_FAULT_CUT:
		cut_in_half(&c->out);
		break;
	case HTTP_FAULT_DRIP:
		slow_down(&c->out, fault.bytes_per_s);
		break;
	case HTTP_FAULT_NONE:
		break;
	}
	send_more(c);
}

/* --- from the handler's reply to bytes --- */

static int64_t
time_for(const struct conn *c, const struct http_res *res)
{
	int64_t len = res->file_.there ? res->file_.len : 0;

	return conn_now_ms(c) + c->loop->server->times.reply_ms + len / BYTES_PER_MS;
}

static bool
sends_body(const struct exchange *x)
{
	return reply_has_body(x->res.status) &&
	    !(x->req.method == HTTP_M_HEAD && x->head.method_known);
}

/* A body that goes out with the head: one write, and one TLS record, where two would cost more than to
 * copy it. */
static struct str
small_body(const struct exchange *x)
{
	bool joins = sends_body(x) && !x->begun && !x->res.file_.there &&
	    x->res.fault.kind == HTTP_FAULT_NONE && x->res.body.len <= JOIN_MAX;

	return joins ? x->res.body : S("");
}

static void
fill_outgoing(struct conn *c, struct str head, bool with_body)
{
	struct exchange *x = c->x;

	c->out = (struct outgoing){ .head = head, .until_ms = time_for(c, &x->res) };
	if (with_body || !sends_body(x))
		return;
	c->out.body = x->begun ? frame_piece(x) : x->res.body;
	if (x->res.file_.there) {
		c->out.body = S("");
		c->out.file_at = x->res.file_.offset;
		c->out.file_left = x->res.file_.len;
	}
}

void
conn_send_piece(struct conn *c)
{
	c->out = (struct outgoing){ .body = frame_piece(c->x),
		.until_ms = conn_now_ms(c) + c->loop->server->times.reply_ms };
	send_more(c);
}

void
conn_reply(struct conn *c)
{
	struct exchange *x = c->x;
	struct http_server *s = c->loop->server;
	struct http_fault *fault = &x->res.fault;
	struct str head, small;

	if (x->res.status == 0)
		x->res.status = 200;
	x->res.close |= !x->head.keep_alive || c->loop->stopping;
	if (x->head.minor == 0 || x->req.method == HTTP_M_HEAD)
		x->res.more.after_ms = 0;
	x->begun = x->res.more.after_ms > 0;
	if (x->begun)
		wire_watch_peer(c);
	small = small_body(x);
	head = reply_head(&x->res,
	    &(struct reply_frame){
		.constant = s->constant_head,
		.date = loop_date(c->loop),
		.request_id = x->cx.request_id,
		.close = x->res.close,
		.say_keep_alive = x->head.minor == 0,
		.body = small,
	    });
	fill_outgoing(c, head, small.len > 0);
	frame_log(&s->frame, x, conn_now_ms(c));
	if (fault->delay_ms > 0)
		conn_wait(
		    c, fault->delay_ms < DELAY_MS_MAX ? fault->delay_ms : DELAY_MS_MAX, spoil);
	else if (fault->kind != HTTP_FAULT_NONE)
		spoil(c);
	else
		send_more(c);
}
