/* The steps of one attempt, each durable before the next: docs/mechanisms/refresh.md numbers them. */
#include "base/crash.h"
#include "base/log.h"
#include "vault/engine_int.h"
#include "vault/gather.h"

#define STORE_AGAIN_MS 1000
#define OTHER_AGAIN_MS 100
#define HOLD_MS 900000 /* nothing to be done by the clock: looked at again */

_Static_assert((int)STAGE_SENT == (int)ATTEMPT_SENT && (int)STAGE_KEPT == (int)ATTEMPT_KEPT &&
	(int)STAGE_LOST == (int)ATTEMPT_LOST && (int)STAGE_SETTLED == (int)ATTEMPT_NONE,
    "the store's stages are the plan's");

static const struct provider *
provider_of(const struct flight *f)
{
	return f->lane->provider;
}

static int64_t
now_of(const struct flight *f)
{
	return clock_now_ms(f->engine->vault->clock);
}

/* A context for recording a failure whose own words must stay. */
static struct ctx
scratch(const struct flight *f)
{
	struct ctx cx;

	ctx_init(&cx, f->arena, f->engine->vault->clock);
	cx.may_block = true;
	return cx;
}

static void
done(struct flight *f, enum rc rc)
{
	/* The lease outlives the call, so only a new consent, a deletion or a newer claim moves the
	 * fence under it: what became of the old grant concerns nobody. */
	if (rc == E_CONFLICT)
		rc = OK;
	live_forget(f->engine->vault, f->token_id);
	flight_done(f, rc);
}

/* The store could not write: the reply is in memory only, or read but not committed. It stays here
 * until it is written; no other attempt begins meanwhile. */
static void
again_later(struct flight *f, const char *what)
{
	struct engine *e = f->engine;

	log_event(LOG_ERROR, "token.refresh_not_recorded", KV_STR("token", f->token_id),
	    KV_STR("what", str_of(what)), KV_STR("why", str_of(f->cx.why)));
	pthread_mutex_lock(&e->lock);
	f->again_ms = clock_mono_ms() + STORE_AGAIN_MS;
	f->stage = FLIGHT_ANSWERED;
	pthread_mutex_unlock(&e->lock);
}

/* --- calls --- */

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
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void
send(struct flight *f, const struct http_call *call, enum flight_call what)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	f->call = what;
	f->called = true;
	f->stage = FLIGHT_CALLING;
	if (!f->in_lane)
		lane_begin(f->lane);
	f->in_lane = true;
	pthread_mutex_unlock(&e->lock);
	http_client_send(vault_client(e->vault, provider_of(f)), call, answered, f);
}

/* Counts the call that ended for its lane, and learns the provider's clock. */
static void
leave_lane(struct flight *f)
{
	const struct http_reply *r = &f->reply;
	struct engine *e = f->engine;
	bool failed = r->end == CALL_REFUSED || r->end == CALL_LOST || r->end == CALL_TIMED_OUT ||
	    (r->end == CALL_ANSWERED && r->status >= 500);

	if (!f->in_lane)
		return;
	pthread_mutex_lock(&e->lock);
	lane_end(f->lane, failed ? LANE_FAILED : LANE_ANSWERED, clock_mono_ms(), engine_random());
	f->in_lane = false;
	if (r->end == CALL_ANSWERED && r->date_s > 0)
		f->lane->skew_ms = r->date_s * 1000 - now_of(f);
	pthread_mutex_unlock(&e->lock);
}

static bool
lease_lasts(const struct flight *f, int64_t call_ms)
{
	return clock_mono_ms() + call_ms + LEASE_MARGIN_MS < f->claimed_ms + LEASE_MS;
}

/* The engine was held up so long that the lease could lapse under the call. */
static void
too_late(struct flight *f)
{
	struct vault *v = f->engine->vault;
	enum rc rc = store_refresh_release(v->store, &f->cx, &f->claim, now_of(f));

	if (rc == OK)
		rc = fail_at(&f->cx, E_BUSY, "refresh-late", NULL,
		    "This machine was too slow to begin the refresh in time; it begins again.");
	done(f, rc);
}

static void write_failure(
    struct flight *f, enum token_status status, int64_t due_ms, int64_t stage, bool risked);

/* Recorded, but it did not leave: what was in doubt before is so still, and nothing more. */
static void
not_sent(struct flight *f)
{
	fail_at(&f->cx, E_BUSY, "refresh-late", NULL,
	    "This machine was too slow to send the refresh in time; it begins again.");
	write_failure(f, f->claim.token.status, now_of(f),
	    f->plan.stage == ATTEMPT_NONE ? STAGE_SETTLED : STAGE_LOST, f->plan.risked);
}

