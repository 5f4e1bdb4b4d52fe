#include "vault/told.h"

#include "vault/vault_int.h"

#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

static struct str
count_of(struct arena *a, int64_t n, const char *unit)
{
	return str_printf(a, "%lld %s%s", (long long)n, unit, n == 1 ? "" : "s");
}

static struct str
span(struct arena *a, int64_t ms)
{
	if (ms < MINUTE_MS)
		return count_of(a, ms > 0 ? ms / 1000 : 0, "second");
	if (ms < HOUR_MS)
		return count_of(a, ms / MINUTE_MS, "minute");
	if (ms < DAY_MS)
		return count_of(a, ms / HOUR_MS, "hour");
	return count_of(a, ms / DAY_MS, "day");
}

/* Without its last full stop, so that the sentence can go on. */
static struct str
open_end(struct str sentence)
{
	return str_ends(sentence, S(".")) ? str_sub(sentence, 0, sentence.len - 1) : sentence;
}

static enum told_who
who_mends(const struct token *t, const struct told *told)
{
	if (t->status == TOKEN_MISCONFIGURED)
		return WHO_ADMINISTRATOR;
	if (t->status == TOKEN_NEEDS_REAUTHORIZATION || !t->has_refresh ||
	    told->forecast.cause == CAUSE_IN_DOUBT)
		return WHO_OWNER;
	return WHO_NOBODY;
}

static struct str
remedy(struct ctx *cx, const struct token *t, const struct told *told)
{
	switch (told->trouble.who) {
	case WHO_ADMINISTRATOR:
		return str_printf(cx->arena,
		    "who runs this installation can mend it: correct App Key and App Secret at "
		    "%.*s",
		    STR_ARG(told->url));
	case WHO_OWNER:
		return str_printf(
		    cx->arena, "its owner can mend it: Reconnect at %.*s", STR_ARG(told->url));
	default:
		break;
	}
	if (t->due_ms == 0)
		return S("it is tried again when somebody reads it");
	return str_printf(cx->arena, "nobody has to do anything, it is tried again at %.*s",
	    STR_ARG(clock_rfc3339(cx->arena, t->due_ms)));
}

static struct told_trouble
trouble(const struct token *t, const struct told *told)
{
	bool ran_out = !t->has_refresh && told->forecast.state == FORECAST_STOPPED;
	struct told_trouble out = { .sentence = S("") };
	struct str what = t->last_error;

	if (t->status != TOKEN_ACTIVE) {
		what = t->status_reason;
		out.since_ms = t->status_ms;
	} else if (ran_out) {
		what =
		    S("The access token has run out, and there is no refresh token to renew it.");
		out.since_ms = t->expires_ms;
	} else if (t->attempts > 0) {
		out.since_ms = t->failed_ms > 0 ? t->failed_ms : t->status_ms;
	} else {
		return out;
	}
	out.who = who_mends(t, told);
	out.what = out.sentence = open_end(what);
	return out;
}

/* What, since when, and who can mend it, in one. */
static void
finish_trouble(struct ctx *cx, const struct token *t, struct told *told)
{
	struct told_trouble *p = &told->trouble;
	struct str since;

	if (p->sentence.len == 0)
		return;
	since = clock_rfc3339(cx->arena, p->since_ms);
	p->sentence = str_printf(cx->arena, "%.*s (since %.*s; %.*s).", STR_ARG(p->sentence),
	    STR_ARG(since), STR_ARG(remedy(cx, t, told)));
}

