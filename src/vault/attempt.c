/* The way of an attempt: claim, plan, and what the plan says. */
#include "vault/attempt.h"

#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/map.h"

#define OTHER_AGAIN_MS 100

_Static_assert((int)STAGE_SENT == (int)ATTEMPT_SENT && (int)STAGE_KEPT == (int)ATTEMPT_KEPT &&
	(int)STAGE_LOST == (int)ATTEMPT_LOST && (int)STAGE_SETTLED == (int)ATTEMPT_NONE,
    "the store's stages are the plan's");

static void
read_kept(struct flight *f)
{
	f->call = FLIGHT_KEPT_REPLY;
	f->called = true;
	f->reply = (struct http_reply){ .end = CALL_ANSWERED,
		.status = (int)f->claim.token.attempt.status,
		.body = f->claim.reply,
		.date_s = f->claim.token.attempt.date_s };
	f->sealed = true;
	attempt_read(f);
}

void
attempt_go_on(struct flight *f)
{
	struct plan p;

	f->plan.now_ms = attempt_now_ms(f);
	f->plan.steady_ms = attempt_steady_ms(f);
	p = plan_next(&f->plan);
	switch (p.step) {
	case PLAN_SEND:
		attempt_send(f, false);
		return;
	case PLAN_RISK:
		attempt_send(f, true);
		return;
	case PLAN_READ:
		read_kept(f);
		return;
	case PLAN_ASK_WITNESS:
		attempt_ask_witness(f);
		return;
	case PLAN_HOLD:
		attempt_hold(f, &p);
		return;
	case PLAN_GIVE_UP:
		attempt_give_up(f);
		return;
	}
}

/* Somebody, perhaps on another node, did it between the wish and the claim. */
static bool
is_over(const struct flight *f)
{
	const struct token *t = &f->claim.token;
	struct engine *e = f->engine;
	bool over;

	pthread_mutex_lock(&e->lock);
	/* What a node that is gone had sent is due at once, also before its time. */
	over = f->due_only
	    ? t->attempt.stage != STAGE_SENT && (t->due_ms == 0 || t->due_ms > attempt_now_ms(f))
	    : f->seen_ms != ENGINE_ANYWAY && f->seen_ms != t->refreshed_ms;
	pthread_mutex_unlock(&e->lock);
	return over;
}

static void
let_go(struct flight *f)
{
	struct ctx cx = attempt_scratch(f);
	enum rc rc =
	    store_refresh_release(f->engine->vault->store, &cx, &f->claim, f->claim.token.due_ms);

	attempt_done(f, rc);
}

static struct plan_state
plan_of(const struct flight *f)
{
	const struct token *t = &f->claim.token;
	struct engine *e = f->engine;
	bool rejected;

	pthread_mutex_lock(&e->lock);
	rejected = f->rejected && f->rejected_ms == t->refreshed_ms;
	pthread_mutex_unlock(&e->lock);

	if (t->attempt.stage == STAGE_SETTLED)
		free(map_del(e->over, f->token_id));
	return (struct plan_state){
		.contract = *provider_contract(attempt_provider(f), f->claim.secrets.app_secret),
		.stage = (enum attempt_stage)t->attempt.stage,
		.risked = t->attempt.risked != RISK_NONE,
		.first_ms = t->attempt.first_ms,
		.sent_ms = t->attempt.sent_ms,
		.expires_ms = t->expires_ms,
		.refused_ms = t->refused_ms,
		.rejected = rejected || t->refused_ms > 0,
		.over_ms = attempt_over_ms(f),
		.steady_ms = attempt_steady_ms(f),
		.has_witness = attempt_provider(f)->witness.url.len > 0,
	};
}

/* Another node is at it. Who waits here gets what comes of it: the next claim finds another token, or,
 * if that node is gone, a lease that has lapsed. False when nobody waits. */
static bool
wait_for_other(struct flight *f)
{
	struct engine *e = f->engine;
	bool wait;

	pthread_mutex_lock(&e->lock);
	wait = f->readers > 0;
	if (wait) {
		f->again_ms = clock_mono_ms() + OTHER_AGAIN_MS;
		flight_leave_unused(f);
	}
	pthread_mutex_unlock(&e->lock);
	if (wait)
		ctx_clear(&f->cx);
	return wait;
}

static void
tell_not_started(const struct flight *f)
{
	log_event(LOG_WARN, "token.refresh_not_started", KV_STR("token", f->token_id),
	    KV_STR("why", str_of(f->cx.why)));
}

/* The store does not take claims: what is due is looked for again in a moment, instead of at once and in vain. It
 * is told once for each such rest. */
