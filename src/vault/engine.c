#include "vault/engine.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/map.h"
#include "store/webhook.h"
#include "vault/connect.h"
#include "vault/engine_int.h"
#include "vault/waits.h"

#define WAIT_MS 10000      /* what a reader waits at most */
#define WAIT_SHORT_MS 1000 /* when too many do (vault/waits.h) */
#define STOP_WAIT_MS 5000
/* Where a reply that nobody takes is a lost refresh token: until the call has ended by itself. */
#define STOP_CALL_MS (CALL_TIMEOUT_MS + STOP_WAIT_MS)
#define IDLE_MS 30000
#define LOOK_AGAIN_MS 1000
#define PURGE_MS 600000
#define EVENTS_AT_ONCE 10000
#define KEEP_DELIVERIES_MS (7LL * 86400000)

uint32_t
engine_random(void)
{
	uint32_t random;

	crypto_random(&random, sizeof(random));
	return random;
}

void
engine_news(struct engine *e)
{
	e->news++;
	pthread_cond_broadcast(&e->changed);
}

int64_t
engine_due_ms(const struct due_state *state)
{
	struct due_state due = *state;

	due.random = engine_random();
	return plan_due_ms(&due);
}

/* --- the engine's own loop --- */

/* Also one whose claim is being written just now: its request may be about to leave. */
static bool
in_flight(const struct flight *f)
{
	return f->stage == FLIGHT_CALLING || f->stage == FLIGHT_ANSWERED ||
	    f->stage == FLIGHT_READ || f->stage == FLIGHT_FAILED || f->stage == FLIGHT_UNSURE ||
	    (f->stage == FLIGHT_WANTED && f->in_lane);
}

/* How long a stop waits for what is in flight; 0: there is nothing. */
static int64_t
stop_wait_ms(const struct engine *e)
{
	int64_t wait = 0;

	for (const struct flight *f = e->flights; f != NULL; f = f->next) {
		if (!in_flight(f))
			continue;
		if (f->lane != NULL && f->stage != FLIGHT_UNSURE && !lane_loses_nothing(f->lane))
			return STOP_CALL_MS;
		wait = STOP_WAIT_MS;
	}
	return wait;
}

/* How many due tokens the lane can take besides those that wait in it already. Of a wide window a quarter at
 * once, rather than a few as often as some are answered: each look reads the database. */
static size_t
lane_takes(struct engine *e, const struct lane *l)
{
	int room, least;

	pthread_mutex_lock(&e->lock);
	room = lane_pauses(l, clock_mono_ms()) ? 0 : lane_room(l, clock_mono_ms()) - l->waiting;
	least = l->window > LANE_CALLS_MIN && l->in_flight > 0 ? l->window / 4 : 1;
	pthread_mutex_unlock(&e->lock);
	return room >= least ? (size_t)room : 0;
}

/* How many of them are not under way already. */
static size_t
want(struct engine *e, struct lane *l, const struct str *ids, size_t n)
{
	size_t wanted = 0;

	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < n; i++)
		if (flight_find(e, ids[i]) == NULL) {
			struct flight *f = flight_new(e, ids[i]);

			f->due_only = true;
			flight_enter(f, l);
			wanted++;
		}
	pthread_mutex_unlock(&e->lock);
	return wanted;
}

/* Wants the due tokens of one provider; returns how long nothing more of it is due (ms). */
static int64_t
look_in_lane(struct engine *e, struct ctx *cx, struct lane *l, size_t max)
{
	int64_t now = clock_now_ms(e->vault->clock), next = 0;
	struct str *ids = NULL;
	size_t n = 0;

	if (store_token_due(e->vault->store, cx, l->provider->id, now, STORE_CLOCK, max, &ids, &n,
		&next) != OK) {
		log_event(LOG_ERROR, "engine.store_failed", KV_STR("why", str_of(cx->why)));
		return LOOK_AGAIN_MS;
	}
	if (want(e, l, ids, n) > 0 && n == max)
		return 0; /* as soon as there is room */
	return next == 0 ? IDLE_MS : next > now ? next - now : LOOK_AGAIN_MS;
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
	if (vault_connection_sweep(e->vault, cx) != OK)
		log_event(LOG_ERROR, "engine.sweep_failed", KV_STR("why", str_of(cx->why)));
	if (store_event_sweep(
		v->store, cx, clock_now_ms(v->clock) - v->keep_events_ms, EVENTS_AT_ONCE) != OK)
		log_event(LOG_ERROR, "engine.sweep_failed", KV_STR("why", str_of(cx->why)));
	if (store_delivery_sweep(
		v->store, cx, clock_now_ms(v->clock) - KEEP_DELIVERIES_MS, EVENTS_AT_ONCE) != OK)
		log_event(LOG_ERROR, "engine.sweep_failed", KV_STR("why", str_of(cx->why)));
}

/* Looks into each lane where something may be due and that has room. *at_ms is brought forward to when to
 * look again; a lane without room is looked into when it has some. */
static void
look_for_due(struct engine *e, int64_t *at_ms)
{
	struct ctx cx;

	ctx_init(&cx, e->arena, e->vault->clock);
	cx.may_block = true;
	cx.actor = S("engine");
	for (size_t i = 0; i < e->vault->provider_count; i++) {
		struct lane *l = &e->lanes[i];
		int64_t now = clock_mono_ms(), wait;
		size_t max;

		if (l->look_at > now || l->rests_until > now) {
			wait = l->look_at > l->rests_until ? l->look_at : l->rests_until;
			*at_ms = wait < *at_ms ? wait : *at_ms;
			continue;
		}
		max = lane_takes(e, l);
		if (max == 0) {
			if (l->closed_until > now && l->closed_until < *at_ms)
				*at_ms = l->closed_until;
			if (lane_pauses(l, now) && l->asked_until < *at_ms)
				*at_ms = l->asked_until;
			continue;
		}
		l->look_at = now + IDLE_MS; /* what ends meanwhile may bring it forward */
		wait = look_in_lane(e, &cx, l, max);
		lane_due(l, now + wait);
		*at_ms = l->look_at < *at_ms ? l->look_at : *at_ms;
	}
	arena_reset(e->arena);
}

