#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "run/commands.h"
#include "run/visit.h"
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
	struct secret password;
	struct visit v;
	enum rc rc = visit_begin(st, &v);

	if (rc == OK)
		rc = read_password(&st->cx, &password);
	if (rc == OK)
		rc = visit_open(st, &v);
	if (rc == OK)
		rc = vault_password_set(v.vault, &st->cx, S("admin"), password);
	visit_end(&v);
	if (rc == OK)
		puts("The password of admin is set.");
	return rc;
}

int
run_passwd(int argc, char **argv)
{
	return start_run(
	    &(struct start_what){ FOR_PASSWD, "passwd --data DIR",
		"Sets the manager's admin password (read from standard input) and ends its "
		"sessions.",
		set_password },
	    argc, argv);
}
