/* store/changes.h - what another node changed, for whoever keeps copies of it.
 *
 * Where several nodes may use one database, each write that others may have a copy of also writes a
 * row about itself, in the same transaction. A thread of the store reads the others' rows twice a
 * second, and at once when a notification comes; notifications may be lost without harm. A change
 * arrives within two seconds of its commit as long as the database can be reached from here
 * (docs/mechanisms/store.md). On SQLite there are no others, and all of this does nothing. */
#ifndef STORE_CHANGES_H
#define STORE_CHANGES_H

#include "store/store.h"

enum change_kind {
	CHANGE_TOKEN,  /* id: a token's secrets, name or state, or that it is gone */
	CHANGE_KEYS,   /* the API keys */
	CHANGE_ALL,    /* too much to tell: forget everything */
	CHANGE_EVENTS, /* new events: told to store_event_listen's and not to store_follow's fn */
};

struct change {
	enum change_kind kind;
	struct str id;
};

/* Calls fn(arg, …) on the store's thread for each change that another node has made since the store
 * was opened. What fn does not answer with OK comes again. Call at most once. */
MUST enum rc store_follow(struct ctx *cx, struct store *s,
    enum rc (*fn)(void *arg, struct ctx *cx, const struct change *change), void *arg);
/* Once this returns, fn does not run and is never called again. Harmless when not following. */
void store_unfollow(struct store *s);

/* How long ago it was known for certain what the others changed; 0 where there are no others. */
int64_t store_behind_ms(struct store *s);

#endif
