#include "sandbox/console/notifier.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "sandbox/console/notifier_int.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/tree/files.h"

#define GATHER_MS 200 /* changes that come close together are told together */
#define NEVER INT64_MAX

/* Whether it is the first change of those that are gathered. */
static bool
touch(struct notifier *n)
{
	bool first;

	pthread_mutex_lock(&n->lock);
	first = !n->dirty;
	if (first)
		n->dirty_ms = clock_mono_ms();
	n->dirty = true;
	pthread_mutex_unlock(&n->lock);
	return first;
}

/* The first wakes the thread, which gathers what comes after it: each commit of a busy sandbox passes here. */
static void
on_committed(struct sandbox *s)
{
	if (touch(s->notifier))
		pthread_cond_signal(&s->notifier->wake);
}

/* A wait may be over when the clock is moved. */
static void
on_clock(void *arg)
{
	struct notifier *n = arg;

	touch(n);
	pthread_cond_signal(&n->wake);
}

/* Where every account stands now, in the order of their ids. Heap memory. */
static enum rc
read_marks(struct sandbox *s, struct ctx *cx, struct mark **out, size_t *count)
{
	struct mark *marks = NULL;
	size_t room = 0;
	struct db_stmt *st;
	enum rc rc;
	bool row;

	*count = 0;
	rc = sql_bind(cx, s->db, "SELECT id, uid FROM accounts ORDER BY id", SQL_ARGS(), &st);
	while (rc == OK && (rc = db_step(cx, st, &row)) == OK && row) {
		struct str id = db_col_text(st, 0, cx->arena);
		struct mark *m;

		if (*count == room) {
			room = room > 0 ? 2 * room : 16;
			marks = mem_realloc(marks, room * sizeof(*marks));
		}
		m = &marks[(*count)++];
		*m = (struct mark){ .account.uid = db_col_int(st, 1) };
		memcpy(m->account.id, id.p, id.len < ACCOUNT_ID_LEN ? id.len : ACCOUNT_ID_LEN);
	}
	for (size_t i = 0; rc == OK && i < *count; i++)
		rc = files_seq(s, cx, str_of(marks[i].account.id), &marks[i].seq);
	if (rc != OK) {
		free(marks);
		return rc;
	}
	*out = marks;
	return OK;
}

static void
put_marks(struct notifier *n, struct mark *marks, size_t count)
{
	pthread_mutex_lock(&n->lock);
	free(n->marks);
	n->marks = marks;
	n->mark_count = count;
	pthread_mutex_unlock(&n->lock);
}

enum rc
notifier_watch(struct sandbox *s, struct ctx *cx)
{
	struct notifier *n = s->notifier;
	struct mark *marks;
	size_t count;
	bool watching;

	pthread_mutex_lock(&n->lock);
	watching = n->marks != NULL;
	pthread_mutex_unlock(&n->lock);
	if (watching)
		return OK;
	TRY(read_marks(s, cx, &marks, &count));
	put_marks(n, marks, count);
	return OK;
}

/* What one account's change leads to. */
struct word {
	struct notifier *n;
	const struct changed *account;
};

static void
queue_word(void *arg, struct str hook_id)
{
	struct word *w = arg;
	struct queue *q;

	pthread_mutex_lock(&w->n->lock);
	q = queue_of(w->n, hook_id);
	if (q != NULL)
		changed_add(&q->waiting, w->account);
	pthread_mutex_unlock(&w->n->lock);
}

/* Old and new marks are both in the order of ids. An account that is new counts from 0. */
static enum rc
compare_marks(struct notifier *n, struct ctx *cx, const struct mark *now, size_t count)
{
	size_t old = 0;

	for (size_t i = 0; i < count; i++) {
		struct word word = { n, &now[i].account };
		int64_t before = 0;
		int order = 1;

		while (old < n->mark_count &&
		    (order = strcmp(n->marks[old].account.id, now[i].account.id)) < 0)
			old++;
		if (old < n->mark_count && order == 0)
			before = n->marks[old].seq;
		/* Behind it, when a state of earlier has been brought back. */
		if (now[i].seq != before)
			TRY(webhooks_hearing(n->s, cx, str_of(now[i].account.id),
			    now[i].seq > before ? before : 0, queue_word, &word));
	}
	return OK;
}

/* Only this thread replaces marks that are there, so it may read them without the lock. */
static enum rc
sweep(struct notifier *n, struct ctx *cx)
{
	struct mark *marks = NULL;
	size_t count = 0;
	bool any;
	enum rc rc;

	TRY(webhooks_any(n->s, cx, &any));
	if (!any) {
		put_marks(n, NULL, 0);
		return OK;
	}
	if (n->marks == NULL)
		return notifier_watch(n->s, cx);
	TRY(read_marks(n->s, cx, &marks, &count));
	rc = compare_marks(n, cx, marks, count);
	put_marks(n, marks, count);
	return rc;
}

static void
look(struct notifier *n, struct ctx *cx)
{
	enum rc rc = store_enter(n->s, cx, STORE_READ);

	if (rc == OK)
		rc = store_leave(n->s, cx, STORE_READ, sweep(n, cx));
	if (rc != OK)
		log_event(LOG_WARN, "webhook.look", KV_STR("why", str_of(cx->why)));
}

