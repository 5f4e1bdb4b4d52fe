/* store/store_int.h - shared by the verbs of this room only. */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <pthread.h>

#include "crypto/crypto.h"
#include "db/db.h"
#include "store/store.h"

struct store {
	pthread_mutex_t lock; /* leaf: nothing else is taken while it is held */
	struct db *db;
	const struct keyring *keyring;
};

/* store_open with another way to open the database. */
MUST enum rc store_open_with(struct ctx *cx, const char *where, const struct keyring *keyring,
    enum rc (*open)(struct ctx *cx, const char *where, struct db **out), struct store **out);

/* Holds the store until the scope ends; an open transaction is rolled back then. */
struct store_hold {
	struct store *s;
};
struct store_hold store_hold(struct store *s, struct ctx *cx);
void store_release(struct store_hold *h);

#define STORE_HOLD __attribute__((cleanup(store_release), unused)) struct store_hold

/* E_NOTFOUND with a sentence about `what` unless the statement has a row. */
MUST enum rc store_want_row(struct ctx *cx, struct db_stmt *st, const char *what);
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

#endif
