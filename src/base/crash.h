/* base/crash.h - what tests do to the program from outside: end it in the middle of a refresh, as a
 * power cut would, and move its clock.
 *
 * Only in the build with the sanitizers, which is for tests. VALETKEY_CRASH_AT=N ends it at step N of
 * a refresh; the steps are those of docs/mechanisms/refresh.md. VALETKEY_TEST_CLOCK=FILE holds the
 * clock's offset in ms, and how far the machine's clock itself is to be wrong, read at the start and at each
 * SIGUSR1. In any other build nothing of this
 * exists. */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

struct clock;

enum crash_step {
	CRASH_BEFORE_CLAIM = 1,
	CRASH_CLAIMED,
	CRASH_RECORDED,
	CRASH_SENT,
	CRASH_REPLY_IN_MEMORY,
	CRASH_SEALED,
	CRASH_PARSED,
	CRASH_COMMITTED,
};

#ifdef VALETKEY_TEST_BUILD
void crash_here(enum crash_step step);
void crash_clock_follow(struct clock *c); /* before any other thread is started */
#else
static inline void
crash_here(enum crash_step step)
{
	(void)step;
}

static inline void
crash_clock_follow(struct clock *c)
{
	(void)c;
}
#endif

#endif
