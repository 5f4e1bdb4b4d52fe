/* vault/gather.h - replies that came in together are written together.
 *
 * Of a storm of refreshes each reply is sealed, then each pair committed: one sync of the disk for all
 * the replies that are there, one for all the pairs. On the engine's thread. What could not be
 * written as one of several is tried again by itself, with its own words. */
#ifndef VAULT_GATHER_H
#define VAULT_GATHER_H

#include <stdbool.h>

struct engine;
struct flight;

/* Takes every reply that is here through attempt_answered() to its end. */
void gather_answered(struct engine *e);
/* Whether the flight's pair, which is read, will be committed with others: attempt_committed() comes. */
bool gather_takes(struct flight *f);

#endif
