/* vault/forecast.h - until when a token works without a person, and why. */
#ifndef VAULT_FORECAST_H
#define VAULT_FORECAST_H

#include "store/token.h"

struct vault;

struct forecast {
	bool ends;          /* until_ms is known; otherwise no end is in sight */
	int64_t until_ms;   /* not later than now: it needs a person already */
	struct str because; /* one sentence */
};

/* Never blocks; from what stands in the store and the provider's contract. */
void vault_forecast(
    const struct vault *v, struct ctx *cx, const struct token *t, struct forecast *out);

#endif
