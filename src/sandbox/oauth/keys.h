/* sandbox/oauth/keys.h - the keys that id_tokens are signed with. Store held for writing.
 *
 * Made when first needed, so that a start costs nothing. The private key stands sealed in the store. A key
 * that was replaced stays in the key set until the last token that it signed has expired. */
#ifndef SANDBOX_OAUTH_KEYS_H
#define SANDBOX_OAUTH_KEYS_H

#include "base/json.h"
#include "base/secret.h"

struct sandbox;

#define ID_TOKEN_LIFE_S 3600

/* header.claims.signature (RFC 7515 section 3.1); consumes claims. */
MUST enum rc keys_sign(struct sandbox *s, struct ctx *cx, json_t *claims, struct str *jwt);
/* {"keys": [...]}: public members only (RFC 7517 section 5). */
MUST enum rc keys_json(struct sandbox *s, struct ctx *cx, json_t **out);
/* A new key signs from now on. */
MUST enum rc keys_rotate(struct sandbox *s, struct ctx *cx, struct str *kid);

#endif
