#include "http/out_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/curl_load.h"

#define HOST_CONNECTIONS 64 /* at once; what comes on top waits for one, unsent */
#define KEPT_CONNECTIONS 256
#define IDLE_MAX_MS 45000
#define LOOK_EVERY_MS 1000
#define LOOK_AT_MOST_EVERY_MS 50 /* however many calls there are, each with a time of its own */
#define READ_AT_ONCE 16384
#define NEVER INT64_MAX

/* Where connections go that may stand for each other. It is there as long as a call or a connection is. */
struct out_host {
	struct out_pool *pool;
	struct out_host *next;
	struct buf origin;
	bool direct, public_only;
	int calls, connections;
	struct out_conn *idle; /* the latest first */
	struct out_call *waiting, *last_waiting;
};

struct out_pool {
	struct multi *multi;
	struct str roots_pem;
	void (*ended)(void *arg, struct out_call *call);
	void *arg;
	struct out_host *hosts;
	struct out_call *running; /* all, those that wait too */
	int idle;
	bool room;          /* a host has room for a call that may wait for it */
	int64_t look_at_ms; /* when calls and idle connections are looked at for their time */
	char scratch[READ_AT_ONCE];
};

/* --- hosts --- */

static struct out_host *
host_of(struct out_pool *p, const struct out_call *call)
{
	struct str origin = buf_str(&call->url->origin);
	struct out_host *h;

	for (h = p->hosts; h != NULL; h = h->next)
		if (h->direct == call->direct && h->public_only == call->public_only &&
		    str_eq(buf_str(&h->origin), origin))
			return h;
	h = mem_alloc(sizeof(*h));
	h->pool = p;
	h->direct = call->direct;
	h->public_only = call->public_only;
	h->origin = buf_heap(origin.len);
	buf_add(&h->origin, origin);
	h->next = p->hosts;
	p->hosts = h;
	return h;
}

static void
drop_unused(struct out_host *h)
{
	struct out_host **at = &h->pool->hosts;

	if (h->calls > 0 || h->connections > 0)
		return;
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	buf_free(&h->origin);
	free(h);
}

static void
wait_for_room(struct out_host *h, struct out_call *call)
{
	call->waits = true;
	call->wait_prev = h->last_waiting;
	call->wait_next = NULL;
	if (h->last_waiting != NULL)
		h->last_waiting->wait_next = call;
	else
		h->waiting = call;
	h->last_waiting = call;
}

static void
wait_no_more(struct out_call *call)
{
	struct out_host *h = call->host;

	if (!call->waits)
		return;
	call->waits = false;
	if (call->wait_prev != NULL)
		call->wait_prev->wait_next = call->wait_next;
	else
		h->waiting = call->wait_next;
	if (call->wait_next != NULL)
		call->wait_next->wait_prev = call->wait_prev;
	else
		h->last_waiting = call->wait_prev;
}

/* --- connections --- */

static void
close_conn(struct out_conn *c)
{
	c->host->connections--;
	c->host->pool->room = true;
	out_conn_close(c);
}

static void
be_idle(struct out_conn *c)
{
	struct out_host *h = c->host;

	c->call = NULL;
	c->used = true;
	c->idle_since_ms = clock_mono_ms();
	c->prev = NULL;
	c->next = h->idle;
	if (h->idle != NULL)
		h->idle->prev = c;
	h->idle = c;
	h->pool->idle++;
	h->pool->room = true;
}

static void
be_idle_no_more(struct out_conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->host->idle = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->host->pool->idle--;
}

static void
close_idle(struct out_conn *c)
{
	be_idle_no_more(c);
	close_conn(c);
}

/* What has happened on it may not have been told yet, also of one that a call left a moment ago: it read
 * no further than to the end of its reply. */
static struct out_conn *
idle_one(struct out_host *h)
{
	struct out_conn *c;

	while ((c = h->idle) != NULL) {
		if (out_conn_quiet(c)) {
			be_idle_no_more(c);
			return c;
		}
		close_idle(c);
	}
	return NULL;
}

/* --- calls --- */

