/* store/store.h - the manager's data, as verbs.
 *
 * Owns the database, the sealing of every secret column, and nothing else: no verb decides. One
 * connection that writes and a few that read, each behind a leaf lock; every verb may block
 * (cx->may_block must hold). Times are ms
 * since 1970. Contested writes are compare-and-set, and E_CONFLICT says that somebody was faster.
 * Sealed columns are bound to row id, name and version, so that a value moved by hand never opens
 * (security row S-166). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/ctx.h"
#include "base/secret.h"

struct keyring;
struct store;

/* Opens a SQLite file, or connects to postgres://…, and brings its schema up to date. E_INPUT with a
 * sentence when the keyring is not the one it was made with, or the schema is a newer one. */
MUST enum rc store_open(
    struct ctx *cx, const char *where, const struct keyring *keyring, struct store **out);
void store_close(struct store *s); /* takes NULL */
/* Whether something was ever kept there. */
MUST enum rc store_exists(struct ctx *cx, const char *where, bool *out);

/* The master key of some data is named by the beginning of its check value. */
#define STORE_KEY_MARK 8

/* Small named texts; sealed ones never stand in the file in the clear. E_NOTFOUND. */
MUST enum rc store_meta_get(struct store *s, struct ctx *cx, struct str name, struct str *out);
/* Gives the name a value unless it has one; *out is the one that it has. */
MUST enum rc store_meta_first(
    struct store *s, struct ctx *cx, struct str name, struct str value, struct str *out);
MUST enum rc store_meta_put(struct store *s, struct ctx *cx, struct str name, struct str value);
MUST enum rc store_meta_get_sealed(
    struct store *s, struct ctx *cx, struct str name, struct secret *out);
MUST enum rc store_meta_put_sealed(
    struct store *s, struct ctx *cx, struct str name, struct secret value);

/* For the wall_ms of a verb about leases: the clock of the database, which all nodes have in common. A node
 * whose own clock is wrong neither takes what another holds nor loses what it holds itself. */
#define STORE_CLOCK 0

#endif
