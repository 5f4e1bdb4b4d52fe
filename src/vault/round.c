/* What many flights write at once, and how they go on when it is on the disk. Of a storm of refreshes
 * each reply is sealed, each pair committed, each failure recorded and each new attempt claimed and
 * recorded; what is ready for its step goes into one transaction, whichever step it is, so that one sync
 * of the disk serves all of them. What could not be written as one of many is tried again by itself, with
 * its own words. */
#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "vault/attempt.h"

struct round_parts {
	struct flight *answered[ROUND_MAX], *read[ROUND_MAX], *failed[ROUND_MAX],
	    *wanted[ROUND_MAX], *unsure[ROUND_MAX];
	size_t answered_count, read_count, failed_count, wanted_count, unsure_count;
	struct round_wish wishes[ROUND_MAX];
	struct round_reply replies[ROUND_MAX];
	struct round_pair pairs[ROUND_MAX];
	struct round_failure failures[ROUND_MAX];
	struct flight *sealing[ROUND_MAX]; /* whose reply replies[i] is */
	struct round round;                /* what of it is written */
	struct arena *arena;               /* until it has landed */
	bool store_is_away; /* and no other part of this round need be tried by itself */
};

struct round_parts *
round_parts_new(void)
{
	struct round_parts *parts = mem_alloc(sizeof(*parts));

	parts->arena = arena_new();
	return parts;
}

void
round_parts_free(struct round_parts *parts)
{
	arena_free(parts->arena);
	free(parts);
}

/* --- which flights; the lock is held --- */

static void
bring_forward(int64_t *at_ms, int64_t to)
{
	if (to < *at_ms)
		*at_ms = to;
}

static void
choose(struct round_parts *p, struct flight *f, int64_t now, int64_t *at_ms)
{
	if (f->stage == FLIGHT_WANTED || f->stage == FLIGHT_CALLING || f->stage == FLIGHT_DONE ||
	    f->settling)
		return;
	if (f->again_ms > now)
		bring_forward(at_ms, f->again_ms);
	else if (f->stage == FLIGHT_READ && p->read_count < ROUND_MAX)
		p->read[p->read_count++] = f;
	else if (f->stage == FLIGHT_ANSWERED && p->answered_count < ROUND_MAX)
		p->answered[p->answered_count++] = f;
	else if (f->stage == FLIGHT_FAILED && p->failed_count < ROUND_MAX)
		p->failed[p->failed_count++] = f;
	else if (f->stage == FLIGHT_UNSURE && p->unsure_count < ROUND_MAX)
		p->unsure[p->unsure_count++] = f;
}

static bool
can_begin(const struct flight *f, int64_t now, int64_t *at_ms)
{
	if (f->stage != FLIGHT_WANTED || f->settling)
		return false;
	if (f->again_ms > now) {
		bring_forward(at_ms, f->again_ms);
		return false;
	}
	if (f->readers == 0 && f->lane != NULL && lane_pauses(f->lane, now)) {
		bring_forward(at_ms, f->lane->asked_until);
		return false;
	}
	/* Of a lane that is closed, so that whoever waits hears of it. */
	return f->lane == NULL || lane_closed(f->lane, now) || lane_room(f->lane, now) > 0;
}

/* Takes its place in the lane. A flight whose lane is not known yet finds it first. */
static void
choose_to_begin(struct round_parts *p, struct flight *f, int64_t now, int64_t *at_ms)
{
	if (p->wanted_count == ROUND_MAX || !can_begin(f, now, at_ms))
		return;
	p->wanted[p->wanted_count++] = f;
	if (f->lane == NULL || lane_closed(f->lane, now))
		return;
	flight_take_place(f, now);
}

/* Those that somebody waits for go before those that are merely due. */
static void
choose_all(struct engine *e, struct round_parts *p, int64_t *at_ms)
{
	int64_t now = clock_mono_ms();

	p->answered_count = p->read_count = p->failed_count = p->wanted_count = p->unsure_count = 0;
	p->store_is_away = false;
	for (struct flight *f = e->flights; f != NULL; f = f->next) {
		choose(p, f, now, at_ms);
		if (!e->stopping && f->readers > 0)
			choose_to_begin(p, f, now, at_ms);
	}
	for (struct flight *f = e->flights; f != NULL && !e->stopping; f = f->next)
		if (f->readers == 0)
			choose_to_begin(p, f, now, at_ms);
}

/* --- finding the lane --- */

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

/* Finds its provider. False when it has ended. */
static bool
find_lane(struct flight *f)
{
	struct engine *e = f->engine;
	const struct provider *p;
	struct token t = { 0 };
	enum rc rc = store_token_get(e->vault->store, &f->cx, f->token_id, &t);

	if (rc == OK)
		rc = vault_provider(e->vault, &f->cx, t.provider, &p);
	if (rc != OK) {
		if (rc != E_NOTFOUND || f->cx.field != NULL)
			attempt_postpone(f, rc, t.due_ms);
		flight_done(f, rc);
		return false;
	}
	pthread_mutex_lock(&e->lock);
	flight_enter(f, lane_of(e, t.provider));
	pthread_mutex_unlock(&e->lock);
	return true;
}

