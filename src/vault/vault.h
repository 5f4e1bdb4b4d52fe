/* vault/vault.h - the manager's decisions: who may have what, and when a token is good enough.
 *
 * Owns the store, the key, the provider definitions, the outgoing client and the refresh engine.
 * Never sees an HTTP request or SQL. Every function is thread-safe and, unless it says otherwise,
 * may block (cx->may_block). */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "base/ctx.h"
#include "base/secret.h"

struct vault;

struct vault_config {
	const char *data_dir;       /* made with mode 0700 when missing */
	const char *store;          /* postgres://…; NULL: DIR/valetkey.db */
	struct str master_key_file; /* empty: DIR/master.key, made when the directory is new */
	struct str public_url;      /* no trailing slash; redirect URIs are made from it */
	struct str dropbox_url;     /* empty: the real Dropbox; a sandbox's address otherwise */
	const char *providers_dir;  /* more definitions, *.json; NULL: none */
	/* PEM: the only authorities believed at dropbox_url, and nowhere else; NULL: the system's. */
	const char *dropbox_ca_file;
	int64_t keep_deleted_ms;     /* a deleted token can be restored for so long */
	int64_t keep_events_ms;      /* what happened is kept for so long */
	size_t live_cache_bytes;     /* for live access tokens, sealed; 0: none are kept */
	bool deny_private;           /* webhooks may go to public addresses only */
	bool deny_private_providers; /* the same of calls to providers */
	struct clock *clock;
};

MUST enum rc vault_open(struct ctx *cx, const struct vault_config *cfg, struct vault **out);
MUST enum rc vault_start(struct ctx *cx, struct vault *v); /* the refresh engine */
/* Lets refreshes and other calls in flight finish for a few seconds; later ones fail at once. */
void vault_stop(struct vault *v);
/* What other nodes do is heard no more: after the last request. */
void vault_unfollow(struct vault *v);
void vault_close(struct vault *v); /* takes NULL */

/* Whether it is known for certain what other nodes changed until two seconds ago. Never blocks. */
bool vault_store_reached(struct vault *v);

int64_t vault_keep_deleted_ms(const struct vault *v);
struct str vault_public_url(const struct vault *v);
/* Eight hex digits that tell this installation from others on the same host. */
struct str vault_instance(const struct vault *v);

/* What the demo prints at each start; sealed in the store, so that no file holds it in the clear. */
MUST enum rc vault_seed_get(struct vault *v, struct ctx *cx, struct secret *out); /* E_NOTFOUND */
MUST enum rc vault_seed_put(struct vault *v, struct ctx *cx, struct secret seed);

#endif
