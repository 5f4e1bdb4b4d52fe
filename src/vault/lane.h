/* vault/lane.h - one provider as the engine sees it: how many calls at once, and a circuit breaker.
 *
 * Each provider has its own lane, so that one that is slow or down delays no other. The engine's lock
 * protects it. Times are clock_mono_ms(). */
#ifndef VAULT_LANE_H
#define VAULT_LANE_H

#include "vault/provider.h"

#define LANE_CALLS_MAX 16

struct lane {
	const struct provider *provider;
	int in_flight;
	int failures;         /* in a row: no answer, or a 5xx */
	int64_t closed_until; /* no call before */
	bool more;            /* more was due than there was room for */
};

enum lane_result { LANE_ANSWERED, LANE_FAILED, LANE_UNUSED };

/* Closed: it failed several times in a row, and its pause is not over or somebody is trying it. */
bool lane_closed(const struct lane *l, int64_t mono_ms);
int lane_room(const struct lane *l, int64_t mono_ms); /* calls that may begin now */
void lane_begin(struct lane *l);
/* random: for the jitter of the pause. */
void lane_end(struct lane *l, enum lane_result result, int64_t mono_ms, uint32_t random);

/* Exponential with full jitter above a floor of half; never before retry_after_s. */
int64_t backoff_ms(int64_t failures, int retry_after_s, uint32_t random);
#define BACKOFF_FIRST_MS 5000
#define BACKOFF_MAX_MS 900000

#endif