static void
send_refresh(struct flight *f, bool risky)
{
	struct vault *v = f->engine->vault;
	const struct oauth_client client = { .id = f->claim.token.app_key,
		.secret = f->claim.secrets.app_secret,
		.auth = provider_of(f)->auth };
	struct oauth_token_request request;
	struct http_call call;
	enum rc rc;

	if (!lease_lasts(f, CALL_TIMEOUT_MS)) {
		too_late(f);
		return;
	}
	rc = store_refresh_sent(v->store, &f->cx, &f->claim, now_of(f), risky);
	if (rc != OK) {
		/* Not recorded, so not sent: fail closed. */
		done(f, rc);
		return;
	}
	crash_here(CRASH_RECORDED);
	/* A machine that stood still may have lost the lease since; then somebody else may be at it. */
	if (!lease_lasts(f, CALL_TIMEOUT_MS)) {
		not_sent(f);
		return;
	}
	request = oauth_refresh_request(f->arena, &client, f->claim.secrets.refresh);
	call = upstream_token_call(provider_of(f), &request);
	call.timeout_ms = CALL_TIMEOUT_MS;
	f->sealed = false;
	send(f, &call, FLIGHT_REFRESH);
	crash_here(CRASH_SENT);
}

static void
ask_witness(struct flight *f)
{
	struct http_call call =
	    upstream_call(&f->cx, &provider_of(f)->witness, f->claim.secrets.access);

	if (!lease_lasts(f, WITNESS_TIMEOUT_MS + CALL_TIMEOUT_MS)) {
		too_late(f);
		return;
	}
	call.timeout_ms = WITNESS_TIMEOUT_MS;
	send(f, &call, FLIGHT_WITNESS);
}

/* --- in doubt --- */

static struct str
at(struct flight *f, int64_t ms)
{
	return clock_rfc3339(f->arena, ms);
}

static void
say_held(struct flight *f, const struct plan *p)
{
	const char *name = provider_of(f)->name.p;
	struct ctx *cx = &f->cx;

	if (f->plan.stage == ATTEMPT_KEPT) {
		fail_at(cx, E_UPSTREAM, "reply-kept", NULL,
		    "%s answered the refresh of %.*s with a reply that this version cannot read; "
		    "it is "
		    "kept, sealed, and nothing else is sent.",
		    name, STR_ARG(at(f, f->plan.sent_ms)));
		fail_todo(cx, "Update valetkey, or Reconnect the token.");
		return;
	}
	if (f->plan.contract.refresh_kills_access && f->plan.expires_ms > 0) {
		fail_at(cx, E_UPSTREAM, "refresh-in-doubt", NULL,
		    "The reply to the refresh of %.*s never came; whether %s processed it is asked "
		    "with the old access token at %.*s.",
		    STR_ARG(at(f, f->plan.sent_ms)), name, STR_ARG(at(f, p->at_ms)));
		fail_todo(cx, "Nothing has to be done yet.");
		return;
	}
	fail_at(cx, E_UPSTREAM, "refresh-in-doubt", NULL,
	    "The reply to the refresh of %.*s never came, and %s accepts a refresh token only "
	    "once: "
	    "the old access token works until %.*s, and one last try is made shortly before.",
	    STR_ARG(at(f, f->plan.sent_ms)), name,
	    STR_ARG(f->plan.expires_ms > 0 ? at(f, f->plan.expires_ms) : S("it is refused")));
	fail_todo(cx, "Reconnect the token before then to be safe.");
}

static void
write_failure(
    struct flight *f, enum token_status status, int64_t due_ms, int64_t stage, bool risked)
{
	struct ctx cx = scratch(f);
	struct refresh_failure failure = {
		.status = status,
		.reason = str_dup(f->arena, str_of(f->cx.why)),
		.now_ms = now_of(f),
		.due_ms = due_ms,
		.attempt = { .stage = stage, .risked = risked },
	};
	enum rc rc = store_refresh_failed(f->engine->vault->store, &cx, &f->claim, &failure);

	log_event(LOG_WARN, "token.refresh_failed", KV_STR("token", f->token_id),
	    KV_STR("why", failure.reason));
	if (rc == OK)
		vault_count(f->engine->vault, COUNT_REFRESH_FAILED);
	if (rc == OK || rc == E_CONFLICT)
		done(f, rc == OK ? f->cx.rc : rc);
	else if (f->called)
		again_later(f, cx.why);
	else
		done(f, rc); /* nothing is lost: it stands in the store as it was found */
}

