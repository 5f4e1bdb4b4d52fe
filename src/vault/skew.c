#include "vault/skew.h"

#include "vault/vault_int.h"

void
vault_saw_date(struct vault *v, const struct provider *p, int64_t date_s)
{
	if (date_s > 0)
		atomic_store_explicit(&v->skews[p - v->providers],
		    date_s * 1000 - clock_now_ms(v->clock), memory_order_relaxed);
}

bool
vault_skew(const struct vault *v, const struct provider *p, int64_t *skew_ms)
{
	int64_t skew = atomic_load_explicit(&v->skews[p - v->providers], memory_order_relaxed);

	*skew_ms = skew == SKEW_UNKNOWN ? 0 : skew;
	return skew != SKEW_UNKNOWN;
}
