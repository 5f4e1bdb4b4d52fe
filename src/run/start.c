#include "run/start.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "run/process.h"

static enum rc
set_log_level(struct start *st)
{
	enum log_level level;

	if (st->options.log_level == NULL)
		return OK;
	if (!log_level_parse(str_of(st->options.log_level), &level))
		return fail(&st->cx, E_INPUT, "The log level must be debug, info, warn or error.");
	log_set_level(level);
	return OK;
}

bool
start_command(struct start *st, enum command_bit command, const char *usage, const char *what,
    int argc, char **argv, int *status)
{
	enum rc rc;

	process_harden();
	/* A prompt and a copying end at Ctrl-C as any command does. */
	if ((command &
		(FOR_PASSWD | FOR_STORE | FOR_BACKUP | FOR_RESTORE | FOR_WEBHOOK | FOR_AUDIT)) == 0)
		process_hold_signals();
	crypto_setup();
	json_setup();
	st->clock = clock_new();
	ctx_init(&st->cx, arena_new(), st->clock);
	st->cx.may_block = true;
	st->cx.actor = S("command");
	rc = options_read(&st->cx, command, argc, argv, &st->options);
	if (st->options.command == NULL)
		process_harden_for_good();
	if (rc == OK && !st->options.help)
		rc = set_log_level(st);
	if (rc != OK) {
		fail_todo(&st->cx, "See valetkey %s --help", argv[0]);
		*status = process_fail(&st->cx);
		start_end(st);
		return false;
	}
	if (!st->options.help)
		return true;
	options_help(command, usage, what);
	*status = 0;
	start_end(st);
	return false;
}

void
start_end(struct start *st)
{
	arena_free(st->cx.arena);
	clock_free(st->clock);
}

int
start_run(const struct start_what *w, int argc, char **argv)
{
	struct start st;
	int status = 0;

	if (!start_command(&st, w->command, w->usage, w->what, argc, argv, &status))
		return status;
	if (w->run(&st) != OK)
		status = process_fail(&st.cx);
	start_end(&st);
	return status;
}

enum rc
start_want_data(struct start *st)
{
	if (st->options.data != NULL)
		return OK;
	fail(&st->cx, E_INPUT, "Where should the data be kept?");
	return fail_todo(&st->cx, "Name a directory: --data DIR (or VALETKEY_DATA).");
}
