/* crypto/seal_key.h - the keys and nonces of sealed values.
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3) is ChaCha20-Poly1305 under a key that HChaCha20
 * derives from the keyring's and the first 16 bytes of the nonce. Values that are sealed one after the other
 * have these bytes in common, random ones, and count in the other 8: no nonce is used twice, and one
 * derivation serves many values. What is sealed is what it always was, and opens anywhere. Thread-safe. */
#ifndef CRYPTO_SEAL_KEY_H
#define CRYPTO_SEAL_KEY_H

#include "crypto/keyring.h"

#define SEAL_NONCE_LEN 24
#define SEAL_AT_ONCE 256 /* values whose nonces begin alike, at most; and within a second */

struct seal_keys *seal_keys_new(void);
void seal_keys_free(struct seal_keys *s); /* takes NULL */

/* A nonce that nobody has used, and the key for it. The caller wipes the key. */
void seal_key_next(
    const struct keyring *k, unsigned char nonce[SEAL_NONCE_LEN], unsigned char key[SUBKEY_LEN]);
/* The key for the nonce of a sealed value. */
void seal_key_of(const struct keyring *k, const unsigned char nonce[SEAL_NONCE_LEN],
    unsigned char key[SUBKEY_LEN]);

#endif
