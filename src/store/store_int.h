/* store/store_int.h - shared by the verbs of this room only. */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/json.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "store/changes.h"
#include "store/event.h"
#include "store/store.h"

#define STORE_READERS 4

struct follower;

/* Which slots of the table of replies hold one that is still needed (store/reply.h). */
struct reply_slots {
	uint64_t *taken; /* a bit each */
	size_t words, taken_count;
};

/* One connection behind one lock. The store itself is the one that writes; it has a few of the same
 * kind that only read, so that nobody who reads waits for a disk. */
struct store {
	pthread_mutex_t lock; /* leaf: nothing else is taken while it is held */
	struct db *db;        /* NULL: a reader that was not needed yet */
	const struct keyring *keyring;
	unsigned doubts; /* how many of the writer's it knows of */

	/* The rest is the writer's. */
	struct store *readers;
	_Atomic unsigned next_reader;
	const char *where;
	enum rc (*open)(struct ctx *cx, const char *where, struct db **out);
	struct arena *arena;         /* of `where` */
	_Atomic pthread_t batcher;   /* the thread in store_batch, which holds the lock; 0: none */
	struct reply_slots slots;    /* of the table of replies, where it is in use */
	struct follower *follower;   /* NULL where nobody else uses the database */
	int64_t event_head;          /* of this process; 0: none yet */
	int64_t event_made;          /* the one that this transaction makes; 0: none */
	uint64_t event_made_at;      /* db_commits then */
	bool event_noted;            /* one was written since the listener was told */
	void (*on_event)(void *arg); /* NULL: nobody listens */
	void *on_event_arg;
	_Atomic unsigned all_doubts; /* how often the follower saw the server go or come back */
};

/* store_open with another way to open the database. */
MUST enum rc store_open_with(struct ctx *cx, const char *where, const struct keyring *keyring,
    enum rc (*open)(struct ctx *cx, const char *where, struct db **out), struct store **out);

/* Holds a connection until the scope ends; an open transaction is rolled back then. */
struct store_hold {
	struct store *s; /* NULL: inside a batch, which holds it */
};
/* For verbs that write. */
struct store_hold store_hold(struct store *s, struct ctx *cx);
/* For verbs that only read: *s becomes a connection that is free. What was committed before is seen. */
struct store_hold store_hold_read(struct store **s, struct ctx *cx);
void store_release(struct store_hold *h);

#define STORE_HOLD __attribute__((cleanup(store_release), unused)) struct store_hold

/* This thread, which holds the store, calls verbs that are all one transaction. */
void store_batch_begins(struct store *s);
void store_batch_ends(struct store *s);

/* Inside a transaction: what it writes is something that other nodes keep copies of. */
MUST enum rc store_changed(struct store *s, struct ctx *cx, enum change_kind kind, struct str id);
MUST enum rc store_changed_many(
    struct store *s, struct ctx *cx, enum change_kind kind, const struct str *ids, size_t count);

/* Inside the transaction of what it tells. */
MUST enum rc store_event(struct store *s, struct ctx *cx, const struct event_note *note);
/* The same about a token. details may be NULL, and is consumed. */
struct token;
MUST enum rc store_event_token(
    struct store *s, struct ctx *cx, const char *type, const struct token *t, json_t *details);
/* Inside the transaction of a reconnect: the attempt has done its work, and no copy of the grant stays in
 * it (S-177). E_CONFLICT when it has been done already. */
struct connection;
MUST enum rc connection_row_apply(struct store *s, struct ctx *cx, const struct connection *c);
/* A head that was made is ours once it is committed: what was rolled back another node may make, too. */
void store_event_settle(struct store *s);
/* The listener, after a commit. */
void store_event_tell(struct store *s);

/* With STORE_CLOCK, *wall_ms becomes the time. */
MUST enum rc store_clock(struct store *s, struct ctx *cx, int64_t *wall_ms);
/* E_NOTFOUND with a sentence about `what` unless the statement has a row. */
MUST enum rc store_want_row(struct ctx *cx, struct db_stmt *st, const char *what);
/* E_CONFLICT code "changed-meanwhile": an editor saw something else in this field. */
MUST enum rc store_meanwhile(struct ctx *cx, const char *field, const char *what);
/* The one number that a query without parameters answers. */
MUST enum rc store_number(struct store *s, struct ctx *cx, const char *sql, int64_t *out);
/* Runs a write that must touch exactly one row; otherwise `rc` with a sentence about `what`. */
MUST enum rc store_write_one(struct ctx *cx, struct db_stmt *st, enum rc rc, const char *what);

/* Binds an empty secret as an empty blob, anything else sealed. */
void store_bind_sealed(struct store *s, struct ctx *cx, struct db_stmt *st, int i,
    struct seal_place at, struct secret value);
MUST enum rc store_open_sealed(
    struct store *s, struct ctx *cx, struct seal_place at, struct str sealed, struct secret *out);

extern const char *const store_schema[];
extern const size_t store_schema_count;
extern const struct db_whole store_schema_whole;
/* Brings the schema up to date, and claims the database for one who writes there. A step beside which older
 * programs cannot go on (ALONE_STEP, upgrade.c: each new step has to be thought of) is made only while no other
 * program serves from it: E_CONFLICT code "older-nodes" once it has waited for that, until cx->deadline_ms where
 * there is one. */
MUST enum rc store_upgrade(struct store *s, struct ctx *cx);

/* store/follow.c: the node's place among the others. */
MUST enum rc follower_new(struct ctx *cx, struct store *s, struct follower **out);
void follower_free(struct follower *f); /* takes NULL */
/* Something was committed that others want to know. */
void follower_announce(struct follower *f);
/* The thread that follows reads through a connection of its own, which is never waited for long;
 * NULL for every other thread. */
struct store *follower_view(struct follower *f);
/* The writer is held. */
MUST enum rc follower_note(
    struct store *s, struct ctx *cx, enum change_kind kind, const struct str *ids, size_t count);

#endif
