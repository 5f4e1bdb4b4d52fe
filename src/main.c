/* valetkey: gets, keeps and hands out OAuth 2.0 access tokens. Wiring only: which command runs. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/cli.h"
#include "run/commands.h"

struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{ "demo", run_demo, "the manager and the sandbox together, to try everything" },
	{ "serve", run_serve, "the manager" },
	{ "sandbox", run_sandbox, "an offline Dropbox to develop and test against" },
	{ "token", cli_token_main, "list tokens, get a live one, show or refresh one" },
	{ "events", cli_events_main, "what happened to the tokens, and what happens" },
	{ "passwd", run_passwd, "set the manager's admin password" },
	{ "webhook", run_webhook, "who is told of events: list, add or remove" },
	{ "audit", run_audit, "prove that what happened is kept whole" },
	{ "store", run_store, "move an installation between SQLite and PostgreSQL" },
	{ "backup", run_backup,
	    "all data in one file, while serving; or prove that such a file is whole" },
	{ "restore", run_restore, "put a backup into an empty place" },
	{ "routes", run_routes,
	    "print the routes of the manager or the sandbox and who may call them" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int
help(FILE *to)
{
	fputs("valetkey gets, keeps and hands out OAuth 2.0 access tokens.\n\n"
	      "Usage: valetkey COMMAND [options]\n\n",
	    to);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\nEach command explains itself with --help. valetkey --version says which one this "
	      "is.\n",
	    to);
	return to == stdout ? 0 : 2;
}

int
main(int argc, char **argv)
{
	/* A heap for each worker would keep what each of them once needed. */
	mallopt(M_ARENA_MAX, 2);
	if (argc < 2)
		return help(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		puts("valetkey " VALETKEY_VERSION);
		return 0;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	fprintf(stderr, "valetkey: There is no command \"%s\".\n          See valetkey --help\n",
	    argv[1]);
	return 2;
}