/* What it leaves is for whoever waits, at the end of the turn. */
static void
leave_conn(struct out_call *call)
{
	struct out_conn *c = call->conn;

	call->conn = NULL;
	if (c == NULL)
		return;
	/* Of TLS more may have been read from the socket than was asked for, of which nothing is told; a bare one is
	 * looked at when it is used. */
	if (out_call_spares_connection(call) && call->host->pool->idle < KEPT_CONNECTIONS &&
	    (c->bare || out_conn_quiet(c)))
		be_idle(c);
	else
		close_conn(c);
}

static void
finish(struct out_call *call)
{
	struct out_host *h = call->host;
	struct out_pool *p = h->pool;

	leave_conn(call);
	wait_no_more(call);
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		p->running = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	h->calls--;
	drop_unused(h);
	p->ended(p->arg, call);
}

/* Its time is up, or too little is left to begin with. */
static void
finish_late(struct out_call *call)
{
	_Static_assert(HOST_CONNECTIONS == 64, "the sentence says so");
	if (call->waits) {
		out_say(&call->reply, CALL_REFUSED, "not sent to", call->url->host,
		    "64 other calls were under way there for the whole time");
		call->reply.ours = true;
	} else {
		out_call_late(call);
	}
	finish(call);
}

static void
make_conn(struct out_call *call)
{
	struct out_host *h = call->host;
	int64_t left_ms = call->deadline_ms - clock_mono_ms();
	struct out_conn_plan plan = { .url = call->url,
		.roots_pem = h->pool->roots_pem,
		.direct = h->direct,
		.public_only = h->public_only,
		.timeout_ms = left_ms < 1 ? 1 : (long)left_ms };

	if (plan.timeout_ms > OUT_CONNECT_MAX_MS)
		plan.timeout_ms = OUT_CONNECT_MAX_MS;
	call->conn = out_conn_open(h->pool->multi, &plan);
	call->conn->host = h;
	call->conn->call = call;
	h->connections++;
}

static void
after(struct out_call *call, enum out_step step)
{
	if (step == OUT_OVER)
		finish(call);
	if (step == OUT_NOTHING_LEFT) {
		close_conn(call->conn);
		make_conn(call);
	}
}

static void
begin(struct out_call *call, struct out_conn *c)
{
	c->call = call;
	after(call, out_call_begin(call, c, clock_mono_ms(), c->host->pool->scratch, READ_AT_ONCE));
}

/* False: its host has no room for it now. */
static bool
place(struct out_call *call)
{
	struct out_host *h = call->host;
	struct out_conn *c = call->fresh ? NULL : idle_one(h);

	if (c != NULL) {
		begin(call, c);
		return true;
	}
	/* Only one that must have its own finds others idle. */
	if (h->connections == HOST_CONNECTIONS && h->idle != NULL)
		close_idle(h->idle);
	if (h->connections == HOST_CONNECTIONS)
		return false;
	make_conn(call);
	return true;
}

static void
place_waiting_of(struct out_host *h)
{
	struct out_call *call;

	h->calls++; /* it stays until this is done */
	while ((call = h->waiting) != NULL) {
		if (h->connections == HOST_CONNECTIONS && h->idle == NULL)
			break;
		if (!out_call_has_time(call, clock_mono_ms())) {
			finish_late(call);
			continue;
		}
		wait_no_more(call);
		place(call);
	}
	h->calls--;
}

static void
place_waiting(struct out_pool *p)
{
	struct out_host *h, *next;

	while (p->room) {
		p->room = false;
		for (h = p->hosts; h != NULL; h = next) {
			next = h->next;
			place_waiting_of(h);
			drop_unused(h);
		}
	}
}

void
out_pool_start(struct out_pool *p, struct out_call *call)
{
	int64_t now_ms = clock_mono_ms();

	call->deadline_ms = now_ms + call->timeout_ms;
	if (call->deadline_ms < p->look_at_ms)
		p->look_at_ms = call->deadline_ms;
	if (now_ms + LOOK_EVERY_MS < p->look_at_ms)
		p->look_at_ms = now_ms + LOOK_EVERY_MS;
	call->prev = NULL;
	call->next = p->running;
	if (call->next != NULL)
		call->next->prev = call;
	p->running = call;
	call->host = host_of(p, call);
	call->host->calls++;
	if (call->host->waiting != NULL || !place(call))
		wait_for_room(call->host, call);
}

/* --- a turn --- */

