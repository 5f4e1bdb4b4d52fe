/* sandbox/control/people.h - accounts as JSON from outside says them. Store held for writing. */
#ifndef SANDBOX_CONTROL_PEOPLE_H
#define SANDBOX_CONTROL_PEOPLE_H

#include "sandbox/people/accounts.h"

struct input;

extern const char *const account_members[];
MUST enum rc account_read(
    struct sandbox *s, struct ctx *cx, const struct input *in, struct account *out);

#endif