static void
wait_until(struct notifier *n, int64_t mono_ms)
{
	struct timespec end = { .tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000 };

	if (mono_ms == NEVER)
		pthread_cond_wait(&n->wake, &n->lock);
	else
		pthread_cond_timedwait(&n->wake, &n->lock, &end);
}

enum step { STEP_LOOK, STEP_SEND, STEP_STOP };

/* Waits for something to do. *id is whose turn it is to send. */
static enum step
next_step(struct notifier *n, char id[WEBHOOK_ID_LEN + 1])
{
	for (;;) {
		int64_t now_ms = clock_now_ms(n->s->clock), due_ms = NEVER, until_ms = NEVER;
		int64_t mono_ms = clock_mono_ms();
		struct queue *q;

		if (n->stop)
			return STEP_STOP;
		if (n->dirty && n->dirty_ms + GATHER_MS <= mono_ms) {
			n->dirty = false;
			return STEP_LOOK;
		}
		q = queue_ready(n, now_ms, &due_ms);
		if (q != NULL) {
			memcpy(id, q->id, sizeof(q->id));
			return STEP_SEND;
		}
		if (due_ms != NEVER)
			until_ms = mono_ms + (due_ms - now_ms);
		if (n->dirty && n->dirty_ms + GATHER_MS < until_ms)
			until_ms = n->dirty_ms + GATHER_MS;
		wait_until(n, until_ms);
	}
}

static void *
run(void *arg)
{
	struct notifier *n = arg;
	struct arena *arena = arena_new();
	char id[WEBHOOK_ID_LEN + 1] = { 0 };
	struct ctx cx;

	for (;;) {
		enum step step;

		pthread_mutex_lock(&n->lock);
		step = next_step(n, id);
		pthread_mutex_unlock(&n->lock);
		if (step == STEP_STOP)
			break;
		ctx_init(&cx, arena, n->s->clock);
		cx.may_block = true;
		if (step == STEP_LOOK)
			look(n, &cx);
		else
			notifier_deliver(n, &cx, str_of(id));
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

/* Signals are for the thread that asked for them, never for this one. */
static int
start_thread(struct notifier *n)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&n->thread, NULL, run, n);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void
release(struct notifier *n)
{
	http_client_free(n->client);
	queues_free(n);
	free(n->marks);
	pthread_cond_destroy(&n->wake);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static struct notifier *
notifier_new(struct sandbox *s)
{
	struct notifier *n = mem_alloc(sizeof(*n));
	pthread_condattr_t attr;

	n->s = s;
	n->client = http_client_new(S("valetkey-sandbox"), S(""));
	n->dirty = true; /* webhooks of an earlier run */
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&n->wake, &attr);
	pthread_condattr_destroy(&attr);
	return n;
}

static enum rc
watch_from_start(struct sandbox *s, struct ctx *cx)
{
	bool any = false;
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = webhooks_any(s, cx, &any);
	if (rc == OK && any)
		rc = notifier_watch(s, cx);
	return store_leave(s, cx, STORE_READ, rc);
}

enum rc
notifier_start(struct sandbox *s, struct ctx *cx)
{
	int error;
	enum rc rc;

	s->notifier = notifier_new(s);
	rc = watch_from_start(s, cx);
	error = rc == OK ? start_thread(s->notifier) : 0;
	if (error != 0)
		rc = fail(cx, E_BUSY, "The thread for webhooks could not be started: %s.",
		    strerror(error));
	if (rc != OK) {
		release(s->notifier);
		s->notifier = NULL;
		return rc;
	}
	clock_on_change(s->clock, on_clock, s->notifier);
	s->committed = on_committed;
	return OK;
}

void
notifier_stop(struct sandbox *s)
{
	struct notifier *n = s->notifier;

	if (n == NULL)
		return;
	clock_off_change(s->clock, on_clock, n);
	s->committed = NULL;
	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	release(n);
	s->notifier = NULL;
}

static json_t *
delivery_json(const struct delivery *d)
{
	json_t *o = json_object();

	json_put(o, "at_ms", json_integer(d->at_ms));
	json_put(o, "accounts", json_integer((json_int_t)d->accounts));
	json_put(o, "attempt", json_integer(d->attempt));
	json_put(o, "delivered", json_boolean(d->delivered));
	json_put(o, "status", d->status > 0 ? json_integer(d->status) : json_null());
	json_put(o, "error", json_opt_str(str_of(d->error)));
	json_put(o, "again_ms", d->again_ms > 0 ? json_integer(d->again_ms) : json_null());
	return o;
}

json_t *
notifier_log_json(struct sandbox *s, struct str hook_id)
{
	struct notifier *n = s->notifier;
	json_t *list = json_array();
	struct queue *q;

	pthread_mutex_lock(&n->lock);
	q = queue_find(n, hook_id);
	for (size_t i = 0; q != NULL && i < q->logged && i < LOG_MAX; i++)
		json_array_append_new(list, delivery_json(&q->log[(q->logged - 1 - i) % LOG_MAX]));
	pthread_mutex_unlock(&n->lock);
	return list;
}

void
notifier_forget(struct sandbox *s, struct str hook_id)
{
	pthread_mutex_lock(&s->notifier->lock);
	queue_drop(s->notifier, hook_id);
	pthread_mutex_unlock(&s->notifier->lock);
}