/* What is done now and then besides. */
static void
keep_house(struct engine *e, int64_t *at_ms)
{
	int64_t now = clock_mono_ms();
	struct arena *a;
	struct ctx cx;
	bool mended;

	if (now < e->house_at)
		return;
	e->house_at = now + LOOK_AGAIN_MS;
	round_land(e); /* what is recorded leaves before: this may take long */
	a = arena_new();
	ctx_init(&cx, a, e->vault->clock);
	cx.may_block = true;
	mended = key_index_mend(e->vault, &cx);
	mended = live_mend(e->vault) && mended;
	if (!mended && e->house_at < *at_ms)
		*at_ms = e->house_at;
	key_index_flush(e->vault, &cx);
	purge(e, &cx);
	arena_free(a);
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

/* Something may be due that was not when it was looked last. */
static void
look_everywhere(struct engine *e)
{
	for (size_t i = 0; i < e->vault->provider_count; i++)
		e->lanes[i].look_at = 0;
	e->house_at = 0;
	if (e->clock_moved)
		e->purge_at = 0;
	e->clock_moved = e->look = false;
}

/* One turn: what is due is wanted, what is ready flies. Without either, waits until there may be. */
static void
turn(struct engine *e)
{
	int64_t at_ms = clock_mono_ms() + IDLE_MS;
	uint64_t news;
	bool stopping;

	pthread_mutex_lock(&e->lock);
	if (e->look)
		look_everywhere(e);
	stopping = e->stopping;
	news = e->news;
	pthread_mutex_unlock(&e->lock);
	if (!stopping)
		look_for_due(e, &at_ms);
	keep_house(e, &at_ms);
	if (round_fly(e, &at_ms))
		return;
	pthread_mutex_lock(&e->lock);
	if (e->flights == NULL)
		flight_let_spare_go(e);
	if (e->news == news && !e->ended && at_ms > clock_mono_ms())
		wait_changed(e, at_ms - clock_mono_ms());
	pthread_mutex_unlock(&e->lock);
}

static void *
engine_main(void *arg)
{
	struct engine *e = arg;
	bool ended = false;

	while (!ended) {
		turn(e);
		pthread_mutex_lock(&e->lock);
		ended = e->ended;
		pthread_mutex_unlock(&e->lock);
	}
	round_land(e);
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

static void
release(struct engine *e)
{
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	map_free(e->flying, NULL);
	map_free(e->over, free);
	settler_stop(e->settler);
	round_parts_free(e->parts);
	round_parts_free(e->idle);
	arena_free(e->arena);
	free(e->lanes);
	free(e);
}

enum rc
engine_start(struct ctx *cx, struct vault *v, struct engine **out)
{
	struct engine *e = mem_alloc(sizeof(*e));
	pthread_condattr_t attr;
	enum rc rc;

	e->vault = v;
	e->lanes = mem_alloc((v->provider_count + 1) * sizeof(*e->lanes));
	for (size_t i = 0; i < v->provider_count; i++)
		lane_init(&e->lanes[i], &v->providers[i]);
	e->flying = map_new();
	e->over = map_new();
	e->parts = round_parts_new();
	e->idle = round_parts_new();
	e->arena = arena_new();
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->changed, &attr);
	pthread_condattr_destroy(&attr);
	rc = settler_start(cx, v->store, &e->settler);
	if (rc != OK) {
		release(e);
		return rc;
	}
	if (pthread_create(&e->thread, NULL, engine_main, e) != 0) {
		release(e);
		return fail(cx, E_BUSY, "A thread could not be started.");
	}
	clock_on_change(v->clock, clock_moved, e);
	*out = e;
	return OK;
}

void
engine_stop(struct engine *e)
{
	int64_t began = clock_mono_ms(), wait;

	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	engine_news(e);
	while ((wait = began + stop_wait_ms(e) - clock_mono_ms()) > 0)
		wait_changed(e, wait);
	e->ended = true;
	engine_news(e);
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
	flight_let_spare_go(e);
	release(e);
}

void
vault_wake(struct vault *v)
{
	if (v->engine != NULL)
		engine_wake(v->engine);
}

void
engine_wake(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->look = true;
	engine_news(e);
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
	bool patient = waits_enter(e->vault->waits, WAIT_READER);
	int64_t until;
	enum rc rc;

	pthread_mutex_lock(&e->lock);
	until = clock_mono_ms() + (patient ? WAIT_MS : WAIT_SHORT_MS);
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
	if (rejected) {
		f->rejected = true;
		f->rejected_ms = seen_ms;
	}
	engine_news(e);
	while (f->stage != FLIGHT_DONE && !e->stopping && clock_mono_ms() < until)
		wait_changed(e, until - clock_mono_ms());
	rc = f->stage == FLIGHT_DONE ? outcome(cx, f)
				     : fail_at(cx, E_UPSTREAM, "refresh-slow", NULL,
					   "The refresh is taking long; try again.");
	if (--f->readers == 0 && f->stage == FLIGHT_DONE)
		flight_drop(e, f);
	pthread_mutex_unlock(&e->lock);
	if (patient)
		waits_leave(e->vault->waits, WAIT_READER);
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
