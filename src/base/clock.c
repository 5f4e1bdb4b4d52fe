#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"

#define MAX_LISTENERS 8

struct listener {
	void (*fn)(void *);
	void *arg;
};

struct clock {
	_Atomic int64_t offset_ms;
	pthread_mutex_t lock; /* listeners */
	struct listener listeners[MAX_LISTENERS];
	int listener_count;
};

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct clock *
clock_new(void)
{
	struct clock *c = mem_alloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
clock_free(struct clock *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

#ifdef VALETKEY_TEST_BUILD
static _Atomic int64_t wall_shift_ms;

void
clock_shift_wall_ms(int64_t ms)
{
	atomic_store(&wall_shift_ms, ms);
}
#else
#define wall_shift_ms 0
#endif

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME) + wall_shift_ms;
}

int64_t
clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t
clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

void
clock_pause_ms(int64_t ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

int64_t
clock_now_ms(const struct clock *c)
{
	return clock_wall_ms() + atomic_load_explicit(&c->offset_ms, memory_order_relaxed);
}

int64_t
clock_offset_ms(const struct clock *c)
{
	return atomic_load(&c->offset_ms);
}

void
clock_set_offset_ms(struct clock *c, int64_t offset_ms)
{
	atomic_store(&c->offset_ms, offset_ms);
	/* Called under the lock, so that a listener that has been taken off is not running either. */
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < c->listener_count; i++)
		c->listeners[i].fn(c->listeners[i].arg);
	pthread_mutex_unlock(&c->lock);
}

void
clock_on_change(struct clock *c, void (*fn)(void *), void *arg)
{
	pthread_mutex_lock(&c->lock);
	if (c->listener_count < MAX_LISTENERS)
		c->listeners[c->listener_count++] = (struct listener){ fn, arg };
	pthread_mutex_unlock(&c->lock);
}

void
clock_off_change(struct clock *c, void (*fn)(void *), void *arg)
{
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < c->listener_count; i++) {
		if (c->listeners[i].fn != fn || c->listeners[i].arg != arg)
			continue;
		c->listeners[i] = c->listeners[--c->listener_count];
		break;
	}
	pthread_mutex_unlock(&c->lock);
}

/* Years and days of the calendar that began on 1 March 0000: a leap day is the last of its year, and
 * 400 years have 146,097 days. */
static void
civil_of(int64_t days_since_1970, int64_t *year, int *month, int *day)
{
	int64_t days = days_since_1970 + 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t of_era = days - era * 146097;
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int64_t march = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * march + 2) / 5 + 1);
	*month = (int)(march < 10 ? march + 3 : march - 9);
	*year = years + era * 400 + (*month <= 2);
}

static char *
put_two(char *p, int n, char after)
{
	p[0] = (char)('0' + n / 10);
	p[1] = (char)('0' + n % 10);
	p[2] = after;
	return p + 3;
}

struct str
clock_rfc3339(struct arena *a, int64_t ms)
{
	int64_t s = (ms >= 0 ? ms : ms - 999) / 1000;
	int64_t days = (s >= 0 ? s : s - 86399) / 86400;
	int of_day = (int)(s - days * 86400), month, day;
	struct buf b = buf_with(a, 40, 40);
	char text[20], *p = text;
	int64_t year;

	civil_of(days, &year, &month, &day);
	buf_add_int(&b, year);
	*p++ = '-';
	p = put_two(p, month, '-');
	p = put_two(p, day, 'T');
	p = put_two(p, of_day / 3600, ':');
	p = put_two(p, of_day / 60 % 60, ':');
	p = put_two(p, of_day % 60, 'Z');
	buf_add(&b, (struct str){ text, (size_t)(p - text) });
	return buf_str(&b);
}
