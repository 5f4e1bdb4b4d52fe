#include "base/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 512
#define NAME_MAX_LEN 96
#define WINDOW_MS 60000

struct slot {
	char name[NAME_MAX_LEN];
	size_t len;
	int64_t since_ms; /* 0: free */
	int failures;
};

struct throttle {
	pthread_mutex_t lock;
	struct slot slots[SLOTS];
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

/* The name's slot, or the one to take for it: a free or the oldest one. */
static struct slot *
find(struct throttle *t, struct str name, bool *found)
{
	struct slot *oldest = &t->slots[0];

	name = str_sub(name, 0, NAME_MAX_LEN);
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &t->slots[i];

		if (s->since_ms > 0 && clock_mono_ms() - s->since_ms > WINDOW_MS)
			s->since_ms = 0;
		if (s->since_ms > 0 && str_eq((struct str){ s->name, s->len }, name)) {
			*found = true;
			return s;
		}
		if (s->since_ms < oldest->since_ms)
			oldest = s;
	}
	*found = false;
	return oldest;
}

enum rc
throttle_check(struct throttle *t, struct ctx *cx, struct str name, int max)
{
	struct slot *s;
	bool found, full;
	int left_s = 0;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, &found);
	full = found && s->failures >= max;
	if (full)
		left_s = (int)((WINDOW_MS - (clock_mono_ms() - s->since_ms)) / 1000) + 1;
	pthread_mutex_unlock(&t->lock);
	if (!full)
		return OK;
	fail_at(cx, E_BUSY, "too-many-attempts", NULL, "There were too many failed attempts.");
	cx->retry_after_s = left_s;
	return fail_todo(cx, "Wait %d seconds and try again.", left_s);
}

void
throttle_failed(struct throttle *t, struct str name)
{
	struct slot *s;
	bool found;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, &found);
	if (!found) {
		name = str_sub(name, 0, NAME_MAX_LEN);
		*s = (struct slot){ .len = name.len, .since_ms = clock_mono_ms() + 1 };
		memcpy(s->name, name.p != NULL ? name.p : "", name.len);
	}
	s->failures++;
	pthread_mutex_unlock(&t->lock);
}

void
throttle_forget(struct throttle *t, struct str name)
{
	struct slot *s;
	bool found;

	pthread_mutex_lock(&t->lock);
	s = find(t, name, &found);
	if (found)
		s->since_ms = 0;
	pthread_mutex_unlock(&t->lock);
}
