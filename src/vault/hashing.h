/* vault/hashing.h - passwords are hashed two at a time, whoever asks.
 *
 * A hash takes 64 MiB and a processor for 50 ms by design, and strangers may ask for as many as they like:
 * so few run at once, few wait, and each of the others is told at once to try later. Thread-safe. */
#ifndef VAULT_HASHING_H
#define VAULT_HASHING_H

#include "base/ctx.h"
#include "base/secret.h"

struct hashing;

enum hashing_for {
	HASHING_STRANGER,  /* waits only in a short queue */
	HASHING_SIGNED_IN, /* waits its turn: strangers cannot keep it from its own password */
};

struct hashing *hashing_new(void);
void hashing_free(struct hashing *h); /* takes NULL */
/* crypto_password_ok; E_BUSY when too many ask. */
MUST enum rc hashing_check(struct hashing *h, struct ctx *cx, enum hashing_for who, struct str hash,
    struct secret password, bool *ok);
/* crypto_password_hash, for somebody who is signed in; E_BUSY also when there is no memory for it. */
MUST enum rc hashing_make(
    struct hashing *h, struct ctx *cx, struct secret password, struct str *hash);

#endif
