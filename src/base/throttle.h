/* base/throttle.h - counts failures per name within a minute. Thread-safe, bounded.
 *
 * Nothing is forgotten before its minute is over. When more names fail at once than fit, those that
 * come later share one count, which closes for all of them: a flood of made-up names costs memory of a
 * fixed size, and makes no name forgotten that somebody is guessing at. */
#ifndef BASE_THROTTLE_H
#define BASE_THROTTLE_H

#include "base/ctx.h"

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t);
/* E_BUSY with code "too-many-attempts" and a number of seconds once name has failed max times. */
MUST enum rc throttle_check(struct throttle *t, struct ctx *cx, struct str name, int max);
/* Both in one, before it is known whether it fails: many at once cannot pass the check together. What did
 * not fail is given back. */
MUST enum rc throttle_take(struct throttle *t, struct ctx *cx, struct str name, int max);
void throttle_give_back(struct throttle *t, struct str name);
void throttle_failed(struct throttle *t, struct str name);
void throttle_forget(struct throttle *t, struct str name); /* after a success */

#endif
