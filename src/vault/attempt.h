/* vault/attempt.h - one attempt, step by step, each durable before the next: docs/mechanisms/refresh.md
 * numbers them. What the engine calls stands in engine_int.h. On the engine's thread.
 */
#ifndef VAULT_ATTEMPT_H
#define VAULT_ATTEMPT_H

#include "vault/engine_int.h"

/* --- attempt.c: claim and plan --- */

/* Does what the plan says, as of now. */
void attempt_go_on(struct flight *f);

/* --- attempt_call.c: what leaves this machine --- */

/* Sends the refresh token of an attempt that is recorded; if there is no time left, takes that back. */
void attempt_transmit(struct flight *f);
/* Records the attempt, then sends it. */
void attempt_send(struct flight *f, bool risky);
bool attempt_lease_lasts(const struct flight *f, int64_t call_ms);
void attempt_ask_witness(struct flight *f);
/* Counts the call that ended for its lane, and learns the provider's clock. */
void attempt_leave_lane(struct flight *f);

/* --- attempt_doubt.c: an attempt whose end is not known --- */

#define HOLD_MS 900000 /* nothing to be done by the clock: looked at again */

/* Touches nothing: the old access token is served while it lives, and its owner is told. */
void attempt_hold(struct flight *f, const struct plan *p);
void attempt_give_up(struct flight *f);
/* When to go on after an attempt that just ended without a reply, with its words; 0: give up. */
int64_t attempt_due_in_doubt(struct flight *f, int64_t backoff);
void attempt_witness_answered(struct flight *f);

/* --- attempt_reply.c --- */

/* Reads a reply that is in the store. */
void attempt_read(struct flight *f);

/* --- attempt_end.c --- */

#define STORE_AGAIN_MS 1000 /* until a store that is away is asked again */

/* The flight is over; whoever waits reads the store. */
void attempt_done(struct flight *f, enum rc rc);
/* Something was written since the claim that it must not write over, perhaps the reply to the attempt
 * before it: gives back the lease, if it is still its own, so that what is there is found at once. */
void attempt_overtaken(struct flight *f);
/* Its token is due at due_ms (0: not by itself): the engine looks then. */
void attempt_due(struct flight *f, int64_t due_ms);
/* What went wrong, in the words of the flight's context, is recorded in the next round and ends it. */
void attempt_failed(
    struct flight *f, enum token_status status, int64_t due_ms, int64_t stage, bool risked);
/* The store could not write: the reply is in memory only, or what it said is. It stays in this stage
 * until it is written; no other attempt begins meanwhile. */
void attempt_again_later(struct flight *f, enum flight_stage stage, const char *what);

/* Time that passes for the injected clock and for real, but not when somebody sets the machine's clock. */
int64_t attempt_steady_ms(const struct flight *f);
/* The call of its refresh has ended just now, with nothing; and when that was, 0: not in this process. */
void attempt_is_over(struct flight *f);
int64_t attempt_over_ms(const struct flight *f);

const struct provider *attempt_provider(const struct flight *f);
int64_t attempt_now_ms(const struct flight *f);
/* A context for recording a failure whose own words must stay. */
struct ctx attempt_scratch(const struct flight *f);

#endif
