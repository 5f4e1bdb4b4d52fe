#include "oauth/forecast.h"

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct forecast
ends(const struct forecast_in *in, enum forecast_cause cause)
{
	struct forecast f = { .cause = cause, .until_ms = in->expires_ms };

	if (in->refused_ms > 0)
		return (struct forecast){ FORECAST_STOPPED, cause, in->refused_ms };
	if (in->expires_ms == 0)
		f.state = FORECAST_UNKNOWN;
	else
		f.state = in->expires_ms > in->now_ms ? FORECAST_ENDS : FORECAST_STOPPED;
	return f;
}

/* The refresh token is used in time as long as refreshes work, so what use moves is no end. */
static bool
use_moves_the_end(const struct contract *c)
{
	return c->refresh_token_idle_s > 0 ||
	    (c->refresh_token_max_age_s > 0 && c->max_age_from == AGE_FROM_LAST_USE);
}

static void
sooner(struct forecast *f, int64_t until_ms, enum forecast_cause cause)
{
	if (f->until_ms > 0 && f->until_ms <= until_ms)
		return;
	f->until_ms = until_ms;
	f->cause = cause;
}

/* The end of the refresh token; until_ms 0: none is known. */
static struct forecast
refresh_token_end(const struct forecast_in *in)
{
	const struct contract *c = &in->contract;
	struct forecast f = { .state = FORECAST_ENDS };

	if (in->refresh_expires_ms > 0 && (in->failing || !use_moves_the_end(c)))
		sooner(&f, in->refresh_expires_ms, CAUSE_REFRESH_TOKEN_ENDS);
	if (c->refresh_token_max_age_s > 0 && c->max_age_from == AGE_FROM_CONSENT)
		sooner(&f, in->consented_ms + c->refresh_token_max_age_s * 1000, CAUSE_MAX_AGE);
	if (in->failing && c->refresh_token_max_age_s > 0 && c->max_age_from == AGE_FROM_LAST_USE)
		sooner(&f, in->used_ms + c->refresh_token_max_age_s * 1000, CAUSE_IDLE);
	if (in->failing && c->refresh_token_idle_s > 0)
		sooner(&f, in->used_ms + c->refresh_token_idle_s * 1000, CAUSE_IDLE);
	return f;
}

/* A refresh that is under way for the first time is in no doubt yet. */
static bool
in_doubt(const struct forecast_in *in)
{
	if (!in->failing || in->stage == ATTEMPT_NONE)
		return false;
	if (in->stage == ATTEMPT_KEPT)
		return in->contract.rotation != ROTATION_NONE;
	return !contract_forgives(&in->contract, in->sent_ms, in->now_ms);
}

struct forecast
oauth_forecast(const struct forecast_in *in)
{
	struct forecast end;

	if (in->needs_reauthorization && in->expires_ms <= in->status_ms)
		return (struct forecast){ FORECAST_STOPPED, CAUSE_REAUTHORIZE, in->status_ms };
	if (in->needs_reauthorization)
		return ends(in, CAUSE_REAUTHORIZE);
	if (!in->has_refresh)
		return ends(in, CAUSE_NO_REFRESH_TOKEN);
	if (in->misconfigured)
		return ends(in, CAUSE_MISCONFIGURED);
	if (in_doubt(in))
		return ends(in, CAUSE_IN_DOUBT);
	end = refresh_token_end(in);
	/* The newest access token outlives its refresh token. */
	if (end.until_ms > 0 && (!in->failing || end.until_ms <= in->expires_ms)) {
		end.until_ms = later(end.until_ms, in->expires_ms);
		return end;
	}
	if (in->failing)
		return (struct forecast){ FORECAST_FAILING, CAUSE_REFRESH_FAILS, in->expires_ms };
	if (in->expires_ms == 0)
		return (struct forecast){ FORECAST_UNKNOWN, CAUSE_LIFE_UNKNOWN, 0 };
	return (struct forecast){ FORECAST_LASTS, CAUSE_RENEWED, 0 };
}

bool
forecast_needs_person(const struct forecast *f)
{
	return f->state == FORECAST_ENDS || f->state == FORECAST_STOPPED;
}

const char *
forecast_word(enum forecast_state state)
{
	static const char *const words[] = {
		[FORECAST_LASTS] = "lasts",
		[FORECAST_ENDS] = "ends",
		[FORECAST_FAILING] = "failing",
		[FORECAST_UNKNOWN] = "unknown",
		[FORECAST_STOPPED] = "stopped",
	};

	return words[state];
}
