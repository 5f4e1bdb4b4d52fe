#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "crypto/crypto.h"
#include "http/server.h"
#include "run/commands.h"
#include "run/halves.h"
#include "run/process.h"
#include "run/start.h"
#include "sandbox/sandbox.h"
#include "vault/keys.h"
#include "vault/people.h"
#include "vault/vault.h"

#define PASSWORD_LEN 12
#define SEED_DEPTH 3
#define KEY_MAX 100

struct demo {
	struct manager manager;
	struct sandbox_half sandbox;
	struct secret admin_password, api_key;
};

/* Made at the first start, then kept sealed in the manager's store: the demo tells its sign-ins at
 * each start, and still no file holds them in the clear. */
static enum rc
make_seed(struct ctx *cx, struct demo *d)
{
	struct api_key key = { .label = S("Demo"), .all_tokens = true };
	json_t *seed;

	d->admin_password =
	    crypto_random_text(cx->arena, PASSWORD_LEN, S("abcdefghjkmnpqrstuvwxyz23456789"));
	TRY(vault_password_set(d->manager.vault, cx, S("admin"), d->admin_password));
	TRY(vault_key_create(d->manager.vault, cx, &key, &d->api_key));
	seed = json_object();
	json_put(seed, "password", json_str(secret_expose(d->admin_password)));
	json_put(seed, "api_key", json_str(secret_expose(d->api_key)));
	return vault_seed_put(d->manager.vault, cx, secret_of(json_write(cx->arena, seed)));
}

static enum rc
take_seed(struct ctx *cx, struct demo *d)
{
	struct secret seed;
	json_t *obj;
	enum rc rc = vault_seed_get(d->manager.vault, cx, &seed);

	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		return make_seed(cx, d);
	}
	TRY(rc);
	TRY(json_read(cx, secret_expose(seed), SEED_DEPTH, &obj));
	TRY(json_take_secret(cx, obj, "password", KEY_MAX, &d->admin_password));
	return json_take_secret(cx, obj, "api_key", KEY_MAX, &d->api_key);
}

/* Without --data the demo has a place of its own under the user's data directory. */
static enum rc
data_dir(struct start *st, const char *half, const char **out)
{
	struct ctx *cx = &st->cx;
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct str base = str_of(st->options.data), dir;

	if (base.len == 0 && state != NULL && state[0] == '/')
		base = str_printf(cx->arena, "%s/valetkey-demo", state);
	else if (base.len == 0)
		base = str_printf(cx->arena, "%s/.valetkey-demo", home != NULL ? home : ".");
	dir = str_printf(cx->arena, "%.*s/%s", STR_ARG(base), half);
	*out = dir.p;
	if (mkdir(base.p, 0700) != 0 && errno != EEXIST)
		return fail(cx, E_INPUT, "The data directory %s could not be made: %s.", base.p,
		    strerror(errno));
	if (mkdir(dir.p, 0700) != 0 && errno != EEXIST)
		return fail(cx, E_INPUT, "The data directory %s could not be made: %s.", dir.p,
		    strerror(errno));
	return OK;
}

/* Both halves run on one clock: whoever moves the sandbox's moves the manager's with it. */
static enum rc
open_demo(struct start *st, struct demo *d)
{
	struct ctx *cx = &st->cx;
	struct manager_config cfg = { .listen = st->options.listen,
		.master_key_file = st->options.master_key_file,
		.clock = st->clock };
	struct sandbox_half_config sandbox = { .listen = st->options.sandbox_listen,
		.proxy = st->options.proxy,
		.tls = st->options.tls,
		.clock = st->clock };

	TRY(data_dir(st, "sandbox", &sandbox.data_dir));
	TRY(data_dir(st, "manager", &cfg.data_dir));
	TRY(sandbox_half_open(cx, &sandbox, &d->sandbox));
	cfg.dropbox_url = http_server_url(d->sandbox.server);
	if (st->options.tls)
		cfg.dropbox_ca = str_cstr(cx->arena, d->sandbox.ca_path);
	TRY(manager_open(cx, &cfg, &d->manager));
	TRY(take_seed(cx, d));
	TRY(sandbox_half_start(cx, &d->sandbox));
	return manager_start(cx, &d->manager);
}

