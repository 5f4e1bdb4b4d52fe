/* run/halves.h - starting and stopping the manager and the sandbox, each as one thing. */
#ifndef RUN_HALVES_H
#define RUN_HALVES_H

#include "run/options.h"
#include "run/runtime.h"

struct clock;
struct http_server;
struct vault;
struct api;
struct sandbox;

struct manager {
	struct http_server *server;
	struct vault *vault;
	struct api *api;
	int lock_fd; /* of the data directory */
};

struct manager_config {
	const char *data_dir;
	const char *store; /* NULL: in data_dir */
	const char *listen;
	const char *public_url;
	const char *trusted_proxy; /* addresses; NULL: none */
	const char *master_key_file;
	struct str dropbox_url;
	const char *providers_dir;              /* NULL: none */
	const char *keep_deleted, *keep_events; /* days; NULL: the default */
	const char *live_cache;                 /* MiB; NULL: the default */
	bool deny_private;                      /* --deny-private-webhooks */
	bool deny_private_providers;            /* --deny-private-providers */
	const char *dropbox_ca;                 /* file; NULL: the system's roots */
	const char *tls_cert;                   /* files, both or neither; NULL: plain HTTP */
	const char *tls_key;
	struct clock *clock;
};

/* Listens and opens everything, serves nothing yet. What was opened stays in out also on failure:
 * manager_stop() takes it down. */
MUST enum rc manager_open(struct ctx *cx, const struct manager_config *cfg, struct manager *out);
MUST enum rc manager_start(struct ctx *cx, struct manager *m);
void manager_stop(struct manager *m);

struct sandbox_half {
	struct http_server *server;
	struct sandbox *sandbox;
	int lock_fd;
	struct str ca_path; /* empty: neither TLS nor a proxy */
	const char *data_dir;
	struct runtime runtime; /* where it listens */
	bool started;
};

struct sandbox_half_config {
	const char *data_dir;
	const char *listen;
	const char *proxy; /* NULL: none */
	const char *public_url;
	const char *seed_file; /* NULL: none */
	bool tls;
	struct clock *clock;
};

/* The texts of out are cx->arena's. */
MUST enum rc sandbox_half_open(
    struct ctx *cx, const struct sandbox_half_config *cfg, struct sandbox_half *out);
MUST enum rc sandbox_half_start(struct ctx *cx, struct sandbox_half *h);
/* Brings what a first start made to the disk; once it answers, so that nobody waits for it. */
void sandbox_half_settle(struct ctx *cx, struct sandbox_half *h);
void sandbox_half_stop(struct ctx *cx, struct sandbox_half *h);

#endif
