#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "http/server.h"
#include "run/commands.h"
#include "run/ephemeral.h"
#include "run/halves.h"
#include "run/process.h"
#include "run/start.h"
#include "run/variables.h"
#include "sandbox/sandbox.h"

#define ANY_PORT "127.0.0.1:0"

/* The sandbox's accounts are test accounts: they are told at each start. */
static enum rc
print_accounts(struct ctx *cx, struct sandbox *sandbox)
{
	struct sandbox_seed seed;

	TRY(sandbox_seed(sandbox, cx, &seed));
	for (size_t i = 0; i < seed.account_count; i++)
		printf("  %-9.*s %.*s  password %.*s\n", STR_ARG(seed.accounts[i].type),
		    STR_ARG(seed.accounts[i].email),
		    STR_ARG(secret_expose(seed.accounts[i].password)));
	if (seed.more)
		printf("  and others: GET /_sandbox/accounts lists them all\n");
	return OK;
}

static enum rc
print_for_people(struct ctx *cx, const struct sandbox_half *h)
{
	printf("Sandbox: %.*s\n", STR_ARG(h->runtime.url));
	if (h->runtime.proxy.len > 0)
		printf("Proxy:   %.*s\n", STR_ARG(h->runtime.proxy));
	if (h->ca_path.len > 0)
		printf("CA:      %.*s\n", STR_ARG(h->ca_path));
	/* The token itself stays in its file: what is printed often ends in a log (S-222). */
	printf("Control: %.*s/_sandbox/   token in %s/control-token\n", STR_ARG(h->runtime.url),
	    h->data_dir);
	TRY(print_accounts(cx, h->sandbox));
	fflush(stdout);
	return OK;
}

/* A command has the terminal to itself, a port that nobody else has, and the proxy. */
static void
settle_for_command(struct options *o)
{
	process_hold_for_command();
	if (!options_given(o, FOR_SANDBOX, "--listen"))
		o->listen = ANY_PORT;
	if (o->proxy == NULL)
		o->proxy = ANY_PORT;
	if (!options_given(o, FOR_SANDBOX, "--log-level"))
		log_set_level(LOG_WARN);
}

static enum rc
choose_data(struct start *st, const char **made)
{
	if (!st->options.ephemeral)
		return start_want_data(st);
	if (st->options.data != NULL) {
		fail(&st->cx, E_INPUT, "--ephemeral keeps nothing, so --data has no meaning.");
		return fail_todo(&st->cx, "Give one of the two.");
	}
	TRY(ephemeral_make(&st->cx, made));
	st->options.data = *made;
	return OK;
}

static enum rc
open_sandbox(struct start *st, struct sandbox_half *h)
{
	struct sandbox_half_config cfg = {
		.data_dir = st->options.data,
		.listen = st->options.listen,
		.proxy = st->options.proxy,
		.public_url = st->options.public_url,
		.seed_file = st->options.seed_file,
		.tls = st->options.tls,
		.clock = st->clock,
	};

	TRY(sandbox_half_open(&st->cx, &cfg, h));
	return sandbox_half_start(&st->cx, h);
}

static enum rc
run_command(struct start *st, struct sandbox_half *h, int *status)
{
	struct ctx *cx = &st->cx;
	struct sandbox_seed seed;
	struct variables v;
	enum rc rc;
	pid_t pid;

	TRY(sandbox_seed(h->sandbox, cx, &seed));
	TRY(variables_fill(cx, h->data_dir, &h->runtime, variables_no_proxy(), &v));
	variables_add(&v, "VALETKEY_SANDBOX_CONTROL_TOKEN", secret_expose(seed.control_token));
	rc = process_spawn(cx, st->options.command, variables_environment(cx->arena, &v), &pid);
	if (!st->options.ephemeral)
		sandbox_half_settle(&st->cx, h);
	if (rc == OK)
		*status = process_wait_for_child(pid);
	else
		*status = rc == E_NOTFOUND ? 127 : 126; /* as a shell says it */
	return rc;
}

static enum rc
run(struct start *st, struct sandbox_half *h, const char **made, int *status)
{
	if (st->options.command != NULL)
		settle_for_command(&st->options);
	TRY(choose_data(st, made));
	TRY(open_sandbox(st, h));
	if (st->options.command != NULL)
		return run_command(st, h, status);
	TRY(print_for_people(&st->cx, h));
	if (!st->options.ephemeral)
		sandbox_half_settle(&st->cx, h);
	process_wait_for_end();
	return OK;
}

int
run_sandbox(int argc, char **argv)
{
	struct sandbox_half h = { 0 };
	const char *made = NULL;
	struct start st;
	int status = 0;

	if (argc > 1 && strcmp(argv[1], "env") == 0)
		return run_sandbox_env(argc - 1, argv + 1);
	if (!start_command(&st, FOR_SANDBOX,
		"sandbox --data DIR [options] [-- COMMAND ...]\n"
		"       valetkey sandbox --ephemeral [options] [-- COMMAND ...]\n"
		"       valetkey sandbox env --data DIR",
		"The sandbox: an offline Dropbox to develop and test against. With a command it "
		"listens on\nfree ports, runs it with VALETKEY_SANDBOX_URL, "
		"VALETKEY_SANDBOX_CONTROL_TOKEN and the\nvariables of `sandbox env` set, and "
		"exits with its status.",
		argc, argv, &status))
		return status;
	if (run(&st, &h, &made, &status) != OK) {
		int failed = process_fail(&st.cx);

		status = status != 0 ? status : failed;
	}
	sandbox_half_stop(&st.cx, &h);
	ephemeral_remove(made);
	start_end(&st);
	return status;
}
