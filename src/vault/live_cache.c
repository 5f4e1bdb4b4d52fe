#include "vault/live_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"

/* What the two maps and malloc need for an entry beside its bytes and its keys. */
#define OVERHEAD 160
#define SPARED_MAX 64 /* of those that were read: then the next one goes all the same */

struct entry {
	struct entry *prev, *next; /* round the clock */
	_Atomic bool read;         /* since the hand last came by */
	bool has_refresh, refused;
	enum token_status status;
	int64_t expires_ms, refreshed_ms, retry_ms;
	uint32_t id_len, name_len, scope_len, sealed_len;
	char bytes[]; /* these four, one behind the other */
};

struct live_cache {
	pthread_rwlock_t lock;
	struct map *by_name;
	struct map *by_id; /* the same entries */
	struct entry *hand;
	size_t bytes, max;
	uint64_t generation;
};

struct live_cache *
live_cache_new(size_t max_bytes)
{
	struct live_cache *c = mem_alloc(sizeof(*c));

	pthread_rwlock_init(&c->lock, NULL);
	c->by_name = map_new();
	c->by_id = map_new();
	c->max = max_bytes;
	return c;
}

static size_t
text_len(const struct entry *e)
{
	return (size_t)e->id_len + e->name_len + e->scope_len + e->sealed_len;
}

static void
show(const struct entry *e, const char *bytes, struct live_view *out)
{
	*out = (struct live_view){
		.id = { bytes, e->id_len },
		.name = { bytes + e->id_len, e->name_len },
		.scope = { bytes + e->id_len + e->name_len, e->scope_len },
		.sealed = { bytes + e->id_len + e->name_len + e->scope_len, e->sealed_len },
		.status = e->status,
		.has_refresh = e->has_refresh,
		.refused = e->refused,
		.expires_ms = e->expires_ms,
		.refreshed_ms = e->refreshed_ms,
		.retry_ms = e->retry_ms,
	};
}

/* Its keys stand in it and in the maps. */
static size_t
weight(const struct live_view *v)
{
	return sizeof(struct entry) + OVERHEAD + 2 * (v->id.len + v->name.len) + v->scope.len +
	    v->sealed.len;
}

static void
free_ring(struct entry *first)
{
	struct entry *e = first, *next;

	if (first == NULL)
		return;
	first->prev->next = NULL;
	for (; e != NULL; e = next) {
		next = e->next;
		free(e);
	}
}

void
live_cache_free(struct live_cache *c)
{
	if (c == NULL)
		return;
	map_free(c->by_id, NULL);
	map_free(c->by_name, NULL);
	free_ring(c->hand);
	pthread_rwlock_destroy(&c->lock);
	free(c);
}

bool
live_cache_get(struct live_cache *c, struct ctx *cx, struct str name, struct live_view *out)
{
	struct entry *e;

	pthread_rwlock_rdlock(&c->lock);
	e = map_get(c->by_name, name);
	if (e != NULL) {
		show(e, str_dup(cx->arena, (struct str){ e->bytes, text_len(e) }).p, out);
		if (!atomic_load_explicit(&e->read, memory_order_relaxed))
			atomic_store_explicit(&e->read, true, memory_order_relaxed);
	}
	pthread_rwlock_unlock(&c->lock);
	return e != NULL;
}

/* --- with the lock, to write --- */

static void
drop(struct live_cache *c, struct entry *e)
{
	struct live_view v;

	if (e == NULL)
		return;
	show(e, e->bytes, &v);
	map_del(c->by_id, v.id);
	map_del(c->by_name, v.name);
	c->bytes -= weight(&v);
	if (c->hand == e)
		c->hand = e->next == e ? NULL : e->next;
	e->prev->next = e->next;
	e->next->prev = e->prev;
	free(e);
}

static void
make_room(struct live_cache *c, size_t wanted)
{
	int spared = 0;

	while (c->hand != NULL && c->bytes + wanted > c->max) {
		struct entry *e = c->hand;

		if (atomic_exchange_explicit(&e->read, false, memory_order_relaxed) &&
		    spared++ < SPARED_MAX)
			c->hand = e->next;
		else
			drop(c, e);
	}
}

static struct entry *
entry_new(const struct live_view *v)
{
	size_t len = v->id.len + v->name.len + v->scope.len + v->sealed.len;
	struct entry *e = mem_alloc(sizeof(*e) + len);
	const struct str texts[] = { v->id, v->name, v->scope, v->sealed };
	char *p = e->bytes;

	e->status = v->status;
	e->has_refresh = v->has_refresh;
	e->refused = v->refused;
	e->expires_ms = v->expires_ms;
	e->refreshed_ms = v->refreshed_ms;
	e->retry_ms = v->retry_ms;
	e->id_len = (uint32_t)v->id.len;
	e->name_len = (uint32_t)v->name.len;
	e->scope_len = (uint32_t)v->scope.len;
	e->sealed_len = (uint32_t)v->sealed.len;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].len > 0)
			memcpy(p, texts[i].p, texts[i].len);
		p += texts[i].len;
	}
	return e;
}

/* Where the hand comes by last. */
static void
add(struct live_cache *c, const struct live_view *v)
{
	struct entry *e = entry_new(v);

	if (c->hand == NULL)
		c->hand = e->prev = e->next = e;
	e->next = c->hand;
	e->prev = c->hand->prev;
	e->prev->next = e->next->prev = e;
	map_put(c->by_id, v->id, e);
	map_put(c->by_name, v->name, e);
	c->bytes += weight(v);
}

/* --- and without it --- */

uint64_t
live_cache_generation(struct live_cache *c)
{
	uint64_t generation;

	pthread_rwlock_rdlock(&c->lock);
	generation = c->generation;
	pthread_rwlock_unlock(&c->lock);
	return generation;
}

void
live_cache_put(struct live_cache *c, const struct live_view *view, uint64_t generation)
{
	size_t wanted = weight(view);

	pthread_rwlock_wrlock(&c->lock);
	if (c->generation == generation && wanted <= c->max) {
		drop(c, map_get(c->by_id, view->id));
		drop(c, map_get(c->by_name, view->name)); /* it was another's once */
		make_room(c, wanted);
		add(c, view);
	}
	pthread_rwlock_unlock(&c->lock);
}

void
live_cache_forget(struct live_cache *c, struct str token_id)
{
	pthread_rwlock_wrlock(&c->lock);
	c->generation++;
	drop(c, map_get(c->by_id, token_id));
	pthread_rwlock_unlock(&c->lock);
}

void
live_cache_forget_all(struct live_cache *c)
{
	struct map *by_name = map_new(), *by_id = map_new(), *old_name, *old_id;
	struct entry *ring;

	pthread_rwlock_wrlock(&c->lock);
	c->generation++;
	old_name = c->by_name;
	old_id = c->by_id;
	ring = c->hand;
	c->by_name = by_name;
	c->by_id = by_id;
	c->hand = NULL;
	c->bytes = 0;
	pthread_rwlock_unlock(&c->lock);
	map_free(old_id, NULL);
	map_free(old_name, NULL);
	free_ring(ring);
}

size_t
live_cache_count(struct live_cache *c)
{
	size_t n;

	pthread_rwlock_rdlock(&c->lock);
	n = map_count(c->by_id);
	pthread_rwlock_unlock(&c->lock);
	return n;
}

size_t
live_cache_bytes(struct live_cache *c)
{
	size_t n;

	pthread_rwlock_rdlock(&c->lock);
	n = c->bytes;
	pthread_rwlock_unlock(&c->lock);
	return n;
}
