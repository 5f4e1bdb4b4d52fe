#include "vault/lane.h"

#define BREAKER_AFTER 5
#define PAUSE_MAX_MS 300000

int64_t
backoff_ms(int64_t failures, int retry_after_s, uint32_t random)
{
	int64_t ceiling = BACKOFF_FIRST_MS, wait;

	while (failures-- > 0 && ceiling < BACKOFF_MAX_MS)
		ceiling *= 2;
	wait = ceiling / 2 + random % (ceiling / 2);
	return wait < retry_after_s * 1000LL ? retry_after_s * 1000LL : wait;
}

bool
lane_closed(const struct lane *l, int64_t mono_ms)
{
	return l->failures >= BREAKER_AFTER && (mono_ms < l->closed_until || l->in_flight > 0);
}

int
lane_room(const struct lane *l, int64_t mono_ms)
{
	if (lane_closed(l, mono_ms))
		return 0;
	return l->failures >= BREAKER_AFTER ? 1 : LANE_CALLS_MAX - l->in_flight;
}

void
lane_begin(struct lane *l)
{
	l->in_flight++;
}

void
lane_end(struct lane *l, enum lane_result result, int64_t mono_ms, uint32_t random)
{
	int64_t pause;

	l->in_flight--;
	if (result == LANE_ANSWERED)
		l->failures = 0;
	if (result != LANE_FAILED)
		return;
	if (l->failures < INT32_MAX)
		l->failures++;
	if (l->failures < BREAKER_AFTER)
		return;
	pause = backoff_ms(l->failures - BREAKER_AFTER, 0, random);
	l->closed_until = mono_ms + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}
