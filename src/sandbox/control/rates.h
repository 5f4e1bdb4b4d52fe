/* sandbox/control/rates.h - rate limits for the API, off until they are switched on.
 *
 * So many calls of one access token, and of one app, in some seconds on the sandbox's clock, counted
 * from the first call on. The rule stands in the store, the counters in memory: at most RATES_NAMES_MAX of them, and
 * when there are more all begin again. Thread-safe; its lock is a leaf, and while both are off a
 * request costs one atomic read. */
#ifndef SANDBOX_CONTROL_RATES_H
#define SANDBOX_CONTROL_RATES_H

#include "base/json.h"
#include "base/secret.h"

#define RATES_NAMES_MAX 10000

struct sandbox;
struct rates;
struct input;

struct rates *rates_new(void);
void rates_free(struct rates *l); /* takes NULL */

extern const char *const rate_members[]; /* what the object of rates_put may hold */
/* Replaces the rule by what the object says and keeps it. Store held for writing. */
MUST enum rc rates_put(struct sandbox *s, struct ctx *cx, const struct input *in);
/* The rule as it was kept. Store held. */
MUST enum rc rates_load(struct sandbox *s, struct ctx *cx);
json_t *rates_json(struct rates *l);

/* Counts a call. E_BUSY with code "too-many-requests" and the seconds to wait. */
MUST enum rc rates_count(
    struct sandbox *s, struct ctx *cx, struct secret token, struct str app_key);

#endif
