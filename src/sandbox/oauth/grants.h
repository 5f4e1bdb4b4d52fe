/* sandbox/oauth/grants.h - what a person's Allow leads to: link, grant, code, tokens. Store held.
 *
 * A link is "this app is connected to this account" (one per pair). A grant is one Allow; it owns a
 * code, then access tokens, and with offline access a family of refresh tokens (one, unless the app's
 * personality rotates them). A grant that has ended keeps its row for a week, for its counts. Codes and
 * tokens are random text of which only keyed digests are stored. Lives run on the sandbox's clock.
 * RFC 6749 sections 4.1, 4.2 and 6. */
#ifndef SANDBOX_OAUTH_GRANTS_H
#define SANDBOX_OAUTH_GRANTS_H

#include "base/json.h"
#include "base/secret.h"
#include "sandbox/core/scopes.h"
#include "sandbox/oauth/personality.h"
#include "sandbox/people/accounts.h"

struct sandbox;

#define NEVER_MS INT64_MAX
#define ACCESS_LIFE_S 14400
#define CODE_LIFE_MS (10 * 60 * 1000LL)
/* Expired tokens are kept so long, to be told from unknown ones; ended grants a week. */
#define KEEP_EXPIRED_MS (24 * 60 * 60 * 1000LL)

/* An access token is a row of access_tokens, and counts as long as its grant g has neither ended nor put
 * it among those that are dead. So ending a grant takes one update, however many tokens it has, and no
 * index of them by grant is needed, which would be a page of its own for each refresh. */
#define ALIVE "g.ended_ms = 0 AND t.born >= g.access_from"

struct grant_ask {
	struct str app_key, account_id;
	struct str team_id; /* empty: a user's; otherwise account is the admin who agreed */
	scope_set scopes;
	bool offline;
	bool long_lived;              /* access tokens without end, of the app's legacy setting */
	struct str redirect_uri;      /* empty: the code is shown for copying */
	struct str challenge, method; /* empty: no PKCE */
	struct str nonce;             /* empty: none */
	int64_t auth_ms;              /* when the person signed in, on the sandbox's clock */
};

/* Makes the link (or renews it), a grant and its code. */
MUST enum rc grant_start(
    struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct secret *code);

/* Once, before threads: the keys of the digests of tokens are at hand from then on. */
void tokens_keep_keys(struct sandbox *s);

struct issued {
	int64_t at_ms; /* on the sandbox's clock: of all that is judged, made and told */
	struct secret access, refresh; /* refresh is empty when none is given */
	struct str grant_id, account_id, team_id, app_key;
	scope_set scopes;
	int64_t uid;        /* not of a refresh */
	int64_t expires_ms; /* NEVER_MS: without end */
	enum expires_as expires_as;
	struct str nonce; /* of a code only, like the next */
	int64_t auth_ms;
};

/* What is left of it, rounded up; 0: over, or without end. */
int64_t issued_life_s(const struct issued *got);
/* The digits of expires_in, a text or a number in the manner of the app's personality; p == NULL: the
 * reply has none. */
struct str issued_expires_in(struct ctx *cx, const struct issued *got);

/* The implicit grant: an access token at once, no code and no refresh token. */
MUST enum rc grant_implicit(
    struct sandbox *s, struct ctx *cx, const struct grant_ask *ask, struct issued *out);

struct code_use {
	struct str app_key;
	struct secret code;
	struct str redirect_uri; /* p == NULL: not sent */
	struct secret verifier;  /* empty: not sent */
	bool proven; /* with the app's secret; otherwise the app allows public clients */
};

/* E_INPUT with code "invalid_grant", or "invalid_client" when the secret is needed. A second use of a
 * code revokes what the first one issued. */
MUST enum rc code_redeem(
    struct sandbox *s, struct ctx *cx, const struct code_use *use, struct issued *out);

struct refresh_use {
	struct str app_key;
	struct secret refresh;
	struct str scope; /* p == NULL: all that was granted */
	bool proven;      /* as above */
};

/* E_INPUT "invalid_grant", "invalid_scope" or "invalid_client". */
MUST enum rc refresh_redeem(
    struct sandbox *s, struct ctx *cx, const struct refresh_use *use, struct issued *out);

/* Who calls the API. */
struct caller {
	struct str grant_id, app_key;
	struct str team_id; /* a team's token: account is the admin who agreed; empty otherwise */
	struct account account;
	scope_set scopes; /* of the token, as far as the app still has them */
	struct str root;  /* "/Apps/<folder>" for an app-folder app, else empty */
};

/* For the gate, which has the store for reading. E_AUTH with code "invalid_access_token" or
 * "expired_access_token". */
MUST enum rc token_find(struct sandbox *s, struct ctx *cx, struct secret token, struct caller *out);
/* Ends the grant with all its tokens, and the link when it was the last one. */
MUST enum rc grant_revoke(struct sandbox *s, struct ctx *cx, struct str grant_id);

/* Whether it has not ended. */
MUST enum rc grant_lives(struct sandbox *s, struct ctx *cx, struct str grant_id, bool *out);

/* The team that a grant of these scopes would be for; empty when it is a user's. E_DENIED unless the
 * account is an administrator of it at this moment (S-085). */
MUST enum rc grant_team(
    struct ctx *cx, const struct account *acct, scope_set scopes, struct str *team_id);

/* A grant without a consent, for the seed file. E_NOTFOUND, or E_INPUT for the refresh token. */
struct grant_import {
	struct str app_key, account_id;
	scope_set scopes; /* 0: all that the app has */
	bool offline;
	struct secret refresh; /* 64 URL-safe characters; empty: a random one */
};
MUST enum rc grant_import(struct sandbox *s, struct ctx *cx, const struct grant_import *g);
/* The App Console's Generate: an access token for the account. *expires_in 0: it has no end. */
MUST enum rc grant_generate(struct sandbox *s, struct ctx *cx, struct str app_key,
    struct str account_id, struct secret *access, int64_t *expires_in);
/* The newest thousand with their counts, ended ones too. */
MUST enum rc grants_state_json(struct sandbox *s, struct ctx *cx, json_t **out);

/* Links */
struct link {
	struct str id;
	scope_set scopes;        /* granted, by one consent or several */
	struct str redirect_uri; /* of the last consent */
	scope_set approved;      /* agreed to with that address */
};
MUST enum rc link_find(struct sandbox *s, struct ctx *cx, struct str app_key, struct str account_id,
    struct link *out); /* E_NOTFOUND */
/* Makes or renews it; what was granted before stays granted, what was approved is for its address. */
MUST enum rc link_put(struct sandbox *s, struct ctx *cx, const struct grant_ask *ask);
MUST enum rc links_json(struct sandbox *s, struct ctx *cx, struct str account_id, json_t **out);
/* Disconnects: all grants of the pair end. E_NOTFOUND also for somebody else's. */
MUST enum rc link_end(struct sandbox *s, struct ctx *cx, struct str id, struct str account_id);

#endif
