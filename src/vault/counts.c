#include "vault/counts.h"

#include "vault/vault_int.h"

void
vault_count(struct vault *v, enum vault_count what)
{
	atomic_fetch_add_explicit(&v->counts[what], 1, memory_order_relaxed);
}

int64_t
vault_count_get(const struct vault *v, enum vault_count what)
{
	return atomic_load_explicit(&v->counts[what], memory_order_relaxed);
}

bool
vault_breaker_open(struct vault *v, size_t index)
{
	return engine_breaker_open(v->engine, index);
}
