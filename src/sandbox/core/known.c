#include "sandbox/core/known.h"

#include <stdlib.h>

#include "base/map.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

struct known {
	uint64_t stamp; /* of the store, under which all of it was read */
	struct arena *arena;
	struct map *values;
};

struct known *
known_new(void)
{
	struct known *k = mem_alloc(sizeof(*k));

	k->arena = arena_new();
	k->values = map_new();
	return k;
}

void
known_free(struct known *k)
{
	if (k == NULL)
		return;
	map_free(k->values, NULL);
	arena_free(k->arena);
	free(k);
}

static void
forget(struct known *k)
{
	if (map_count(k->values) > 0) {
		map_free(k->values, NULL);
		k->values = map_new();
	}
	arena_reset(k->arena);
}

static void
look_at_stamp(struct sandbox *s, struct known *k)
{
	uint64_t stamp = store_stamp(s);

	if (k->stamp != stamp)
		forget(k);
	k->stamp = stamp;
}

void *
known_get(struct sandbox *s, struct known *k, struct str name)
{
	look_at_stamp(s, k);
	return map_get(k->values, name);
}

struct arena *
known_arena(struct sandbox *s, struct known *k)
{
	look_at_stamp(s, k);
	if (map_count(k->values) >= KNOWN_MAX)
		forget(k);
	return k->arena;
}

void
known_put(struct sandbox *s, struct known *k, struct str name, void *value)
{
	look_at_stamp(s, k);
	map_put(k->values, name, value);
}