/* Touches nothing: the old access token is served while it lives, and its owner is told. */
static void
hold(struct flight *f, const struct plan *p)
{
	struct vault *v = f->engine->vault;
	int64_t due = p->at_ms > 0 ? p->at_ms : now_of(f) + HOLD_MS;
	bool news = f->claim.token.attempt.stage == STAGE_SENT || f->plan.unreadable;
	struct ctx cx = scratch(f);
	enum rc rc;

	say_held(f, p);
	if (news) {
		write_failure(f, f->claim.token.status, due,
		    f->plan.stage == ATTEMPT_KEPT ? STAGE_KEPT : STAGE_LOST, f->plan.risked);
		return;
	}
	rc = store_refresh_release(v->store, &cx, &f->claim, due);
	if (rc != OK && rc != E_CONFLICT)
		log_event(LOG_ERROR, "token.release_failed", KV_STR("why", str_of(cx.why)));
	done(f, f->cx.rc);
}

static void
give_up(struct flight *f)
{
	const char *name = provider_of(f)->name.p;
	struct ctx *cx = &f->cx;

	if (f->plan.witness == WITNESS_DEAD)
		fail_at(cx, E_REAUTH, "refresh-lost", NULL,
		    "%s processed the refresh of %.*s (the access token from before it is dead), "
		    "and "
		    "its reply never came: nobody has the new refresh token.",
		    name, STR_ARG(at(f, f->plan.sent_ms)));
	else
		fail_at(cx, E_REAUTH, "refresh-lost", NULL,
		    "The reply to the refresh of %.*s never came, nor did that of the last try at "
		    "%.*s: %s accepts a refresh token only once.",
		    STR_ARG(at(f, f->plan.first_ms)), STR_ARG(at(f, f->plan.sent_ms)), name);
	fail_todo(cx, "Connect again.");
	write_failure(f, TOKEN_NEEDS_REAUTHORIZATION, 0, STAGE_SETTLED, false);
}

/* --- the plan --- */

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
	attempt_answered(f);
}

