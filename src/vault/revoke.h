/* vault/revoke.h - ends a grant at its provider, and believes it only when it is shown.
 *
 * A 401 to the call that ends a grant tells nothing by itself: an access token that has merely run out
 * gets it as well, and its refresh token lives on. So one that is known to be over is renewed first, and
 * one that is refused is renewed then. The end is certain when the provider confirms it, when it refuses
 * the refresh token, or when it refuses, before its time, an access token that has none. */
#ifndef VAULT_REVOKE_H
#define VAULT_REVOKE_H

#include "base/ctx.h"

struct vault;

/* OK: the grant is over, and *by is the provider's name. E_INPUT code "cannot-revoke" when the provider
 * has no call for it; E_UPSTREAM code "not-revoked" with what stands in the way. */
MUST enum rc revoke_grant(struct vault *v, struct ctx *cx, struct str token_id, struct str *by);

#endif
