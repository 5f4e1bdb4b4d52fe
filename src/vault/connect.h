/* vault/connect.h - from the click on Get OAuth2 Access Token until Done.
 *
 * Authorization code grant with state and PKCE S256 (RFC 6749 section 4.1, RFC 7636). The state is
 * bound to the browser session, lives ten minutes and is spent by its first use. */
#ifndef VAULT_CONNECT_H
#define VAULT_CONNECT_H

#include "store/connection.h"
#include "store/token.h"
#include "vault/people.h"
#include "vault/tokens.h"

struct connect_start {
	struct str provider, app_key, scopes;
	struct secret app_secret; /* may be empty with token_id: the stored one */
	struct str token_id;      /* empty, or the saved token to reconnect */
};

MUST enum rc vault_connect_start(struct vault *v, struct ctx *cx, const struct session *who,
    const struct connect_start *in, struct connection *out, struct str *authorization_url);

/* Asks the provider whether it knows this app key and redirect URI, before the person does. OK also
 * when it cannot be told; E_INPUT with field and sentence when the provider says no. */
MUST enum rc vault_connect_probe(
    struct vault *v, struct ctx *cx, const struct session *who, struct str id);

/* The provider's answer at the redirect URI. */
struct connect_answer {
	struct str provider; /* from the path */
	struct str state, error, error_description;
	struct secret code;
};
/* A reconnect with another account than the saved token's changes nothing yet: E_CONFLICT with the code
 * "other-account"; the attempt is held for vault_connection_use. So is
 * one whose grant the store could not take over (E_STORE, E_BUSY, "not-applied").
 * *connection_id is set as soon as the answer belongs to an attempt of this session, also when the
 * attempt then fails; the reason stands in the context and in the stored attempt. */
MUST enum rc vault_connect_finish(struct vault *v, struct ctx *cx, const struct session *who,
    const struct connect_answer *in, struct str *connection_id);

/* All of these are E_NOTFOUND for any session but the one that started it. */
MUST enum rc vault_connection_get(struct vault *v, struct ctx *cx, const struct session *who,
    struct str id, struct connection *out);
MUST enum rc vault_connection_reveal(struct vault *v, struct ctx *cx, const struct session *who,
    struct str id, struct secret *access);
MUST enum rc vault_connection_test(struct vault *v, struct ctx *cx, const struct session *who,
    struct str id, struct token_test *out);
MUST enum rc vault_connection_forget(
    struct vault *v, struct ctx *cx, const struct session *who, struct str id);
/* A consent that is held (CONN_HELD) is used after all. E_CONFLICT when it is
 * not held, or was used already. */
MUST enum rc vault_connection_use(
    struct vault *v, struct ctx *cx, const struct session *who, struct str id);
/* Forgets attempts that nobody will finish, and the grants in them. */
MUST enum rc vault_connection_sweep(struct vault *v, struct ctx *cx);
struct connect_save {
	struct str name, description;
	bool lazy; /* refreshed when somebody reads it only */
};
/* Done: makes the connected attempt a saved token. E_INPUT or E_CONFLICT with the field. */
MUST enum rc vault_connection_save(struct vault *v, struct ctx *cx, const struct session *who,
    struct str id, const struct connect_save *save, struct token *out);

#endif