static void
ready(void *arg)
{
	struct out_conn *c = arg;
	struct out_host *h = c->host;

	if (c->call != NULL) {
		after(c->call, out_call_step(c->call, h->pool->scratch, READ_AT_ONCE));
	} else if (!out_conn_quiet(c)) {
		close_idle(c);
		drop_unused(h);
	}
}

static void
connected(struct out_conn *c, CURLcode code)
{
	struct out_call *call = c->call;

	if (code == CURLE_OK)
		out_conn_take(c, ready);
	if (c->fd >= 0) {
		if (out_call_has_time(call, clock_mono_ms()))
			begin(call, c);
		else
			finish_late(call);
		return;
	}
	if (code == CURLE_OK)
		out_say(&call->reply, CALL_REFUSED, "could not connect to", call->url->host,
		    strerror(errno));
	else
		out_conn_refusal(c, code, call->url->host, &call->reply);
	finish(call);
}

static void
take_connected(struct out_pool *p)
{
	struct out_conn *c;
	CURLcode code;
	CURL *easy;

	while ((easy = multi_ended(p->multi, &code)) != NULL)
		if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c) == CURLE_OK)
			connected(c, code);
}

static void
look_at_calls(struct out_pool *p, int64_t now_ms)
{
	struct out_call *call, *next;

	for (call = p->running; call != NULL; call = next) {
		next = call->next;
		if (out_call_is_late(call, now_ms)) {
			finish_late(call);
		} else if (call->deadline_ms < p->look_at_ms) {
			p->look_at_ms = call->deadline_ms;
		}
	}
}

static void
look_at_idle(struct out_pool *p, int64_t now_ms)
{
	struct out_host *h, *next_host;
	struct out_conn *c, *next;

	for (h = p->hosts; h != NULL; h = next_host) {
		next_host = h->next;
		for (c = h->idle; c != NULL; c = next) {
			next = c->next;
			if (now_ms - c->idle_since_ms >= IDLE_MAX_MS)
				close_idle(c);
		}
		drop_unused(h);
	}
}

static void
look(struct out_pool *p)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms < p->look_at_ms)
		return;
	p->look_at_ms = now_ms + LOOK_EVERY_MS;
	look_at_calls(p, now_ms);
	look_at_idle(p, now_ms);
	if (p->look_at_ms < now_ms + LOOK_AT_MOST_EVERY_MS)
		p->look_at_ms = now_ms + LOOK_AT_MOST_EVERY_MS;
	if (p->running == NULL && p->idle == 0)
		p->look_at_ms = NEVER;
}

static int
wait_ms(const struct out_pool *p, int ms)
{
	int64_t left_ms;

	if (p->look_at_ms == NEVER)
		return ms;
	left_ms = p->look_at_ms - clock_mono_ms();
	if (left_ms <= 0)
		return 0;
	return ms < 0 || left_ms < ms ? (int)left_ms : ms;
}

bool
out_pool_turn(struct out_pool *p, int ms)
{
	bool happened = multi_turn(p->multi, wait_ms(p, ms));

	take_connected(p);
	look(p);
	place_waiting(p);
	return happened;
}

bool
out_pool_busy(const struct out_pool *p)
{
	return p->running != NULL;
}

void
out_pool_end_unsent(struct out_pool *p)
{
	struct out_call *call, *next;

	for (call = p->running; call != NULL; call = next) {
		next = call->next;
		if (!call->began) {
			out_call_abandon(call);
			finish(call);
		}
	}
}

void
out_pool_abandon(struct out_pool *p)
{
	while (p->running != NULL) {
		out_call_abandon(p->running);
		finish(p->running);
	}
}

struct out_pool *
out_pool_new(struct multi *m, struct str roots_pem, void (*ended)(void *arg, struct out_call *call),
    void *arg)
{
	struct out_pool *p = mem_alloc(sizeof(*p));

	p->multi = m;
	p->roots_pem = roots_pem;
	p->ended = ended;
	p->arg = arg;
	p->look_at_ms = NEVER;
	return p;
}

void
out_pool_free(struct out_pool *p)
{
	struct out_host *h;

	if (p == NULL)
		return;
	while ((h = p->hosts) != NULL) {
		while (h->idle != NULL)
			close_idle(h->idle);
		drop_unused(h);
	}
	free(p);
}
