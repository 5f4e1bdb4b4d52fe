/* vault/outbox.h - one thread that sends what is in the outbox of the webhooks.
 *
 * What is due is claimed by lease, so that of several nodes one sends it; a try takes ten seconds at
 * most; at most four at once for each receiver, so that one that hangs holds up no other. */
#ifndef VAULT_OUTBOX_H
#define VAULT_OUTBOX_H

#include "base/ctx.h"

struct outbox;
struct vault;

MUST enum rc outbox_start(struct ctx *cx, struct vault *v, struct outbox **out);
/* There may be something to send. From any thread; does not block. Takes NULL. */
void outbox_wake(struct outbox *n);
/* Begins nothing more, lets what is under way end for a moment, and writes down what came of it. */
void outbox_stop(struct outbox *n);
void outbox_free(struct outbox *n); /* stopped before; takes NULL */

#endif
