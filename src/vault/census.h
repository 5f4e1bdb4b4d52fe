/* vault/census.h - how many tokens have which outlook, and which of them need somebody.
 *
 * In bounded time and memory, whatever their number: one asking looks at CENSUS_STEP tokens at most, by
 * index. Where there are more, the next asking goes on behind them, and the counts are those of the
 * last time that all were looked at. Any thread. */
#ifndef VAULT_CENSUS_H
#define VAULT_CENSUS_H

#include "oauth/forecast.h"
#include "vault/keys.h"

#define CENSUS_STEP 10000
#define CENSUS_NAMED 1000

struct vault;
struct census_keeper;

struct census {
	int64_t counts[FORECAST_STOPPED + 1]; /* by enum forecast_state */
	int64_t tokens;                       /* so many of them; 0 before the first count of all */
	int64_t next_ms;  /* when the next working one needs a person; 0: none is known to */
	int64_t ended_ms; /* when the last was looked at; 0: not all that the key may read were */
	struct str *ids;  /* CENSUS_NAMED at most: of all, or where there are more */
	size_t id_count;  /* of those that do not simply last; in the order of their names */
};

/* Of the tokens that the key may read. Memory is cx->arena's. A key for named tokens has no last time:
 * of more than CENSUS_STEP, its counts are those of the first. */
MUST enum rc vault_census(
    struct vault *v, struct ctx *cx, const struct key_ref *key, struct census *out);

struct census_keeper *census_keeper_new(void);
void census_keeper_free(struct census_keeper *k); /* takes NULL */

#endif
