/* sandbox/oauth/walk.h - all access tokens, or all grants, some at a time.
 *
 * Access tokens have no index but their key (grants.h says why), so who asks about those of some grants goes
 * through all of them. That takes a second for a million, and nobody else waits for it: the store is taken
 * anew for each page, and what is done in one is a transaction of its own. What is made meanwhile may or may
 * not be met. Takes the store; the caller has it not. */
#ifndef SANDBOX_OAUTH_WALK_H
#define SANDBOX_OAUTH_WALK_H

#include "base/ctx.h"
#include "sandbox/core/store.h"

struct sandbox;

#define WALK_TOKENS 4096 /* of a page */
#define WALK_GRANTS 256

struct walk {
	enum store_use use; /* STORE_READ or STORE_WRITE */
	/* Of those whose key is behind `from`, and `to` or before it. Store held. */
	enum rc (*page)(
	    struct sandbox *s, struct ctx *cx, struct str from, struct str to, void *arg);
	void *arg;
};

MUST enum rc walk_tokens(struct sandbox *s, struct ctx *cx, const struct walk *w); /* by digest */
MUST enum rc walk_grants(struct sandbox *s, struct ctx *cx, const struct walk *w); /* by id */

/* The last key of the next `max` access tokens behind this one, and how many they are. Store held. */
MUST enum rc walk_next_tokens(struct sandbox *s, struct ctx *cx, struct str from, int64_t max,
    struct str *last, int64_t *count);

#endif
