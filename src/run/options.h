/* run/options.h - the settings of the server commands: one table for the command line, the
 * VALETKEY_… variables, the defaults and --help. */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include "base/ctx.h"

struct options {
	const char *data;            /* --data */
	const char *store;           /* --store */
	const char *listen;          /* --listen HOST:PORT */
	const char *sandbox_listen;  /* --sandbox-listen HOST:PORT */
	const char *public_url;      /* --public-url */
	const char *trusted_proxy;   /* --trusted-proxy ADDR[,ADDR] */
	const char *proxy;           /* --proxy, --sandbox-proxy HOST:PORT */
	bool tls;                    /* --tls, --sandbox-tls */
	const char *tls_cert;        /* --tls-cert FILE */
	const char *tls_key;         /* --tls-key FILE */
	const char *dropbox_url;     /* --dropbox-url */
	const char *providers;       /* --providers */
	const char *keep_deleted;    /* --keep-deleted */
	const char *keep_events;     /* --keep-events */
	const char *live_cache;      /* --live-cache MIB */
	bool deny_private;           /* --deny-private-webhooks */
	bool deny_private_providers; /* --deny-private-providers */
	const char *name, *types;    /* --name, --types of webhook add */
	const char *dropbox_ca;      /* --dropbox-ca FILE */
	const char *master_key_file; /* --master-key-file */
	const char *log_level;       /* --log-level */
	bool seed;                   /* --seed of the demo */
	const char *seed_file;       /* --seed FILE of the sandbox */
	bool ephemeral;              /* --ephemeral */
	bool json;                   /* --json */
	const char *from, *to;       /* --from, --to of store copy */
	bool verify;                 /* --verify */
	const char *operands[2];     /* what is no option, for the commands that take such */
	size_t operand_count;
	char **command;  /* what stands behind "--", ending with NULL; NULL: nothing */
	bool help;       /* --help */
	uint64_t given_; /* options.c's own */
};

enum command_bit {
	FOR_SERVE = 1,
	FOR_SANDBOX = 2,
	FOR_DEMO = 4,
	FOR_PASSWD = 8,
	FOR_SANDBOX_ENV = 16,
	FOR_STORE = 32,
	FOR_BACKUP = 64,
	FOR_RESTORE = 128,
	FOR_WEBHOOK = 256,
	FOR_AUDIT = 512
};

/* Fills out for one command. E_INPUT with a sentence for an unknown or incomplete option. */
MUST enum rc options_read(
    struct ctx *cx, enum command_bit command, int argc, char **argv, struct options *out);
/* By the command line or the environment, and not by default. */
bool options_given(const struct options *o, enum command_bit command, const char *name);
void options_help(enum command_bit command, const char *usage, const char *what);

/* "127.0.0.1:8090", "[::1]:8090", or ":8090" for the loopback; port 0 means any. */
MUST enum rc options_listen(struct ctx *cx, const char *text, struct str *host, int *port);
/* NULL, or an address that begins with postgres://. */
MUST enum rc options_store(struct ctx *cx, const char *text);
/* http(s)://host[:port] without path; a trailing slash is taken off. */
MUST enum rc options_url(struct ctx *cx, const char *option, const char *text, struct str *out);

#endif
