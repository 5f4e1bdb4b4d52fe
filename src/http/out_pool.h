/* http/out_pool.h - which outgoing call has which connection, and for how long.
 *
 * A connection carries one call after the other to the same origin by the same rules (no proxy, public
 * addresses only), the one that was idle last first. At most 64 at once to one host; what comes on top waits,
 * unsent, and holds up no other host. Idle ones are closed after 45 seconds, or when there are 256, or
 * when the other side says anything on them. The client's thread alone. Private to the room. */
#ifndef HTTP_OUT_POOL_H
#define HTTP_OUT_POOL_H

#include "http/multi.h"
#include "http/out_call.h"

struct out_pool;

/* ended(arg, call) is called for each call once its reply is filled in; it may then go, or be used again. */
struct out_pool *out_pool_new(struct multi *m, struct str roots_pem,
    void (*ended)(void *arg, struct out_call *call), void *arg);
/* Takes NULL. No call is in it any more; it closes the connections. */
void out_pool_free(struct out_pool *p);

/* Its time begins now. */
void out_pool_start(struct out_pool *p, struct out_call *call);
/* One turn of the multi handle, and what follows from it; at most ms, -1: as long as nothing happens. False:
 * nothing happened. */
bool out_pool_turn(struct out_pool *p, int ms);
bool out_pool_busy(const struct out_pool *p); /* calls are in it */
void out_pool_end_unsent(struct out_pool *p); /* those of which nothing has left */
void out_pool_abandon(struct out_pool *p);    /* ends every call */

#endif
