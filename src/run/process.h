/* run/process.h - what every command does to its own process before the first secret is read. */
#ifndef RUN_PROCESS_H
#define RUN_PROCESS_H

#include "base/ctx.h"

/* No core, no neighbour may attach (security row S-180), private files by default, a broken pipe is
 * an error code and not a signal. */
void process_harden(void);

/* Blocks the ending signals in this thread and all it starts; call before any thread exists. */
void process_hold_signals(void);
/* Waits for SIGINT or SIGTERM. */
void process_wait_for_end(void);

/* "valetkey: why" and what to do, on stderr. Returns the exit status for it. */
int process_fail(const struct ctx *cx);

#endif
