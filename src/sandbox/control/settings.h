/* sandbox/control/settings.h - what can be set for the whole sandbox. Store held. */
#ifndef SANDBOX_CONTROL_SETTINGS_H
#define SANDBOX_CONTROL_SETTINGS_H

#include "base/ctx.h"

struct sandbox;
struct input;

extern const char *const setting_members[]; /* what the object may hold */
/* Members that are absent stay as they are. */
MUST enum rc settings_put(struct sandbox *s, struct ctx *cx, const struct input *in);

#endif
