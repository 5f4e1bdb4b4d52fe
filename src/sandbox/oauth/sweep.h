/* sandbox/oauth/sweep.h - throwing away what has been dead for long, a little at a time.
 *
 * Whoever makes a grant or a token calls it first. It looks at SWEEP_ROWS rows of each table at most, and
 * does nothing until a minute after it has been through all of them; until then it goes on some
 * milliseconds later, so that no request waits for a million rows. Store held. */
#ifndef SANDBOX_OAUTH_SWEEP_H
#define SANDBOX_OAUTH_SWEEP_H

#include "base/ctx.h"

#define SWEEP_ROWS 256

struct sandbox;
struct sweep;

struct sweep *sweep_new(void);
void sweep_free(struct sweep *w); /* takes NULL */
/* From the start, and soon: the store is another one. */
void sweep_anew(struct sweep *w);
MUST enum rc grants_sweep(struct sandbox *s, struct ctx *cx);

#endif
