/* sandbox/control/seed.h - a state to begin with, from one JSON file (docs/sandbox-seed.schema.json).
 *
 * All or nothing: it is made in the caller's transaction, and what is wrong is told with its place,
 * "apps[0].app_key must be …". At most SEED_MAX bytes; nothing in it can name a file or a host. */
#ifndef SANDBOX_CONTROL_SEED_H
#define SANDBOX_CONTROL_SEED_H

#include "base/ctx.h"

#define SEED_MAX (8u << 20)

struct sandbox;

/* Store held for writing; nobody lives here yet. E_INPUT. */
MUST enum rc seed_load(struct sandbox *s, struct ctx *cx, const char *path);

#endif
