#include "run/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define MANAGER_LISTEN "127.0.0.1:8090"
#define SANDBOX_LISTEN "127.0.0.1:8091"

enum kind { TEXT, FLAG };

struct option {
	const char *name;     /* "--listen" */
	const char *variable; /* environment; NULL: none */
	const char *argument; /* for --help; NULL for a flag */
	const char *fallback; /* default text; NULL: none */
	int commands;
	enum kind kind;
	size_t at;
	const char *help;
};

#define ALL_COMMANDS (FOR_AUDIT * 2 - 1)
#define TAKES_OPERANDS (FOR_STORE | FOR_BACKUP | FOR_RESTORE | FOR_WEBHOOK | FOR_AUDIT)
#define AT(member) offsetof(struct options, member)

static const struct option options[] = {
	{ "--data", "VALETKEY_DATA", "DIR", NULL,
	    FOR_SERVE | FOR_SANDBOX | FOR_DEMO | FOR_PASSWD | FOR_SANDBOX_ENV | FOR_BACKUP |
		FOR_RESTORE | FOR_WEBHOOK | FOR_AUDIT,
	    TEXT, AT(data), "where everything is kept (made when missing)" },
	{ "--from", NULL, "DIR|URL", NULL, FOR_STORE, TEXT, AT(from),
	    "what is copied: a data directory or postgres://…" },
	{ "--to", NULL, "DIR|URL", NULL, FOR_STORE, TEXT, AT(to),
	    "where to: an empty data directory or PostgreSQL" },
	{ "--verify", NULL, NULL, NULL, FOR_BACKUP, FLAG, AT(verify),
	    "prove at once that each grant in it opens with the master key" },
	{ "--store", "VALETKEY_STORE", "URL", NULL,
	    FOR_SERVE | FOR_PASSWD | FOR_BACKUP | FOR_RESTORE | FOR_WEBHOOK | FOR_AUDIT, TEXT,
	    AT(store), "postgres://… instead of a file in DIR; several nodes may share it" },
	{ "--listen", "VALETKEY_LISTEN", "HOST:PORT", MANAGER_LISTEN, FOR_SERVE | FOR_DEMO, TEXT,
	    AT(listen), "address of the manager" },
	{ "--listen", "VALETKEY_LISTEN", "HOST:PORT", SANDBOX_LISTEN, FOR_SANDBOX, TEXT, AT(listen),
	    "address of the sandbox" },
	{ "--sandbox-listen", "VALETKEY_SANDBOX_LISTEN", "HOST:PORT", SANDBOX_LISTEN, FOR_DEMO,
	    TEXT, AT(sandbox_listen), "address of the sandbox" },
	{ "--public-url", "VALETKEY_PUBLIC_URL", "URL", NULL, FOR_SERVE | FOR_SANDBOX, TEXT,
	    AT(public_url), "how browsers reach it, when not by the listening address" },
	{ "--trusted-proxy", "VALETKEY_TRUSTED_PROXY", "ADDR[,ADDR]", NULL, FOR_SERVE, TEXT,
	    AT(trusted_proxy), "proxies in front of it, whose X-Forwarded-For says who asks" },
	{ "--ephemeral", NULL, NULL, NULL, FOR_SANDBOX, FLAG, AT(ephemeral),
	    "keep nothing: a directory of its own, removed at the end" },
	{ "--seed", NULL, "FILE", NULL, FOR_SANDBOX, TEXT, AT(seed_file),
	    "what is there at the first start (docs/sandbox-seed.schema.json)" },
	{ "--json", NULL, NULL, NULL, FOR_SANDBOX_ENV, FLAG, AT(json),
	    "as a JSON object instead of lines for a shell" },
	{ "--tls", NULL, NULL, NULL, FOR_SANDBOX, FLAG, AT(tls),
	    "speak https, with a development CA of its own (DIR/ca.pem)" },
	{ "--tls-cert", "VALETKEY_TLS_CERT", "FILE", NULL, FOR_SERVE, TEXT, AT(tls_cert),
	    "speak https, with this certificate and its chain (PEM)" },
	{ "--tls-key", "VALETKEY_TLS_KEY", "FILE", NULL, FOR_SERVE, TEXT, AT(tls_key),
	    "the certificate's private key (PEM, mode 0600)" },
	{ "--sandbox-tls", NULL, NULL, NULL, FOR_DEMO, FLAG, AT(tls),
	    "the sandbox speaks https, with a development CA of its own" },
	{ "--proxy", "VALETKEY_SANDBOX_PROXY", "HOST:PORT", NULL, FOR_SANDBOX, TEXT, AT(proxy),
	    "be a CONNECT proxy too, in which the sandbox is Dropbox" },
	{ "--sandbox-proxy", "VALETKEY_SANDBOX_PROXY", "HOST:PORT", NULL, FOR_DEMO, TEXT, AT(proxy),
	    "the sandbox is a CONNECT proxy too, in which it is Dropbox" },
	{ "--dropbox-url", "VALETKEY_DROPBOX_URL", "URL", NULL, FOR_SERVE, TEXT, AT(dropbox_url),
	    "where Dropbox is: a sandbox's address instead of the real one" },
	{ "--keep-deleted", "VALETKEY_KEEP_DELETED", "DAYS", "30", FOR_SERVE, TEXT,
	    AT(keep_deleted), "for how long a deleted token can be restored" },
	{ "--keep-events", "VALETKEY_KEEP_EVENTS", "DAYS", "90", FOR_SERVE, TEXT, AT(keep_events),
	    "for how long it is kept what happened" },
	{ "--live-cache", "VALETKEY_LIVE_CACHE", "MIB", "512", FOR_SERVE, TEXT, AT(live_cache),
	    "memory for the access tokens read last, sealed; what was not read lately makes room" },
	{ "--deny-private-webhooks", NULL, NULL, NULL, FOR_SERVE, FLAG, AT(deny_private),
	    "send webhooks to public addresses only" },
	{ "--deny-private-providers", NULL, NULL, NULL, FOR_SERVE, FLAG, AT(deny_private_providers),
	    "call providers at public addresses only" },
	{ "--name", NULL, "NAME", NULL, FOR_WEBHOOK, TEXT, AT(name), "who is told" },
	{ "--types", NULL, "TYPES", NULL, FOR_WEBHOOK, TEXT, AT(types),
	    "which events, parted by spaces; all without it" },
	{ "--providers", "VALETKEY_PROVIDERS", "DIR", NULL, FOR_SERVE, TEXT, AT(providers),
	    "provider definitions (*.json) besides the built-in ones; the same id replaces one" },
	{ "--dropbox-ca", "VALETKEY_DROPBOX_CA", "FILE", NULL, FOR_SERVE, TEXT, AT(dropbox_ca),
	    "the CA (PEM) to trust for --dropbox-url, and for it alone" },
	{ "--master-key-file", "VALETKEY_MASTER_KEY_FILE", "FILE", NULL,
	    FOR_SERVE | FOR_DEMO | FOR_PASSWD | FOR_BACKUP | FOR_RESTORE | FOR_WEBHOOK | FOR_AUDIT,
	    TEXT, AT(master_key_file), "32-byte key (mode 0600) instead of DIR/master.key" },
	{ "--log-level", "VALETKEY_LOG_LEVEL", "LEVEL", "info", FOR_SERVE | FOR_SANDBOX | FOR_DEMO,
	    TEXT, AT(log_level), "debug, info, warn or error" },
	{ "--seed", NULL, NULL, NULL, FOR_DEMO, FLAG, AT(seed),
	    "print addresses and sign-ins as one JSON line" },
	{ "--help", NULL, NULL, NULL, ALL_COMMANDS, FLAG, AT(help), "this text" },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

_Static_assert(OPTION_COUNT <= 64, "given_ has a bit for each");

static void
set_text(struct options *out, const struct option *o, const char *value)
{
	memcpy((char *)out + o->at, &value, sizeof(value));
}

static void
note_given(struct options *out, const struct option *o)
{
	out->given_ |= UINT64_C(1) << (o - options);
}

static void
set_flag(struct options *out, const struct option *o)
{
	*((bool *)((char *)out + o->at)) = true;
}

static const struct option *
find(enum command_bit command, struct str name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((options[i].commands & (int)command) != 0 &&
		    str_eq(str_of(options[i].name), name))
			return &options[i];
	return NULL;
}

static void
take_defaults(enum command_bit command, struct options *out)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		const char *value = o->variable == NULL ? NULL : getenv(o->variable);

		if ((o->commands & (int)command) == 0 || o->kind != TEXT)
			continue;
		set_text(out, o, o->fallback);
		if (value == NULL || value[0] == '\0')
			continue;
		set_text(out, o, value);
		note_given(out, o);
	}
}

