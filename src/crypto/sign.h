/* crypto/sign.h - RSA keys and RS256 signatures (RFC 7518 section 3.3), for JSON Web Tokens.
 *
 * A private key is DER text in a secret: the caller seals it. Thread-safe. Making a key takes some tens of
 * milliseconds, a signature about one. Errors are E_BUG: nothing here comes from outside. */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "base/ctx.h"
#include "base/secret.h"

struct sign_public {
	struct str modulus, exponent; /* base64url, as in a JSON Web Key */
};

/* 2048 bits, public exponent 65537. */
MUST enum rc sign_key_new(struct ctx *cx, struct secret *der, struct sign_public *public);
/* 256 bytes. */
MUST enum rc sign_rs256(struct ctx *cx, struct secret der, struct str data, struct str *out);

#endif
