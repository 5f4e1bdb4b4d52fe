/* How an attempt ends: settled, recorded as failed, or kept in memory until the store can take it. */
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "vault/attempt.h"
#include "vault/learn.h"

const struct provider *
attempt_provider(const struct flight *f)
{
	return f->lane->provider;
}

int64_t
attempt_now_ms(const struct flight *f)
{
	return clock_now_ms(f->engine->vault->clock);
}

int64_t
attempt_steady_ms(const struct flight *f)
{
	return clock_boot_ms() + clock_offset_ms(f->engine->vault->clock);
}

/* Another node may have sent it once more since; then sent_ms is another. */
struct over {
	int64_t steady_ms, sent_ms;
};

void
attempt_is_over(struct flight *f)
{
	struct over *o = mem_alloc(sizeof(*o));

	o->steady_ms = attempt_steady_ms(f);
	o->sent_ms = f->claim.token.attempt.sent_ms;
	free(map_put(f->engine->over, f->token_id, o));
}

int64_t
attempt_over_ms(const struct flight *f)
{
	const struct over *o = map_get(f->engine->over, f->token_id);

	return o != NULL && o->sent_ms == f->claim.token.attempt.sent_ms ? o->steady_ms : 0;
}

struct ctx
attempt_scratch(const struct flight *f)
{
	struct ctx cx;

	ctx_init(&cx, f->arena, f->engine->vault->clock);
	cx.may_block = true;
	cx.actor = S("engine");
	return cx;
}

void
attempt_done(struct flight *f, enum rc rc)
{
	/* The lease outlives the call, so only a new consent, a deletion or a newer claim moves the
	 * fence under it: what became of the old grant concerns nobody. */
	if (rc == E_CONFLICT)
		rc = OK;
	live_forget(f->engine->vault, f->token_id);
	flight_done(f, rc);
}

void
attempt_overtaken(struct flight *f)
{
	struct ctx cx = attempt_scratch(f);
	int64_t now = attempt_now_ms(f);
	enum rc rc = store_refresh_release(f->engine->vault->store, &cx, &f->claim, now);

	if (rc == OK)
		attempt_due(f, now);
	else if (rc != E_CONFLICT)
		log_event(LOG_ERROR, "token.release_failed", KV_STR("why", str_of(cx.why)));
	attempt_done(f, E_CONFLICT);
}

void
attempt_again_later(struct flight *f, enum flight_stage stage, const char *what)
{
	struct engine *e = f->engine;

	log_event(LOG_ERROR, "token.refresh_not_recorded", KV_STR("token", f->token_id),
	    KV_STR("what", str_of(what)), KV_STR("why", str_of(f->cx.why)));
	pthread_mutex_lock(&e->lock);
	f->again_ms = clock_mono_ms() + STORE_AGAIN_MS;
	flight_move(f, stage);
	pthread_mutex_unlock(&e->lock);
}

void
attempt_due(struct flight *f, int64_t due_ms)
{
	struct engine *e = f->engine;

	if (due_ms == 0 || f->lane == NULL)
		return;
	pthread_mutex_lock(&e->lock);
	lane_due(f->lane, clock_mono_ms() + due_ms - attempt_now_ms(f));
	pthread_mutex_unlock(&e->lock);
}

/* It is in the store now. */
static void
failure_written(struct flight *f)
{
	vault_count(f->engine->vault,
	    f->in_doubt && f->failure.attempt.stage == STAGE_LOST ? COUNT_REFRESH_IN_DOUBT
								  : COUNT_REFRESH_FAILED);
	attempt_due(f, f->failure.due_ms);
	if (f->failure.status == TOKEN_NEEDS_REAUTHORIZATION)
		learn_current_access(f->engine->vault, attempt_provider(f), &f->claim.token,
		    f->claim.secrets.access);
	attempt_done(f, f->cx.rc);
}

void
attempt_failure_written(struct flight *f, enum rc rc, const char *why)
{
	if (rc == OK)
		failure_written(f);
	else if (rc == E_CONFLICT)
		attempt_overtaken(f);
	else if (f->called)
		attempt_again_later(f, FLIGHT_FAILED, why);
	else
		attempt_done(f, rc); /* nothing is lost: it stands in the store as it was found */
}

/* A kept reply that is read in vain again is no news. Where refresh tokens do not rotate there is nothing to
 * fear. */
static bool
newly_in_doubt(const struct flight *f)
{
	const struct token *t = &f->claim.token;
	int64_t stage = f->failure.attempt.stage;

	return (stage == STAGE_LOST || stage == STAGE_KEPT) && !f->was_told &&
	    f->plan.contract.rotation != ROTATION_NONE &&
	    (t->attempt.stage != STAGE_KEPT || !str_eq(t->last_error, f->failure.reason));
}

/* It is written in the next round, with others. */
static void
keep_failure(struct flight *f)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	f->again_ms = 0;
	flight_leave_unused(f);
	flight_move(f, FLIGHT_FAILED);
	pthread_mutex_unlock(&e->lock);
}

void
attempt_failed(
    struct flight *f, enum token_status status, int64_t due_ms, int64_t stage, bool risked)
{
	f->failure = (struct refresh_failure){
		.first_of_kind = f->first_of_kind,
		.keep_reply = f->keep_reply && stage == STAGE_LOST,
		.status = status,
		.reason = str_dup(f->arena, str_of(f->cx.why)),
		.now_ms = attempt_now_ms(f),
		.due_ms = due_ms,
		.attempt = { .stage = stage,
		    .risked = risked,
		    .sent_ms = f->claim.token.attempt.sent_ms },
	};
	f->failure.newly_in_doubt = newly_in_doubt(f);
	log_event(LOG_WARN, "token.refresh_failed", KV_STR("token", f->token_id),
	    KV_STR("why", f->failure.reason));
	keep_failure(f);
}
