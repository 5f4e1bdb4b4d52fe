/* store/connection.h - attempts to connect: from the click until Done, sealed all the way. */
#ifndef STORE_CONNECTION_H
#define STORE_CONNECTION_H

#include "store/store.h"

enum connection_status {
	CONN_WAITING,
	CONN_EXCHANGING,
	CONN_CONNECTED,
	CONN_FAILED,
	CONN_HELD, /* a reconnect that waits for the person's word: it is another account's, or was not stored */
};

struct connection {
	struct str id;
	struct str session_digest; /* the browser session that started it */
	struct str state_digest;
	struct str provider, token_id; /* token_id: the saved token to reconnect, or empty */
	struct str app_key, scopes, redirect_uri;
	enum connection_status status;
	struct str error_code, error_field, error_why, error_todo;
	int64_t created_ms, expires_ms;          /* of the attempt */
	int64_t token_expires_ms;                /* 0: not known */
	int64_t life_source, refresh_expires_ms; /* as in struct token */
	bool has_refresh;
	struct str scope_granted, account_id, account_name, account_email;
};

struct connection_secrets {
	struct secret app_secret, verifier, access, refresh;
};

MUST enum rc store_connection_create(struct store *s, struct ctx *cx, const struct connection *c,
    const struct connection_secrets *secrets);
MUST enum rc store_connection_get(
    struct store *s, struct ctx *cx, struct str id, struct connection *out);
MUST enum rc store_connection_by_state(
    struct store *s, struct ctx *cx, struct str state_digest, struct connection *out);
MUST enum rc store_connection_secrets(
    struct store *s, struct ctx *cx, struct str id, struct connection_secrets *out);
/* CONN_WAITING to CONN_EXCHANGING, once: E_CONFLICT for everybody but the first. */
MUST enum rc store_connection_spend(struct store *s, struct ctx *cx, struct str id);
/* Writes status, error, grant and account fields, and the secrets with them, of one that is
 * CONN_EXCHANGING still: E_NOTFOUND. */
MUST enum rc store_connection_finish(struct store *s, struct ctx *cx, const struct connection *c,
    const struct connection_secrets *secrets);
MUST enum rc store_connection_delete(struct store *s, struct ctx *cx, struct str id);
/* What one session started: nobody else can use it. */
MUST enum rc store_connection_end_session(
    struct store *s, struct ctx *cx, struct str session_digest);
/* Forgets what is older than before_ms. */
MUST enum rc store_connection_sweep(struct store *s, struct ctx *cx, int64_t before_ms);
/* Forgets what is older than before_ms, and all but the newest `keep` of one session. */
MUST enum rc store_connection_prune(
    struct store *s, struct ctx *cx, int64_t before_ms, struct str session_digest, int64_t keep);

#endif
