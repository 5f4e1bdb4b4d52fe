/* sandbox/control/control.h - the control token, and the clock it moves. */
#ifndef SANDBOX_CONTROL_CONTROL_H
#define SANDBOX_CONTROL_CONTROL_H

#include "base/json.h"

struct sandbox;

/* Makes a fresh token, writes it to DIR/control-token (0600), and takes up what was kept. Store held. */
MUST enum rc control_start(struct sandbox *s, struct ctx *cx, const char *dir);
/* Sets clock and limits as the store has them. Store held. */
MUST enum rc control_restore(struct sandbox *s, struct ctx *cx);
/* Puts now and offset_s. */
void control_put_clock(struct sandbox *s, struct ctx *cx, json_t *o);

#endif
