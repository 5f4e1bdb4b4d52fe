#include "base/map.h"
#include "http/server_int.h"

void
peers_init(struct peers *p, size_t max)
{
	pthread_mutex_init(&p->lock, NULL);
	p->counts = map_new();
	atomic_store(&p->total, 0);
	p->max = max;
	p->max_per_address = max / 2;
}

void
peers_end(struct peers *p)
{
	map_free(p->counts, NULL);
	pthread_mutex_destroy(&p->lock);
}

bool
peers_full(const struct peers *p)
{
	return atomic_load_explicit(&p->total, memory_order_relaxed) >= p->max;
}

/* The lock is held. */
static bool
add(struct peers *p, struct str address)
{
	uintptr_t n;

	if (address.len == 0)
		return true;
	n = (uintptr_t)map_get(p->counts, address);
	if (n >= p->max_per_address)
		return false;
	map_put(p->counts, address, (void *)(n + 1));
	return true;
}

static void
take_off(struct peers *p, struct str address)
{
	uintptr_t n = (uintptr_t)map_get(p->counts, address);

	if (n > 1)
		map_put(p->counts, address, (void *)(n - 1));
	else
		map_del(p->counts, address);
}

bool
peers_enter(struct peers *p, struct str address)
{
	bool fits;

	pthread_mutex_lock(&p->lock);
	fits = add(p, address);
	pthread_mutex_unlock(&p->lock);
	if (fits)
		atomic_fetch_add(&p->total, 1);
	return fits;
}

bool
peers_move(struct peers *p, struct str from, struct str to)
{
	bool fits;

	if (str_eq(from, to))
		return true;
	pthread_mutex_lock(&p->lock);
	fits = add(p, to);
	if (fits)
		take_off(p, from);
	pthread_mutex_unlock(&p->lock);
	return fits;
}

void
peers_leave(struct peers *p, struct str address)
{
	pthread_mutex_lock(&p->lock);
	take_off(p, address);
	pthread_mutex_unlock(&p->lock);
	atomic_fetch_sub(&p->total, 1);
}
