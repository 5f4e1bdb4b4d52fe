#include "http/client.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/curl_load.h"
#include "http/out_pool.h"
#include "http/plain.h"

#define STOPPING_MS 20
#define KEPT_CALLS 512      /* whose memory is used again, until there is nothing to do */
#define LET_GO_MS 1000      /* of nothing to do */
#define ANSWER_GRACE_MS 500 /* the thread may be this late before a waiter goes on without it */

struct http_client {
	/* All with the first call: most processes make none, or not at once. */
	struct multi *multi;
	struct out_pool *pool;
	pthread_t thread;
	struct buf user_agent, roots_pem; /* the second empty: the system's */

	pthread_mutex_t lock;
	struct out_call *queue, **queue_end; /* handed over, not started */
	bool stop;                           /* no new calls */
	int64_t stop_by_ms;                  /* with stop: when those in flight are given up */
	bool stopped;                        /* the thread has been joined */
	struct out_call *kept;               /* cleared */
	int kept_count;
	struct out_urls urls;
};

/* --- calls --- */

/* A cleared one, or a new one; with the address, if it is known. */
static struct out_call *
take_call(struct http_client *c, struct str url, struct out_url **known)
{
	struct out_call *call;

	pthread_mutex_lock(&c->lock);
	call = c->kept;
	if (call != NULL) {
		c->kept = call->next;
		c->kept_count--;
		call->next = NULL;
	}
	*known = out_urls_find(&c->urls, url);
	pthread_mutex_unlock(&c->lock);
	return call != NULL ? call : out_call_new();
}

static void
keep_call(struct http_client *c, struct out_call *call)
{
	bool kept = out_call_clear(call);

	pthread_mutex_lock(&c->lock);
	kept = kept && c->kept_count < KEPT_CALLS;
	if (kept) {
		call->next = c->kept;
		c->kept = call;
		c->kept_count++;
	}
	pthread_mutex_unlock(&c->lock);
	if (!kept)
		out_call_free(call);
}

static void
report(void *arg, struct out_call *call)
{
	call->done(call->arg, &call->reply);
	keep_call(arg, call);
}

static bool
is_kept(struct http_client *c)
{
	bool kept;

	pthread_mutex_lock(&c->lock);
	kept = c->kept != NULL || c->urls.at[0] != NULL;
	pthread_mutex_unlock(&c->lock);
	return kept;
}

/* The addresses too: a path may be a secret. */
static void
let_kept_go(struct http_client *c)
{
	struct out_call *call, *next;

	pthread_mutex_lock(&c->lock);
	call = c->kept;
	c->kept = NULL;
	c->kept_count = 0;
	out_urls_free(&c->urls);
	pthread_mutex_unlock(&c->lock);
	for (; call != NULL; call = next) {
		next = call->next;
		out_call_free(call);
	}
}

static struct out_url *
read_url(struct str text, struct http_reply *reply)
{
	const char *why;
	struct out_url *url = out_url_new(text, &why);

	if (url == NULL) {
		reply->end = CALL_BAD_URL;
		snprintf(reply->error, sizeof(reply->error), "%s", why);
	}
	return url;
}

/* False: it cannot be sent, and its reply says why. */
static bool
prepare(struct http_client *c, struct out_call *call, const struct http_call *what,
    struct out_url *known)
{
	const char *why = curl_ready();
	struct out_url *url = known;

	if (why != NULL) {
		call->reply.end = CALL_REFUSED;
		snprintf(call->reply.error, sizeof(call->reply.error),
		    "the library for calls cannot be used, install libcurl4: %s", why);
		return false;
	}
	if (url == NULL)
		url = read_url(what->url, &call->reply);
	return url != NULL && out_call_prepare(call, what, url, buf_str(&c->user_agent));
}

/* --- the thread --- */

static void
refuse(struct http_client *c, struct out_call *call)
{
	out_call_abandon(call);
	report(c, call);
}

/* False once the client is stopping and nothing is in flight, or has run out of time. */
static bool
start_queued(struct http_client *c, bool *stopping)
{
	struct out_call *call, *next;
	int64_t stop_by_ms;

	pthread_mutex_lock(&c->lock);
	call = c->queue;
	c->queue = NULL;
	c->queue_end = &c->queue;
	*stopping = c->stop;
	stop_by_ms = c->stop_by_ms;
	pthread_mutex_unlock(&c->lock);
	for (; call != NULL; call = next) {
		next = call->next;
		if (*stopping)
			refuse(c, call);
		else
			out_pool_start(c->pool, call);
	}
	if (*stopping)
		out_pool_end_unsent(c->pool);
	return !*stopping || (out_pool_busy(c->pool) && clock_mono_ms() < stop_by_ms);
}

