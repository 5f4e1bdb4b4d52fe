/* vault/lane.h - one provider as the engine sees it: how many calls at once, and a circuit breaker.
 *
 * Each provider has its own lane, so that one that is slow or down delays no other. How many refreshes
 * may be recorded and not answered follows the provider's pace, as TCP's window does: it starts small,
 * doubles while a whole window is answered in a moment, and shrinks when that takes long or fails, or when
 * the provider says that it is too much. The
 * engine's lock protects it. Times are clock_mono_ms(). */
#ifndef VAULT_LANE_H
#define VAULT_LANE_H

#include "vault/provider.h"

#define LANE_CALLS_MIN 16
/* As many as the client has connections to one host: nothing that is recorded waits for one. */
#define LANE_CALLS_MAX 64
/* Where an attempt in doubt costs nothing (rotation none), some are recorded ahead. */
#define LANE_AHEAD_MAX 1024

struct lane {
	const struct provider *provider;
	int in_flight;
	int window, window_max;
	int64_t pause_max_ms; /* of the breaker */
	int answered;         /* of this window */
	int64_t window_ms;    /* when it began; 0: no call yet */
	int failures;         /* in a row: no answer, or a 5xx */
	int64_t closed_until; /* no call before: it failed */
	int64_t asked_until;  /* no call before that nobody waits for: it asked for a pause */
	int64_t look_at;      /* when something may be due; 0: at once */
	int64_t rests_until;  /* not looked into before: nothing could be claimed */
	int waiting;          /* flights that wait for room */
};

enum lane_result {
	LANE_ANSWERED,
	LANE_FAILED,
	LANE_THROTTLED, /* it asked for less */
	LANE_UNUSED,
};

void lane_init(struct lane *l, const struct provider *p);
/* An attempt whose reply is lost is made again: refresh tokens do not rotate. */
bool lane_loses_nothing(const struct lane *l);
/* Closed: it failed several times in a row, and its pause is not over or somebody is trying it. */
bool lane_closed(const struct lane *l, int64_t mono_ms);
/* It asked for a pause: what is merely due waits. */
bool lane_pauses(const struct lane *l, int64_t mono_ms);
int lane_room(const struct lane *l, int64_t mono_ms); /* calls that may begin now */
/* Something is due then: looked for then at the latest. */
void lane_due(struct lane *l, int64_t mono_ms);
void lane_begin(struct lane *l, int64_t mono_ms);
/* The provider asked for a pause of so long, after a call that is LANE_THROTTLED. It may have meant one token's
 * owner: nobody's others wait longer than a minute for that, or than a quarter of a grace. */
void lane_pause(struct lane *l, int64_t mono_ms, int64_t pause_ms);
/* random: for the jitter of the pause. */
void lane_end(struct lane *l, enum lane_result result, int64_t mono_ms, uint32_t random);

/* Exponential with full jitter above a floor of half; never before retry_after_s. */
int64_t backoff_ms(int64_t failures, int retry_after_s, uint32_t random);
#define BACKOFF_FIRST_MS 5000
#define BACKOFF_MAX_MS 900000

#endif
