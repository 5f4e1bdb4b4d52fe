#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "run/commands.h"
#include "run/process.h"
#include "run/start.h"
#include "vault/people.h"
#include "vault/vault.h"

#define PASSWORD_MAX 256

/* One line from the terminal without echo, or from whatever stdin is. */
static enum rc
read_password(struct ctx *cx, struct secret *out)
{
	char line[PASSWORD_MAX];
	struct termios before, quiet;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	char *got;

	if (terminal) {
		fputs("New password for admin: ", stderr);
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(line, sizeof(line), stdin);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputs("\n", stderr);
	}
	if (got == NULL)
		return fail(cx, E_INPUT, "No password came on standard input.");
	*out =
	    secret_of(str_dup(cx->arena, str_sub(str_of(line), 0, str_find(str_of(line), '\n'))));
	mem_wipe(line, sizeof(line));
	return OK;
}

static enum rc
set_password(struct start *st)
{
	struct ctx *cx = &st->cx;
	struct vault_config cfg = { .master_key_file = str_of(st->options.master_key_file),
		.public_url = S("http://127.0.0.1"),
		.clock = st->clock };
	struct secret password;
	struct vault *v;
	enum rc rc;

	TRY(start_want_data(st));
	TRY(options_store(cx, st->options.store));
	cfg.data_dir = st->options.data;
	cfg.store = st->options.store;
	if (cfg.store == NULL &&
	    access(str_printf(cx->arena, "%s/valetkey.db", cfg.data_dir).p, F_OK) != 0) {
		fail(cx, E_INPUT, "There is no manager's data in %s.", cfg.data_dir);
		return fail_todo(cx, "Name the directory that valetkey serve uses with --data.");
	}
	TRY(read_password(cx, &password));
	TRY(vault_open(cx, &cfg, &v));
	rc = vault_password_set(v, cx, S("admin"), password);
	vault_close(v);
	return rc;
}

int
run_passwd(int argc, char **argv)
{
	struct start st;
	int status = 0;

	if (!start_command(&st, FOR_PASSWD, "passwd --data DIR",
		"Sets the manager's admin password (read from standard input) and ends its "
		"sessions.",
		argc, argv, &status))
		return status;
	if (set_password(&st) != OK)
		status = process_fail(&st.cx);
	else
		puts("The password of admin is set.");
	start_end(&st);
	return status;
}
