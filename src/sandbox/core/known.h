/* sandbox/core/known.h - what was read from the store and still stands there, by name.
 *
 * A room keeps here what it would read again for each request. Everything is forgotten together as soon
 * as anything is written to the store, or taken back (store_stamp): nothing in here can be older than the
 * database. At most KNOWN_MAX values. Store held, for all of it. */
#ifndef SANDBOX_CORE_KNOWN_H
#define SANDBOX_CORE_KNOWN_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

#define KNOWN_MAX 4096

struct sandbox;
struct known;

struct known *known_new(void);
void known_free(struct known *k); /* takes NULL */

/* NULL: not known, or no longer. Stays where it is until a later call finds that something was written
 * meanwhile; so a request may use it to its end. */
void *known_get(struct sandbox *s, struct known *k, struct str name);
/* Memory for a value that is to be known, and for its texts. */
struct arena *known_arena(struct sandbox *s, struct known *k);
void known_put(struct sandbox *s, struct known *k, struct str name, void *value);

#endif
