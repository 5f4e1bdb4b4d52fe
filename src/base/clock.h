/* base/clock.h - time, injected.
 *
 * Token lives, codes and attempts run on clock_now_ms(), which tests and the sandbox's control API
 * can move forward. What concerns the person at the keyboard or the wire (sessions, time-outs)
 * runs on clock_wall_ms() and clock_mono_ms(), which nobody can move. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock;

struct clock *clock_new(void);
void clock_free(struct clock *c);

int64_t clock_now_ms(const struct clock *c); /* ms since 1970 UTC, plus the offset */
int64_t clock_wall_ms(void);                 /* ms since 1970 UTC */
int64_t clock_mono_ms(void);                 /* ms, monotonic */
int64_t clock_boot_ms(void);                 /* the same, and it goes on while the machine sleeps */
void clock_pause_ms(int64_t ms);             /* where blocking is allowed */

#ifdef VALETKEY_TEST_BUILD
/* As if somebody had set this machine's clock: clock_wall_ms() is so much ahead. */
void clock_shift_wall_ms(int64_t ms);
#endif

int64_t clock_offset_ms(const struct clock *c);
void clock_set_offset_ms(struct clock *c, int64_t offset_ms);
/* Calls fn(arg) after each change of the offset, on the thread that changed it. At most 8. fn must
 * not change the clock or its listeners. */
void clock_on_change(struct clock *c, void (*fn)(void *), void *arg);
/* Once this returns, fn(arg) does not run and is never called again. */
void clock_off_change(struct clock *c, void (*fn)(void *), void *arg);

/* RFC 3339 in UTC with seconds, "2026-01-02T03:04:05Z". */
struct arena;
struct str clock_rfc3339(struct arena *a, int64_t ms);

#endif
