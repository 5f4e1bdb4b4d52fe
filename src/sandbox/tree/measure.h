/* sandbox/tree/measure.h - Dropbox's content hash, bit by bit.
 *
 * SHA-256 over the SHA-256 of each block of 4 MiB, in hex. Pure; no memory but the struct. */
#ifndef SANDBOX_TREE_MEASURE_H
#define SANDBOX_TREE_MEASURE_H

#include "crypto/crypto.h"

struct measure {
	struct crypto_sha256_run whole, block;
	size_t in_block;
	int64_t size;
};

void measure_begin(struct measure *m);
void measure_add(struct measure *m, const void *bytes, size_t len);
struct str measure_end(struct measure *m, struct arena *a); /* the hash */

struct str hex_text(struct arena *a, const unsigned char *bytes, size_t len);

#endif
