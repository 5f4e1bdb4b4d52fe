#include <stdlib.h>
#include <unistd.h>

#include "http/conn_int.h"

/* Who may not send it should not have to: the gate decides before a byte of the body is asked for.
 * What has come already waits in the buffer. */
void
conn_admit(struct conn *c)
{
	c->x->admit = true;
	conn_to_worker(c);
}

static void
run(struct conn *c)
{
	/* The body may have taken longer than a handler is given. */
	c->x->cx.deadline_ms = conn_now_ms(c) + c->loop->server->times.reply_ms;
	if (lseek(c->x->req.body_fd, 0, SEEK_SET) != 0)
		abort(); /* a regular file of ours */
	conn_run(c);
}

void
conn_admitted(struct conn *c)
{
	if (c->body_done)
		run(c);
	else
		conn_body_begins(c);
}

static void write_piece(struct conn *c);

static void
on_stored(uv_fs_t *fs)
{
	struct conn *c = fs->data;
	struct exchange *x = c->x;
	ssize_t n = fs->result;

	uv_fs_req_cleanup(fs);
	if (!conn_returned(c))
		return;
	if (n < 0) {
		frame_body_failed(&c->loop->server->frame, x, (int)-n);
		conn_reply(c);
		conn_advance(c);
		return;
	}
	x->req.body_len += n;
	c->to_store = str_sub(c->to_store, (size_t)n, c->to_store.len);
	if (c->to_store.len > 0) {
		write_piece(c);
		return;
	}
	body_take(x->body);
	if (c->body_done)
		run(c);
	conn_advance(c);
}

static void
write_piece(struct conn *c)
{
	struct piece *piece = conn_piece(c);
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)c->to_store.p, (unsigned)c->to_store.len);

	c->lent = true;
	wire_read_stop(c);
	if (uv_fs_write(&c->loop->uv, &piece->fs, c->x->req.body_fd, &buf, 1, -1, on_stored) != 0)
		abort(); /* no memory */
}

void
conn_store(struct conn *c, bool done)
{
	c->body_done = done;
	c->to_store = body_bytes(c->x->body);
	if (c->to_store.len > 0)
		write_piece(c);
	else if (done)
		run(c);
}
