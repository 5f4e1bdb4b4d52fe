#include <stdio.h>

#include "http/server.h"
#include "run/commands.h"
#include "run/halves.h"
#include "run/process.h"
#include "run/start.h"
#include "sandbox/sandbox.h"

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
	return OK;
}

static enum rc
open_sandbox(struct start *st, struct sandbox_half *h)
{
	struct sandbox_half_config cfg = {
		.listen = st->options.listen,
		.proxy = st->options.proxy,
		.public_url = st->options.public_url,
		.tls = st->options.tls,
		.clock = st->clock,
	};

	TRY(start_want_data(st));
	cfg.data_dir = st->options.data;
	TRY(sandbox_half_open(&st->cx, &cfg, h));
	TRY(sandbox_half_start(&st->cx, h));
	printf("Sandbox: %.*s\n", STR_ARG(http_server_url(h->server)));
	if (h->proxy_url.len > 0)
		printf("Proxy:   %.*s\n", STR_ARG(h->proxy_url));
	if (h->ca_path.len > 0)
		printf("CA:      %.*s\n", STR_ARG(h->ca_path));
	return print_accounts(&st->cx, h->sandbox);
}

int
run_sandbox(int argc, char **argv)
{
	struct sandbox_half h = { 0 };
	struct start st;
	int status = 0;

	if (!start_command(&st, FOR_SANDBOX, "sandbox --data DIR [options]",
		"The sandbox: an offline Dropbox to develop and test against.", argc, argv,
		&status))
		return status;
	if (open_sandbox(&st, &h) != OK) {
		status = process_fail(&st.cx);
	} else {
		fflush(stdout);
		process_wait_for_end();
	}
	sandbox_half_stop(&h);
	start_end(&st);
	return status;
}
