/* A reply: sealed before it is read, then committed, or recorded as what it was. */
#include "base/crash.h"
#include "base/log.h"
#include "vault/attempt.h"
#include "vault/learn.h"
#include "vault/skew.h"

#define REFUSED_MAX \
	10 /* refusals of the request in a row, in the same words, until a person is asked */

/* A reply of success that broke off, or is too long, may hold the pair all the same. */
static bool
has_arrived(const struct http_reply *r)
{
	return r->end == CALL_ANSWERED ||
	    (r->status >= 200 && r->status < 300 && !secret_empty(r->body));
}

bool
attempt_wants_seal(const struct flight *f)
{
	return f->call != FLIGHT_WITNESS && !f->sealed && has_arrived(&f->reply);
}

void
attempt_not_sealed(struct flight *f, enum rc rc)
{
	if (rc == E_CONFLICT)
		attempt_done(f, rc);
	else
		attempt_again_later(f, FLIGHT_ANSWERED, "reply");
}

/* By this reply, which may have been kept for long, else by the newest one. */
static int64_t
skew_of(const struct flight *f)
{
	int64_t known;

	if (f->reply.date_s > 0)
		return f->reply.date_s * 1000 - f->claim.token.attempt.sent_ms;
	(void)vault_skew(f->engine->vault, attempt_provider(f), &known);
	return known;
}

static struct token_grant
grant_of(const struct flight *f, const struct oauth_reply *r)
{
	const struct token_attempt *a = &f->claim.token.attempt;
	int64_t now = attempt_now_ms(f);
	struct ctx cx = attempt_scratch(f);
	struct oauth_life life = oauth_life(
	    &cx, r, &f->plan.contract, f->claim.token.learned.life_s, a->sent_ms, skew_of(f));
	struct token_grant grant = {
		.access = r->access_token,
		.refresh = r->refresh_token,
		.expires_ms = life.expires_ms,
		.life_source = life.source,
		.expires_date_s = f->reply.date_s > 0 && life.expires_ms > 0
		    ? (life.expires_ms + skew_of(f)) / 1000
		    : 0,
		.scope_granted = r->scope,
		.refresh_expires_ms =
		    r->refresh_expires_in_s < 0 ? 0 : a->sent_ms + r->refresh_expires_in_s * 1000,
		.now_ms = now,
	};

	grant.due_ms = engine_due_ms(&(struct due_state){ .contract = f->plan.contract,
	    .unmoved = plan_end_stays(f->claim.token.refresh_expires_ms, grant.refresh_expires_ms),
	    .now_ms = now,
	    .expires_ms = grant.expires_ms,
	    .refresh_expires_ms = grant.refresh_expires_ms > 0 ? grant.refresh_expires_ms
							       : f->claim.token.refresh_expires_ms,
	    .has_refresh = true,
	    .lazy = f->claim.token.lazy });
	/* A provider that gives tokens without life is not asked in a circle. */
	if (grant.due_ms > 0 && grant.due_ms < now + BACKOFF_FIRST_MS)
		grant.due_ms = now + BACKOFF_FIRST_MS;
	return grant;
}

/* A failover may have lost the claim, its record and the kept reply: what is in memory is the only copy. Whoever
 * took over finds it kept. */
static bool
seal_again(struct flight *f)
{
	struct engine *e = f->engine;

	if (f->sealed_again)
		return false;
	f->sealed_again = true;
	f->sealed = false;
	pthread_mutex_lock(&e->lock);
	f->again_ms = 0;
	flight_move(f, FLIGHT_ANSWERED);
	pthread_mutex_unlock(&e->lock);
	return true;
}

void
attempt_committed(struct flight *f, enum rc rc)
{
	if (rc == E_CONFLICT && seal_again(f))
		return;
	/* Deleted meanwhile: nobody wants it any more. */
	if (rc != OK && rc != E_CONFLICT && rc != E_NOTFOUND) {
		attempt_again_later(f, FLIGHT_READ, "commit");
		return;
	}
	if (rc == OK) {
		crash_here(CRASH_COMMITTED);
		vault_count(f->engine->vault, COUNT_REFRESHED);
		attempt_due(f, f->grant.due_ms);
		log_event(LOG_INFO, "token.refreshed", KV_STR("token", f->token_id),
		    KV_INT("expires_in", f->expires_in_s));
		learn_old_access(f->engine->vault, attempt_provider(f), &f->claim.token,
		    f->claim.secrets.access);
	}
	attempt_done(f, rc);
}

