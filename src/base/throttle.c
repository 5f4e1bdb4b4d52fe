#include "base/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 512
#define SHARED_NAMES 16 /* what those without a slot may do together, in names */
#define NAME_MAX_LEN 96
#define WINDOW_MS 60000

struct slot {
	char name[NAME_MAX_LEN];
	size_t len;
	int64_t since_ms;
	int failures;
};

struct throttle {
	pthread_mutex_t lock;
	size_t count; /* of slots that are taken, all at the front */
	struct slot slots[SLOTS];
	struct slot shared; /* failures of names that came when no slot was free */
};

struct throttle *
throttle_new(void)
{
	struct throttle *t = mem_alloc(sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
throttle_free(struct throttle *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void
drop(struct throttle *t, struct slot *s)
{
	*s = t->slots[--t->count];
}

/* NULL: none. Drops those that are over, first: another takes the place of each. */
static struct slot *
find(struct throttle *t, struct str name, int64_t now_ms)
{
	name = str_sub(name, 0, NAME_MAX_LEN);
	for (size_t i = t->count; i-- > 0;)
		if (now_ms - t->slots[i].since_ms > WINDOW_MS)
			drop(t, &t->slots[i]);
	for (size_t i = 0; i < t->count; i++)
		if (str_eq((struct str){ t->slots[i].name, t->slots[i].len }, name))
			return &t->slots[i];
	return NULL;
}

/* Where a name without a slot of its own is counted; NULL: it can have one. */
static struct slot *
shared(struct throttle *t, int64_t now_ms)
{
	if (t->count < SLOTS)
		return NULL;
	if (now_ms - t->shared.since_ms > WINDOW_MS)
		t->shared = (struct slot){ .since_ms = now_ms };
	return &t->shared;
}

static int
seconds_left(const struct slot *s, int64_t now_ms)
{
	return (int)((WINDOW_MS - (now_ms - s->since_ms)) / 1000) + 1;
}

static enum rc
too_many(struct ctx *cx, int left_s)
{
	fail_at(cx, E_BUSY, "too-many-attempts", NULL, "There were too many failed attempts.");
	cx->retry_after_s = left_s;
	return fail_todo(cx, "Wait %d seconds and try again.", left_s);
}

enum rc
throttle_check(struct throttle *t, struct ctx *cx, struct str name, int max)
{
	int64_t now_ms = clock_mono_ms();
	struct slot *s;
	int left_s = 0;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, now_ms);
	if (s == NULL) {
		s = shared(t, now_ms);
		max *= SHARED_NAMES;
	}
	if (s != NULL && s->failures >= max)
		left_s = seconds_left(s, now_ms);
	pthread_mutex_unlock(&t->lock);
	return left_s == 0 ? OK : too_many(cx, left_s);
}

static struct slot *
add(struct throttle *t, struct str name, int64_t now_ms)
{
	struct slot *s = shared(t, now_ms);

	if (s != NULL)
		return s;
	s = &t->slots[t->count++];
	name = str_sub(name, 0, NAME_MAX_LEN);
	*s = (struct slot){ .len = name.len, .since_ms = now_ms };
	memcpy(s->name, name.p != NULL ? name.p : "", name.len);
	return s;
}

enum rc
throttle_take(struct throttle *t, struct ctx *cx, struct str name, int max)
{
	int64_t now_ms = clock_mono_ms();
	struct slot *s;
	int left_s = 0;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, now_ms);
	if (s == NULL)
		s = add(t, name, now_ms);
	if (s == &t->shared)
		max *= SHARED_NAMES;
	if (s->failures >= max)
		left_s = seconds_left(s, now_ms);
	else
		s->failures++;
	pthread_mutex_unlock(&t->lock);
	return left_s == 0 ? OK : too_many(cx, left_s);
}

void
throttle_give_back(struct throttle *t, struct str name)
{
	int64_t now_ms = clock_mono_ms();
	struct slot *s;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, now_ms);
	if (s == NULL)
		s = shared(t, now_ms);
	if (s != NULL && s->failures > 0 && --s->failures == 0 && s != &t->shared)
		drop(t, s);
	pthread_mutex_unlock(&t->lock);
}

void
throttle_failed(struct throttle *t, struct str name)
{
	int64_t now_ms = clock_mono_ms();
	struct slot *s;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, now_ms);
	if (s == NULL)
		s = add(t, name, now_ms);
	s->failures++;
	pthread_mutex_unlock(&t->lock);
}

void
throttle_forget(struct throttle *t, struct str name)
{
	struct slot *s;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, clock_mono_ms());
	if (s != NULL)
		drop(t, s);
	pthread_mutex_unlock(&t->lock);
}
