/* crypto/safe.h - secrets that wait in this process's memory, sealed until somebody needs one.
 *
 * The key is made with the safe, lives in a guarded page and ends with it; what it sealed opens nowhere
 * else. AES-256-GCM where the processor has instructions for it, ChaCha20-Poly1305 otherwise, both with
 * a nonce that counts. Thread-safe. Not for what is kept on a disk: that is crypto_seal. */
#ifndef CRYPTO_SAFE_H
#define CRYPTO_SAFE_H

#include "base/ctx.h"
#include "base/secret.h"

struct safe;

struct safe *safe_new(void);
void safe_free(struct safe *s); /* takes NULL */

/* Opens only with the same label. */
struct str safe_seal(struct safe *s, struct arena *a, struct str label, struct secret plain);
/* E_BUG when anything does not fit: memory was overwritten. */
MUST enum rc safe_open(
    const struct safe *s, struct ctx *cx, struct str label, struct str sealed, struct secret *out);

#endif
