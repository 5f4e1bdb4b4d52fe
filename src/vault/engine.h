/* vault/engine.h - the refresh engine: one thread, one owner, one attempt per token.
 *
 * Due tokens come from the store by index, never by walking; readers that need one now share the
 * attempt. No request owns a refresh: a reader that goes away changes nothing. */
#ifndef VAULT_ENGINE_H
#define VAULT_ENGINE_H

#include "oauth/plan.h"

struct engine;
struct vault;

MUST enum rc engine_start(struct ctx *cx, struct vault *v, struct engine **out);
/* No new attempts. Waits for those in flight: a few seconds, and where a lost reply is a lost refresh
 * token until the call has timed out and what came of it is written. */
void engine_stop(struct engine *e);
void engine_free(struct engine *e); /* after the outgoing client is gone; takes NULL */

void engine_wake(struct engine *e); /* something may be due: looks again */
/* Refreshes now, or joins the refresh under way, and waits at most until cx->deadline_ms or ten
 * seconds. OK: a fresh token is in the store. seen_ms: the refreshed_ms of the token that the reader
 * found wanting; when another one is there meanwhile, nothing is refreshed. */
MUST enum rc engine_refresh(struct engine *e, struct ctx *cx, struct str token_id, int64_t seen_ms);
#define ENGINE_ANYWAY (-1)

/* The same for a reader whom the provider refused with the current access token: where a refresh is in
 * doubt, that tells something about it. */
MUST enum rc engine_refresh_rejected(
    struct engine *e, struct ctx *cx, struct str token_id, int64_t seen_ms);

/* Whether calls to the provider of this index pause, because several failed in a row. */
bool engine_breaker_open(struct engine *e, size_t provider);

/* plan_due_ms (oauth/plan.h) with the engine's own jitter. */
int64_t engine_due_ms(const struct due_state *state);

#endif
