#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server_int.h"

#define POOL_MAX 64
#define ACCEPT_BATCH 64

static void
refill_random(struct loop *l)
{
	size_t have = 0;

	while (have < sizeof(l->random)) {
		ssize_t n = getrandom(l->random + have, sizeof(l->random) - have, 0);

		if (n > 0)
			have += (size_t)n;
		else if (errno != EINTR)
			abort();
	}
	l->random_left = sizeof(l->random);
}

static void
make_request_id(struct loop *l, char out[REQUEST_ID_LEN + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	if (l->random_left < REQUEST_ID_LEN)
		refill_random(l);
	for (int i = 0; i < REQUEST_ID_LEN; i++)
		out[i] = alphabet[l->random[--l->random_left] & 31];
	out[REQUEST_ID_LEN] = '\0';
}

static struct exchange *
exchange_new(void)
{
	struct exchange *x = mem_alloc(sizeof(*x));

	x->cx.arena = arena_new();
	x->body = body_new();
	return x;
}

static void
exchange_free(struct exchange *x)
{
	body_free(x->body);
	arena_free(x->cx.arena);
	mem_wipe(x, sizeof(*x));
	free(x);
}

struct exchange *
loop_exchange(struct loop *l)
{
	struct exchange *x = l->free_exchanges;

	if (x != NULL) {
		l->free_exchanges = x->next;
		l->free_count--;
	} else {
		x = exchange_new();
	}
	ctx_init(&x->cx, x->cx.arena, l->server->clock);
	make_request_id(l, x->cx.request_id);
	x->cx.actor = x->cx.actor_name = x->cx.from = S("");
	x->req.header_count = x->req.seg_count = 0;
	x->req.path = x->req.query = x->req.body = (struct str){ 0 };
	x->req.host = x->req.tunnel = x->req.body_path = (struct str){ 0 };
	x->req.body_len = x->req.waited_ms = 0;
	x->req.body_fd = -1;
	x->req.route = NULL;
	x->req.session = NULL;
	x->res = (struct http_res){ .arena = x->cx.arena };
	x->head = (struct head){ 0 };
	x->asset = NULL;
	x->gate_passed = x->admit = x->begun = x->nudged = false;
	x->pieces = NULL;
	x->again_ms = 0;
	x->again_since_ms = 0;
	x->loop = l;
	x->start_ms = (int64_t)uv_now(&l->uv);
	x->cx.deadline_ms = x->start_ms + l->server->times.reply_ms;
	return x;
}

void
loop_give_back(struct loop *l, struct exchange *x)
{
	if (l->free_count >= POOL_MAX) {
		exchange_free(x);
		return;
	}
	arena_reset(x->cx.arena);
	body_clear(x->body);
	x->conn = NULL;
	x->next = l->free_exchanges;
	l->free_exchanges = x;
	l->free_count++;
}

char *
loop_buffer(struct loop *l)
{
	return l->free_buffer_count > 0 ? l->free_buffers[--l->free_buffer_count]
					: mem_alloc(BUFFER_SMALL);
}

void
loop_buffer_back(struct loop *l, char *p, size_t used)
{
	mem_wipe(p, used);
	if (l->free_buffer_count < POOL_MAX)
		l->free_buffers[l->free_buffer_count++] = p;
	else
		free(p);
}

struct str
loop_date(struct loop *l)
{
	/* What tokens live by: a client that compares its clock with this one's finds them where they are. */
	const struct clock *clock = l->server->clock;
	int64_t now_s = (clock != NULL ? clock_now_ms(clock) : clock_wall_ms()) / 1000;

	if (now_s != l->date_s) {
		reply_date(l->date, now_s);
		l->date_s = now_s;
	}
	return (struct str){ l->date, REPLY_DATE_LEN };
}

void
loop_gather(struct loop *l, struct exchange *x)
{
	x->next = NULL;
	*l->gathered_last = x;
	l->gathered_last = &x->next;
}

/* Everything that this turn of the loop has read goes over together, so that it can be run together. */
static void
hand_over(uv_prepare_t *prepare)
{
	struct loop *l = prepare->data;
	struct exchange *x = l->gathered, *next;

	if (x == NULL)
		return;
	l->gathered = NULL;
	l->gathered_last = &l->gathered;
	for (x = workers_submit(&l->server->batch, x); x != NULL; x = next) {
		next = x->next;
		l->jobs--;
		conn_not_taken(x);
	}
}

void
loop_finished(struct loop *l, struct exchange *list)
{
	struct exchange *first = list;

	while (first->next != NULL)
		first = first->next;
	pthread_mutex_lock(&l->lock);
	first->next = l->finished;
	l->finished = list;
	/* Under the lock: the loop cannot end between the hand-over and the wake-up. */
	uv_async_send(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static void
on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct door *d = poll->data;
	struct loop *l = d->loop;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		int fd = -1;

		if (!peers_full(&l->server->peers))
			fd = accept4(
			    d->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			conn_open(d, fd, &from);
			continue;
		}
		if (!peers_full(&l->server->peers)) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO)
				continue;
		}
		/* Full, or out of descriptors: those who knock wait in the kernel's queue, and the
		 * next tick looks again. */
		uv_poll_stop(&d->poll);
		d->accepting = false;
		loop_start_tick(l);
		return;
	}
}