static void
rest(struct flight *f)
{
	struct engine *e = f->engine;
	int64_t now = clock_mono_ms();
	bool tell = true;

	pthread_mutex_lock(&e->lock);
	if (f->lane != NULL) {
		tell = f->lane->rests_until <= now;
		f->lane->rests_until = now + STORE_AGAIN_MS;
		lane_due(f->lane, f->lane->rests_until);
	}
	pthread_mutex_unlock(&e->lock);
	if (tell)
		tell_not_started(f);
}

void
attempt_postpone(struct flight *f, enum rc rc, int64_t seen_due_ms)
{
	struct ctx cx = attempt_scratch(f);
	bool of_the_row = rc == E_REAUTH || rc == E_NOTFOUND ||
	    (rc == E_STORE && f->cx.code != NULL && strcmp(f->cx.code, "integrity") == 0);

	if (!of_the_row) {
		rest(f);
		return;
	}
	tell_not_started(f);
	if (store_token_postpone(f->engine->vault->store, &cx, f->token_id, seen_due_ms,
		attempt_now_ms(f) + BACKOFF_MAX_MS) != OK)
		log_event(LOG_ERROR, "token.postpone_failed", KV_STR("why", str_of(cx.why)));
}

/* Somebody else holds the lease, or the row cannot be read. */
static void
not_started(struct flight *f, enum rc rc)
{
	if (rc == E_CONFLICT && wait_for_other(f))
		return;

	if (rc == E_CONFLICT)
		tell_not_started(f);
	else
		attempt_postpone(f, rc, f->claim.token.due_ms);
	flight_done(f, rc);
}

/* A refresh token that is known to be dead is not shown again to a provider that may count it. */
static void
refuse(struct flight *f)
{
	struct ctx cx = attempt_scratch(f);
	enum rc rc = store_refresh_release(f->engine->vault->store, &cx, &f->claim, 0);

	fail_at(&f->cx, E_REAUTH, "reauthorization-required", NULL, "%.*s",
	    STR_ARG(f->claim.token.status_reason));
	fail_todo(&f->cx,
	    "Open the token in the console and click Reconnect: %s accepts a refresh token once, "
	    "so a refused one is not sent again.",
	    attempt_provider(f)->name.p);
	attempt_done(f, rc == OK ? E_REAUTH : rc);
}

static enum flight_begin
begin_of(const struct flight *f)
{
	if (is_over(f))
		return BEGIN_OVER;
	return f->claim.token.status == TOKEN_NEEDS_REAUTHORIZATION &&
		f->plan.contract.rotation >= ROTATION_SINGLE && f->plan.stage != ATTEMPT_KEPT
	    ? BEGIN_REFUSE
	    : BEGIN_PLAN;
}

bool
attempt_plan(void *flight, bool *risky)
{
	struct flight *f = flight;
	enum plan_step step;

	crash_here(CRASH_CLAIMED);
	f->plan = plan_of(f);
	f->was_told = f->plan.stage == ATTEMPT_LOST ||
	    (f->plan.stage != ATTEMPT_NONE && f->plan.first_ms != f->plan.sent_ms);
	f->begin = begin_of(f);
	if (f->begin != BEGIN_PLAN)
		return false;
	f->plan.now_ms = attempt_now_ms(f);
	step = plan_next(&f->plan).step;
	*risky = step == PLAN_RISK;
	return step == PLAN_SEND || step == PLAN_RISK;
}

void
attempt_unsure(struct flight *f)
{
	attempt_again_later(f, FLIGHT_UNSURE, "claim");
}

/* It is not there: the flight is as it was before, but for what it learned. */
static void
want_again(struct flight *f)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	flight_leave_unused(f);
	flight_move(f, FLIGHT_WANTED);
	flight_enter(f, f->lane);
	f->again_ms = 0;
	engine_news(e);
	pthread_mutex_unlock(&e->lock);
}

void
attempt_find(struct flight *f)
{
	bool recorded;
	enum rc rc;

	ctx_clear(&f->cx);
	rc = store_refresh_find(f->engine->vault->store, &f->cx, &f->claim, &recorded);
	if (rc == OK) {
		log_event(LOG_INFO, "token.claim_found", KV_STR("token", f->token_id));
		attempt_begin(f, OK, recorded);
	} else if (rc == E_CONFLICT) {
		want_again(f);
	} else {
		attempt_unsure(f);
	}
}

void
attempt_begin(struct flight *f, enum rc rc, bool recorded)
{
	if (rc != OK)
		not_started(f, rc);
	else if (recorded)
		attempt_transmit(f);
	else if (f->begin == BEGIN_OVER)
		let_go(f);
	else if (f->begin == BEGIN_REFUSE)
		refuse(f);
	else
		attempt_go_on(f);
}
