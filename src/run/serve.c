#include <stdio.h>

#include "base/crash.h"
#include "crypto/crypto.h"
#include "http/server.h"
#include "run/commands.h"
#include "run/halves.h"
#include "run/process.h"
#include "run/start.h"
#include "vault/people.h"
#include "vault/vault.h"

#define PASSWORD_LEN 20

/* A new installation gets its first sign-in, told once on the terminal and kept as a hash only. */
static enum rc
first_user(struct ctx *cx, struct vault *v)
{
	struct secret password =
	    crypto_random_text(cx->arena, PASSWORD_LEN, S("abcdefghjkmnpqrstuvwxyz23456789"));
	bool some;
	enum rc rc;

	TRY(vault_has_users(v, cx, &some));
	if (some)
		return OK;
	rc = vault_first_user(v, cx, S("admin"), password);
	if (rc == E_CONFLICT) {
		ctx_clear(cx); /* another node was faster, and has told its password */
		return OK;
	}
	TRY(rc);
	printf(
	    "First sign-in: username admin, password %.*s\n"
	    "It is shown only now; change it in the console, or with: valetkey passwd --data DIR\n",
	    STR_ARG(secret_expose(password)));
	return OK;
}

static enum rc
open_manager(struct start *st, struct manager *m)
{
	struct manager_config cfg = {
		.listen = st->options.listen,
		.public_url = st->options.public_url,
		.trusted_proxy = st->options.trusted_proxy,
		.master_key_file = st->options.master_key_file,
		.providers_dir = st->options.providers,
		.keep_deleted = st->options.keep_deleted,
		.keep_events = st->options.keep_events,
		.live_cache = st->options.live_cache,
		.deny_private = st->options.deny_private,
		.deny_private_providers = st->options.deny_private_providers,
		.dropbox_ca = st->options.dropbox_ca,
		.tls_cert = st->options.tls_cert,
		.tls_key = st->options.tls_key,
		.clock = st->clock,
	};

	TRY(start_want_data(st));
	TRY(options_store(&st->cx, st->options.store));
	cfg.data_dir = st->options.data;
	cfg.store = st->options.store;
	TRY(options_url(&st->cx, "--dropbox-url", st->options.dropbox_url, &cfg.dropbox_url));
	TRY(manager_open(&st->cx, &cfg, m));
	TRY(manager_start(&st->cx, m));
	/* Nobody knows the password before it is printed, and its hash takes long by design. */
	return first_user(&st->cx, m->vault);
}

int
run_serve(int argc, char **argv)
{
	struct manager m = { 0 };
	struct start st;
	int status = 0;

	if (!start_command(&st, FOR_SERVE, "serve --data DIR [options]",
		"The manager: gets, keeps, refreshes and hands out OAuth 2.0 access tokens.", argc,
		argv, &status))
		return status;
	crash_clock_follow(st.clock);
	if (open_manager(&st, &m) != OK) {
		status = process_fail(&st.cx);
	} else {
		printf("Manager: %.*s\n", STR_ARG(http_server_url(m.server)));
		fflush(stdout);
		process_wait_for_end();
	}
	manager_stop(&m);
	start_end(&st);
	return status;
}
