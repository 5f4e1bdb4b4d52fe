/* An attempt whose end is not known: held, asked about, given up. */
#include "base/log.h"
#include "vault/attempt.h"

#define EXPIRY_MARGIN_S 60

static struct str
at(struct flight *f, int64_t ms)
{
	return clock_rfc3339(f->arena, ms);
}

/* What there is of a reply, for the middle of a sentence. */
static const char *
what_came(const struct flight *f)
{
	return f->keep_reply ? "held no token" : "never came";
}

static void
say_held(struct flight *f, const struct plan *p)
{
	const char *name = attempt_provider(f)->name.p;
	struct ctx *cx = &f->cx;

	if (f->plan.stage == ATTEMPT_KEPT) {
		fail_at(cx, E_UPSTREAM, "reply-kept", NULL,
		    "%s answered the refresh of %.*s with a reply that this version cannot read; "
		    "it is kept, sealed, and nothing else is sent.",
		    name, STR_ARG(at(f, f->plan.sent_ms)));
		fail_todo(cx, "Update valetkey, or Reconnect the token.");
		return;
	}
	if (f->plan.contract.refresh_kills_access && f->plan.expires_ms > 0) {
		fail_at(cx, E_UPSTREAM, "refresh-in-doubt", NULL,
		    "The reply to the refresh of %.*s %s; whether %s processed it is asked "
		    "with the old access token at %.*s.",
		    STR_ARG(at(f, f->plan.sent_ms)), what_came(f), name, STR_ARG(at(f, p->at_ms)));
		fail_todo(cx, "Nothing has to be done yet.");
		return;
	}
	/* Its access token is refused or has run out: nothing is left to wait for but the dust to settle. */
	if (p->at_ms > 0 && p->at_ms != f->plan.expires_ms - PLAN_LAST_MOMENT_MS) {
		fail_at(cx, E_UPSTREAM, "refresh-in-doubt", NULL,
		    "The reply to the refresh of %.*s %s, and %s accepts a refresh token "
		    "only once: the old access token is over too, and one last try is made at "
		    "%.*s.",
		    STR_ARG(at(f, f->plan.sent_ms)), what_came(f), name, STR_ARG(at(f, p->at_ms)));
		fail_todo(cx, "Reconnect the token if that fails.");
		return;
	}
	fail_at(cx, E_UPSTREAM, "refresh-in-doubt", NULL,
	    "The reply to the refresh of %.*s %s, and %s accepts a refresh token only once: the "
	    "old "
	    "access token works until %.*s, and one last try is made shortly before.",
	    STR_ARG(at(f, f->plan.sent_ms)), what_came(f), name,
	    STR_ARG(f->plan.expires_ms > 0 ? at(f, f->plan.expires_ms) : S("it is refused")));
	fail_todo(cx, "Reconnect the token before then to be safe.");
}

void
attempt_hold(struct flight *f, const struct plan *p)
{
	struct vault *v = f->engine->vault;
	int64_t due = p->at_ms > 0 ? p->at_ms : attempt_now_ms(f) + HOLD_MS;
	bool news = f->claim.token.attempt.stage == STAGE_SENT || f->plan.unreadable;
	struct ctx cx = attempt_scratch(f);
	enum rc rc;

	say_held(f, p);
	if (news) {
		f->in_doubt = true;
		attempt_failed(f, f->claim.token.status, due,
		    f->plan.stage == ATTEMPT_KEPT ? STAGE_KEPT : STAGE_LOST, f->plan.risked);
		return;
	}
	rc = store_refresh_release(v->store, &cx, &f->claim, due);
	if (rc != OK && rc != E_CONFLICT)
		log_event(LOG_ERROR, "token.release_failed", KV_STR("why", str_of(cx.why)));
	attempt_due(f, due);
	attempt_done(f, f->cx.rc);
}

void
attempt_give_up(struct flight *f)
{
	const char *name = attempt_provider(f)->name.p;
	struct ctx *cx = &f->cx;

	if (f->plan.witness == WITNESS_DEAD)
		fail_at(cx, E_REAUTH, "refresh-lost", NULL,
		    "%s processed the refresh of %.*s (the access token from before it is dead), "
		    "and its reply never came: nobody has the new refresh token.",
		    name, STR_ARG(at(f, f->plan.sent_ms)));
	else
		fail_at(cx, E_REAUTH, "refresh-lost", NULL,
		    "The reply to the refresh of %.*s never came, nor did that of the last try at "
		    "%.*s: %s accepts a refresh token only once.",
		    STR_ARG(at(f, f->plan.first_ms)), STR_ARG(at(f, f->plan.sent_ms)), name);
	fail_todo(cx, "Connect again.");
	attempt_failed(f, TOKEN_NEEDS_REAUTHORIZATION, 0, STAGE_SETTLED, false);
}

int64_t
attempt_due_in_doubt(struct flight *f, int64_t backoff)
{
	struct plan_state s = f->plan;
	struct plan p;

	f->in_doubt = true;
	s.stage = ATTEMPT_LOST;
	s.risked = f->claim.token.attempt.risked;
	s.first_ms = f->claim.token.attempt.first_ms;
	s.witness = WITNESS_NOT_ASKED;
	s.now_ms = attempt_now_ms(f);
	/* The provider may be at it from the end of the call on, which began some time after its record. */
	if (f->call == FLIGHT_REFRESH) {
		f->claim.token.attempt.sent_ms = s.now_ms;
		attempt_is_over(f);
	}
	s.sent_ms = f->claim.token.attempt.sent_ms;
	s.over_ms = attempt_over_ms(f);
	s.steady_ms = attempt_steady_ms(f);
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

/* By the provider's clock the access token has run out by itself, whatever ours says: it may have been
 * set back. Then its death tells nothing. */
static bool
over_for_them(const struct flight *f)
{
	const struct token *t = &f->claim.token;

	return t->expires_date_s > 0 && f->reply.date_s > 0 &&
	    f->reply.date_s >= t->expires_date_s - EXPIRY_MARGIN_S;
}

void
attempt_witness_answered(struct flight *f)
{
	const struct http_reply *r = &f->reply;

	attempt_leave_lane(f);
	f->plan.witness = WITNESS_SILENT;
	if (r->end == CALL_ANSWERED && r->status == 401 && over_for_them(f))
		f->plan.expires_ms = attempt_now_ms(f);
	else if (r->end == CALL_ANSWERED && r->status == 401)
		f->plan.witness = WITNESS_DEAD;
	else if (r->end == CALL_ANSWERED && r->status >= 200 && r->status < 300)
		f->plan.witness = WITNESS_ALIVE;
	log_event(LOG_INFO, "token.witness", KV_STR("token", f->token_id),
	    KV_INT("status", r->end == CALL_ANSWERED ? r->status : 0));
	attempt_go_on(f);
}
