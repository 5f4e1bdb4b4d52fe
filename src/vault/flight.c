#include <stdlib.h>

#include "base/map.h"
#include "vault/engine_int.h"

/* What one takes of its arena: two to three kilobytes, and some more where access tokens are long. What is not
 * taken is not touched. */
#define FLIGHT_BYTES 8000
#define SPARE_MAX LANE_AHEAD_MAX

struct flight *
flight_find(struct engine *e, struct str token_id)
{
	return map_get(e->flying, token_id);
}

/* One that was used before, wiped, or a new one: all of it is zero but for its arena and its context. */
static struct flight *
take_spare(struct engine *e)
{
	struct flight *f = e->spare;

	if (f == NULL) {
		f = mem_alloc(sizeof(*f));
		f->arena = arena_new_small(FLIGHT_BYTES);
		return f;
	}
	e->spare = f->next;
	e->spare_count--;
	f->next = NULL;
	return f;
}

struct flight *
flight_new(struct engine *e, struct str token_id)
{
	struct flight *f = take_spare(e);

	f->engine = e;
	ctx_init(&f->cx, f->arena, e->vault->clock);
	f->cx.may_block = true;
	f->cx.actor = S("engine");
	f->token_id = str_dup(f->arena, token_id);
	f->seen_ms = ENGINE_ANYWAY;
	f->next = e->flights;
	if (f->next != NULL)
		f->next->prev = f;
	e->flights = f;
	map_put(e->flying, token_id, f);
	return f;
}

static void
flight_free(struct flight *f)
{
	arena_free(f->arena);
	free(f);
}

void
flight_drop(struct engine *e, struct flight *f)
{
	struct arena *a = f->arena;

	if (f->prev != NULL)
		f->prev->next = f->next;
	else
		e->flights = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	if (e->spare_count == SPARE_MAX) {
		flight_free(f);
		return;
	}
	arena_reset(a);
	memset(f, 0, offsetof(struct flight, cx));
	f->arena = a;
	f->next = e->spare;
	e->spare = f;
	e->spare_count++;
}

void
flight_let_spare_go(struct engine *e)
{
	struct flight *f;

	while ((f = e->spare) != NULL) {
		e->spare = f->next;
		flight_free(f);
	}
	e->spare_count = 0;
}

void
flight_enter(struct flight *f, struct lane *l)
{
	f->lane = l;
	l->waiting++;
}

void
flight_take_place(struct flight *f, int64_t mono_ms)
{
	lane_begin(f->lane, mono_ms);
	f->in_lane = true;
	if (f->stage == FLIGHT_WANTED)
		f->lane->waiting--;
}

void
flight_leave_unused(struct flight *f)
{
	if (!f->in_lane)
		return;
	lane_end(f->lane, LANE_UNUSED, clock_mono_ms(), 0);
	f->in_lane = false;
	if (f->stage == FLIGHT_WANTED)
		f->lane->waiting++;
}

void
flight_move(struct flight *f, enum flight_stage stage)
{
	if (f->stage == FLIGHT_WANTED && f->lane != NULL && !f->in_lane)
		f->lane->waiting--;
	f->stage = stage;
}

void
flight_done(struct flight *f, enum rc rc)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	flight_leave_unused(f);
	map_del(e->flying, f->token_id);
	flight_move(f, FLIGHT_DONE);
	f->rc = rc;
	engine_news(e);
	if (f->readers == 0)
		flight_drop(e, f);
	pthread_mutex_unlock(&e->lock);
}

struct lane *
lane_of(struct engine *e, struct str provider)
{
	for (size_t i = 0; i < e->vault->provider_count; i++)
		if (str_eq(e->lanes[i].provider->id, provider))
			return &e->lanes[i];
	return NULL;
}
