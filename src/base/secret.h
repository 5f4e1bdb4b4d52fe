/* base/secret.h - bytes that must never be printed.
 *
 * A distinct type: it cannot be passed where a struct str is wanted, so it cannot be formatted,
 * logged or compared by accident. Only crypto/, the outgoing request and the reply look inside,
 * through secret_expose(), which is easy to grep for. Memory is the arena's and is wiped with it. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

struct secret {
	struct str hidden_;
};

struct secret secret_of(struct str s); /* no copy */
struct secret secret_dup(struct arena *a, struct secret s);
struct str secret_expose(struct secret s);
bool secret_empty(struct secret s);

#endif
