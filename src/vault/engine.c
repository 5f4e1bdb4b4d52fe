#include "vault/engine.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "vault/engine_int.h"
#include "vault/gather.h"

#define WAIT_MS 10000      /* what a reader waits at most */
#define WAITING_MAX 12     /* readers that may wait so long: the other workers stay free */
#define WAIT_SHORT_MS 1000 /* for the readers past it */
#define STOP_WAIT_MS 5000
#define IDLE_MS 30000
#define PURGE_MS 600000
#define EVENTS_AT_ONCE 10000

uint32_t
engine_random(void)
{
	uint32_t random;

	crypto_random(&random, sizeof(random));
	return random;
}

int64_t
engine_due_ms(const struct due_state *state)
{
	struct due_state due = *state;

	due.random = engine_random();
	return plan_due_ms(&due);
}

/* --- the engine's own loop --- */

static bool
in_flight(const struct engine *e)
{
	for (const struct flight *f = e->flights; f != NULL; f = f->next)
		if (f->stage == FLIGHT_CALLING || f->stage == FLIGHT_ANSWERED)
			return true;
	return false;
}

/* The next flight to work on; NULL when there is none. *at_ms is brought forward to when one will be. */
static struct flight *
next_work(struct engine *e, int64_t now, int64_t *at_ms)
{
	struct flight *wanted = NULL;

	for (struct flight *f = e->flights; f != NULL; f = f->next) {
		if (f->stage != FLIGHT_ANSWERED && (f->stage != FLIGHT_WANTED || e->stopping))
			continue;
		if (f->again_ms > now) {
			*at_ms = f->again_ms < *at_ms ? f->again_ms : *at_ms;
			continue;
		}
		if (f->stage == FLIGHT_ANSWERED)
			return f;
		/* Those that somebody waits for go before those that are merely due. */
		if ((f->lane == NULL || lane_closed(f->lane, now) || lane_room(f->lane, now) > 0) &&
		    (wanted == NULL || f->readers > wanted->readers))
			wanted = f;
	}
	return wanted;
}

/* The row cannot be read, or its provider is not known here: not again at once. */
static void
postpone(struct flight *f)
{
	struct vault *v = f->engine->vault;
	struct ctx cx;

	ctx_init(&cx, f->arena, v->clock);
	cx.may_block = true;
	if (store_token_postpone(
		v->store, &cx, f->token_id, clock_now_ms(v->clock) + BACKOFF_MAX_MS) != OK)
		log_event(LOG_ERROR, "token.postpone_failed", KV_STR("why", str_of(cx.why)));
}

/* Finds its provider. False when it has ended. */
static bool
enter_lane(struct flight *f)
{
	struct engine *e = f->engine;
	const struct provider *p;
	struct token t;
	enum rc rc = store_token_get(e->vault->store, &f->cx, f->token_id, &t);

	if (rc == OK)
		rc = vault_provider(e->vault, &f->cx, t.provider, &p);
	if (rc != OK) {
		log_event(LOG_WARN, "token.refresh_not_started", KV_STR("token", f->token_id),
		    KV_STR("why", str_of(f->cx.why)));
		if (rc != E_NOTFOUND || f->cx.field != NULL)
			postpone(f);
		flight_done(f, rc);
		return false;
	}
	pthread_mutex_lock(&e->lock);
	f->lane = lane_of(e, t.provider);
	pthread_mutex_unlock(&e->lock);
	return true;
}

static void
provider_down(struct flight *f, int64_t now)
{
	int64_t wait_s = (f->lane->closed_until - now + 999) / 1000;

	fail_at(&f->cx, E_UPSTREAM, "provider-down", NULL,
	    "%s has not been answering; it is tried again in a moment.", f->lane->provider->name.p);
	f->cx.retry_after_s = wait_s > 0 ? (int)wait_s : 1;
	fail_todo(&f->cx, "Try again in %d seconds.", f->cx.retry_after_s);
	flight_done(f, E_UPSTREAM);
}

static void
work(struct engine *e, struct flight *f)
{
	int64_t now = clock_mono_ms();
	bool closed, room;

	if (f->stage == FLIGHT_ANSWERED) {
		gather_answered(e);
		return;
	}
	if (f->lane == NULL && !enter_lane(f))
		return;
	pthread_mutex_lock(&e->lock);
	closed = lane_closed(f->lane, now);
	room = lane_room(f->lane, now) > 0;
	pthread_mutex_unlock(&e->lock);
	if (closed)
		provider_down(f, now);
	else if (room)
		attempt_begin(f);
}

