#include "http/conn_int.h"

#define BODY_ROOM 2048 /* of the buffer, behind a head */
#define BUFFER_STREAM (HEAD_MAX + 65536)

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

static void
busy(struct conn *c)
{
	frame_busy(&c->loop->server->frame, c->x);
	c->x->res.close |= c->x->admit; /* the body has not been read */
	conn_reply(c);
}

static bool
hand_to(struct conn *c, struct exchange *x)
{
	if (x->req.route->lane == LANE_BATCH) {
		loop_gather(c->loop, x);
		return true;
	}
	x->next = NULL;
	/* The worker may be done before this returns, but its reply waits for this loop. */
	return workers_submit(&c->loop->server->workers, x) == NULL;
}

bool
conn_lend(struct conn *c)
{
	if (!hand_to(c, c->x))
		return false;
	c->lent = true;
	c->loop->jobs++;
	conn_enter(c, P_RUN, 0);
	wire_read_stop(c);
	return true;
}

void
conn_to_worker(struct conn *c)
{
	if (!conn_lend(c))
		busy(c);
}

void
conn_not_taken(struct exchange *x)
{
	struct conn *c = x->conn;

	if (!conn_returned(c))
		return;
	conn_enter(c, P_WRITE, c->loop->server->times.reply_ms);
	busy(c);
	conn_advance(c);
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
	if (x->begun) {
		conn_send_piece(c);
	} else if (x->admit) {
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
	conn_grow(c, BUFFER_STREAM);
	return frame_open(f, c->x, (struct str){ c->in, c->head_len }, body_max);
}

/* Behind a trusted proxy the client has its share of the connections, which its head tells first. */
static bool
has_share(struct conn *c)
{
	struct http_server *s = c->loop->server;
	struct str client = c->x->req.peer;

	if (!c->peer_is_proxy)
		return true;
	if (client.len >= sizeof(c->counted) || forwarded_is_proxy(&s->frame.forwarded, client))
		client = S("");
	if (!peers_move(&s->peers, str_of(c->counted), client))
		return false;
	memset(c->counted, 0, sizeof(c->counted));
	if (client.len > 0)
		memcpy(c->counted, client.p, client.len);
	return true;
}

static void
open_request(struct conn *c)
{
	struct exchange *x;
	struct body_plan plan;
	bool opened, to_file;

	take_exchange(c);
	x = c->x;
	opened = open_frame(c, &plan.max);
	/* Of those that are refused too: that may leave the connection. */
	if (!has_share(c)) {
		conn_refuse(c, 503, "too-many-connections",
		    "Your address has too many connections here already.");
		return;
	}
	if (!opened) {
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

	c->body_seen = c->body_came = 0;
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
	if (c->phase == P_IDLE && c->in_len > 0)
		conn_enter(c, P_HEAD, c->loop->server->times.head_ms);
	switch (head_find_end((struct str){ c->in, c->in_len }, &c->scanned, &c->head_len)) {
	case HEAD_COMPLETE:
		/* From here on slices point into the buffer: it must have room for the body now. */
		if (c->in_cap - c->head_len < BODY_ROOM)
			conn_grow(c, BUFFER_FULL);
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
		frame_too_big(
		    &c->loop->server->frame, c->x, "The body is larger than allowed here.");
		conn_reply(c);
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
		conn_release_buffer(c);
}

/* --- reading --- */