/* What has come waits for whoever works on this processor just now: by then more has come, and one turn does
 * for all of it. On a processor where nobody works it does not wait. */
static void
be_patient(void)
{
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 });
}

static void *
run(void *arg)
{
	struct http_client *c = arg;
	bool stopping, idle = false;

	be_patient();
	while (start_queued(c, &stopping)) {
		bool happened = out_pool_turn(c->pool,
		    stopping                 ? STOPPING_MS
			: idle && is_kept(c) ? LET_GO_MS
					     : -1);

		if (idle && !happened)
			let_kept_go(c);
		idle = !out_pool_busy(c->pool);
	}
	out_pool_abandon(c->pool);
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
	c->multi = multi_new();
	if (c->multi != NULL) {
		c->pool = out_pool_new(c->multi, buf_str(&c->roots_pem), report, c);
		if (start_thread(c))
			return true;
	}
	out_pool_free(c->pool);
	multi_free(c->multi);
	c->pool = NULL;
	c->multi = NULL;
	return false;
}

static void
release(struct http_client *c)
{
	let_kept_go(c);
	out_pool_free(c->pool);
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

enum handed { HANDED, STOPPED, NO_ROOM };

/* Its address is kept for the next one, since the thread will let go of it. */
static enum handed
hand_to_thread(struct http_client *c, struct out_call *call, bool new_url)
{
	enum handed handed;

	pthread_mutex_lock(&c->lock);
	handed = c->stop ? STOPPED : be_running(c) ? HANDED : NO_ROOM;
	if (handed == HANDED) {
		/* One that finds others waiting need not wake the thread again. */
		if (c->queue == NULL)
			multi_wake(c->multi);
		*c->queue_end = call;
		c->queue_end = &call->next;
		if (new_url)
			out_urls_keep(&c->urls, call->url);
	}
	pthread_mutex_unlock(&c->lock);
	return handed;
}

static void
refuse_without_room(struct http_client *c, struct out_call *call)
{
	call->reply.ours = true;
	out_say(&call->reply, CALL_REFUSED, "could not call", call->url->host,
	    "no descriptors or threads are left; raise the limit (ulimit -n)");
	report(c, call);
}

void
http_client_send(struct http_client *c, const struct http_call *call,
    void (*done)(void *arg, const struct http_reply *reply), void *arg)
{
	struct out_url *known;
	struct out_call *mine = take_call(c, call->url, &known);

	mine->done = done;
	mine->arg = arg;
	if (!prepare(c, mine, call, known)) {
		report(c, mine);
		return;
	}
	switch (hand_to_thread(c, mine, known == NULL)) {
	case HANDED:
		break;
	case STOPPED:
		refuse(c, mine);
		break;
	case NO_ROOM:
		refuse_without_room(c, mine);
	}
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

static const struct http_reply no_time = {
	.end = CALL_REFUSED, .ours = true, .error = "no time was left for the call"
};
static const struct http_reply no_waiting = { .end = CALL_REFUSED,
	.ours = true,
	.error = "a call that waits was asked for where nothing may wait" };

static void
call_and_wait(
    struct http_client *c, struct ctx *cx, const struct http_call *timed, struct http_reply *out)
{
	int64_t until_ms = clock_mono_ms() + timed->timeout_ms + ANSWER_GRACE_MS;
	struct waiter *w;

	/* What stands if the thread does not answer. */
	*out = (struct http_reply){ .end = CALL_TIMED_OUT, .error = "no answer in time" };
	w = waiter_new(cx, out);
	http_client_send(c, timed, answer, w);
	wait_until(w, until_ms);
}

void
http_client_call(
    struct http_client *c, struct ctx *cx, const struct http_call *call, struct http_reply *out)
{
	struct http_call timed = *call;

	timed.timeout_ms = time_left_ms(cx, call);
	if (!cx->may_block || timed.timeout_ms == 0)
		*out = cx->may_block ? no_time : no_waiting;
	else
		call_and_wait(c, cx, &timed, out);
}

void
http_client_once(
    struct ctx *cx, struct str user_agent, const struct http_call *call, struct http_reply *out)
{
	struct http_call timed = *call;
	struct http_client *c;

	timed.timeout_ms = time_left_ms(cx, call);
	if (timed.timeout_ms == 0) {
		*out = no_time;
		return;
	}
	if (plain_call(cx, user_agent, call, timed.timeout_ms, out))
		return;
	c = http_client_new(user_agent, S(""));
	call_and_wait(c, cx, &timed, out);
	http_client_free(c);
}
