/* sandbox/control/control.h - the control token and the clock it moves. */
#ifndef SANDBOX_CONTROL_CONTROL_H
#define SANDBOX_CONTROL_CONTROL_H

#include "base/ctx.h"

struct sandbox;

/* Makes a fresh token, writes it to DIR/control-token (0600), and sets the clock as it was left. */
MUST enum rc control_start(struct sandbox *s, struct ctx *cx, const char *dir);

#endif
