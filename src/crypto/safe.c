#include "crypto/safe.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#define KEY_LEN 32
#define NONCE_LEN 12
#define TAG_LEN 16

_Static_assert(crypto_aead_aes256gcm_KEYBYTES == KEY_LEN &&
	crypto_aead_chacha20poly1305_ietf_KEYBYTES == KEY_LEN &&
	crypto_aead_aes256gcm_NPUBBYTES == NONCE_LEN &&
	crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE_LEN &&
	crypto_aead_aes256gcm_ABYTES == TAG_LEN &&
	crypto_aead_chacha20poly1305_ietf_ABYTES == TAG_LEN,
    "both ciphers have the same sizes");

struct safe {
	crypto_aead_aes256gcm_state *aes; /* the expanded key; NULL: the processor has no AES */
	unsigned char *key;               /* of the other cipher; NULL: not used */
	_Atomic uint64_t sealed;          /* how many there were: never twice the same nonce */
};

static void *
guarded(size_t len)
{
	void *p = sodium_malloc(len);

	if (p == NULL)
		abort(); /* no memory */
	return p;
}

struct safe *
safe_new(void)
{
	struct safe *s = mem_alloc(sizeof(*s));
	unsigned char *key = guarded(KEY_LEN);

	randombytes_buf(key, KEY_LEN);
	if (crypto_aead_aes256gcm_is_available()) {
		s->aes = guarded(sizeof(*s->aes));
		crypto_aead_aes256gcm_beforenm(s->aes, key);
		sodium_mprotect_readonly(s->aes);
		sodium_free(key);
	} else {
		s->key = key;
		sodium_mprotect_readonly(s->key);
	}
	return s;
}

void
safe_free(struct safe *s)
{
	if (s == NULL)
		return;
	sodium_free(s->aes);
	sodium_free(s->key);
	free(s);
}

struct str
safe_seal(struct safe *s, struct arena *a, struct str label, struct secret plain)
{
	struct str in = secret_expose(plain);
	unsigned char *out = arena_alloc(a, NONCE_LEN + in.len + TAG_LEN);
	uint64_t number = atomic_fetch_add(&s->sealed, 1);
	const unsigned char *m = (const unsigned char *)in.p;
	const unsigned char *ad = (const unsigned char *)label.p;
	unsigned long long len;

	memcpy(out, &number, sizeof(number));
	if (s->aes != NULL)
		crypto_aead_aes256gcm_encrypt_afternm(
		    out + NONCE_LEN, &len, m, in.len, ad, label.len, NULL, out, s->aes);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(
		    out + NONCE_LEN, &len, m, in.len, ad, label.len, NULL, out, s->key);
	return (struct str){ (const char *)out, NONCE_LEN + (size_t)len };
}

enum rc
safe_open(
    const struct safe *s, struct ctx *cx, struct str label, struct str sealed, struct secret *out)
{
	const unsigned char *in = (const unsigned char *)sealed.p;
	const unsigned char *ad = (const unsigned char *)label.p;
	unsigned char *plain;
	unsigned long long len = 0;
	int failed = -1;

	if (sealed.len >= NONCE_LEN + TAG_LEN) {
		plain = arena_alloc(cx->arena, sealed.len - NONCE_LEN);
		failed = s->aes != NULL
		    ? crypto_aead_aes256gcm_decrypt_afternm(plain, &len, NULL, in + NONCE_LEN,
			  sealed.len - NONCE_LEN, ad, label.len, in, s->aes)
		    : crypto_aead_chacha20poly1305_ietf_decrypt(plain, &len, NULL, in + NONCE_LEN,
			  sealed.len - NONCE_LEN, ad, label.len, in, s->key);
	}
	if (failed != 0)
		return fail(cx, E_BUG, "A secret in memory does not open.");
	*out = secret_of((struct str){ (const char *)plain, (size_t)len });
	return OK;
}
