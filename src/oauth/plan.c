#include "oauth/plan.h"

#define MARGIN_MIN_MS 60000
#define MARGIN_MAX_MS 600000
#define JITTER_MS 60000
#define TOLD_MIN_MS 60000
#define END_SLACK_MS 5000 /* ends are told in whole seconds from a reply that took its time */

static struct plan
hold(int64_t at_ms)
{
	return (struct plan){ PLAN_HOLD, at_ms };
}

static struct plan
step(enum plan_step what)
{
	return (struct plan){ what, 0 };
}

static bool
ran_out(const struct plan_state *s)
{
	return s->expires_ms > 0 && s->expires_ms <= s->now_ms;
}

/* The old access token dies with the refresh, so it knows. Once it has run out by itself it knows
 * nothing any more. */
static bool
can_testify(const struct plan_state *s)
{
	return s->contract.refresh_kills_access && s->has_witness && !ran_out(s);
}

/* How long something may still be on its way; 0: no more. */
static int64_t
settling_ms(const struct plan_state *s)
{
	int64_t left = s->sent_ms + PLAN_SETTLE_MS - s->now_ms, max = PLAN_SETTLE_MS;

	/* Known from its record alone: a clock that was put right since by less than that is believed. */
	if (s->over_ms > 0)
		left = s->over_ms + PLAN_SETTLE_MS - s->steady_ms;
	else
		max = 2 * PLAN_SETTLE_MS;
	return left > 0 && left <= max ? left : 0;
}

/* Dead for another reason than a refresh, or perhaps: then it says nothing about the attempt. */
static bool
dead_anyway(const struct plan_state *s)
{
	return s->expires_ms == 0 || (s->refused_ms > 0 && s->refused_ms <= s->first_ms);
}

/* Nothing is left to serve. */
static struct plan
last_try(const struct plan_state *s)
{
	return step(s->risked ? PLAN_GIVE_UP : PLAN_RISK);
}

static struct plan
ask(const struct plan_state *s)
{
	switch (s->witness) {
	case WITNESS_ALIVE:
		return step(PLAN_SEND);
	case WITNESS_DEAD:
		/* Past a grace by our clock, that is; nobody has the new one, so nothing can be lost. */
		return s->contract.rotation == ROTATION_GRACE || dead_anyway(s)
		    ? last_try(s)
		    : step(PLAN_GIVE_UP);
	case WITNESS_SILENT:
		return hold(s->now_ms + PLAN_SETTLE_MS);
	default:
		break;
	}
	return settling_ms(s) > 0 ? hold(s->now_ms + settling_ms(s)) : step(PLAN_ASK_WITNESS);
}

/* No witness: the old access token is served while it lives, then there is nothing left to lose. */
static struct plan
last_moment(const struct plan_state *s)
{
	if (s->risked)
		return step(PLAN_GIVE_UP);
	if (s->rejected || ran_out(s) ||
	    (s->expires_ms > 0 && s->now_ms >= s->expires_ms - PLAN_LAST_MOMENT_MS))
		return settling_ms(s) > 0 ? hold(s->now_ms + settling_ms(s)) : step(PLAN_RISK);
	return hold(s->expires_ms > 0 ? s->expires_ms - PLAN_LAST_MOMENT_MS : 0);
}

struct plan
plan_next(const struct plan_state *s)
{
	bool forgiven = contract_forgives(&s->contract, s->first_ms, s->now_ms);

	if (s->stage == ATTEMPT_NONE)
		return step(PLAN_SEND);
	if (s->stage == ATTEMPT_KEPT && !s->unreadable)
		return step(PLAN_READ);
	/* The new refresh token is in the reply that we cannot read: sending the old one could end it. */
	if (s->stage == ATTEMPT_KEPT && s->contract.rotation != ROTATION_NONE)
		return hold(0);
	if (s->stage == ATTEMPT_KEPT || forgiven)
		return step(PLAN_SEND);
	return can_testify(s) ? ask(s) : last_moment(s);
}

static int64_t
late(const struct due_state *s)
{
	int64_t life = s->expires_ms - s->now_ms, margin = life / 10;

	if (margin < MARGIN_MIN_MS)
		margin = MARGIN_MIN_MS;
	if (margin > MARGIN_MAX_MS)
		margin = MARGIN_MAX_MS;
	margin += s->random % JITTER_MS;
	if (margin > life / 2)
		margin = life / 2;
	return s->expires_ms - margin;
}

/* From half of the life on, within a twentieth of it. */
static int64_t
at_half(const struct due_state *s)
{
	int64_t life = s->expires_ms - s->now_ms, spread = life / 20;

	return s->now_ms + life / 2 + (spread > 0 ? s->random % spread : 0);
}

/* How long the refresh token lives from its last use on when it is not used again, as far as use may
 * move its end; 0: no such end is known. */
static int64_t
unused_life_ms(const struct due_state *s, int64_t used_ms)
{
	const struct contract *c = &s->contract;
	int64_t life_s = c->refresh_token_idle_s, told_ms = s->refresh_expires_ms - used_ms;

	if (c->refresh_token_max_age_s > 0 && c->max_age_from == AGE_FROM_LAST_USE &&
	    (life_s == 0 || c->refresh_token_max_age_s < life_s))
		life_s = c->refresh_token_max_age_s;
	/* What a reply told may move or not: trying costs a refresh, not trying may cost the grant. */
	if (!s->unmoved && told_ms > TOLD_MIN_MS && (life_s == 0 || told_ms < life_s * 1000))
		return told_ms;
	return life_s * 1000;
}

/* Three quarters of the way there; 0: nowhere. */
static int64_t
keep_alive(const struct due_state *s)
{
	int64_t used_ms = s->used_ms > 0 ? s->used_ms : s->now_ms;
	int64_t life_ms = unused_life_ms(s, used_ms);

	return life_ms == 0 ? 0 : used_ms + life_ms / 4 * 3 - s->random % (life_ms / 20 + 1);
}

bool
plan_end_stays(int64_t before_ms, int64_t now_ms)
{
	return before_ms > 0 && now_ms > 0 && now_ms <= before_ms + END_SLACK_MS;
}

int64_t
plan_due_ms(const struct due_state *s)
{
	bool early =
	    (s->contract.rotation == ROTATION_SINGLE || s->contract.rotation == ROTATION_STRICT) &&
	    !s->contract.refresh_kills_access;
	int64_t alive = keep_alive(s), due = 0;

	if (!s->has_refresh)
		return 0;
	if (!s->lazy && s->expires_ms > 0)
		due = early && s->expires_ms > s->now_ms ? at_half(s) : late(s);
	return alive > 0 && (due == 0 || alive < due) ? alive : due;
}
