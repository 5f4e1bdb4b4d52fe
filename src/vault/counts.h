/* vault/counts.h - what this process did since its start, for those who watch it. Never blocks long. */
#ifndef VAULT_COUNTS_H
#define VAULT_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vault;

enum vault_count {
	COUNT_REFRESHED,        /* new access tokens committed */
	COUNT_REFRESH_FAILED,   /* attempts that certainly did nothing */
	COUNT_REFRESH_IN_DOUBT, /* attempts after which it is not known what the provider did */
	COUNT_READ,             /* live access tokens handed out */
	COUNT_READ_REFUSED,     /* and not handed out, for whatever reason */
	VAULT_COUNTS,
};

void vault_count(struct vault *v, enum vault_count what);
int64_t vault_count_get(const struct vault *v, enum vault_count what);

/* Whether calls to this provider pause, because several failed in a row. index: as in
 * vault_providers(). */
bool vault_breaker_open(struct vault *v, size_t index);

#endif