/* Whether its attempt can begin in this round; else it waits for room, or has ended. */
static bool
enter_lane(struct flight *f)
{
	struct engine *e = f->engine;
	int64_t now = clock_mono_ms();
	bool closed;

	if (f->lane == NULL && !find_lane(f))
		return false;
	pthread_mutex_lock(&e->lock);
	if (e->stopping) {
		flight_leave_unused(f);
		engine_news(e);
	}
	if (f->in_lane || e->stopping) {
		pthread_mutex_unlock(&e->lock);
		return f->in_lane;
	}
	closed = lane_closed(f->lane, now);
	if (!closed && lane_room(f->lane, now) > 0)
		flight_take_place(f, now);
	pthread_mutex_unlock(&e->lock);
	if (closed)
		provider_down(f, now);
	return !closed && f->in_lane;
}

/* --- one transaction --- */

static struct ctx
round_cx(struct engine *e, struct arena *a)
{
	struct ctx cx;

	ctx_init(&cx, a, e->vault->clock);
	cx.may_block = true;
	cx.actor = S("engine");
	return cx;
}

/* Before anything that may take long: waiting for the writer is a part of the lease. */
static void
begin_lease(struct flight *f)
{
	f->lease_wall_ms = clock_wall_ms() + LEASE_MS;
	f->lease_boot_ms = clock_boot_ms() + LEASE_MS;
}

static void
add_wishes(struct round_parts *p, struct round *r)
{
	size_t n = 0;

	for (size_t i = 0; i < p->wanted_count; i++) {
		struct flight *f = p->wanted[i];

		if (!enter_lane(f))
			continue;
		crash_here(CRASH_BEFORE_CLAIM);
		begin_lease(f);
		ctx_clear(&f->cx);
		p->wishes[n++] = (struct round_wish){ .id = f->token_id,
			.cx = &f->cx,
			.begin = attempt_plan,
			.arg = f,
			.claim = &f->claim };
	}
	r->wishes = p->wishes;
	r->wish_count = n;
}

static void
add_replies(struct round_parts *p, struct round *r)
{
	for (size_t i = 0; i < p->answered_count; i++) {
		struct flight *f = p->answered[i];

		if (f->call != FLIGHT_KEPT_REPLY)
			attempt_leave_lane(f);
		ctx_clear(&f->cx);
		if (!attempt_wants_seal(f))
			continue;
		p->sealing[r->reply_count] = f;
		p->replies[r->reply_count++] = (struct round_reply){ .claim = &f->claim,
			.cx = &f->cx,
			.status = f->reply.status,
			.date_s = f->reply.date_s,
			.body = f->reply.body };
	}
	r->replies = p->replies;
}

static void
add_pairs(struct round_parts *p, struct round *r)
{
	for (size_t i = 0; i < p->read_count; i++) {
		struct flight *f = p->read[i];

		ctx_clear(&f->cx);
		p->pairs[i] =
		    (struct round_pair){ .claim = &f->claim, .cx = &f->cx, .grant = &f->grant };
	}
	r->pairs = p->pairs;
	r->pair_count = p->read_count;
}

/* Each in a context of its own: the flight's has the words of the failure. */
static void
add_failures(struct engine *e, struct round_parts *p, struct round *r)
{
	for (size_t i = 0; i < p->failed_count; i++) {
		struct flight *f = p->failed[i];
		struct ctx *cx = ARENA_NEW(p->arena, struct ctx);

		*cx = round_cx(e, p->arena);
		p->failures[i] =
		    (struct round_failure){ .claim = &f->claim, .cx = cx, .failure = &f->failure };
	}
	r->failures = p->failures;
	r->failure_count = p->failed_count;
}

/* --- what follows --- */

static size_t
count_of(const struct round *r)
{
	return r->wish_count + r->reply_count + r->pair_count + r->failure_count;
}

/* Whether trying by itself what failed as one of many can help: it was many, and the store is there. */
static bool
worth_alone(const struct round_parts *p, enum rc rc)
{
	return count_of(&p->round) > 1 && rc != OK && rc != E_CONFLICT && rc != E_NOTFOUND &&
	    rc != E_REAUTH && !p->store_is_away;
}

static struct round
alone(struct engine *e)
{
	return (struct round){ .now_ms = clock_now_ms(e->vault->clock),
		.wall_ms = STORE_CLOCK,
		.lease_ms = LEASE_MS };
}

/* In an arena of its own: what is tried again and again leaves nothing in its flight's. */
static void
write_alone(struct engine *e, struct round_parts *p, struct round *r)
{
	struct arena *a = arena_new();
	struct ctx cx = round_cx(e, a);

	store_round(e->vault->store, &cx, r);
	if (cx.rc == E_BUSY || (cx.rc == E_STORE && cx.code != NULL))
		p->store_is_away = true;
	arena_free(a);
}

