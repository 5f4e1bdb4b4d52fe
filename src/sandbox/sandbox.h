/* sandbox/sandbox.h - an offline Dropbox: sign-in, App Console, consent, OAuth 2.0, files.
 *
 * Owns everything under the data directory's sandbox.* names: the database, its key, and the control
 * token. Serves through http/server.h and knows nothing of the manager. One mutex guards the
 * database; handlers run on worker threads. The contract with its pages is docs/sandbox.md. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/ctx.h"
#include "base/secret.h"
#include "http/server.h"

struct sandbox;

struct sandbox_config {
	const char *data_dir;
	struct http_server *server; /* for its address when public_url is empty */
	struct clock *clock;        /* its offset is restored here and moved by the control API */
	struct str public_url;      /* without a trailing slash; empty: the server's */
	const char *seed_file;      /* NULL: none; read at the first start of a data directory */
};

#define SANDBOX_SEED_MAX 8

struct sandbox_seed_account {
	struct str email;
	struct str type; /* "basic" or "business" */
	struct secret password;
};

/* What the starter prints, so that a person can sign in. */
struct sandbox_seed {
	struct sandbox_seed_account accounts[SANDBOX_SEED_MAX];
	size_t account_count;
	bool more; /* there are others */
	struct secret control_token;
};

/* Opens DIR/sandbox.db and DIR/sandbox.key, makes accounts and files on the first start, writes a
 * fresh DIR/control-token (0600) and restores the clock's offset. Copies cfg's texts. */
MUST enum rc sandbox_new(struct ctx *cx, const struct sandbox_config *cfg, struct sandbox **out);
/* Brings to the disk what the first start made; call it once the server runs, to answer sooner. */
void sandbox_settle(struct sandbox *s, struct ctx *cx);
/* For http_server_start; lives as long as the sandbox. */
const struct http_site *sandbox_site(struct sandbox *s);
/* The hosts of Dropbox that the sandbox stands for in a CONNECT tunnel. */
const char *const *sandbox_tunnel_names(size_t *count);
MUST enum rc sandbox_seed(struct sandbox *s, struct ctx *cx, struct sandbox_seed *out);
/* A row of the route table, for `valetkey routes --sandbox` and the tests that walk them. */
struct sandbox_route {
	enum http_method method;
	const char *path;
	const char *access; /* "public", "page", "api-user", …: sandbox/core/row.h */
	const char *scope;  /* "files.content.read"; "-": none */
	const char *tunnel; /* which names of the proxy have it: "www", "api"; "-": none */
	bool absent; /* a function of Dropbox's that the sandbox only says it does not have */
};

void sandbox_routes_each(void (*visit)(void *arg, const struct sandbox_route *r), void *arg);

void sandbox_free(struct sandbox *s); /* after http_server_free; takes NULL */

#endif