/* What stands behind "--" is a command to run, with options of its own. */
static enum rc
take_command(struct ctx *cx, char **rest, struct options *out)
{
	if (rest[0] == NULL)
		return fail(cx, E_INPUT, "No command stands behind --.");
	out->command = rest;
	return OK;
}

static bool
take_operand(enum command_bit command, const char *arg, struct options *out)
{
	if ((TAKES_OPERANDS & (int)command) == 0 || arg[0] == '-' ||
	    out->operand_count == sizeof(out->operands) / sizeof(out->operands[0]))
		return false;
	out->operands[out->operand_count++] = arg;
	return true;
}

bool
options_given(const struct options *o, enum command_bit command, const char *name)
{
	const struct option *found = find(command, str_of(name));

	return found != NULL && (o->given_ & UINT64_C(1) << (found - options)) != 0;
}

enum rc
options_read(struct ctx *cx, enum command_bit command, int argc, char **argv, struct options *out)
{
	*out = (struct options){ 0 };
	take_defaults(command, out);
	for (int i = 1; i < argc; i++) {
		struct str arg = str_of(argv[i]);
		size_t eq = str_find(arg, '=');
		const struct option *o = find(command, str_sub(arg, 0, eq));

		if (command == FOR_SANDBOX && str_eq(arg, S("--")))
			return take_command(cx, argv + i + 1, out);
		if (o == NULL && take_operand(command, argv[i], out))
			continue;
		if (o == NULL)
			return fail(cx, E_INPUT, "Unknown option %s.", argv[i]);
		note_given(out, o);
		if (o->kind == FLAG) {
			set_flag(out, o);
			continue;
		}
		if (eq == arg.len && i + 1 == argc)
			return fail(cx, E_INPUT, "The option %s needs a value.", argv[i]);
		set_text(out, o, eq < arg.len ? argv[i] + eq + 1 : argv[++i]);
	}
	return OK;
}