static void
go_on(struct flight *f)
{
	struct plan p;

	f->plan.now_ms = now_of(f);
	p = plan_next(&f->plan);
	switch (p.step) {
	case PLAN_SEND:
		send_refresh(f, false);
		return;
	case PLAN_RISK:
		send_refresh(f, true);
		return;
	case PLAN_READ:
		read_kept(f);
		return;
	case PLAN_ASK_WITNESS:
		ask_witness(f);
		return;
	case PLAN_HOLD:
		hold(f, &p);
		return;
	case PLAN_GIVE_UP:
		give_up(f);
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
	over = f->due_only ? t->due_ms == 0 || t->due_ms > now_of(f)
			   : f->seen_ms != ENGINE_ANYWAY && f->seen_ms != t->refreshed_ms;
	pthread_mutex_unlock(&e->lock);
	return over;
}

static void
let_go(struct flight *f)
{
	struct ctx cx = scratch(f);
	enum rc rc =
	    store_refresh_release(f->engine->vault->store, &cx, &f->claim, f->claim.token.due_ms);

	done(f, rc);
}

static struct plan_state
plan_of(const struct flight *f)
{
	const struct token *t = &f->claim.token;
	struct engine *e = f->engine;
	bool rejected;

	pthread_mutex_lock(&e->lock);
	rejected = f->rejected;
	pthread_mutex_unlock(&e->lock);

	return (struct plan_state){
		.contract = *provider_contract(provider_of(f), f->claim.secrets.app_secret),
		.stage = (enum attempt_stage)t->attempt.stage,
		.risked = t->attempt.risked,
		.first_ms = t->attempt.first_ms,
		.sent_ms = t->attempt.sent_ms,
		.expires_ms = t->expires_ms,
		.rejected = rejected,
		.has_witness = provider_of(f)->witness.url.len > 0,
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
	if (wait)
		f->again_ms = clock_mono_ms() + OTHER_AGAIN_MS;
	pthread_mutex_unlock(&e->lock);
	if (wait)
		ctx_clear(&f->cx);
	return wait;
}

/* Somebody else holds the lease, or the row cannot be read: not again at once. */
static void
not_started(struct flight *f, enum rc rc)
{
	struct ctx cx = scratch(f);

	if (rc == E_CONFLICT && wait_for_other(f))
		return;

	log_event(LOG_WARN, "token.refresh_not_started", KV_STR("token", f->token_id),
	    KV_STR("why", str_of(f->cx.why)));
	if (rc != E_CONFLICT &&
	    store_token_postpone(
		f->engine->vault->store, &cx, f->token_id, now_of(f) + BACKOFF_MAX_MS) != OK)
		log_event(LOG_ERROR, "token.postpone_failed", KV_STR("why", str_of(cx.why)));
	flight_done(f, rc);
}

/* A refresh token that is known to be dead is not shown again to a provider that may count it. */
static void
refuse(struct flight *f)
{
	struct ctx cx = scratch(f);
	enum rc rc = store_refresh_release(f->engine->vault->store, &cx, &f->claim, 0);

	fail_at(&f->cx, E_REAUTH, "reauthorization-required", NULL, "%.*s",
	    STR_ARG(f->claim.token.status_reason));
	fail_todo(&f->cx, "Open the token in the console and click Reconnect.");
	done(f, rc == OK ? E_REAUTH : rc);
}

void
attempt_begin(struct flight *f)
{
	struct vault *v = f->engine->vault;
	enum rc rc;

	crash_here(CRASH_BEFORE_CLAIM);
	rc = store_refresh_claim(
	    v->store, &f->cx, f->token_id, clock_wall_ms(), LEASE_MS, &f->claim);
	if (rc != OK) {
		not_started(f, rc);
		return;
	}
	crash_here(CRASH_CLAIMED);
	f->claimed_ms = clock_mono_ms();
	f->plan = plan_of(f);
	if (is_over(f))
		let_go(f);
	else if (f->claim.token.status == TOKEN_NEEDS_REAUTHORIZATION &&
	    f->plan.contract.rotation >= ROTATION_SINGLE && f->plan.stage != ATTEMPT_KEPT)
		refuse(f);
	else
		go_on(f);
}

/* --- the outcome --- */

static struct token_grant
grant_of(const struct flight *f, const struct oauth_reply *r)
{
	const struct token_attempt *a = &f->claim.token.attempt;
	int64_t now = now_of(f);
	int64_t skew = f->reply.date_s > 0 ? f->reply.date_s * 1000 - a->sent_ms : 0;
	struct ctx cx = scratch(f);
	struct oauth_life life =
	    oauth_life(&cx, r, &f->plan.contract, f->claim.token.learned.life_s, a->sent_ms, skew);
	struct due_state due = { .contract = f->plan.contract,
		.now_ms = now,
		.expires_ms = life.expires_ms,
		.has_refresh = true,
		.lazy = f->claim.token.lazy,
		.random = engine_random() };
	struct token_grant grant = {
		.access = r->access_token,
		.refresh = r->refresh_token,
		.expires_ms = life.expires_ms,
		.life_source = life.source,
		.scope_granted = r->scope,
		.refresh_expires_ms =
		    r->refresh_expires_in_s < 0 ? 0 : a->sent_ms + r->refresh_expires_in_s * 1000,
		.now_ms = now,
		.due_ms = plan_due_ms(&due),
	};

	/* A provider that gives tokens without life is not asked in a circle. */
	if (grant.due_ms > 0 && grant.due_ms < now + BACKOFF_FIRST_MS)
		grant.due_ms = now + BACKOFF_FIRST_MS;
	return grant;
}

enum rc
attempt_commit(struct store *s, struct ctx *cx, void *arg)
{
	struct flight *f = arg;

	return store_refresh_commit(s, cx, &f->claim, &f->grant);
}

void
attempt_committed(struct flight *f, enum rc rc)
{
	/* Deleted meanwhile: nobody wants it any more. */
	if (rc != OK && rc != E_CONFLICT && rc != E_NOTFOUND) {
		again_later(f, "commit");
		return;
	}
	if (rc == OK) {
		crash_here(CRASH_COMMITTED);
		vault_count(f->engine->vault, COUNT_REFRESHED);
		log_event(LOG_INFO, "token.refreshed", KV_STR("token", f->token_id),
		    KV_INT("expires_in", f->expires_in_s));
	}
	done(f, rc);
}

static void
commit(struct flight *f, const struct oauth_reply *r)
{
	f->grant = grant_of(f, r);
	f->expires_in_s = r->expires_in_s;
	if (!gather_takes(f))
		attempt_committed(f, attempt_commit(f->engine->vault->store, &f->cx, f));
}

/* What the plan says about an attempt that just ended without a reply. */
static int64_t
due_in_doubt(struct flight *f, int64_t backoff)
{
	struct plan_state s = f->plan;
	struct plan p;

	s.stage = ATTEMPT_LOST;
	s.risked = f->claim.token.attempt.risked;
	s.first_ms = f->claim.token.attempt.first_ms;
	s.sent_ms = f->claim.token.attempt.sent_ms;
	s.witness = WITNESS_NOT_ASKED;
	s.now_ms = now_of(f);
	f->plan = s;
	p = plan_next(&s);
	if (p.step == PLAN_SEND)
		return backoff;
	if (p.step == PLAN_HOLD) {
		say_held(f, &p);
		return p.at_ms > 0 ? p.at_ms : s.now_ms + HOLD_MS;
	}
	return p.step == PLAN_GIVE_UP ? 0 : s.now_ms;
}

static void
failed(struct flight *f, enum oauth_outcome outcome, enum oauth_outcome believed)
{
	int64_t now = now_of(f);
	int64_t backoff =
	    now + backoff_ms(f->claim.token.attempts, f->cx.retry_after_s, engine_random());
	/* What was in doubt before an attempt that certainly did nothing is so still. */
	int64_t before = f->plan.stage == ATTEMPT_NONE ? STAGE_SETTLED : STAGE_LOST;
	enum token_status status = f->claim.token.status;
	bool risked = f->plan.risked;

	switch (believed) {
	case OUTCOME_REAUTHORIZE:
		write_failure(f, TOKEN_NEEDS_REAUTHORIZATION, 0, STAGE_SETTLED, false);
		return;
	case OUTCOME_MISCONFIGURED:
		write_failure(f, TOKEN_MISCONFIGURED, 0, before, risked);
		return;
	case OUTCOME_UNREADABLE:
		write_failure(f, status,
		    f->plan.contract.rotation == ROTATION_NONE ? backoff : now + HOLD_MS,
		    STAGE_KEPT, risked);
		return;
	case OUTCOME_AMBIGUOUS:
		backoff = due_in_doubt(f, backoff);
		if (backoff == 0)
			give_up(f);
		else
			write_failure(f, status, backoff, STAGE_LOST, f->plan.risked);
		return;
	default:
		/* A refusal that is asked for once more has settled what was in doubt. */
		if (outcome == OUTCOME_REAUTHORIZE)
			before = STAGE_SETTLED;
		write_failure(f, status, backoff, before, risked);
		return;
	}
}

static void
witness_answered(struct flight *f)
{
	const struct http_reply *r = &f->reply;

	leave_lane(f);
	f->plan.witness = WITNESS_SILENT;
	if (r->end == CALL_ANSWERED && r->status == 401)
		f->plan.witness = WITNESS_DEAD;
	else if (r->end == CALL_ANSWERED && r->status >= 200 && r->status < 300)
		f->plan.witness = WITNESS_ALIVE;
	log_event(LOG_INFO, "token.witness", KV_STR("token", f->token_id),
	    KV_INT("status", r->end == CALL_ANSWERED ? r->status : 0));
	go_on(f);
}

bool
attempt_wants_seal(const struct flight *f)
{
	return f->call != FLIGHT_WITNESS && !f->sealed && f->reply.end == CALL_ANSWERED;
}

enum rc
attempt_seal(struct store *s, struct ctx *cx, void *arg)
{
	struct flight *f = arg;

	return store_refresh_answered(
	    s, cx, &f->claim, now_of(f), f->reply.status, f->reply.date_s, f->reply.body);
}

void
attempt_sealed(struct flight *f)
{
	f->sealed = true;
	crash_here(CRASH_SEALED);
}

/* False while the store cannot take it. */
static bool
seal_reply(struct flight *f)
{
	enum rc rc;

	if (!attempt_wants_seal(f))
		return true;
	rc = attempt_seal(f->engine->vault->store, &f->cx, f);
	if (rc == OK) {
		attempt_sealed(f);
		return true;
	}
	if (rc == E_CONFLICT)
		done(f, rc);
	else
		again_later(f, "reply");
	return false;
}

void
attempt_answered(struct flight *f)
{
	enum oauth_outcome outcome, believed;
	struct oauth_reply reply;
	enum rc rc;

	ctx_clear(&f->cx);
	if (f->call == FLIGHT_WITNESS) {
		witness_answered(f);
		return;
	}
	if (f->call == FLIGHT_REFRESH)
		leave_lane(f);
	if (!seal_reply(f))
		return;
	rc = upstream_token_reply(&f->cx, provider_of(f), &f->reply, &reply, &outcome);
	crash_here(CRASH_PARSED);
	if (rc == OK) {
		commit(f, &reply);
		return;
	}
	if (f->call == FLIGHT_KEPT_REPLY && outcome == OUTCOME_UNREADABLE) {
		f->plan.unreadable = true;
		go_on(f);
		return;
	}
	believed = oauth_believe(outcome, &f->plan.contract,
	    f->plan.stage == ATTEMPT_SENT || f->plan.stage == ATTEMPT_LOST);
	failed(f, outcome, believed);
}
