/* sandbox/control/seed_int.h - between the sections of the seed file. */
#ifndef SANDBOX_CONTROL_SEED_INT_H
#define SANDBOX_CONTROL_SEED_INT_H

#include "sandbox/control/input.h"
#include "sandbox/control/seed.h"
#include "sandbox/core/scopes.h"
#include "sandbox/people/accounts.h"

/* One object of a list: adds it. */
typedef enum rc seed_item(struct sandbox *s, struct ctx *cx, const struct input *in);

extern const char *const seed_app_members[];
seed_item seed_app;

/* The account with the e-mail address that the member says. */
MUST enum rc seed_account_of(struct sandbox *s, struct ctx *cx, const struct input *in,
    const char *name, struct account *out);
/* A list of names of permissions; 0 when it is absent. */
MUST enum rc seed_scopes(struct ctx *cx, const struct input *in, scope_set *out);

#endif