void
options_help(enum command_bit command, const char *usage, const char *what)
{
	printf("%s\n\nUsage: valetkey %s\n\n", what, usage);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		char left[64];

		if ((o->commands & (int)command) == 0)
			continue;
		snprintf(
		    left, sizeof(left), "%s %s", o->name, o->argument != NULL ? o->argument : "");
		printf("  %-30s %s", left, o->help);
		if (o->fallback != NULL)
			printf(" (default %s)", o->fallback);
		if (o->variable != NULL)
			printf("; also %s", o->variable);
		printf("\n");
	}
}

enum rc
options_listen(struct ctx *cx, const char *text, struct str *host, int *port)
{
	struct str s = str_of(text);
	size_t colon = s.len;
	int64_t n;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 1 || !str_int(str_sub(s, colon, s.len), 0, 65535, &n)) {
		fail(cx, E_INPUT, "\"%s\" is not an address to listen on.", text);
		return fail_todo(cx, "Write it as HOST:PORT, for example 127.0.0.1:8090.");
	}
	*host = colon > 1 ? str_sub(s, 0, colon - 1) : S("127.0.0.1");
	if (str_starts(*host, S("[")) && str_ends(*host, S("]")))
		*host = str_sub(*host, 1, host->len - 1);
	*port = (int)n;
	return OK;
}

enum rc
options_store(struct ctx *cx, const char *text)
{
	if (text == NULL || str_starts(str_of(text), S("postgres://")) ||
	    str_starts(str_of(text), S("postgresql://")))
		return OK;
	/* It may hold a password: it is not repeated. */
	fail(cx, E_INPUT, "The store is not an address of a PostgreSQL database.");
	return fail_todo(cx,
	    "Write it as postgres://USER@HOST:PORT/DATABASE, or leave it out: a file in --data.");
}

enum rc
options_url(struct ctx *cx, const char *option, const char *text, struct str *out)
{
	struct str s = str_of(text), rest;

	while (str_ends(s, S("/")))
		s.len--;
	*out = s;
	if (s.len == 0)
		return OK;
	rest = str_sub(s, str_starts(s, S("https://")) ? 8 : 7, s.len);
	if ((str_starts(s, S("https://")) || str_starts(s, S("http://"))) && rest.len > 0 &&
	    str_find(rest, '/') == rest.len && str_find(rest, '@') == rest.len &&
	    str_find(rest, ' ') == rest.len && str_find(rest, '?') == rest.len)
		return OK;
	fail(cx, E_INPUT, "%s %s is not an address.", option, text);
	return fail_todo(cx, "Write it as http://HOST:PORT or https://HOST, without a path.");
}
