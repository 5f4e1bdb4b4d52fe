#include "crypto/aead.h"

#include <endian.h>
#include <sodium.h>

#define BLOCK_LEN 64 /* of ChaCha20; the first one is the tag's key */
#define RUN_LEN \
	256 /* a cipher that has instructions for many blocks at once takes so much at a time */
#define RUNS_MAX 6
#define WITH_MAX 256
#define TEXT_MAX (RUNS_MAX * RUN_LEN - BLOCK_LEN)

_Static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == AEAD_KEY_LEN &&
	crypto_aead_chacha20poly1305_ietf_NPUBBYTES == AEAD_NONCE_LEN &&
	crypto_aead_chacha20poly1305_ietf_ABYTES == AEAD_TAG_LEN,
    "the sizes are libsodium's");

/* The tag's key, what is left of its block, and the text. */
struct run {
	size_t len;
	unsigned char bytes[RUNS_MAX * RUN_LEN];
};

static bool
is_short(struct str with, size_t text_len)
{
	return with.len <= WITH_MAX && text_len <= TEXT_MAX;
}

/* Encrypts, or decrypts, which is the same. */
static void
run_cipher(struct run *r, const unsigned char *key, const unsigned char *nonce, struct str text)
{
	r->len = (BLOCK_LEN + text.len + RUN_LEN - 1) / RUN_LEN * RUN_LEN;
	memset(r->bytes, 0, r->len);
	if (text.len > 0)
		memcpy(r->bytes + BLOCK_LEN, text.p, text.len);
	crypto_stream_chacha20_ietf_xor_ic(r->bytes, r->bytes, r->len, nonce, 0, key);
}

/* With zeros up to the next sixteenth byte. */
static unsigned char *
put_padded(unsigned char *to, const void *from, size_t len)
{
	if (len > 0)
		memcpy(to, from, len);
	memset(to + len, 0, -len % 16);
	return to + len + -len % 16;
}

/* Of what goes along and the encrypted text, and of their lengths. */
static void
tag_of(const struct run *r, struct str with, const void *text, size_t text_len,
    unsigned char tag[AEAD_TAG_LEN])
{
	uint64_t lengths[2] = { htole64(with.len), htole64(text_len) };
	unsigned char all[WITH_MAX + TEXT_MAX + sizeof(lengths)];
	unsigned char *end = put_padded(all, with.p, with.len);

	end = put_padded(end, text, text_len);
	end = put_padded(end, lengths, sizeof(lengths));
	crypto_onetimeauth_poly1305(tag, all, (size_t)(end - all), r->bytes);
}

_Static_assert(WITH_MAX % 16 == 0 && TEXT_MAX % 16 == 0, "padded, they still have room");

void
aead_seal(const unsigned char key[AEAD_KEY_LEN], const unsigned char nonce[AEAD_NONCE_LEN],
    struct str with, struct str plain, unsigned char *out)
{
	struct run r;

	if (!is_short(with, plain.len)) {
		crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, (const unsigned char *)plain.p,
		    plain.len, (const unsigned char *)with.p, with.len, NULL, nonce, key);
		return;
	}
	run_cipher(&r, key, nonce, plain);
	memcpy(out, r.bytes + BLOCK_LEN, plain.len);
	tag_of(&r, with, out, plain.len, out + plain.len);
	sodium_memzero(r.bytes, r.len);
}

bool
aead_open(const unsigned char key[AEAD_KEY_LEN], const unsigned char nonce[AEAD_NONCE_LEN],
    struct str with, struct str sealed, unsigned char *out)
{
	const unsigned char *in = (const unsigned char *)sealed.p;
	unsigned char tag[AEAD_TAG_LEN];
	struct run r;
	size_t len;
	bool ok;

	if (sealed.len < AEAD_TAG_LEN)
		return false;
	len = sealed.len - AEAD_TAG_LEN;
	if (!is_short(with, len))
		return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, sealed.len,
			   (const unsigned char *)with.p, with.len, nonce, key) == 0;
	run_cipher(&r, key, nonce, str_sub(sealed, 0, len));
	tag_of(&r, with, in, len, tag);
	ok = crypto_verify_16(tag, in + len) == 0;
	if (ok)
		memcpy(out, r.bytes + BLOCK_LEN, len);
	sodium_memzero(r.bytes, r.len);
	return ok;
}
