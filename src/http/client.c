#include "http/client.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "http/multi.h"
#include "http/plain.h"
#include "http/transfer.h"

#define HOST_CONNECTIONS 64 /* at once; what comes on top waits for one, unsent */
#define KEPT_CONNECTIONS 256
#define POLL_MS 1000
#define POLL_STOPPING_MS 20
#define KEPT_TRANSFERS 512  /* of which a handle is used again, until there is nothing to do */
#define ANSWER_GRACE_MS 500 /* the thread may be this late before a waiter goes on without it */

struct http_client {
	/* Both with the first call: most processes make none, or not at once. */
	struct multi *multi;
	pthread_t thread;
	struct buf user_agent, roots_pem; /* the second empty: the system's */

	pthread_mutex_t lock;
	struct http_transfer *queue, **queue_end; /* handed over, not started */
	bool stop;                                /* no new calls */
	int64_t stop_by_ms;                       /* with stop: when those in flight are given up */
	bool stopped;                             /* the thread has been joined */
	struct http_transfer *kept;               /* emptied, for calls of the same shape */
	int kept_count;

	struct http_transfer *running; /* the thread's own */
};

/* --- transfers --- */

static struct http_transfer *
new_transfer(struct http_client *c, const struct http_call *call)
{
	struct http_transfer *t;

	pthread_mutex_lock(&c->lock);
	t = c->kept;
	if (t != NULL) {
		c->kept = t->next;
		c->kept_count--;
		t->next = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	if (t != NULL && transfer_again(t, call, buf_str(&c->user_agent)))
		return t;
	transfer_free(t);
	return transfer_new(call, buf_str(&c->user_agent), buf_str(&c->roots_pem));
}

static void
report(struct http_client *c, struct http_transfer *t)
{
	t->done(t->arg, &t->reply);
	if (!transfer_empty(t)) {
		transfer_free(t);
		return;
	}
	pthread_mutex_lock(&c->lock);
	if (c->kept_count < KEPT_TRANSFERS) {
		t->next = c->kept;
		c->kept = t;
		c->kept_count++;
		t = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	transfer_free(t);
}

static void
let_kept_go(struct http_client *c)
{
	struct http_transfer *t, *next;

	pthread_mutex_lock(&c->lock);
	t = c->kept;
	c->kept = NULL;
	c->kept_count = 0;
	pthread_mutex_unlock(&c->lock);
	for (; t != NULL; t = next) {
		next = t->next;
		transfer_free(t);
	}
}

/* --- the thread --- */

static void
start(struct http_client *c, struct http_transfer *t)
{
	multi_add(c->multi, t->easy);
	t->prev = NULL;
	t->next = c->running;
	if (t->next != NULL)
		t->next->prev = t;
	c->running = t;
}

static void
take_off(struct http_client *c, struct http_transfer *t)
{
	multi_remove(c->multi, t->easy);
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		c->running = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
}

/* False once the client is stopping and nothing is in flight, or has run out of time. */
static bool
start_queued(struct http_client *c, int *poll_ms)
{
	struct http_transfer *t, *next;
	int64_t stop_by_ms;
	bool stop;

	pthread_mutex_lock(&c->lock);
	t = c->queue;
	c->queue = NULL;
	c->queue_end = &c->queue;
	stop = c->stop;
	stop_by_ms = c->stop_by_ms;
	pthread_mutex_unlock(&c->lock);
	for (; t != NULL; t = next) {
		next = t->next;
		start(c, t);
	}
	*poll_ms = stop ? POLL_STOPPING_MS : POLL_MS;
	return !stop || (c->running != NULL && clock_mono_ms() < stop_by_ms);
}

static void
report_finished(struct http_client *c)
{
	struct http_transfer *t;
	CURLcode code;
	CURL *easy;

	while ((easy = multi_ended(c->multi, &code)) != NULL) {
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
		transfer_finish(t, code);
		take_off(c, t);
		report(c, t);
	}
}

static void *
run(void *arg)
{
	struct http_client *c = arg;
	struct http_transfer *t;
	int poll_ms;

	while (start_queued(c, &poll_ms)) {
		if (!multi_turn(c->multi, poll_ms) && c->running == NULL)
			let_kept_go(c);
		report_finished(c);
	}
	while ((t = c->running) != NULL) {
		transfer_abandon(t);
		take_off(c, t);
		report(c, t);
	}
	return NULL;
}

/* Signals are for the thread that asked for them, never for this one. */
static bool
start_thread(struct http_client *c)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

/* Under the lock. False: there is no room for another thread, or for its descriptors. */
static bool
be_running(struct http_client *c)
{
	if (c->multi != NULL)
		return true;
	c->multi = multi_new(HOST_CONNECTIONS, KEPT_CONNECTIONS);
	if (c->multi != NULL && start_thread(c))
		return true;
	multi_free(c->multi);
	c->multi = NULL;
	return false;
}

static void
release(struct http_client *c)
{
	let_kept_go(c);
	multi_free(c->multi);
	pthread_mutex_destroy(&c->lock);
	buf_free(&c->user_agent);
	buf_free(&c->roots_pem);
	free(c);
}

static struct buf
copy(struct str s)
{
	struct buf b = buf_heap(s.len + 1);

	buf_add(&b, s);
	return b;
}

struct http_client *
http_client_new(struct str user_agent, struct str roots_pem)
{
	struct http_client *c = mem_alloc(sizeof(*c));

	c->user_agent = copy(user_agent);
	c->roots_pem = copy(roots_pem);
	c->queue_end = &c->queue;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
http_client_stop(struct http_client *c, int grace_ms)
{
	if (c->stopped)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	c->stop_by_ms = clock_mono_ms() + grace_ms;
	pthread_mutex_unlock(&c->lock);
	if (c->multi != NULL) {
		multi_wake(c->multi);
		pthread_join(c->thread, NULL);
	}
	c->stopped = true;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	http_client_stop(c, 0);
	release(c);
}

void
http_client_send(struct http_client *c, const struct http_call *call,
    void (*done)(void *arg, const struct http_reply *reply), void *arg)
{
	struct http_transfer *t = new_transfer(c, call);
	bool taken = false;

	t->done = done;
	t->arg = arg;
	if (t->easy != NULL) {
		pthread_mutex_lock(&c->lock);
		taken = !c->stop && be_running(c);
		if (taken) {
			/* One that finds others waiting need not wake the thread again. */
			if (c->queue == NULL)
				multi_wake(c->multi);
			*c->queue_end = t;
			c->queue_end = &t->next;
		}
		pthread_mutex_unlock(&c->lock);
		if (taken)
			return;
		transfer_abandon(t);
	}
	report(c, t);
}

static void
copy_reply(struct arena *a, const struct http_reply *from, struct http_reply *to)
{
	*to = *from;
	to->body = secret_dup(a, from->body);
	to->content_type = str_dup(a, from->content_type);
}

/* Stands between a caller who may give up and the thread that answers; the second one to leave
 * frees it. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct ctx *cx;
	struct http_reply *out; /* NULL: answered, or nobody waits any more */
	bool half_gone;
};

static void
leave(struct waiter *w)
{
	bool last = w->half_gone;

	w->half_gone = true;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void
answer(void *arg, const struct http_reply *reply)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	if (w->out != NULL)
		copy_reply(w->cx->arena, reply, w->out);
	w->out = NULL;
	pthread_cond_signal(&w->answered);
	leave(w);
}

static struct waiter *
waiter_new(struct ctx *cx, struct http_reply *out)
{
	struct waiter *w = mem_alloc(sizeof(*w));
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->answered, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&w->lock, NULL);
	w->cx = cx;
	w->out = out;
	return w;
}

static void
wait_until(struct waiter *w, int64_t mono_ms)
{
	struct timespec end = { .tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000 };

	pthread_mutex_lock(&w->lock);
	while (w->out != NULL && pthread_cond_timedwait(&w->answered, &w->lock, &end) != ETIMEDOUT)
		;
	w->out = NULL;
	leave(w);
}

/* The call's time, cut to what the context has left; 0 when nothing is left. */
static int
time_left_ms(const struct ctx *cx, const struct http_call *call)
{
	int64_t ms = call->timeout_ms > 0 ? call->timeout_ms : CALL_TIMEOUT_MS;
	int64_t left = cx->deadline_ms - clock_mono_ms();

	if (ms > CALL_TIMEOUT_MAX_MS)
		ms = CALL_TIMEOUT_MAX_MS;
	if (cx->deadline_ms != 0 && left < ms)
		ms = left > 0 ? left : 0;
	return (int)ms;
}

static const struct http_reply no_time = { .end = CALL_REFUSED,
	.error = "no time was left for the call" };
static const struct http_reply no_waiting = { .end = CALL_REFUSED,
	.error = "a call that waits was asked for where nothing may wait" };

void
http_client_call(
    struct http_client *c, struct ctx *cx, const struct http_call *call, struct http_reply *out)
{
	struct http_call timed = *call;
	struct waiter *w;
	int64_t until_ms;

	timed.timeout_ms = time_left_ms(cx, call);
	if (!cx->may_block || timed.timeout_ms == 0) {
		*out = cx->may_block ? no_time : no_waiting;
		return;
	}
	/* What stands if the thread does not answer. */
	*out = (struct http_reply){ .end = CALL_TIMED_OUT, .error = "no answer in time" };
	until_ms = clock_mono_ms() + timed.timeout_ms + ANSWER_GRACE_MS;
	w = waiter_new(cx, out);
	http_client_send(c, &timed, answer, w);
	wait_until(w, until_ms);
}

void
http_client_once(
    struct ctx *cx, struct str user_agent, const struct http_call *call, struct http_reply *out)
{
	struct http_call timed = *call;
	struct http_transfer *t;

	timed.timeout_ms = time_left_ms(cx, call);
	if (timed.timeout_ms == 0) {
		*out = no_time;
		return;
	}
	if (plain_call(cx, user_agent, call, timed.timeout_ms, out))
		return;
	t = transfer_new(&timed, user_agent, S(""));
	if (t->easy != NULL)
		transfer_finish(t, curl_easy_perform(t->easy));
	copy_reply(cx->arena, &t->reply, out);
	transfer_free(t);
}
