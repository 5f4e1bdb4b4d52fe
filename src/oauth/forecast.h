/* oauth/forecast.h - until when a grant works without a person, and because of what. Pure.
 *
 * A forecast says what is known now: a refresh that comes may move it, and a provider may take a grant
 * away without a word. */
#ifndef OAUTH_FORECAST_H
#define OAUTH_FORECAST_H

#include "oauth/plan.h"

enum forecast_state {
	FORECAST_LASTS,   /* it renews itself, and no end is known */
	FORECAST_ENDS,    /* then it needs a person */
	FORECAST_FAILING, /* then it stops unless a refresh works before; no person is needed yet */
	FORECAST_UNKNOWN, /* nobody said how long it lives */
	FORECAST_STOPPED, /* it needs a person now */
};

enum forecast_cause {
	CAUSE_RENEWED,
	CAUSE_NO_REFRESH_TOKEN,
	CAUSE_REFRESH_TOKEN_ENDS, /* a reply said when */
	CAUSE_MAX_AGE,            /* the contract says how old a consent gets */
	CAUSE_IDLE,               /* unused for so long, because its refreshes fail */
	CAUSE_IN_DOUBT, /* the outcome of a refresh is not known, and it cannot be repeated */
	CAUSE_REFRESH_FAILS,
	CAUSE_MISCONFIGURED,
	CAUSE_REAUTHORIZE,
	CAUSE_LIFE_UNKNOWN,
};

struct forecast_in {
	struct contract contract;
	enum attempt_stage stage;
	int64_t sent_ms; /* of the newest attempt, unless stage is ATTEMPT_NONE */
	int64_t now_ms, expires_ms;
	int64_t consented_ms, used_ms; /* used_ms: the refresh token's last use with success */
	int64_t refresh_expires_ms;    /* 0: not said */
	int64_t status_ms;             /* since when it is one of the next two */
	bool needs_reauthorization, misconfigured;
	bool has_refresh;
	int64_t
	    refused_ms; /* since when the provider does not accept the access token; 0: it does */
	bool failing;   /* the newest refresh failed */
};

struct forecast {
	enum forecast_state state;
	enum forecast_cause cause;
	int64_t until_ms; /* 0: no end is known */
};

/* A person will be needed at until_ms, or is. */
bool forecast_needs_person(const struct forecast *f);

struct forecast oauth_forecast(const struct forecast_in *in);

const char *forecast_word(enum forecast_state state);

#endif