static void
start_accepting(struct loop *l)
{
	if (l->stopping || peers_full(&l->server->peers))
		return;
	for (int i = 0; i < DOORS; i++) {
		struct door *d = &l->doors[i];

		if (d->fd >= 0 && !d->accepting)
			d->accepting = uv_poll_start(&d->poll, UV_READABLE, on_acceptable) == 0;
	}
}

static bool
all_accepting(const struct loop *l)
{
	for (int i = 0; i < DOORS; i++) {
		if (l->doors[i].fd >= 0 && !l->doors[i].accepting)
			return false;
	}
	return true;
}

static void
close_if_last(struct loop *l)
{
	if (!l->stopping || l->conn_count > 0 || l->jobs > 0 ||
	    uv_is_closing((uv_handle_t *)&l->tick))
		return;
	uv_close((uv_handle_t *)&l->tick, NULL);
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_close((uv_handle_t *)&l->before_wait, NULL);
}

/* Thousands that are idle need not be looked at one by one to see that none has run out. */
static void
look_at_all(struct loop *l, int64_t now_ms)
{
	struct conn *next;

	if (!l->stopping && l->restless == 0 && now_ms < l->soonest_ms)
		return;
	l->soonest_ms = INT64_MAX;
	for (struct conn *c = l->conns; c != NULL; c = next) {
		next = conn_next(c);
		if (l->stopping)
			conn_stop(c, now_ms >= l->stop_by_ms);
		else
			conn_tick(c, now_ms);
	}
}

static void
on_tick(uv_timer_t *timer)
{
	struct loop *l = timer->data;

	look_at_all(l, (int64_t)uv_now(&l->uv));
	start_accepting(l);
	close_if_last(l);
	if (l->conn_count == 0 && !l->stopping && all_accepting(l)) {
		uv_timer_stop(timer);
		l->ticking = false;
	}
}

void
loop_start_tick(struct loop *l)
{
	uint64_t ms = (uint64_t)l->server->times.tick_ms;

	if (l->ticking)
		return;
	uv_timer_start(&l->tick, on_tick, ms, ms);
	l->ticking = true;
}

static void
begin_stop(struct loop *l)
{
	l->stopping = true;
	l->stop_by_ms = atomic_load(&l->server->stop_by_ms);
	for (int i = 0; i < DOORS; i++) {
		struct door *d = &l->doors[i];

		if (d->fd < 0)
			continue;
		uv_close((uv_handle_t *)&d->poll, NULL);
		close(d->fd);
		d->fd = -1;
	}
	uv_timer_start(&l->tick, on_tick, 0, 20);
	l->ticking = true;
}

static void
nudge_all(struct loop *l)
{
	for (struct conn *c = l->conns; c != NULL; c = conn_next(c))
		conn_nudge(c);
}

static void
on_wake(uv_async_t *async)
{
	struct loop *l = async->data;
	struct exchange *x, *next, *in_order = NULL;

	pthread_mutex_lock(&l->lock);
	x = l->finished;
	l->finished = NULL;
	pthread_mutex_unlock(&l->lock);
	for (; x != NULL; x = next) {
		next = x->next;
		x->next = in_order;
		in_order = x;
	}
	for (x = in_order; x != NULL; x = next) {
		next = x->next;
		l->jobs--;
		conn_answered(x);
	}
	if (atomic_exchange(&l->nudged, false))
		nudge_all(l);
	if (atomic_load(&l->server->stopping) && !l->stopping)
		begin_stop(l);
	close_if_last(l);
}

static void
free_pools(struct loop *l)
{
	while (l->free_exchanges != NULL) {
		struct exchange *x = l->free_exchanges;

		l->free_exchanges = x->next;
		exchange_free(x);
	}
	while (l->free_buffer_count > 0)
		free(l->free_buffers[--l->free_buffer_count]);
}

void *
loop_main(void *arg)
{
	struct loop *l = arg;

	start_accepting(l);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	free_pools(l);
	return NULL;
}

enum rc
loop_init(struct ctx *cx, struct loop *l)
{
	if (uv_loop_init(&l->uv) != 0)
		return fail(cx, E_BUG, "An event loop could not be started.");
	for (int i = 0; i < DOORS; i++) {
		struct door *d = &l->doors[i];

		d->poll.data = d;
		if (d->fd >= 0 && uv_poll_init(&l->uv, &d->poll, d->fd) != 0)
			return fail(cx, E_BUG, "A listening socket could not be watched.");
	}
	if (uv_timer_init(&l->uv, &l->tick) != 0 || uv_async_init(&l->uv, &l->wake, on_wake) != 0)
		return fail(cx, E_BUG, "An event loop could not be filled.");
	uv_prepare_init(&l->uv, &l->before_wait);
	uv_prepare_start(&l->before_wait, hand_over);
	l->tick.data = l->wake.data = l->before_wait.data = l;
	l->gathered_last = &l->gathered;
	l->soonest_ms = INT64_MAX;
	pthread_mutex_init(&l->lock, NULL);
	return OK;
}

void
loop_end(struct loop *l)
{
	uv_loop_close(&l->uv);
	pthread_mutex_destroy(&l->lock);
}
