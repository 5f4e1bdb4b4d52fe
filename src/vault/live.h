/* vault/live.h - hand out a live access token.
 *
 * The one guarded cache of secrets: values are sealed in memory too and opened per request. With
 * cx->may_block false only a fresh cached token is answered, everything else is E_AGAIN. */
#ifndef VAULT_LIVE_H
#define VAULT_LIVE_H

#include "base/ctx.h"
#include "base/secret.h"
#include "vault/keys.h"

struct vault;

#define LIVE_MIN_TTL_S 60 /* when the caller does not say */

struct live_token {
	struct secret access; /* in cx->arena */
	int64_t expires_ms;   /* 0: the provider did not say */
	struct str scope;
	struct { /* a person is needed although the token still works; code NULL: nobody is */
		const char *code;
		struct str detail, todo;
	} warning;
};

/* E_NOTFOUND no such token. E_DENIED the key may not read it (said alike for a name that does not
 * exist, when the key is limited to some tokens). E_REAUTH the owner must connect again, and the
 * access token has run out or is refused; while it lives it is handed out with a warning.
 * E_UPSTREAM the provider cannot be reached and the stored token has run out. */
MUST enum rc vault_token_live(struct vault *v, struct ctx *cx, const struct key_ref *key,
    struct str name, int64_t min_ttl_s, struct live_token *out);

/* A caller was refused by the provider with the access token of this fingerprint: 16 to 64 small hex
 * digits of its SHA-256. Answers with the live token: a refreshed one when that was the current one
 * (one refresh, however many report it), the current one otherwise. E_INPUT field "fingerprint".
 * E_UPSTREAM code "rejected-again" when it was new a moment ago. */
MUST enum rc vault_token_rejected(struct vault *v, struct ctx *cx, const struct key_ref *key,
    struct str name, struct str fingerprint, struct live_token *out);

#endif
