/* sandbox/oauth/tally.h - how many access tokens there are whose grant lives.
 *
 * Counted by a walk over all of them, and then kept right by one addition for each that is made, as long as
 * nothing else is written (store_stamp). */
#ifndef SANDBOX_OAUTH_TALLY_H
#define SANDBOX_OAUTH_TALLY_H

#include "base/ctx.h"

struct sandbox;
struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t); /* takes NULL */

/* One was made; some went that the stamp does not tell of. Store held. */
void tally_issued(struct sandbox *s);
void tally_swept(struct sandbox *s);
/* Takes the store, again and again for a million. */
MUST enum rc tally_count(struct sandbox *s, struct ctx *cx, int64_t *out);

#endif
