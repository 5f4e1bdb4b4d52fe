/* sandbox/oauth/grants.h - what a person's Allow leads to: link, grant, code, tokens. Store held.
 *
 * A link is "this app is connected to this account" (one per pair). A grant is one Allow; it owns a
 * code, then tokens, and perhaps a refresh token. Codes and tokens are random text of which only
 * keyed digests are stored. Lives run on the sandbox's clock. RFC 6749 sections 4.1, 6. */
#ifndef SANDBOX_OAUTH_GRANTS_H
#define SANDBOX_OAUTH_GRANTS_H

#include "base/json.h"
#include "base/secret.h"
#include "sandbox/core/scopes.h"
#include "sandbox/people/accounts.h"

struct sandbox;

#define ACCESS_LIFE_S 14400
#define CODE_LIFE_MS (10 * 60 * 1000LL)

struct grant_ask {
	struct str app_key, account_id;
	scope_set scopes;
	bool offline;
	struct str redirect_uri;      /* empty: the code is shown for copying */
	struct str challenge, method; /* empty: no PKCE */
};

/* Makes the link (or renews it), a grant and its code. */
MUST enum rc grant_start(
    struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct secret *code);

struct code_use {
	struct str app_key;
	struct secret code;
	struct str redirect_uri; /* p == NULL: not sent */
	struct secret verifier;  /* empty: not sent */
};

struct issued {
	struct secret access, refresh; /* refresh is empty without offline access */
	scope_set scopes;
	struct str account_id;
	int64_t uid;
};

/* E_INPUT with code "invalid_grant". A second use of a code revokes what the first one issued. */
MUST enum rc code_redeem(
    struct sandbox *s, struct ctx *cx, const struct code_use *use, struct issued *out);
/* scope_text->p == NULL: all that was granted. E_INPUT "invalid_grant" or "invalid_scope". */
MUST enum rc refresh_redeem(struct sandbox *s, struct ctx *cx, struct str app_key,
    struct secret refresh, struct str scope_text, struct issued *out);

/* Who calls the API. */
struct caller {
	struct str grant_id, app_key;
	struct account account;
	struct str
	    team_id;      /* a team's token: account is the admin who consented; empty otherwise */
	scope_set scopes; /* of the token, as far as the app still has them */
	struct str root;  /* "/Apps/<folder>" for an app-folder app, else empty */
};

/* E_AUTH with code "invalid_access_token" or "expired_access_token". */
MUST enum rc token_find(struct sandbox *s, struct ctx *cx, struct secret token, struct caller *out);
/* Ends the grant with all its tokens, and the link when it was the last one. */
MUST enum rc grant_revoke(struct sandbox *s, struct ctx *cx, struct str grant_id);

/* Links */
struct link {
	struct str id;
	scope_set scopes;
	struct str redirect_uri;
};
MUST enum rc link_find(struct sandbox *s, struct ctx *cx, struct str app_key, struct str account_id,
    struct link *out); /* E_NOTFOUND */
MUST enum rc links_json(struct sandbox *s, struct ctx *cx, struct str account_id, json_t **out);
/* Disconnects: all grants of the pair end. E_NOTFOUND also for somebody else's. */
MUST enum rc link_end(struct sandbox *s, struct ctx *cx, struct str id, struct str account_id);

#endif
