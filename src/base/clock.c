#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/str.h"

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

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
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

struct str
clock_rfc3339(struct arena *a, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char *p = arena_alloc(a, 40);
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(p, 40, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return (struct str){ .p = p, .len = n };
}