/* How many due tokens the lane can take besides those that wait in it already. */
static size_t
lane_takes(struct engine *e, const struct lane *l)
{
	int room;

	pthread_mutex_lock(&e->lock);
	room = lane_room(l, clock_mono_ms());
	for (const struct flight *f = e->flights; f != NULL; f = f->next)
		if (f->lane == l && f->stage == FLIGHT_WANTED)
			room--;
	pthread_mutex_unlock(&e->lock);
	return room > 0 ? (size_t)room : 0;
}

static void
want(struct engine *e, struct lane *l, const struct str *ids, size_t n, bool more)
{
	pthread_mutex_lock(&e->lock);
	l->more = more;
	for (size_t i = 0; i < n; i++)
		if (flight_find(e, ids[i]) == NULL) {
			struct flight *f = flight_new(e, ids[i]);

			f->lane = l;
			f->due_only = true;
		}
	pthread_mutex_unlock(&e->lock);
}

/* Wants the due tokens of one provider; returns how long nothing more of it is due (ms). */
static int64_t
look_in_lane(struct engine *e, struct ctx *cx, struct lane *l)
{
	int64_t now = clock_now_ms(e->vault->clock), mono = clock_mono_ms(), next = 0;
	size_t max = lane_takes(e, l), n = 0;
	struct str *ids = NULL;

	if (max == 0) {
		l->more = true;
		return lane_closed(l, mono) && l->closed_until > mono ? l->closed_until - mono
								      : IDLE_MS;
	}
	if (store_token_due(e->vault->store, cx, l->provider->id, now, clock_wall_ms(), max, &ids,
		&n, &next) != OK)
		log_event(LOG_ERROR, "engine.store_failed", KV_STR("why", str_of(cx->why)));
	want(e, l, ids, n, n == max);
	if (next == 0)
		return IDLE_MS;
	return next > now ? next - now : 1000;
}

/* Ends what was deleted so long ago that nobody can have it back. */
static void
purge(struct engine *e, struct ctx *cx)
{
	int64_t now = clock_mono_ms();
	const struct vault *v = e->vault;

	if (now < e->purge_at)
		return;
	e->purge_at = now + PURGE_MS;
	if (store_token_purge(v->store, cx, clock_now_ms(v->clock) - v->keep_deleted_ms) != OK)
		log_event(LOG_ERROR, "engine.purge_failed", KV_STR("why", str_of(cx->why)));
	if (store_event_sweep(
		v->store, cx, clock_now_ms(v->clock) - v->keep_events_ms, EVENTS_AT_ONCE) != OK)
		log_event(LOG_ERROR, "engine.sweep_failed", KV_STR("why", str_of(cx->why)));
}

/* Looks into each lane; returns when to look again (ms to wait). */
static int64_t
look_for_due(struct engine *e)
{
	struct arena *a = arena_new();
	int64_t wait = IDLE_MS;
	struct ctx cx;

	ctx_init(&cx, a, e->vault->clock);
	cx.may_block = true;
	cx.actor = S("engine");
	for (size_t i = 0; i < e->vault->provider_count; i++) {
		int64_t lane_wait = look_in_lane(e, &cx, &e->lanes[i]);

		if (lane_wait < wait)
			wait = lane_wait;
	}
	key_index_flush(e->vault, &cx);
	purge(e, &cx);
	arena_free(a);
	return wait;
}

static void
wait_changed(struct engine *e, int64_t wait_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&e->changed, &e->lock, &until);
}