/* It is committed in the next round, with others. */
static void
keep_pair(struct flight *f, const struct oauth_reply *r)
{
	struct engine *e = f->engine;

	f->grant = grant_of(f, r);
	f->expires_in_s = r->expires_in_s;
	pthread_mutex_lock(&e->lock);
	flight_move(f, FLIGHT_READ);
	pthread_mutex_unlock(&e->lock);
}

/* Before the reply that is read now was asked for. After a crash the record tells: it began earlier. */
static bool
was_in_doubt(const struct plan_state *s)
{
	return s->stage == ATTEMPT_SENT || s->stage == ATTEMPT_LOST ||
	    (s->stage == ATTEMPT_KEPT && s->first_ms != s->sent_ms);
}

static void
failed(struct flight *f, enum oauth_outcome outcome, enum oauth_outcome believed)
{
	int64_t now = attempt_now_ms(f);
	int64_t backoff =
	    now + backoff_ms(f->claim.token.attempts, f->cx.retry_after_s, engine_random());
	/* What was in doubt before an attempt that certainly did nothing is so still; a risky try that did
	 * nothing was none. */
	int64_t before = was_in_doubt(&f->plan) ? STAGE_LOST : STAGE_SETTLED;
	enum token_status status = f->claim.token.status;
	int64_t by = contract_again_by_ms(&f->plan.contract, f->claim.token.attempt.first_ms, now);
	int64_t risk = f->claim.token.attempt.risked;
	bool risked = risk == RISK_BEFORE;

	/* Unlike a pause, a grace that runs out cannot be made good. */
	if ((before == STAGE_LOST || believed == OUTCOME_AMBIGUOUS) && backoff > by)
		backoff = by;
	switch (believed) {
	case OUTCOME_REAUTHORIZE:
		attempt_failed(f, TOKEN_NEEDS_REAUTHORIZATION, 0, STAGE_SETTLED, false);
		return;
	case OUTCOME_REFUSED:
		f->first_of_kind = !str_eq(f->claim.token.last_error, str_of(f->cx.why));
		if (f->first_of_kind || f->claim.token.attempts + 1 < REFUSED_MAX) {
			attempt_failed(f, status, backoff, before, risked);
			return;
		}
		[[fallthrough]];
	case OUTCOME_MISCONFIGURED:
		attempt_failed(f, TOKEN_MISCONFIGURED, 0, before, risked);
		return;
	case OUTCOME_UNREADABLE:
		attempt_failed(f, status,
		    f->plan.contract.rotation == ROTATION_NONE ? backoff : now + HOLD_MS,
		    STAGE_KEPT, risk != RISK_NONE);
		return;
	case OUTCOME_AMBIGUOUS:
		f->keep_reply = f->sealed && f->reply.status < 300;
		backoff = attempt_due_in_doubt(f, backoff);
		if (backoff == 0)
			attempt_give_up(f);
		else
			attempt_failed(f, status, backoff, STAGE_LOST, f->plan.risked);
		return;
	default:
		/* A refusal that is asked for once more has settled what was in doubt, and is not the last word. */
		if (outcome == OUTCOME_REAUTHORIZE) {
			before = STAGE_SETTLED;
			f->cx.rc = E_UPSTREAM;
			(void)!fail_todo(&f->cx,
			    "It is asked once more by itself, since the reply before was lost.");
		}
		attempt_failed(f, status, backoff, before, risked);
		return;
	}
}

void
attempt_read(struct flight *f)
{
	const struct token_secrets *had = &f->claim.secrets;
	const struct upstream_sent sent = { { had->refresh, had->app_secret, had->access } };
	enum oauth_outcome outcome, believed;
	struct oauth_reply reply;
	enum rc rc;

	ctx_clear(&f->cx);
	rc = upstream_token_reply(&f->cx, attempt_provider(f), &sent, &f->reply, &reply, &outcome);
	crash_here(CRASH_PARSED);
	if (rc == OK) {
		keep_pair(f, &reply);
		return;
	}
	if (f->call == FLIGHT_KEPT_REPLY && outcome == OUTCOME_UNREADABLE) {
		f->plan.unreadable = true;
		attempt_go_on(f);
		return;
	}
	believed = oauth_believe(outcome, &f->plan.contract, was_in_doubt(&f->plan));
	failed(f, outcome, believed);
}

void
attempt_answered(struct flight *f)
{
	if (f->call == FLIGHT_WITNESS) {
		attempt_witness_answered(f);
		return;
	}
	if (attempt_wants_seal(f)) {
		f->sealed = true;
		crash_here(CRASH_SEALED);
	}
	attempt_read(f);
}
