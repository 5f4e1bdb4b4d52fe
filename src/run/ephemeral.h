/* run/ephemeral.h - a data directory that is there for one run only. */
#ifndef RUN_EPHEMERAL_H
#define RUN_EPHEMERAL_H

#include "base/ctx.h"

/* A fresh directory, mode 0700, in memory where there is room for it, else in TMPDIR or /tmp. */
MUST enum rc ephemeral_make(struct ctx *cx, const char **dir);
/* With all that is in it. What cannot be removed is told on stderr. NULL: nothing. */
void ephemeral_remove(const char *dir);

#endif