static void
after_reply(struct engine *e, struct round_parts *p, struct flight *f, struct round_reply *part)
{
	if (worth_alone(p, part->rc)) {
		struct round again = alone(e);

		again.replies = part;
		again.reply_count = 1;
		ctx_clear(&f->cx);
		write_alone(e, p, &again);
	}
	if (part->rc == OK)
		attempt_answered(f);
	else
		attempt_not_sealed(f, part->rc);
}

static void
after_pair(struct engine *e, struct round_parts *p, struct flight *f, struct round_pair *part)
{
	if (worth_alone(p, part->rc)) {
		struct round again = alone(e);

		again.pairs = part;
		again.pair_count = 1;
		ctx_clear(&f->cx);
		write_alone(e, p, &again);
	}
	attempt_committed(f, part->rc);
}

static void
after_failure(struct engine *e, struct round_parts *p, struct flight *f, struct round_failure *part)
{
	if (worth_alone(p, part->rc)) {
		struct round again = alone(e);

		again.failures = part;
		again.failure_count = 1;
		ctx_clear(part->cx);
		write_alone(e, p, &again);
	}
	attempt_failure_written(f, part->rc, part->cx->why);
}

static void
after_wish(struct engine *e, struct round_parts *p, struct round_wish *part)
{
	struct flight *f = part->arg;

	if (!part->unsure && worth_alone(p, part->rc)) {
		struct round again = alone(e);

		begin_lease(f);
		again.wishes = part;
		again.wish_count = 1;
		ctx_clear(&f->cx);
		write_alone(e, p, &again);
	}
	if (part->unsure)
		attempt_unsure(f);
	else
		attempt_begin(f, part->rc, part->recorded);
}

/* Those that are recorded leave first: from then on they count as sent, and how long a provider may be
 * at it is counted from there. */
static void
go_on(struct engine *e, struct round_parts *p)
{
	const struct round *r = &p->round;
	size_t rest = 0;

	for (size_t i = 0; i < r->wish_count; i++) {
		if (p->wishes[i].rc == OK && p->wishes[i].recorded)
			after_wish(e, p, &p->wishes[i]);
		else
			p->wishes[rest++] = p->wishes[i];
	}
	for (size_t i = 0; i < r->pair_count; i++)
		after_pair(e, p, p->read[i], &p->pairs[i]);
	for (size_t i = 0; i < p->answered_count; i++)
		if (!attempt_wants_seal(p->answered[i]))
			attempt_answered(p->answered[i]);
	for (size_t i = 0; i < r->failure_count; i++)
		after_failure(e, p, p->failed[i], &p->failures[i]);
	for (size_t i = 0; i < p->unsure_count; i++)
		attempt_find(p->unsure[i]);
	for (size_t i = 0; i < r->reply_count; i++)
		after_reply(e, p, p->sealing[i], &p->replies[i]);
	for (size_t i = 0; i < rest; i++)
		after_wish(e, p, &p->wishes[i]);
	arena_reset(p->arena);
}

/* While what it wrote is not on the disk yet, a flight takes no other step. */
static void
mark(struct round_parts *p, bool settling)
{
	for (size_t i = 0; i < p->round.wish_count; i++)
		((struct flight *)p->wishes[i].arg)->settling = settling;
	for (size_t i = 0; i < p->answered_count; i++)
		p->answered[i]->settling = settling;
	for (size_t i = 0; i < p->read_count; i++)
		p->read[i]->settling = settling;
	for (size_t i = 0; i < p->failed_count; i++)
		p->failed[i]->settling = settling;
	for (size_t i = 0; i < p->unsure_count; i++)
		p->unsure[i]->settling = settling;
}

/* True: it is on its way to the disk. */
static bool
write_round(struct engine *e, struct round_parts *p)
{
	struct ctx cx = round_cx(e, p->arena);

	p->round = alone(e);
	add_wishes(p, &p->round);
	add_replies(p, &p->round);
	add_pairs(p, &p->round);
	add_failures(e, p, &p->round);
	return count_of(&p->round) > 0 && store_round_write(e->vault->store, &cx, &p->round);
}

/* The engine's thread need not wait for the disk: the next round is written before. */
static void
settle(struct engine *e, struct round_parts *p)
{
	mark(p, true);
	e->settling = p;
	e->parts = e->idle;
	e->idle = NULL;
	settler_begin(e->settler);
}

void
round_land(struct engine *e)
{
	struct round_parts *p = e->settling;
	const struct ctx *why;

	if (p == NULL)
		return;
	why = settler_wait(e->settler);
	if (why != NULL)
		store_round_unsettled(&p->round, why);
	e->settling = NULL;
	e->idle = p;
	mark(p, false);
	go_on(e, p);
}

bool
round_fly(struct engine *e, int64_t *at_ms)
{
	struct round_parts *p = e->parts;
	bool any, written = false, landed = e->settling != NULL;

	pthread_mutex_lock(&e->lock);
	choose_all(e, p, at_ms);
	pthread_mutex_unlock(&e->lock);
	any = p->answered_count + p->read_count + p->failed_count + p->wanted_count +
		p->unsure_count >
	    0;
	if (any)
		written = write_round(e, p);
	round_land(e);
	if (written)
		settle(e, p);
	else if (any)
		go_on(e, p);
	return any || landed;
}