static void *
engine_main(void *arg)
{
	struct engine *e = arg;
	int64_t look_at = 0;

	pthread_mutex_lock(&e->lock);
	while (!e->ended) {
		int64_t now = clock_mono_ms(), wake_at = look_at;
		struct flight *f = next_work(e, now, &wake_at);
		bool look = !e->stopping && (e->look || now >= look_at);

		if (f == NULL && !look) {
			wait_changed(e, wake_at > now ? wake_at - now : IDLE_MS);
			continue;
		}
		if (f == NULL)
			e->look = false; /* a wish to look stays until it is looked */
		if (e->clock_moved)
			e->purge_at = 0;
		e->clock_moved = false;
		pthread_mutex_unlock(&e->lock);
		if (f != NULL)
			work(e, f);
		else
			look_at = clock_mono_ms() + look_for_due(e);
		pthread_mutex_lock(&e->lock);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

/* --- public --- */

static void
clock_moved(void *arg)
{
	struct engine *e = arg;

	pthread_mutex_lock(&e->lock);
	e->clock_moved = true;
	pthread_mutex_unlock(&e->lock);
	engine_wake(e);
}

enum rc
engine_start(struct ctx *cx, struct vault *v, struct engine **out)
{
	struct engine *e = mem_alloc(sizeof(*e));
	pthread_condattr_t attr;

	e->vault = v;
	e->lanes = mem_alloc((v->provider_count + 1) * sizeof(*e->lanes));
	for (size_t i = 0; i < v->provider_count; i++)
		e->lanes[i].provider = &v->providers[i];
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&e->thread, NULL, engine_main, e) != 0) {
		free(e->lanes);
		free(e);
		return fail(cx, E_BUSY, "A thread could not be started.");
	}
	clock_on_change(v->clock, clock_moved, e);
	*out = e;
	return OK;
}

void
engine_stop(struct engine *e)
{
	int64_t until = clock_mono_ms() + STOP_WAIT_MS;

	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->changed);
	while (in_flight(e) && clock_mono_ms() < until)
		wait_changed(e, until - clock_mono_ms());
	e->ended = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	clock_off_change(e->vault->clock, clock_moved, e);
	while (e->flights != NULL)
		flight_drop(e, e->flights);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e->lanes);
	free(e);
}

void
engine_wake(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->look = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

/* Copies the outcome's words to the reader. */
static enum rc
outcome(struct ctx *cx, const struct flight *f)
{
	if (f->rc == OK)
		return OK;
	cx->rc = f->rc;
	cx->code = f->cx.code;
	cx->field = f->cx.field;
	cx->retry_after_s = f->cx.retry_after_s;
	memcpy(cx->why, f->cx.why, sizeof(cx->why));
	memcpy(cx->todo, f->cx.todo, sizeof(cx->todo));
	return f->rc;
}

bool
engine_breaker_open(struct engine *e, size_t provider)
{
	bool open;

	pthread_mutex_lock(&e->lock);
	open = lane_closed(&e->lanes[provider], clock_mono_ms());
	pthread_mutex_unlock(&e->lock);
	return open;
}

static enum rc
refresh(struct engine *e, struct ctx *cx, struct str token_id, int64_t seen_ms, bool rejected)
{
	struct flight *f;
	int64_t until;
	enum rc rc;

	pthread_mutex_lock(&e->lock);
	/* A provider that hangs must not take every worker: the console needs some too (S-250). */
	until = clock_mono_ms() + (e->waiting++ < WAITING_MAX ? WAIT_MS : WAIT_SHORT_MS);
	if (cx->deadline_ms > 0 && cx->deadline_ms < until)
		until = cx->deadline_ms;
	f = flight_find(e, token_id);
	if (f == NULL) {
		f = flight_new(e, token_id);
		f->seen_ms = seen_ms;
	} else if (f->readers == 0 || seen_ms == ENGINE_ANYWAY) {
		f->seen_ms = seen_ms;
	}
	f->due_only = false;
	f->readers++;
	f->rejected = f->rejected || rejected;
	pthread_cond_broadcast(&e->changed);
	while (f->stage != FLIGHT_DONE && !e->stopping && clock_mono_ms() < until)
		wait_changed(e, until - clock_mono_ms());
	rc = f->stage == FLIGHT_DONE ? outcome(cx, f)
				     : fail_at(cx, E_UPSTREAM, "refresh-slow", NULL,
					   "The refresh is taking long; try again.");
	if (--f->readers == 0 && f->stage == FLIGHT_DONE)
		flight_drop(e, f);
	e->waiting--;
	pthread_mutex_unlock(&e->lock);
	return rc;
}

enum rc
engine_refresh(struct engine *e, struct ctx *cx, struct str token_id, int64_t seen_ms)
{
	return refresh(e, cx, token_id, seen_ms, false);
}

enum rc
engine_refresh_rejected(struct engine *e, struct ctx *cx, struct str token_id, int64_t seen_ms)
{
	return refresh(e, cx, token_id, seen_ms, true);
}