static struct str
because(struct ctx *cx, const struct token *t, const struct forecast_in *in,
    const struct told *told, struct str name)
{
	struct arena *a = cx->arena;

	switch (told->forecast.cause) {
	case CAUSE_RENEWED:
		return str_printf(a,
		    "It renews itself until somebody takes the access away at %.*s.",
		    STR_ARG(name));
	case CAUSE_NO_REFRESH_TOKEN:
		return S("The provider gave no refresh token to renew it with.");
	case CAUSE_REFRESH_TOKEN_ENDS:
		return str_printf(a, "%.*s said that its refresh token ends then.", STR_ARG(name));
	case CAUSE_MAX_AGE:
		return str_printf(a, "%.*s ends a grant %.*s after its consent.", STR_ARG(name),
		    STR_ARG(span(a, in->contract.refresh_token_max_age_s * 1000)));
	case CAUSE_IDLE:
		return str_printf(a,
		    "%.*s ends a refresh token that is not used, and its refreshes fail.",
		    STR_ARG(name));
	case CAUSE_IN_DOUBT:
	case CAUSE_REFRESH_FAILS:
		return t->last_error;
	case CAUSE_MISCONFIGURED:
	case CAUSE_REAUTHORIZE:
		return t->status_reason;
	case CAUSE_LIFE_UNKNOWN:
		return str_printf(
		    a, "%.*s does not say how long an access token lives.", STR_ARG(name));
	}
	return S("");
}

static struct forecast_in
forecast_in(struct vault *v, const struct token *t, const struct provider *p)
{
	/* Only whether there is a secret says which client it is. */
	struct secret some = secret_of(t->has_app_secret ? S("-") : S(""));

	return (struct forecast_in){
		.contract = p == NULL ? (struct contract){ 0 } : *provider_contract(p, some),
		.stage = (enum attempt_stage)t->attempt.stage,
		.sent_ms = t->attempt.sent_ms,
		.now_ms = clock_now_ms(v->clock),
		.expires_ms = t->expires_ms,
		.consented_ms = t->consented_ms,
		.used_ms = t->refreshed_ms > 0 ? t->refreshed_ms : t->consented_ms,
		.refresh_expires_ms = t->refresh_expires_ms,
		.status_ms = t->status_ms,
		.refused_ms = t->refused_ms,
		.needs_reauthorization = t->status == TOKEN_NEEDS_REAUTHORIZATION,
		.misconfigured = t->status == TOKEN_MISCONFIGURED,
		.has_refresh = t->has_refresh,
		.failing = t->attempts > 0,
	};
}

static struct str
proof(struct ctx *cx, const struct token *t, struct str name, int64_t now_ms)
{
	if (t->proved_ms == 0)
		return str_printf(cx->arena, "%.*s has not answered with it yet.", STR_ARG(name));
	return str_printf(cx->arena, "%.*s answered %.*s ago.", STR_ARG(name),
	    STR_ARG(span(cx->arena, now_ms - t->proved_ms)));
}

/* NULL: its definition is gone. */
static const struct provider *
provider_of(struct vault *v, struct ctx *cx, const struct token *t)
{
	const struct provider *p;

	if (vault_provider(v, cx, t->provider, &p) == OK)
		return p;
	ctx_clear(cx);
	return NULL;
}

struct forecast
vault_token_forecast(struct vault *v, struct ctx *cx, const struct token *t)
{
	struct forecast_in in = forecast_in(v, t, provider_of(v, cx, t));

	return oauth_forecast(&in);
}

void
vault_token_told(struct vault *v, struct ctx *cx, const struct token *t, struct told *out)
{
	const struct provider *p = provider_of(v, cx, t);
	struct forecast_in in;
	struct str name;

	name = p == NULL ? t->provider : p->name;
	in = forecast_in(v, t, p);
	*out = (struct told){ .proved_ms = t->proved_ms };
	out->url =
	    str_printf(cx->arena, "%.*s/tokens/%.*s", STR_ARG(v->public_url), STR_ARG(t->id));
	out->proof = proof(cx, t, name, in.now_ms);
	out->forecast = oauth_forecast(&in);
	out->because = because(cx, t, &in, out, name);
	out->trouble = trouble(t, out);
	finish_trouble(cx, t, out);
}

const char *
told_who_word(enum told_who who)
{
	static const char *const words[] = {
		[WHO_NOBODY] = "nobody",
		[WHO_OWNER] = "owner",
		[WHO_ADMINISTRATOR] = "administrator",
	};

	return words[who];
}