static enum rc
print_seed_line(struct ctx *cx, const struct demo *d, const struct sandbox_seed *seed)
{
	json_t *line = json_object(), *accounts = json_array(), *admin = json_object();
	struct str text;

	for (size_t i = 0; i < seed->account_count; i++)
		json_array_append_new(accounts,
		    json_pack("{s:o, s:o, s:o}", "email", json_str(seed->accounts[i].email),
			"password", json_str(secret_expose(seed->accounts[i].password)), "type",
			json_str(seed->accounts[i].type)));
	json_put(admin, "username", json_string("admin"));
	json_put(admin, "password", json_str(secret_expose(d->admin_password)));
	json_put(line, "manager_url", json_str(http_server_url(d->manager.server)));
	json_put(line, "sandbox_url", json_str(http_server_url(d->sandbox.server)));
	if (d->sandbox.ca_path.len > 0)
		json_put(line, "sandbox_ca", json_str(d->sandbox.ca_path));
	if (d->sandbox.runtime.proxy.len > 0)
		json_put(line, "sandbox_proxy", json_str(d->sandbox.runtime.proxy));
	json_put(line, "admin", admin);
	json_put(line, "accounts", accounts);
	json_put(line, "api_key", json_str(secret_expose(d->api_key)));
	json_put(line, "control_token", json_str(secret_expose(seed->control_token)));
	text = json_write(cx->arena, line);
	printf("%.*s\n", STR_ARG(text));
	return OK;
}

/* This program as a shell finds it, wherever the demo was started from. */
static void
print_program(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path));

	printf("    %.*s token list\n", len > 0 ? (int)len : 8, len > 0 ? path : "valetkey");
}

static void
print_sign_in(struct str name, struct secret password)
{
	printf("            %-22.*s  password %.*s\n", STR_ARG(name),
	    STR_ARG(secret_expose(password)));
}

static enum rc
print_for_people(const struct demo *d, const struct sandbox_seed *seed)
{
	struct str manager = http_server_url(d->manager.server);
	struct str sandbox = http_server_url(d->sandbox.server);

	printf("\n  Manager   %.*s\n", STR_ARG(manager));
	print_sign_in(S("admin"), d->admin_password);
	printf("\n  Sandbox   %.*s   (the Dropbox side)\n", STR_ARG(sandbox));
	for (size_t i = 0; i < seed->account_count; i++)
		print_sign_in(seed->accounts[i].email, seed->accounts[i].password);
	if (d->sandbox.runtime.proxy.len > 0)
		printf("  Proxy     %.*s\n", STR_ARG(d->sandbox.runtime.proxy));
	if (d->sandbox.ca_path.len > 0)
		printf("  CA        %.*s\n", STR_ARG(d->sandbox.ca_path));
	printf(
	    "\n  1. Manager: Add Token, Dropbox. Sandbox: Create App; copy key and secret over.\n"
	    "  2. Copy the Redirect URI back; Get OAuth2 Access Token, Continue, Allow, Done.\n");
	printf("\n  For programs:\n    export VALETKEY_URL=%.*s VALETKEY_API_KEY=%.*s\n",
	    STR_ARG(manager), STR_ARG(secret_expose(d->api_key)));
	print_program();
	printf("\n  Control token, to move the sandbox's clock (docs/sandbox.md):\n"
	       "    %.*s\n\n  Ctrl-C ends both.\n\n",
	    STR_ARG(secret_expose(seed->control_token)));
	return OK;
}

static enum rc
start_demo(struct start *st, struct demo *d)
{
	struct sandbox_seed seed;

	TRY(open_demo(st, d));
	TRY(sandbox_seed(d->sandbox.sandbox, &st->cx, &seed));
	return st->options.seed ? print_seed_line(&st->cx, d, &seed) : print_for_people(d, &seed);
}

int
run_demo(int argc, char **argv)
{
	struct demo d = { 0 };
	struct start st;
	int status = 0;

	if (!start_command(&st, FOR_DEMO, "demo [options]",
		"The manager and the sandbox together, on loopback, with accounts to try.", argc,
		argv, &status))
		return status;
	if (start_demo(&st, &d) != OK) {
		status = process_fail(&st.cx);
	} else {
		fflush(stdout);
		sandbox_half_settle(&st.cx, &d.sandbox);
		process_wait_for_end();
	}
	manager_stop(&d.manager);
	sandbox_half_stop(&st.cx, &d.sandbox);
	start_end(&st);
	return status;
}
