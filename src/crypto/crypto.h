/* crypto/crypto.h - sealing, digests, passwords, random: the only caller of libsodium's crypto.
 *
 * The master key never leaves this room: it lives in one guarded page and everything else works
 * through struct keyring. Thread-safe after crypto_setup(). */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/ctx.h"
#include "base/secret.h"

#define DIGEST_LEN 32 /* BLAKE2b-256 */

/* libsodium's start; ends the process when it fails. */
void crypto_setup(void);

struct keyring;

enum key_missing {
	KEY_REFUSE,    /* it must be there */
	KEY_MAKE,      /* a new one, on the disk when keyring_open returns */
	KEY_MAKE_LATER /* the same, on the disk some time later: base/file.h, file_sync */
};

/* Reads a 32-byte key file (0600, not a link to nowhere, not a directory). When there is none, one is
 * made if `missing` says so, but never when `data_exists`: a new key beside old data would hide a
 * loss. Every way that goes wrong is one sentence with E_INPUT (S-169). */
MUST enum rc keyring_open(struct ctx *cx, const char *path, enum key_missing missing,
    bool data_exists, struct keyring **out);
void keyring_free(struct keyring *k); /* takes NULL */
/* Digests for this purpose, a literal, cost less from now on: its key is kept, in a guarded page of its
 * own. At most 8; before other threads use the keyring. */
void keyring_keep(struct keyring *k, struct str purpose);
/* Text that names the key without telling it; stored beside data to notice a wrong key. */
struct str keyring_check_value(const struct keyring *k, struct arena *a);

/* What a sealed value is bound to: it opens nowhere else. */
struct seal_place {
	struct str purpose; /* "token.refresh" */
	struct str row;     /* the row's id, and whatever else names it */
	int64_t version;
};

/* XChaCha20-Poly1305 with a nonce that is used once (crypto/seal_key.h): format byte, key id, nonce,
 * ciphertext. */
struct str crypto_seal(
    const struct keyring *k, struct arena *a, struct seal_place at, struct secret plain);
/* E_STORE with a sentence that names purpose and row when anything does not fit. */
MUST enum rc crypto_open(const struct keyring *k, struct ctx *cx, struct seal_place at,
    struct str sealed, struct secret *out);

/* Keyed digest for looking up a bearer value: BLAKE2b under a subkey of `purpose`. */
struct str crypto_digest(
    const struct keyring *k, struct arena *a, struct str purpose, struct secret value);
/* The same as text for comparing or showing (base64url). */
struct str crypto_mac_text(
    const struct keyring *k, struct arena *a, struct str purpose, struct secret value);

/* Argon2id, interactive cost; about 50 ms and 64 MiB. Empty when there is no memory for it. */
struct str crypto_password_hash(struct arena *a, struct secret password);
/* An empty hash, of nobody, takes the same time and is never right: time does not tell who exists. */
bool crypto_password_ok(struct str hash, struct secret password);

/* Small amounts come from a pool of the thread's that the system filled in the last second and a fork empties. */
void crypto_random(void *out, size_t len);
/* n random characters of the alphabet (2 to 64 characters), without bias. */
struct secret crypto_random_text(struct arena *a, size_t n, struct str alphabet);
/* 256 bits, base64url, 43 characters. */
struct secret crypto_random_token(struct arena *a);

bool crypto_equal(struct secret a, struct secret b); /* constant time for equal lengths */

struct str crypto_sha256(struct arena *a, struct str data); /* 32 bytes */
/* HMAC-SHA256 (RFC 2104) with a key of any length: 32 bytes, or in lower-case hexadecimal. */
struct str crypto_hmac_sha256(struct arena *a, struct secret key, struct str data);
struct str crypto_hmac_sha256_hex(struct arena *a, struct secret key, struct str data);
/* The same bit by bit: begin, add as often as needed, end; then begin again. */
#define SHA256_LEN 32
struct crypto_sha256_run {
	uint64_t hidden_[16];
};
void crypto_sha256_begin(struct crypto_sha256_run *run);
void crypto_sha256_add(struct crypto_sha256_run *run, const void *bytes, size_t len);
void crypto_sha256_end(struct crypto_sha256_run *run, unsigned char out[SHA256_LEN]);
struct str crypto_hex(struct arena *a, struct str bytes);       /* small digits */
struct str crypto_base64url(struct arena *a, struct str bytes); /* no padding */
struct str crypto_base64(struct arena *a, struct str bytes);    /* RFC 4648 section 4 */
MUST enum rc crypto_base64_decode(struct ctx *cx, struct str text, struct str *out);

#endif
