#include "vault/lane.h"

#define BREAKER_AFTER 5
#define PAUSE_MAX_MS 300000
#define PAUSE_ASKED_MAX_MS 60000
#define WINDOW_FAST_MS 100 /* answered so soon, a window may be larger */
#define WINDOW_SLOW_MS 400

static bool
costs_nothing_in_doubt(const struct provider *p)
{
	return p->confidential.rotation == ROTATION_NONE &&
	    p->public_client.rotation == ROTATION_NONE;
}

/* A breaker that outlasts a grace would make of each lost reply a lost grant. */
static int64_t
pause_within(const struct contract *c, int64_t max_ms)
{
	int64_t quarter = c->grace_max_s * 250;

	return c->rotation == ROTATION_GRACE && quarter > 0 && quarter < max_ms ? quarter : max_ms;
}

void
lane_init(struct lane *l, const struct provider *p)
{
	*l = (struct lane){ .provider = p, .window = LANE_CALLS_MIN };
	l->pause_max_ms =
	    pause_within(&p->public_client, pause_within(&p->confidential, PAUSE_MAX_MS));
	l->window_max = costs_nothing_in_doubt(p) ? LANE_AHEAD_MAX : LANE_CALLS_MAX;
}

bool
lane_loses_nothing(const struct lane *l)
{
	return costs_nothing_in_doubt(l->provider);
}

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

bool
lane_pauses(const struct lane *l, int64_t mono_ms)
{
	return mono_ms < l->asked_until;
}

int
lane_room(const struct lane *l, int64_t mono_ms)
{
	if (lane_closed(l, mono_ms))
		return 0;
	return l->failures >= BREAKER_AFTER ? 1 : l->window - l->in_flight;
}

void
lane_due(struct lane *l, int64_t mono_ms)
{
	if (mono_ms < l->look_at)
		l->look_at = mono_ms;
}

void
lane_begin(struct lane *l, int64_t mono_ms)
{
	/* The pause before it says nothing about the provider. */
	if (l->in_flight++ == 0) {
		l->window_ms = mono_ms;
		l->answered = 0;
	}
}

/* A whole window is answered: the next one is as large as this one's pace allows. */
static void
pace(struct lane *l, int64_t mono_ms)
{
	int64_t took = mono_ms - l->window_ms;

	if (++l->answered < l->window)
		return;
	/* Below the least it is after the provider said that it was too much. */
	if (took < WINDOW_FAST_MS || l->window < LANE_CALLS_MIN)
		l->window = 2 * l->window < l->window_max ? 2 * l->window : l->window_max;
	else if (took > WINDOW_SLOW_MS)
		l->window = l->window / 2 > LANE_CALLS_MIN ? l->window / 2 : LANE_CALLS_MIN;
	l->answered = 0;
	l->window_ms = mono_ms;
}

static void
pause_when_down(struct lane *l, int64_t mono_ms, uint32_t random)
{
	int64_t pause;

	if (l->failures < INT32_MAX)
		l->failures++;
	if (l->failures < BREAKER_AFTER)
		return;
	pause = backoff_ms(l->failures - BREAKER_AFTER, 0, random);
	l->closed_until = mono_ms + (pause < l->pause_max_ms ? pause : l->pause_max_ms);
}

static void
begin_window(struct lane *l, int64_t mono_ms, int window)
{
	l->window = window;
	l->answered = 0;
	l->window_ms = mono_ms;
}

void
lane_pause(struct lane *l, int64_t mono_ms, int64_t pause_ms)
{
	int64_t max = l->pause_max_ms < PAUSE_ASKED_MAX_MS ? l->pause_max_ms : PAUSE_ASKED_MAX_MS;
	int64_t until = mono_ms + (pause_ms < max ? pause_ms : max);

	if (until > l->asked_until)
		l->asked_until = until;
}

void
lane_end(struct lane *l, enum lane_result result, int64_t mono_ms, uint32_t random)
{
	l->in_flight--;
	if (result == LANE_ANSWERED) {
		l->failures = 0;
		pace(l, mono_ms);
	} else if (result == LANE_THROTTLED) {
		l->failures = 0;
		begin_window(l, mono_ms, l->window > 1 ? l->window / 2 : 1);
	} else if (result == LANE_FAILED) {
		begin_window(l, mono_ms, l->window < LANE_CALLS_MIN ? l->window : LANE_CALLS_MIN);
		pause_when_down(l, mono_ms, random);
	}
}
