/* sandbox/control/limits.h - rate limits for the API, off until they are switched on.
 *
 * So many calls of one access token, and of one app, in some seconds on the sandbox's clock, counted
 * from the first call on. The rule stands in the store, the counters in memory: at most LIMITS_NAMES_MAX of them, and
 * when there are more all begin again. Thread-safe; its lock is a leaf, and while both are off a
 * request costs one atomic read. */
#ifndef SANDBOX_CONTROL_LIMITS_H
#define SANDBOX_CONTROL_LIMITS_H

#include "base/json.h"
#include "base/secret.h"

#define LIMITS_NAMES_MAX 10000

struct sandbox;
struct limits;
struct input;

struct limits *limits_new(void);
void limits_free(struct limits *l); /* takes NULL */

extern const char *const limit_members[]; /* what the object of limits_put may hold */
/* Replaces the rule by what the object says and keeps it. Store held for writing. */
MUST enum rc limits_put(struct sandbox *s, struct ctx *cx, const struct input *in);
/* The rule as it was kept. Store held. */
MUST enum rc limits_load(struct sandbox *s, struct ctx *cx);
json_t *limits_json(struct limits *l);

/* Counts a call. E_BUSY with code "too-many-requests" and the seconds to wait. */
MUST enum rc limits_count(
    struct sandbox *s, struct ctx *cx, struct secret token, struct str app_key);

#endif
