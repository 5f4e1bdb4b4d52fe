/* What leaves this machine: recorded first, and only within the lease. */
#include "base/crash.h"
#include "vault/attempt.h"
#include "vault/skew.h"

static void
answered(void *arg, const struct http_reply *reply)
{
	struct flight *f = arg;
	struct engine *e = f->engine;

	if (f->call == FLIGHT_REFRESH)
		crash_here(CRASH_REPLY_IN_MEMORY);
	pthread_mutex_lock(&e->lock);
	f->reply = *reply;
	f->reply.body = secret_dup(f->arena, reply->body);
	f->reply.content_type = str_dup(f->arena, reply->content_type);
	f->stage = FLIGHT_ANSWERED;
	engine_news(e);
	pthread_mutex_unlock(&e->lock);
}

static void
send(struct flight *f, const struct http_call *call, enum flight_call what)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	f->call = what;
	f->called = true;
	if (!f->in_lane)
		flight_take_place(f, clock_mono_ms());
	flight_move(f, FLIGHT_CALLING);
	pthread_mutex_unlock(&e->lock);
	http_client_send(vault_client(e->vault, attempt_provider(f)), call, answered, f);
}

static enum lane_result
lane_result(const struct http_reply *r)
{
	if (r->end == CALL_REFUSED && r->ours)
		return LANE_UNUSED;
	if (r->end == CALL_REFUSED || r->end == CALL_LOST || r->end == CALL_TIMED_OUT ||
	    (r->end == CALL_ANSWERED && r->status >= 500))
		return LANE_FAILED;
	return r->end == CALL_ANSWERED && r->status == 429 ? LANE_THROTTLED : LANE_ANSWERED;
}

void
attempt_leave_lane(struct flight *f)
{
	const struct http_reply *r = &f->reply;
	struct engine *e = f->engine;
	int64_t now = clock_mono_ms();

	if (!f->in_lane)
		return;
	pthread_mutex_lock(&e->lock);
	lane_end(f->lane, lane_result(r), now, engine_random());
	if (r->end == CALL_ANSWERED && (r->status == 429 || r->status == 503))
		lane_pause(f->lane, now, r->retry_after_s * 1000LL);
	f->in_lane = false;
	pthread_mutex_unlock(&e->lock);
	if (r->end == CALL_ANSWERED)
		vault_saw_date(e->vault, attempt_provider(f), r->date_s);
}

bool
attempt_lease_lasts(const struct flight *f, int64_t call_ms)
{
	int64_t needed = call_ms + LEASE_MARGIN_MS;

	return clock_boot_ms() + needed < f->lease_boot_ms &&
	    clock_wall_ms() + needed < f->lease_wall_ms;
}

/* Why no call may begin now; NULL: it may. */
static const char *
why_not(const struct flight *f, int64_t call_ms)
{
	struct engine *e = f->engine;
	bool stopping;

	pthread_mutex_lock(&e->lock);
	stopping = e->stopping;
	pthread_mutex_unlock(&e->lock);
	if (stopping)
		return "valetkey was stopped before the refresh was sent; it begins again at the "
		       "next start.";
	/* A machine that stood still may have lost the lease since; then somebody else may be at it. */
	return attempt_lease_lasts(f, call_ms)
	    ? NULL
	    : "This machine was too slow to send the refresh in time; it begins again.";
}

static void
not_begun(struct flight *f, const char *why)
{
	struct vault *v = f->engine->vault;
	enum rc rc = store_refresh_release(v->store, &f->cx, &f->claim, attempt_now_ms(f));

	if (rc == OK)
		rc = fail_at(&f->cx, E_BUSY, "refresh-late", NULL, "%s", why);
	attempt_done(f, rc);
}

/* Recorded, but it did not leave: what was in doubt before is so still, and nothing more. */
static void
not_sent(struct flight *f, const char *why)
{
	fail_at(&f->cx, E_BUSY, "refresh-late", NULL, "%s", why);
	attempt_failed(f, f->claim.token.status, attempt_now_ms(f),
	    f->plan.stage == ATTEMPT_NONE ? STAGE_SETTLED : STAGE_LOST, f->plan.risked);
}

/* A grace may have run out, or the clock been set, while it was recorded. */
static bool
still_as_planned(const struct flight *f)
{
	struct plan_state s = f->plan;

	s.now_ms = attempt_now_ms(f);
	return plan_next(&s).step ==
	    (f->claim.token.attempt.risked == RISK_NEWEST ? PLAN_RISK : PLAN_SEND);
}

void
attempt_transmit(struct flight *f)
{
	const struct oauth_client client = { .id = f->claim.token.app_key,
		.secret = f->claim.secrets.app_secret,
		.auth = attempt_provider(f)->auth };
	struct oauth_token_request request;
	struct http_call call;
	const char *why = why_not(f, CALL_TIMEOUT_MS);

	crash_here(CRASH_RECORDED);
	if (why == NULL && !still_as_planned(f))
		why =
		    "What is in doubt changed before the refresh was sent; it is looked at again.";
	if (why != NULL) {
		not_sent(f, why);
		return;
	}
	request = oauth_refresh_request(f->arena, &client, f->claim.secrets.refresh);
	call = upstream_token_call(attempt_provider(f), &request);
	call.timeout_ms = CALL_TIMEOUT_MS;
	/* The one risky try is not lost to a connection that had ended already. */
	call.fresh = f->claim.token.attempt.risked != RISK_NONE;
	/* What comes may hold the only copy of the next refresh token. */
	call.salvage = true;
	f->sealed = false;
	send(f, &call, FLIGHT_REFRESH);
	crash_here(CRASH_SENT);
}

void
attempt_send(struct flight *f, bool risky)
{
	struct vault *v = f->engine->vault;
	const char *why = why_not(f, CALL_TIMEOUT_MS);
	enum rc rc;

	if (why != NULL) {
		not_begun(f, why);
		return;
	}
	rc = store_refresh_sent(v->store, &f->cx, &f->claim, attempt_now_ms(f), risky);
	if (rc == OK)
		attempt_transmit(f);
	else if (rc == E_CONFLICT)
		attempt_overtaken(f);
	else
		attempt_unsure(f); /* perhaps not recorded, so not sent: fail closed */
}

void
attempt_ask_witness(struct flight *f)
{
	struct http_call call =
	    upstream_call(&f->cx, &attempt_provider(f)->witness, f->claim.secrets.access);
	const char *why = why_not(f, WITNESS_TIMEOUT_MS + CALL_TIMEOUT_MS);

	if (why != NULL) {
		not_begun(f, why);
		return;
	}
	call.timeout_ms = WITNESS_TIMEOUT_MS;
	send(f, &call, FLIGHT_WITNESS);
}
