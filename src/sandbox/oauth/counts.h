/* sandbox/oauth/counts.h - how often and when a grant was refreshed: written later than it happens.
 *
 * A row of grants is a page of its own for almost every refresh. So what changes in it is gathered in
 * memory and written together, at most a second later while there are refreshes, and before anybody reads
 * it. Nothing gets lost: each access token says the how manyth refresh of its grant it comes from
 * (access_tokens.born) and when, and what was not written yet is read from those at the next start. What is
 * written is kept here until its commit is known, and waits again when it was taken back. Store held, for
 * all of it. */
#ifndef SANDBOX_OAUTH_COUNTS_H
#define SANDBOX_OAUTH_COUNTS_H

#include "base/ctx.h"

struct sandbox;
struct counts;

/* Of one grant. */
struct refreshed {
	int64_t count;
	int64_t last_ms; /* on the sandbox's clock; 0: never */
};

struct counts *counts_new(void);
void counts_free(struct counts *c); /* takes NULL */

/* From the row of a grant to what is true. */
MUST enum rc counts_correct(
    struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed *of);
/* What is true from now on, and written later: of a refresh that made an access token with this number. */
MUST enum rc counts_note(
    struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed now);
/* The same, written at once. */
MUST enum rc counts_write(
    struct sandbox *s, struct ctx *cx, struct str grant_id, struct refreshed now);
/* Writes what waits; for those who read the table grants, before they do. */
MUST enum rc counts_settle(struct sandbox *s, struct ctx *cx);
/* sandbox.ended: what was written is there for good (kept), or has been taken back. */
void counts_ended(struct sandbox *s, bool kept);
/* Begins anew with what the store says: after a start, and after what was noted has been taken back. When
 * the store cannot say it now, whoever needs a count next asks it again. */
MUST enum rc counts_restore(struct sandbox *s, struct ctx *cx);

#endif
