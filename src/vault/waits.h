/* vault/waits.h - how many workers may wait for providers.
 *
 * A provider that hangs must not take every worker: others, the console among them, need some too (S-250).
 * Whoever is about to wait long takes a place first; who gets none waits shortly, or is told to come later.
 * Reports of one access token share one question. Thread-safe; its lock is a leaf. */
#ifndef VAULT_WAITS_H
#define VAULT_WAITS_H

#include "base/ctx.h"

struct waits;

enum wait_for {
	WAIT_READER, /* for a refresh */
	WAIT_REPORT, /* of a program: is this access token really refused? */
	WAIT_PERSON, /* who clicked: these are few, and the last to be turned away */
};

struct waits *waits_new(void);
void waits_free(struct waits *w); /* takes NULL */
/* False: no place; else waits_leave. */
bool waits_enter(struct waits *w, enum wait_for what);
void waits_leave(struct waits *w, enum wait_for what);
/* A place for WAIT_PERSON, or E_BUSY with words and Retry-After. */
MUST enum rc waits_enter_person(struct waits *w, struct ctx *cx);

enum wait_ask {
	WAIT_ASK,  /* the question is the caller's, who has a place: waits_answer */
	WAIT_TOLD, /* somebody else asked meanwhile: *answer is here */
	WAIT_FULL, /* no place, or no answer within a second */
};
enum wait_ask waits_ask(struct waits *w, struct str token_id, bool *answer);
void waits_answer(struct waits *w, struct str token_id, bool answer);

#endif
