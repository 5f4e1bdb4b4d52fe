/* vault/skew.h - how far a provider's clock is from ours, from the Date of its newest reply.
 *
 * Whole seconds, and the way of the reply is in it: small differences mean nothing. What a provider
 * says in its own time (the exp of a JWT) is read by it. Thread-safe, never blocks. */
#ifndef VAULT_SKEW_H
#define VAULT_SKEW_H

#include "vault/provider.h"

/* Of a reply that came just now; date_s 0: it had none. */
void vault_saw_date(struct vault *v, const struct provider *p, int64_t date_s);
/* Theirs less ours; false, and 0, while no reply told it. */
bool vault_skew(const struct vault *v, const struct provider *p, int64_t *skew_ms);

#endif
