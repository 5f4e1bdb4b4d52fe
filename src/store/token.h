/* store/token.h - saved access tokens and the one refresh each may have. */
#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include "store/store.h"

enum token_status { TOKEN_ACTIVE, TOKEN_NEEDS_REAUTHORIZATION, TOKEN_MISCONFIGURED };

struct token {
	struct str id, name, description, provider;
	struct str app_key, scopes, scope_granted, redirect_uri;
	struct str account_id, account_name, account_email; /* whose grant it is; may be empty */
	enum token_status status;
	struct str status_reason; /* a sentence; empty while all is well */
	int64_t status_ms;        /* since when */
	int64_t expires_ms;       /* of the access token; 0: the provider did not say */
	bool has_refresh;
	int64_t created_ms, updated_ms, refreshed_ms; /* refreshed_ms 0: never */
	int64_t due_ms;        /* when the engine looks at it next; 0: never */
	int64_t attempts;      /* failed refreshes in a row */
	struct str last_error; /* of the newest failed refresh; empty after a success */
	int64_t fence;         /* counts claims */
	int64_t sealed_version;
};

/* The secrets of one token, opened. */
struct token_secrets {
	struct secret app_secret, access, refresh;
};

/* The grant as it came from the provider, for the writes below. */
struct token_grant {
	struct secret access;
	struct secret refresh; /* empty: keep what is there */
	int64_t expires_ms;
	struct str scope_granted; /* empty: keep what is there */
	int64_t now_ms, due_ms;
};

/* E_CONFLICT field "name" when the name is taken (letter case ignored). The connection it was made
 * from, if any, ends in the same transaction: E_NOTFOUND when it has been used up already. */
MUST enum rc store_token_create(struct store *s, struct ctx *cx, const struct token *t,
    const struct token_secrets *secrets, struct str connection_id);
MUST enum rc store_token_get(struct store *s, struct ctx *cx, struct str id, struct token *out);
MUST enum rc store_token_by_name(
    struct store *s, struct ctx *cx, struct str name, struct token *out);
MUST enum rc store_token_secrets(
    struct store *s, struct ctx *cx, struct str id, struct token_secrets *out);
/* The token and its secrets as of one moment. */
MUST enum rc store_token_open(struct store *s, struct ctx *cx, struct str name, struct token *out,
    struct token_secrets *secrets);
MUST enum rc store_token_list(struct store *s, struct ctx *cx, struct token **out, size_t *count);
MUST enum rc store_token_delete(struct store *s, struct ctx *cx, struct str id);

struct token_edit {
	bool set_name, set_description, set_app_secret;
	struct str name, description;
	struct secret app_secret; /* a new one also ends TOKEN_MISCONFIGURED and makes it due */
	int64_t now_ms;
};
MUST enum rc store_token_edit(
    struct store *s, struct ctx *cx, struct str id, const struct token_edit *edit);

/* A new consent for a saved token: replaces the client, the grant and the account. */
struct token_reconnect {
	struct str app_key, scopes, redirect_uri;
	struct secret app_secret;
	struct str account_id, account_name, account_email;
	struct token_grant grant;
};
MUST enum rc store_token_reconnect(
    struct store *s, struct ctx *cx, struct str id, const struct token_reconnect *r);

/* Ids that are due and not claimed, oldest first, and when the next one will be (0: none). */
MUST enum rc store_token_due(struct store *s, struct ctx *cx, int64_t now_ms, int64_t wall_ms,
    size_t max, struct str **ids, size_t *count, int64_t *next_ms);

/* For a token that could not even be claimed: looks again at due_ms. */
MUST enum rc store_token_postpone(struct store *s, struct ctx *cx, struct str id, int64_t due_ms);

/* Takes the lease: the state is read after the claim, in the same transaction. E_CONFLICT when
 * somebody else holds it, E_NOTFOUND when it was deleted, E_REAUTH when there is nothing to refresh
 * with. */
struct refresh_claim {
	struct token token;
	struct token_secrets secrets;
	int64_t fence;
};
MUST enum rc store_refresh_claim(struct store *s, struct ctx *cx, struct str id, int64_t wall_ms,
    int64_t lease_ms, struct refresh_claim *out);
/* Commits the pair in one transaction and gives the lease back. E_CONFLICT: the fence has moved on,
 * nothing was written. */
MUST enum rc store_refresh_commit(struct store *s, struct ctx *cx,
    const struct refresh_claim *claim, const struct token_grant *grant);
/* A refresh that did not work: a state changes, never a secret. E_CONFLICT when a newer refresh has
 * taken over, or when the state would change although the secret it was tried with has meanwhile. */
struct refresh_failure {
	enum token_status status;
	struct str reason; /* a sentence for people */
	int64_t now_ms, due_ms;
};
MUST enum rc store_refresh_failed(struct store *s, struct ctx *cx,
    const struct refresh_claim *claim, const struct refresh_failure *failure);

#endif
