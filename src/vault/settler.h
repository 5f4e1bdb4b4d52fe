/* vault/settler.h - a thread that brings what the store has written to the disk, while the engine's prepares
 * what is written next. One settling at a time. */
#ifndef VAULT_SETTLER_H
#define VAULT_SETTLER_H

#include "store/round.h"

struct settler;

MUST enum rc settler_start(struct ctx *cx, struct store *s, struct settler **out);
void settler_stop(struct settler *s); /* after the wait for what was begun; takes NULL */

/* On one thread, in turns: begins to settle all that was written until now, and waits for that. NULL: it is on the
 * disk; else why not, in the words of store_round_settle, until the next one begins. */
void settler_begin(struct settler *s);
const struct ctx *settler_wait(struct settler *s);

#endif
