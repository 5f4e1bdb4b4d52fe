/* run/process.h - what every command does to its own process before the first secret is read. */
#ifndef RUN_PROCESS_H
#define RUN_PROCESS_H

#include <sys/types.h>

#include "base/ctx.h"

/* No core, no neighbour may attach (security row S-180), private files by default, a broken pipe is
 * an error code and not a signal. */
void process_harden(void);
/* The same with a core limit that cannot be raised again: unless a command is run, which has the one
 * that this process began with. */
void process_harden_for_good(void);

/* Blocks the ending signals in this thread and all it starts; call before any thread exists. */
void process_hold_signals(void);
/* Waits for SIGINT, SIGTERM or SIGHUP. */
void process_wait_for_end(void);

/* Call before any thread exists, as well: then the signals are there for the command. */
void process_hold_for_command(void);
/* Runs a command with the file modes, core limit and signals that this process began with; environment:
 * "NAME=value", NULL at the end. E_NOTFOUND, E_DENIED or E_INPUT: it could not be started. */
MUST enum rc process_spawn(
    struct ctx *cx, char *const *command, char *const *environment, pid_t *pid);
/* Hands on the signals that others send (the terminal's own reach the command by themselves) until it
 * ends: its exit status, or 128 and the signal. */
int process_wait_for_child(pid_t pid);

/* "valetkey: why" and what to do, on stderr. Returns the exit status for it. */
int process_fail(const struct ctx *cx);

#endif
