#include <stdlib.h>

#include "vault/engine_int.h"

struct flight *
flight_find(struct engine *e, struct str token_id)
{
	for (struct flight *f = e->flights; f != NULL; f = f->next)
		if (f->stage != FLIGHT_DONE && str_eq(f->token_id, token_id))
			return f;
	return NULL;
}

struct flight *
flight_new(struct engine *e, struct str token_id)
{
	struct flight *f = mem_alloc(sizeof(*f));

	f->engine = e;
	f->arena = arena_new();
	ctx_init(&f->cx, f->arena, e->vault->clock);
	f->cx.may_block = true;
	f->cx.actor = S("engine");
	f->token_id = str_dup(f->arena, token_id);
	f->seen_ms = ENGINE_ANYWAY;
	f->next = e->flights;
	e->flights = f;
	return f;
}

void
flight_drop(struct engine *e, struct flight *f)
{
	struct flight **link = &e->flights;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	arena_free(f->arena);
	free(f);
}

void
flight_done(struct flight *f, enum rc rc)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	if (f->in_lane)
		lane_end(f->lane, LANE_UNUSED, clock_mono_ms(), 0);
	f->in_lane = false;
	if (f->lane != NULL && f->lane->more)
		e->look = true;
	f->stage = FLIGHT_DONE;
	f->rc = rc;
	pthread_cond_broadcast(&e->changed);
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
