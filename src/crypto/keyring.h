/* crypto/keyring.h - the room's own view of the master key. */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include "crypto/crypto.h"

struct seal_keys;

#define MASTER_KEY_LEN 32
#define SUBKEY_LEN 32
#define KEY_ID_LEN 8
#define KEPT_MAX 8

struct keyring {
	unsigned char *master; /* MASTER_KEY_LEN bytes in a guarded, locked page */
	unsigned char *seal;   /* SUBKEY_LEN, likewise */
	unsigned char id[KEY_ID_LEN];
	struct {
		struct str purpose;
		unsigned char *key; /* SUBKEY_LEN, likewise */
	} kept[KEPT_MAX];           /* keyring_keep */
	size_t kept_count;
	struct seal_keys *seal_keys; /* crypto/seal_key.h */
};

/* BLAKE2b of the purpose under the master key: one key per use. */
void keyring_subkey(const struct keyring *k, struct str purpose, unsigned char out[SUBKEY_LEN]);

#endif
