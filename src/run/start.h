/* run/start.h - the first and last lines that all server commands share. */
#ifndef RUN_START_H
#define RUN_START_H

#include "run/options.h"

/* What a command needs before it opens anything. */
struct start {
	struct ctx cx;
	struct options options;
	struct clock *clock;
};

/* Hardens the process, reads options, sets the log level, prints --help. False: end with *status. */
bool start_command(struct start *st, enum command_bit command, const char *usage, const char *what,
    int argc, char **argv, int *status);
void start_end(struct start *st);
/* A command that is one function, from its first line to its last: the exit status. */
struct start_what {
	enum command_bit command;
	const char *usage, *what;
	enum rc (*run)(struct start *st);
};
int start_run(const struct start_what *w, int argc, char **argv);
/* The data directory, or a sentence when --data is missing. */
MUST enum rc start_want_data(struct start *st);

#endif
