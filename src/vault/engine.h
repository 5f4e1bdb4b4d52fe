/* vault/engine.h - the refresh engine: one thread, one owner, one attempt per token.
 *
 * Due tokens come from the store by index, never by walking; readers that need one now share the
 * attempt. No request owns a refresh: a reader that goes away changes nothing. */
#ifndef VAULT_ENGINE_H
#define VAULT_ENGINE_H

#include "base/ctx.h"

struct engine;
struct vault;

MUST enum rc engine_start(struct ctx *cx, struct vault *v, struct engine **out);
/* No new attempts; waits a few seconds for those in flight. */
void engine_stop(struct engine *e);
void engine_free(struct engine *e); /* after the outgoing client is gone; takes NULL */

void engine_wake(struct engine *e); /* something may be due: looks again */
/* Refreshes now, or joins the refresh under way, and waits at most until cx->deadline_ms or ten
 * seconds. OK: a fresh token is in the store. */
MUST enum rc engine_refresh(struct engine *e, struct ctx *cx, struct str token_id);

/* When a token that lives until expires_ms should be refreshed; 0: never. */
int64_t engine_due_ms(int64_t now_ms, int64_t expires_ms, bool has_refresh);

#endif
