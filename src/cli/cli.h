/* cli/cli.h - the commands that ask a manager over HTTP, as a user's program would.
 *
 * Each takes the arguments from its own name on and returns the exit status. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Documented in --help and docs/man/valetkey.1. */
enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_NOT_PERMITTED = 4,
	CLI_REAUTHORIZE = 5,
	CLI_UNREACHABLE = 6,
};

int cli_token_main(int argc, char **argv);  /* argv[0] is "token" */
int cli_events_main(int argc, char **argv); /* argv[0] is "events" */

#endif
